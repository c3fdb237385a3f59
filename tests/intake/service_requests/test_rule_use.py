"""How often each rule decides: every decision once, by local day, whatever the size of the batches."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlmodel import Session, select

from georef.points import LonLat
from intake.service_requests import actions, rule_use
from intake.service_requests.rule_models import RuleUse
from intake.service_requests.rule_use import Use
from intake.service_requests.values import Submission
from kernel import clock
from tests.factories import CITY, IN_NORTE, IN_SUR, OUTSIDE, make_city

pytestmark = pytest.mark.database
AT = datetime(2026, 11, 20, 5, 30, tzinfo=UTC)  # the 19th, 23:30 in the city
SUBMISSION = Submission(CITY, "BACHE", "web", description="x", point=LonLat(*IN_NORTE), precision_m=5)
NEAR_BORDER = LonLat(-99.15, 19.4001)


def later() -> datetime:
    return clock.now() + timedelta(minutes=5)


@pytest.fixture
def city(session: Session) -> Session:
    make_city(session)
    for point in (LonLat(*IN_NORTE), NEAR_BORDER, LonLat(*IN_SUR), LonLat(*OUTSIDE), None):
        actions.submit(session, replace(SUBMISSION, point=point), now=AT)
    return session


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_every_decision_counts_once(city: Session, size: int) -> None:
    while rule_use.count(city, now=later(), size=size) == size:
        pass
    assert rule_use.count(city, now=later()) == 0
    rows = city.exec(select(RuleUse)).all()
    assert {(row.rule_code, row.decisions, row.borders) for row in rows} == {
        ("NORTE-1", 2, 1),
        ("SUR-1", 1, 0),
        ("-", 1, 0),
        ("", 1, 0),
    }
    assert {row.day for row in rows} == {date(2026, 11, 19)}
    used = rule_use.uses(city, CITY, date(2026, 11, 19))
    assert used["NORTE-1"] == Use(2, 1, AT)
    assert rule_use.uses(city, CITY, date(2026, 11, 20))["NORTE-1"] == Use(0, 0, AT)


def test_what_may_still_be_committed_waits(city: Session) -> None:
    assert rule_use.count(city, now=clock.now()) == 0
    assert rule_use.count(city, now=later()) == 5
