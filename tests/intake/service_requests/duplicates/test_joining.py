"""Joining a request that is there: counted once, heard of later, never more than the public may know."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlmodel import Session, col, select

from intake.people.actions import find_or_create
from intake.service_requests import queries
from intake.service_requests.duplicates import joining, merging
from intake.service_requests.duplicates.joining import MeToo, Moved
from intake.service_requests.models import Report, ServiceRequest
from intake.service_requests.values import Reporter
from kernel.errors import InvalidInput, NotFound
from kernel.outbox import OutboxEvent
from tests.factories import CITY, NOW, make_city
from tests.intake.service_requests.duplicates.cast import STAFF, close, report

pytestmark = pytest.mark.database


@pytest.fixture
def city(session: Session) -> Session:
    make_city(session)
    return session


def me_too(made: ServiceRequest, words: str = "También lo veo", key: str = "", **values: object) -> MeToo:
    said = MeToo(CITY, made.id, "web", words, key or uuid4().hex)
    return replace(said, **values)  # type: ignore[arg-type]  # fields of MeToo


def rosa(session: Session, phone: str = "5512345678") -> Reporter:
    contact = find_or_create(session, CITY, "phone", phone, now=NOW)
    return Reporter(contact.person_id, contact.id)


def test_the_request_has_one_more_report_with_these_words(city: Session) -> None:
    made = report(city)
    joined, added = joining.join(city, me_too(made, reporter=rosa(city)), now=NOW)
    assert joined.id == made.id
    assert joined.report_count == 2
    assert [one.words for one in queries.reports_of(city, made.id)] == ["Hay un bache enorme", "También lo veo"]
    assert added.wants_notices
    assert queries.events_of(city, made.id)[-1].name == "joined"
    told = city.exec(select(OutboxEvent).where(OutboxEvent.name == "service_request.joined")).one()
    assert told.payload == {"service_request_id": str(made.id), "report_id": str(added.id)}


def test_said_twice_it_is_one_report(city: Session) -> None:
    made = report(city)
    once, twice = (joining.join(city, me_too(made, key="web:1"), now=NOW) for _ in range(2))
    assert once[1].id == twice[1].id
    assert city.get_one(ServiceRequest, made.id).report_count == 2


def test_a_contact_that_reported_it_before_is_one_person_still(city: Session) -> None:
    made = report(city, phone="5512345678")
    joined, _ = joining.join(city, me_too(made, reporter=rosa(city), conversation_id=uuid4()), now=NOW)
    assert joined.report_count == 1
    assert len(queries.reports_of(city, made.id)) == 2


def test_a_number_that_was_typed_does_not_show_whether_it_has_reported_before(city: Session) -> None:
    made = report(city, phone="5512345678")
    for phone in ("5512345678", "5587654321"):
        before = made.report_count
        joining.join(city, me_too(made, reporter=rosa(city, phone)), now=NOW)
        assert made.report_count == before + 1


def test_what_is_hidden_cannot_be_joined_and_is_not_told_from_what_is_not_there(city: Session) -> None:
    made = report(city)
    made.is_public = False
    city.flush()
    for said in (me_too(made), me_too(report(city), jurisdiction_id="otra.example")):
        with pytest.raises(NotFound):
            joining.join(city, said, now=NOW)


def test_closed_between_showing_and_choosing_is_told(city: Session) -> None:
    made = report(city)
    close(city, made, NOW)
    with pytest.raises(Moved):
        joining.join(city, me_too(made), now=NOW)
    assert city.exec(select(Report).where(col(Report.words) == "También lo veo")).all() == []


def test_still_there_after_it_was_closed_opens_it_again(city: Session) -> None:
    made = report(city, ago=timedelta(days=2))
    close(city, made, NOW - timedelta(days=1))
    joined, _ = joining.join(city, me_too(made, as_closed=True), now=NOW)
    assert joined.life == "reopened"
    assert joined.closed_at is None


def test_what_will_not_be_done_is_not_opened_by_saying_so(city: Session) -> None:
    made = report(city)
    close(city, made, NOW, "private_property")
    with pytest.raises(Moved):
        joining.join(city, me_too(made, as_closed=True), now=NOW)


def test_a_duplicate_hands_the_report_to_the_first(city: Session) -> None:
    first, second = report(city), report(city, metres=5)
    merging.merge(city, second.id, first.id, actor=STAFF, now=NOW)
    joined, _ = joining.join(city, me_too(second), now=NOW)
    assert joined.id == first.id
    assert joined.report_count == 3


def test_words_that_do_not_fit_come_back(city: Session) -> None:
    with pytest.raises(InvalidInput):
        joining.join(city, me_too(report(city), "x" * 4001), now=NOW)
