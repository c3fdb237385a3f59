"""The figures of a day are what happened in it: checked against a count by hand, and against any afternoon at all."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session, select

from intake.distribution import actions
from intake.distribution.figures import Figures, figures
from intake.distribution.models import WorkItem
from tests.factories import CITY, NOW, make_city
from tests.intake.distribution.desk import accepted, later, ring, sign_on, who
from tests.intake.distribution.simulation import Case, Database, instant, simulate

pytestmark = pytest.mark.database


@pytest.fixture(autouse=True)
def city(session: Session) -> None:
    make_city(session)


def told(session: Session, now: datetime = NOW + timedelta(hours=1)) -> dict[tuple[str, str], Figures]:
    session.flush()
    return {(one.queue_code, one.kind): one for one in figures(session, CITY, NOW, now)}


def test_a_day_counted_by_hand(session: Session) -> None:
    agents = [sign_on(session, name, cap=1000) for name in ("Amir", "Berta", "Carla", "Dora")]
    for one in agents:
        actions.heartbeat(session, one.agent_id, epoch=one.epoch, lease=timedelta(hours=1), now=NOW)
    for number, waits in enumerate((0, 20, 21, 100)):
        accepted(session, ring(session, f"call:{number}"), agents[number], later(waits))
    for number, waits in enumerate((5, 60)):
        ring(session, f"gone:{number}")
        actions.abandon(session, f"gone:{number}", why="hang_up", now=later(waits))
    ring(session, "waits")
    ring(session, "back")
    actions.wait_for_callback(session, "back", due_at=None, now=later(10))
    # Passed on and answered again: they were answered once, after 0 seconds.
    first = session.exec(select(WorkItem).where(WorkItem.source_ref == "call:0")).one()
    actions.requeue_front(session, first.id, why="transfer", now=later(50))
    accepted(session, first, agents[0], later(90))
    by_hand = ring(session, "thread:1", kind="text")
    actions.claim(session, by_hand.id, agent_id=who("Amir"), now=later(30))
    found = told(session)
    calls = found["general", "voice"]
    assert (calls.came, calls.taken, calls.within, calls.gone, calls.soon_gone) == (7, 4, 2, 2, 1)
    assert (calls.level, calls.level_of_all, calls.gone_share) == (0.5, 0.5, pytest.approx(1 / 3))
    assert calls.mean_wait_s == pytest.approx(141 / 4)
    assert not calls.is_met
    assert (found["general", "callback"].came, found["general", "callback"].gone) == (1, 0)
    assert (found["general", "text"].taken, found["general", "text"].mean_wait_s) == (1, 30)
    assert figures(session, CITY, later(200), later(300)) == []


def test_a_call_that_is_passed_on_counts_in_the_line_that_answered_it_and_in_the_line_it_waits_in(
    session: Session,
) -> None:
    agent = sign_on(session)
    actions.open_queue(session, CITY, "predial", name="Predial")
    item = ring(session, "call:1")
    accepted(session, item, agent, later(5))
    before = told(session)
    actions.requeue_front(session, item.id, why="transfer", queue_code="predial", now=later(60))
    passed = told(session)
    assert passed["general", "voice"] == before["general", "voice"]
    assert (passed["predial", "voice"].came, passed["predial", "voice"].taken) == (1, 0)
    actions.abandon(session, "call:1", why="hang_up", now=later(900))
    found = told(session)
    assert found["general", "voice"] == before["general", "voice"]
    assert (before["general", "voice"].within, before["general", "voice"].mean_wait_s) == (1, 5)
    theirs = found["predial", "voice"]
    assert (theirs.taken, theirs.within, theirs.gone, theirs.soon_gone) == (0, 0, 1, 0)


def test_a_call_that_is_passed_on_and_called_back_was_answered_by_the_first_line(session: Session) -> None:
    agent = sign_on(session)
    actions.open_queue(session, CITY, "predial", name="Predial")
    accepted(session, item := ring(session, "call:1"), agent, later(5))
    actions.requeue_front(session, item.id, why="transfer", queue_code="predial", now=later(60))
    actions.wait_for_callback(session, "call:1", due_at=None, now=later(90))
    found = told(session)
    assert {key: (one.came, one.taken) for key, one in found.items()} == {
        ("general", "voice"): (1, 1),
        ("predial", "callback"): (1, 0),
    }


def test_an_afternoon_is_told_as_it_was(session: Session) -> None:
    case = Case("small", 120, 240, 7, patience_s=90)
    people = case.people(9, 100, let_pass=0.05)
    outcome = simulate(Database(session, [{}] * case.servers), people, case.servers, answer_s=2.0)
    (calls,) = figures(session, CITY, NOW, instant(1e6))
    waits = [wait for wait in outcome.waited if wait is not None]
    assert (calls.came, calls.taken, calls.gone) == (100, len(waits), outcome.waited.count(None))
    assert calls.within == sum(wait <= 20 for wait in waits)
    assert calls.mean_wait_s == pytest.approx(sum(waits) / len(waits), abs=1e-3)


def test_the_estimate_of_an_item_is_of_its_own_line(session: Session) -> None:
    actions.open_queue(session, CITY, "surge", name="Crisis", skill="surge")
    sign_on(session)
    for number in range(3):
        ring(session, f"call:{number}")
    first = ring(session, "surge:1", queue_code="surge", now=later(1))
    second = ring(session, "surge:2", queue_code="surge", now=later(2))
    told_first = actions.estimate(session, CITY, work_item_id=first.id, now=later(3))
    told_second = actions.estimate(session, CITY, work_item_id=second.id, now=later(3))
    assert (told_first.position, told_second.position) == (1, 2)
    # Nobody there serves that line.
    assert told_second.wait_s is None
    # Another line of everybody's has people who go first: they are no part of the position, and of the wait.
    actions.open_queue(session, CITY, "other", name="Otra")
    other = ring(session, "other:1", queue_code="other", now=later(3))
    told_other = actions.estimate(session, CITY, work_item_id=other.id, now=later(4))
    assert (told_other.position, told_other.wait_s) == (1, 1200)
