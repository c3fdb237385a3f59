"""Many reports against one address: flagged for a person, never hidden, and one person's same matter is one work."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, select

from georef.points import LonLat
from intake.people import actions as people
from intake.people import flags
from intake.people.addresses import read
from intake.service_requests import actions, targeting
from intake.service_requests.models import Report, ServiceRequest
from intake.service_requests.target_models import TargetFlag
from intake.service_requests.targeting import MANY_PEOPLE, MANY_REPORTS, Said, judge
from intake.service_requests.values import Reporter, Submission
from kernel.errors import NotFound
from kernel.ids import new_id
from tests.factories import CITY, IN_SUR, NOW, make_city

said = st.lists(
    st.builds(Said, st.sampled_from("abcdefghijklmnop"), st.just(NOW), st.text("0123456789", min_size=1, max_size=3)),
    max_size=40,
)


@given(said)
def test_what_is_flagged_is_many_reports_of_few_or_very_many_people(reports: list[Said]) -> None:
    found, people_ = judge(reports, now=NOW), len({one.person for one in reports})
    if found is None:
        assert len(reports) < MANY_REPORTS or (len(reports) < 3 * people_ and people_ < MANY_PEOPLE)
    else:
        assert (found.reports, found.people) == (len(reports), people_)


def test_a_dozen_people_over_a_month_are_neighbours_with_a_problem() -> None:
    slow = [Said(f"p{n}", NOW - timedelta(days=2 * n), str(n)) for n in range(MANY_PEOPLE)]
    assert judge(slow, now=NOW) is None
    quick = [Said(f"p{n}", NOW - timedelta(minutes=n), str(n)) for n in range(MANY_PEOPLE)]
    flagged = judge(quick, now=NOW)
    assert flagged is not None
    assert flagged.reason == "many_people"


@pytest.mark.parametrize(
    "label", ["Avenida Sabinos 214, El Carmen", "Niebla 310 B, Los Sabinos", "Calle 7 45", "Plaza Juárez No. 3"]
)
def test_a_number_after_a_name_is_a_house(label: str) -> None:
    assert targeting.house_in(label) == label


@pytest.mark.parametrize(
    "label",
    ["", "El Carmen", "Calle 7, El Carmen", "Sur 8", "Eje 7 Sur", "16 de Septiembre", "Avenida Sabinos y Niebla"],
)
def test_a_street_or_less_is_no_house(label: str) -> None:
    assert targeting.house_in(label) == ""


def report(
    session: Session, number: int, *, phone: str = "+525512340001", service: str = "RUIDO", at: datetime = NOW,
    precision_m: float = 10, lonlat: tuple[float, float] = IN_SUR, label: str | None = None,
) -> ServiceRequest:  # fmt: skip
    contact_point = people.find_or_create_address(session, CITY, read("phone", phone), now=NOW)
    submission = Submission(
        jurisdiction_id=CITY,
        service_code=service,
        channel="sms",
        description="Otra vez el vecino",
        point=LonLat(*lonlat),
        precision_m=precision_m,
        address_string=label,
        reporter=Reporter(contact_point.person_id, contact_point.id, wants_notices=True),
        idempotency_key=f"k-{number}",
    )
    made = actions.submit(session, submission, now=at)
    targeting.look(session, made.id, now=at)
    session.flush()
    return made


@pytest.mark.database
class TestAddress:
    @pytest.fixture
    def city(self, session: Session) -> Session:
        make_city(session)
        return session

    def test_one_who_reports_the_same_house_is_flagged_once_and_their_works_become_one(self, city: Session) -> None:
        made = [report(city, number, at=NOW + timedelta(minutes=number)) for number in range(MANY_REPORTS + 2)]
        ((flag, request),) = targeting.waiting(city, CITY)
        assert (flag.reason, flag.basis) == ("few_people", {"reports": MANY_REPORTS, "people": 1})
        assert request.id == made[MANY_REPORTS - 1].id
        # From then on what they say of the same matter goes on under their first folio; nothing is lost or hidden.
        assert [one.parent_id for one in made[MANY_REPORTS - 1 :]] == [made[0].id] * 3
        assert all(one.is_public == made[0].is_public for one in made)
        assert len(city.exec(select(ServiceRequest)).all()) == len(made)

    def test_another_matter_stays_a_work_of_its_own(self, city: Session) -> None:
        for number in range(MANY_REPORTS):
            report(city, number)
        other = report(city, 99, service="BACHE")
        assert other.parent_id is None

    def test_a_colonia_is_nobodys_address(self, city: Session) -> None:
        for number in range(MANY_REPORTS + 2):
            report(city, number, precision_m=800)
        assert targeting.waiting(city, CITY) == []

    def test_a_house_is_known_by_its_number_where_the_map_knows_the_street_alone(self, city: Session) -> None:
        for number in range(MANY_PEOPLE + 1):
            label = f"Avenida Sabinos {214 if number else 8}, El Carmen"
            report(city, number, phone=f"+5255123410{number:02d}", precision_m=580, label=label)
        ((flag, request),) = targeting.waiting(city, CITY)
        assert (flag.reason, flag.basis) == ("many_people", {"reports": MANY_PEOPLE, "people": MANY_PEOPLE})
        assert request.address_string == "Avenida Sabinos 214, El Carmen"

    def test_who_joins_counts_as_much_as_who_reports(self, city: Session) -> None:
        made = report(city, 0)
        for number in range(1, MANY_PEOPLE):
            assert targeting.waiting(city, CITY) == []
            other = people.find_or_create_address(city, CITY, read("phone", f"+5255123420{number:02d}"), now=NOW)
            city.add(
                Report(
                    service_request_id=made.id, person_id=other.person_id, contact_point_id=other.id, channel="sms",
                    words="También", at=NOW,
                )
            )  # fmt: skip
            city.flush()
            targeting.look(city, made.id, is_joined=True, now=NOW)
        ((flag, request),) = targeting.waiting(city, CITY)
        assert (flag.reason, request.id, request.parent_id) == ("many_people", made.id, None)

    def test_two_houses_are_two(self, city: Session) -> None:
        for number in range(MANY_REPORTS):
            report(city, number, lonlat=(IN_SUR[0] + 0.001 * (number % 2), IN_SUR[1]))
        assert targeting.waiting(city, CITY) == []

    def test_somebody_looked_and_the_next_may_be_flagged_again(self, city: Session) -> None:
        for number in range(MANY_REPORTS):
            report(city, number)
        ((flag, _),) = targeting.waiting(city, CITY)
        by = {"note": "Son vecinos", "by": new_id(), "by_name": "Susana", "now": NOW}
        with pytest.raises(NotFound):
            flags.review(city, TargetFlag, flag.id, "otra.gob.example", **by)  # type: ignore[arg-type]  # named values
        flags.review(city, TargetFlag, flag.id, CITY, **by)  # type: ignore[arg-type]  # as above
        assert targeting.waiting(city, CITY) == []
        report(city, 50)
        assert len(city.exec(select(TargetFlag)).all()) == 2

    def test_somebody_else_at_a_flagged_place_is_kept_apart_and_flags_nothing_anew(self, city: Session) -> None:
        for number in range(MANY_REPORTS):
            report(city, number)
        others = [report(city, 90 + number, phone="+525512340099") for number in range(2)]
        assert [one.parent_id for one in others] == [None, others[0].id]
        assert len(targeting.waiting(city, CITY)) == 1
