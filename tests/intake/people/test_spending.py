"""What strangers can make us send has a limit, and beyond it a person decides."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

from intake.catalog.models import Jurisdiction
from intake.conversations import jobs, waiting_answers
from intake.conversations.models import Message
from intake.people import actions as people
from intake.people import codes, spending
from intake.people.addresses import read
from intake.people.codes import Refusal
from intake.people.spending import MOST_ABROAD, MOST_IN_A_ROW, MOST_IN_A_ROW_ABROAD, budgets_of, spend
from kernel.errors import NotFound
from kernel.ids import new_id
from kernel.outbox import OutboxEvent
from tests.factories import CITY, NOW, make_city
from tests.intake.conversations.conftest import Phone

BY = {"by": new_id(), "by_name": "Susana"}


def test_a_number_counts_in_its_country_and_in_its_row() -> None:
    assert [budget.scope for budget in budgets_of("+525512345678")] == ["+52", "+52551234xxxx"]
    assert [budget.most for budget in budgets_of("+37061234567")] == [MOST_ABROAD, MOST_IN_A_ROW_ABROAD]


@pytest.mark.parametrize("phone", ["+529001234567", "+447012345678", "", "+1", "anonymous", "+19005551234"])
def test_numbers_that_cost_the_caller_are_sent_nothing(phone: str) -> None:
    assert budgets_of(phone) == ()


@given(st.text(max_size=20))
def test_no_number_breaks_it(phone: str) -> None:
    assert len(budgets_of(phone)) in (0, 2)


@pytest.mark.database
class TestBreaker:
    @pytest.fixture
    def city(self, session: Session) -> Session:
        make_city(session)
        return session

    def test_numbers_in_a_row_are_stopped_once_and_the_supervisors_told_once(self, city: Session) -> None:
        allowed = [spend(city, CITY, f"+52551234{number:04}", "code", now=NOW) for number in range(MOST_IN_A_ROW + 5)]
        assert allowed == [True] * MOST_IN_A_ROW + [False] * 5
        (breaker,) = spending.open_breakers(city, CITY)
        assert (breaker.scope, breaker.most, breaker.refused) == ("+52551234xxxx", MOST_IN_A_ROW, 5)
        assert len(city.exec(select(OutboxEvent).where(OutboxEvent.name == "spending.stopped")).all()) == 1
        # Others are served as ever, and the next hour changes nothing for these.
        assert spend(city, CITY, "+525598760000", "code", now=NOW)
        assert not spend(city, CITY, "+525512340001", "code", now=NOW + timedelta(hours=3))

    def test_a_person_lets_it_go_on_with_a_fresh_budget(self, city: Session) -> None:
        for number in range(MOST_ABROAD + 1):
            spend(city, CITY, f"+3706{number:03}4567", "code", now=NOW)
        (breaker,) = spending.open_breakers(city, CITY)
        with pytest.raises(NotFound):
            spending.reset(city, breaker.id, "otra.gob.example", now=NOW, **BY)
        for _ in range(2):
            spending.reset(city, breaker.id, CITY, now=NOW, **BY)
        assert spending.open_breakers(city, CITY) == []
        assert spend(city, CITY, "+37061234567", "code", now=NOW)

    def test_a_city_says_otherwise_than_usual(self, city: Session) -> None:
        city.get_one(Jurisdiction, CITY).settings = {"guards": {"sms_in_a_row": 5, "sms_abroad": 0}}
        allowed = [spend(city, CITY, f"+52551234{number:04}", "code", now=NOW) for number in range(6)]
        assert allowed == [True] * 5 + [False]
        assert not spend(city, CITY, "+37061234567", "code", now=NOW)
        assert sorted(row.most for row in spending.open_breakers(city, CITY)) == [0, 5]

    def test_a_code_beyond_the_budget_is_refused_in_words(self, city: Session) -> None:
        for number in range(MOST_IN_A_ROW):
            spend(city, CITY, f"+52559876{number:04}", "code", now=NOW)
        asker = people.find_or_create_address(city, CITY, read("whatsapp", "+525512345678"), now=NOW)
        asked = codes.ask(
            city, asker, asker.person_id, read("phone", "+525598769999"),
            channel="sms", asked_on="whatsapp", language="es", now=NOW,
        )  # fmt: skip
        assert asked == Refusal("too_many", 60)

    def test_folios_asked_for_from_numbers_in_a_row_get_silence_and_are_kept(self, city: Session) -> None:
        for number in range(MOST_IN_A_ROW):
            spend(city, CITY, f"+52551234{number:04}", "folio", now=NOW)
        phone = Phone(city)
        assert phone.write("ESTADO") == []
        assert phone.count == 1
        assert phone.write("hola") != []

    def test_a_false_alarm_is_answered_once_somebody_says_so(self, city: Session) -> None:
        for number in range(MOST_IN_A_ROW):
            spend(city, CITY, f"+52551234{number:04}", "folio", now=NOW)
        phone = Phone(city)
        for _ in range(2):
            assert phone.write("ESTADO") == []
        (breaker,) = spending.open_breakers(city, CITY)
        assert waiting_answers.count(city, [breaker.id]) == {breaker.id: 1}
        spending.reset(city, breaker.id, CITY, now=NOW, **BY)
        for _ in range(2):
            jobs.answer_waiting(str(breaker.id))
        outbound = city.exec(select(Message.body).where(Message.direction == "outbound")).all()
        assert len(outbound) == 1
        assert waiting_answers.count(city, [breaker.id]) == {}

    def test_counts_are_forgotten(self, city: Session) -> None:
        spend(city, CITY, "+525512345678", "code", now=NOW)
        spending.forget_counts(city, NOW + timedelta(hours=1))
        assert city.exec(select(spending.SpendingBreaker)).all() == []
