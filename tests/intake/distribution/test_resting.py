"""Threads that wait for their resident take nobody's capacity, and come back to whoever knows them, else to their place."""

from datetime import datetime, timedelta

import pytest
from sqlmodel import Session

from intake.distribution import actions, labelling, rounds
from intake.distribution.agents import held_agent
from intake.distribution.items import held_item
from intake.distribution.models import AgentSession, WorkItem
from intake.distribution.sweeping import sweep
from intake.distribution.values import REST_ENDS, REST_S
from kernel import db
from kernel.errors import Conflict
from tests.factories import CITY, NOW, make_city
from tests.intake.distribution.desk import accepted, later, load_of, ring, sign_on, who
from tests.intake.distribution.test_at_once import BREACHES

pytestmark = pytest.mark.database
QUIET = REST_S["text"]


@pytest.fixture(autouse=True)
def city(session: Session) -> None:
    make_city(session)


def in_hand(session: Session, agent: AgentSession, number: int = 1, now: datetime = NOW) -> WorkItem:
    return accepted(session, ring(session, f"thread:{number}", kind="text", now=now), agent, now)


def resting(session: Session, agent: AgentSession, number: int = 1) -> WorkItem:
    return actions.rest(session, in_hand(session, agent, number).id, now=NOW)


def stay(session: Session, agent: AgentSession) -> None:
    """Their desk is there for the whole test."""
    actions.heartbeat(session, agent.agent_id, epoch=agent.epoch, lease=timedelta(days=2), now=NOW)


def whole(session: Session) -> None:
    session.flush()
    assert [name for name, sql in BREACHES.items() if db.fetch(session, sql, []) != [(0,)]] == []


def test_a_thread_that_was_answered_rests_after_a_while_and_frees_its_points(session: Session) -> None:
    agent = sign_on(session)
    items = [in_hand(session, agent, number) for number in range(4)]
    assert load_of(session) == 100
    actions.answered(session, items[0], now=later(10))
    stay(session, agent)
    sweep(later(10 + QUIET - 1))
    assert held_item(session, items[0].id).resting_since is None
    sweep(later(10 + QUIET))
    assert held_item(session, items[0].id).resting_since == later(10 + QUIET)
    assert (held_item(session, items[0].id).agent_id, load_of(session)) == (agent.agent_id, 75)
    # The fifth finds room.
    fifth = ring(session, "thread:5", kind="text", now=later(200))
    assert [made.work_item_id for made in rounds.play(session, CITY, now=later(200)).made] == [fifth.id]
    whole(session)


def test_a_line_has_its_own_time(session: Session) -> None:
    actions.open_queue(session, CITY, "slow", name="Lenta", rest_s=900)
    agent = sign_on(session)
    item = accepted(session, ring(session, "thread:1", kind="text", queue_code="slow"), agent)
    actions.answered(session, item, now=NOW)
    assert held_item(session, item.id).rest_at == later(900)


def test_who_writes_before_it_rests_keeps_it_awake(session: Session) -> None:
    agent = sign_on(session)
    stay(session, agent)
    item = in_hand(session, agent)
    actions.answered(session, item, now=NOW)
    actions.heard(session, item.id, now=later(5))
    sweep(later(QUIET + 1))
    awake = held_item(session, item.id)
    assert (awake.state, awake.resting_since, awake.rest_at) == ("assigned", None, None)


def test_the_resident_finds_the_same_operator_again_at_once(session: Session) -> None:
    agent = sign_on(session)
    item = resting(session, agent)
    assert load_of(session) == 0
    woken = actions.heard(session, item.id, now=later(5))
    assert (woken.state, woken.agent_id, woken.resting_since, woken.rested_s) == ("assigned", agent.agent_id, None, 5)
    assert load_of(session) == 25
    assert actions.heard(session, item.id, now=later(6)).rested_s == 5
    assert load_of(session) == 25
    whole(session)


@pytest.mark.parametrize("why", ["break", "leaving", "full", "gone", "silent desk"])
def test_when_they_cannot_it_waits_at_its_old_place(session: Session, why: str) -> None:
    agent = sign_on(session)
    item = resting(session, agent)
    rank = item.rank_at
    newer = ring(session, "thread:9", kind="text", now=later(1))
    at = later(5)
    if why in ("break", "leaving"):
        actions.set_state(session, agent.agent_id, epoch=agent.epoch, state=why, reason="comida", now=later(1))
    elif why == "full":
        accepted(session, ring(session, "call:1"), agent)
    elif why == "gone":
        actions.sign_off(session, agent.agent_id, epoch=agent.epoch, now=later(1))
    else:
        at = later(60)
    woken = actions.heard(session, item.id, now=at)
    assert (woken.state, woken.agent_id, woken.rank_at, woken.enqueued_at) == ("queued", None, rank, NOW)
    assert (woken.waiting_since, woken.preferred_agent_id) == (at, agent.agent_id)
    sign_on(session, "Beatriz", now=at)
    session.flush()
    made = rounds.play(session, CITY, now=at).made
    assert [one.work_item_id for one in made if one.agent_id == who("Beatriz")] == [item.id]
    assert newer.id not in {one.work_item_id for one in made}
    whole(session)


def test_whoever_knows_them_gets_it_first_when_they_have_room_again(session: Session) -> None:
    agent, other = sign_on(session), sign_on(session, "Beatriz")
    item = resting(session, agent)
    call = accepted(session, ring(session, "call:1"), agent)
    actions.set_state(session, other.agent_id, epoch=other.epoch, state="break", reason="comida", now=NOW)
    assert actions.heard(session, item.id, now=later(5)).state == "queued"
    actions.complete(session, call.id, disposition_code=None, now=later(6))
    actions.set_state(session, other.agent_id, epoch=other.epoch, state="available", now=later(6))
    (made,) = rounds.play(session, CITY, now=later(6)).made
    assert made.agent_id == agent.agent_id


def test_a_shift_ends_without_the_threads_that_rest(session: Session) -> None:
    agent = sign_on(session)
    item = resting(session, agent)
    actions.set_state(session, agent.agent_id, epoch=agent.epoch, state="leaving", now=later(1))
    sweep(later(2))
    assert held_agent(session, agent.agent_id).state == "offline"
    assert held_item(session, item.id).state == "assigned"
    # On again the next morning: nothing counts until somebody writes.
    assert (
        actions.sign_on(session, jurisdiction_id=CITY, agent_id=who("Amir"), name="Amir", now=later(9)).load_points == 0
    )
    assert actions.heard(session, item.id, now=later(10)).state == "assigned"
    assert load_of(session) == 25
    whole(session)


def test_after_a_day_of_silence_it_is_over(session: Session) -> None:
    item = resting(session, sign_on(session))
    sweep(NOW + REST_ENDS - timedelta(seconds=1))
    assert held_item(session, item.id).state == "assigned"
    sweep(NOW + REST_ENDS)
    ended = held_item(session, item.id)
    assert (ended.state, ended.why, ended.resting_since) == ("done", "silent", None)
    assert labelling.owed(session, who("Amir"), now=NOW + REST_ENDS) == []


def test_a_colleague_takes_it_and_ending_it_ends_the_rest(session: Session) -> None:
    agent, other = sign_on(session), sign_on(session, "Beatriz")
    first, second = resting(session, agent), resting(session, agent, 2)
    taken = actions.claim(session, first.id, agent_id=other.agent_id, now=later(3))
    assert (taken.agent_id, taken.held_points, taken.resting_since) == (other.agent_id, 25, None)
    assert actions.finish(session, second.id, now=later(3)).resting_since is None
    assert actions.complete(session, second.id, disposition_code="done", now=later(4)).rested_s == 3
    assert (load_of(session), load_of(session, "Beatriz")) == (0, 25)
    whole(session)


def test_what_cannot_rest(session: Session) -> None:
    agent = sign_on(session)
    call, shown = accepted(session, ring(session), agent), ring(session, "thread:1", kind="text")
    with pytest.raises(Conflict):
        actions.rest(session, call.id, now=NOW)
    with pytest.raises(Conflict):
        actions.rest(session, shown.id, now=NOW)
    actions.complete(session, call.id, disposition_code=None, now=NOW)
    item = accepted(session, shown, agent)
    with pytest.raises(Conflict):
        actions.rest(session, item.id, agent_id=who("Beatriz"), now=NOW)
    assert actions.rest(session, item.id, agent_id=agent.agent_id, now=NOW).resting_since == NOW
    assert actions.rest(session, item.id, agent_id=agent.agent_id, now=later(1)).resting_since == NOW


def test_what_takes_no_points_does_not_rest_by_itself(session: Session) -> None:
    """Taken by hand in the inbox, with no desk open: it stays theirs, and would come back to nobody."""
    item = ring(session, "thread:1", kind="text")
    taken = actions.claim(session, item.id, agent_id=who("Amir"), now=NOW)
    actions.answered(session, taken, now=NOW)
    assert held_item(session, item.id).rest_at is None


def test_the_estimate_does_not_count_the_rest(session: Session) -> None:
    agent = sign_on(session)
    stay(session, agent)
    item = resting(session, agent)
    actions.heard(session, item.id, now=later(3600))
    actions.complete(session, item.id, disposition_code=None, now=later(3660))
    for number in range(4):
        offered_or_taken = ring(session, f"thread:{number + 10}", kind="text", now=later(3660))
        accepted(session, offered_or_taken, agent, later(3660))
    told = actions.estimate(session, CITY, kind="text", now=later(3661))
    assert told.wait_s is not None
    assert told.wait_s <= 60
