"""Pairs that are found after a request was made, and what was decided of them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlmodel import Session, select

from intake.service_requests.duplicates import deciding, jobs
from intake.service_requests.duplicates.models import DuplicateDecision
from kernel import clock
from tests.factories import make_city
from tests.intake.service_requests.duplicates.cast import close, report

pytestmark = pytest.mark.database


@pytest.fixture
def city(session: Session) -> Session:
    make_city(session)
    return session


def test_two_people_who_reported_at_once_are_a_pair_for_staff(city: Session) -> None:
    one, two = report(city), report(city, metres=4)
    for _ in range(2):  # a job may run twice
        jobs.find_duplicates(str(one.id))
        jobs.find_duplicates(str(two.id))
    rows = city.exec(select(DuplicateDecision)).all()
    assert [(row.decision, row.decided_by, row.service_request_id, row.candidate_id) for row in rows] == [
        ("found", "system", one.id, two.id)
    ]
    assert set(deciding.pairs_of(city, two.id)) == {one.id}


def test_what_somebody_has_decided_is_not_found_again(city: Session) -> None:
    one, two = report(city), report(city)
    shown = [deciding.Shown(one.id, 0.8)]
    deciding.record(city, one.jurisdiction_id, shown, "other", "resident", service_request_id=two.id, now=clock.now())
    assert jobs.find(city, two.id) == 0
    assert deciding.pairs_of(city, two.id)[one.id].decision == "other"


def test_a_request_that_is_over_looks_for_nothing(city: Session) -> None:
    one = report(city)
    report(city)
    close(city, one, clock.now())
    assert jobs.find(city, one.id) == 0


def test_the_newest_word_counts(city: Session) -> None:
    one, two = report(city), report(city, ago=timedelta(hours=1))
    assert jobs.find(city, two.id) == 1
    shown = [deciding.Shown(two.id, 0.8)]
    deciding.record(city, one.jurisdiction_id, shown, "same", "staff", service_request_id=one.id, now=clock.now())
    assert {row.decision for row in deciding.pairs_of(city, two.id).values()} == {"same"}


def test_what_was_shown_survives_being_kept_as_json() -> None:
    shown = deciding.Shown(uuid4(), 0.71, {"parts": {"near": 1.2}}, 2, 3)
    assert deciding.Shown.from_json(shown.to_json()) == shown
