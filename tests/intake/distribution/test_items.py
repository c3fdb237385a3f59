"""One work item and the operators around it: every step, and every refusal."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlmodel import Session, col, select

from intake.distribution import actions
from intake.distribution.agents import held_agent
from intake.distribution.items import MOST_EXTENSIONS, held_item
from intake.distribution.models import DistributionEvent, Offer
from intake.distribution.values import HEARTBEAT, LEASE
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.outbox import OutboxEvent
from tests.factories import CITY, NOW, make_city
from tests.intake.distribution.desk import accepted, later, load_of, offered, ring, sign_on, who

pytestmark = pytest.mark.database


@pytest.fixture(autouse=True)
def city(session: Session) -> None:
    make_city(session)


def told(session: Session) -> list[str]:
    names = session.exec(select(OutboxEvent.name).order_by(col(OutboxEvent.id))).all()
    return [name for name in names if name.startswith("work_item.")]


def test_the_same_source_waits_once(session: Session) -> None:
    first = ring(session, "call:CA1", topic="agua", language="en")
    again = ring(session, "call:CA1", now=later(5))
    assert again.id == first.id
    assert (first.state, first.cost, first.enqueued_at) == ("queued", 100, NOW)
    assert told(session) == ["work_item.queued"]


def test_a_line_that_is_not_there_and_a_kind_that_is_none_are_refused(session: Session) -> None:
    with pytest.raises(NotFound):
        ring(session, queue_code="nadie")
    with pytest.raises(InvalidInput):
        ring(session, kind="fax")


def test_an_offer_reserves_and_acceptance_keeps(session: Session) -> None:
    agent, item = sign_on(session), ring(session)
    made = offered(session, item)
    assert load_of(session) == 100
    assert made.expires_at == later(15)
    taken = actions.accept(session, made.id, agent_id=agent.agent_id, epoch=agent.epoch, now=later(3))
    assert (taken.state, taken.agent_id, load_of(session)) == ("assigned", agent.agent_id, 100)
    assert actions.accept(session, made.id, agent_id=agent.agent_id, epoch=agent.epoch, now=later(4)).id == item.id
    assert told(session) == ["work_item.queued", "work_item.offered", "work_item.accepted"]


def test_nothing_is_offered_beyond_the_capacity_or_twice(session: Session) -> None:
    sign_on(session), sign_on(session, "Beatriz")
    first, second = ring(session, "call:1"), ring(session, "call:2")
    offered(session, first)
    assert actions.offer(session, second.id, who("Amir"), now=NOW) is None
    assert actions.offer(session, first.id, who("Beatriz"), now=NOW) is None
    assert load_of(session, "Beatriz") == 0


def test_four_threads_fill_an_operator(session: Session) -> None:
    agent = sign_on(session)
    for number in range(4):
        accepted(session, ring(session, f"thread:{number}", kind="text"), agent)
    assert load_of(session) == 100
    assert actions.offer(session, ring(session, "thread:5", kind="text").id, agent.agent_id, now=NOW) is None


@pytest.mark.parametrize("state", ["break", "leaving"])
def test_whoever_is_away_gets_nothing(session: Session, state: str) -> None:
    agent = sign_on(session)
    actions.set_state(session, agent.agent_id, epoch=agent.epoch, state=state, reason="comida", now=NOW)
    assert actions.offer(session, ring(session).id, agent.agent_id, now=NOW) is None


def test_a_break_has_a_reason(session: Session) -> None:
    agent = sign_on(session)
    for state in ("break", "missed", "offline", ""):
        with pytest.raises(InvalidInput):
            actions.set_state(session, agent.agent_id, epoch=agent.epoch, state=state, now=NOW)


def test_hanging_up_beats_accepting(session: Session) -> None:
    agent, item = sign_on(session), ring(session)
    made = offered(session, item)
    gone = actions.abandon(session, "call:CA1", why="hang_up", now=later(1))
    assert gone is not None
    assert (gone.state, load_of(session)) == ("abandoned", 0)
    with pytest.raises(Conflict, match="ya se fue"):
        actions.accept(session, made.id, agent_id=agent.agent_id, epoch=agent.epoch, now=later(1))
    assert session.exec(select(Offer.state)).one() == "rescinded"
    assert load_of(session) == 0
    again = actions.abandon(session, "call:CA1", why="hang_up", now=later(2))
    assert again is not None
    assert again.ended_at == later(1)
    assert actions.abandon(session, "call:nobody", why="hang_up", now=NOW) is None
    assert actions.offer(session, item.id, agent.agent_id, now=later(2)) is None


def test_too_late_is_refused_and_the_place_is_kept(session: Session) -> None:
    agent, item = sign_on(session), ring(session, priority=2)
    rank = item.rank_at
    made = offered(session, item)
    with pytest.raises(Conflict, match="tiempo"):
        actions.accept(session, made.id, agent_id=agent.agent_id, epoch=agent.epoch, now=later(15))
    assert not actions.expire(session, made.id, now=later(14.999))
    assert actions.expire(session, made.id, now=later(15))
    assert not actions.expire(session, made.id, now=later(16))
    item = held_item(session, item.id)
    assert (item.state, item.enqueued_at, item.rank_at, item.priority) == ("queued", NOW, rank, 2)
    assert item.shunned == {str(agent.agent_id): later(75).isoformat()}
    assert (held_agent(session, agent.agent_id).state, load_of(session)) == ("missed", 0)
    with pytest.raises(Conflict, match="tiempo"):
        actions.accept(session, made.id, agent_id=agent.agent_id, epoch=agent.epoch, now=later(20))


def test_declining_gives_the_item_back_and_leaves_the_operator_there(session: Session) -> None:
    agent, item = sign_on(session), ring(session)
    made = offered(session, item)
    back = actions.decline(session, made.id, agent_id=agent.agent_id, epoch=agent.epoch, reason="?", now=later(2))
    assert (back.state, load_of(session), held_agent(session, agent.agent_id).state) == ("queued", 0, "available")
    assert str(agent.agent_id) in back.shunned
    assert actions.decline(session, made.id, agent_id=agent.agent_id, epoch=agent.epoch, now=later(3)).id == item.id
    with pytest.raises(Conflict):
        actions.accept(session, made.id, agent_id=agent.agent_id, epoch=agent.epoch, now=later(3))


def test_an_offer_is_nobody_elses(session: Session) -> None:
    sign_on(session)
    made, other = offered(session, ring(session)), sign_on(session, "Beatriz")
    with pytest.raises(NotFound):
        actions.accept(session, made.id, agent_id=other.agent_id, epoch=other.epoch, now=NOW)
    with pytest.raises(NotFound):
        actions.accept(session, uuid4(), agent_id=other.agent_id, epoch=other.epoch, now=NOW)


def test_of_two_windows_the_newer_one_acts(session: Session) -> None:
    old, item = sign_on(session).epoch, ring(session)
    made = offered(session, item)
    agent = sign_on(session)
    with pytest.raises(Conflict, match="otra ventana"):
        actions.accept(session, made.id, agent_id=agent.agent_id, epoch=old, now=NOW)
    with pytest.raises(Conflict):
        actions.heartbeat(session, agent.agent_id, epoch=old, now=NOW)
    with pytest.raises(Conflict):
        actions.set_state(session, agent.agent_id, epoch=old, state="available", now=NOW)
    actions.heartbeat(session, agent.agent_id, epoch=agent.epoch, now=NOW)
    assert actions.accept(session, made.id, agent_id=agent.agent_id, epoch=agent.epoch, now=NOW).state == "assigned"


def test_after_the_talk_come_the_notes_and_then_the_end(session: Session) -> None:
    agent, item = sign_on(session), ring(session)
    accepted(session, item, agent)
    over = actions.abandon(session, "call:CA1", why="hang_up", now=later(60))
    assert over is not None
    assert (over.state, over.wrap_until, load_of(session)) == ("wrapping", later(120), 100)
    assert actions.finish(session, item.id, now=later(70)).wrap_until == later(120)
    longer = actions.extend_wrap(session, item.id, agent_id=agent.agent_id, by=timedelta(seconds=30), now=later(80))
    assert longer.wrap_until == later(150)
    with pytest.raises(Conflict, match="tuyo"):
        actions.complete(session, item.id, disposition_code="done", agent_id=who("Beatriz"), now=later(90))
    done = actions.complete(session, item.id, disposition_code="reported", agent_id=agent.agent_id, now=later(90))
    assert (done.state, done.disposition_code, done.ended_at, load_of(session)) == ("done", "reported", later(90), 0)
    assert actions.complete(session, item.id, disposition_code="other", now=later(95)).disposition_code == "reported"
    with pytest.raises(Conflict):
        actions.extend_wrap(session, item.id, agent_id=agent.agent_id, by=timedelta(seconds=30), now=later(99))


def test_more_time_for_the_notes_is_given_a_few_times(session: Session) -> None:
    agent, item = sign_on(session), ring(session)
    accepted(session, item, agent)
    actions.abandon(session, "call:CA1", why="hang_up", now=later(60))
    minute = timedelta(minutes=1)
    for _ in range(MOST_EXTENSIONS):
        actions.extend_wrap(session, item.id, agent_id=agent.agent_id, by=minute, now=later(70))
    with pytest.raises(Conflict, match="10 veces"):
        actions.extend_wrap(session, item.id, agent_id=agent.agent_id, by=minute, now=later(71))


def test_a_desk_that_is_opened_again_elsewhere_has_what_its_page_can_do(session: Session) -> None:
    agent = sign_on(session, cap=75)
    actions.set_state(session, agent.agent_id, epoch=agent.epoch, state="leaving", now=NOW)
    again = sign_on(session, cap=100, now=later(5))
    assert (again.cap_points, again.state, again.epoch) == (
        100,
        "available",
        agent.epoch + 1 if again is not agent else 2,
    )
    assert actions.offer(session, ring(session).id, agent.agent_id, now=later(6)) is not None


def test_what_nobody_had_leaves_the_line(session: Session) -> None:
    agent, item = sign_on(session), ring(session)
    offered(session, item)
    assert actions.complete(session, item.id, disposition_code="closed", now=NOW).state == "cancelled"
    assert load_of(session) == 0
    with pytest.raises(Conflict, match="terminó"):
        actions.claim(session, item.id, agent_id=agent.agent_id, now=NOW)


def test_taking_by_hand_ends_the_offer_and_moves_the_points(session: Session) -> None:
    sign_on(session), sign_on(session, "Beatriz")
    item = ring(session, "thread:1", kind="text")
    offered(session, item)
    claimed = actions.claim(session, item.id, agent_id=who("Beatriz"), now=NOW)
    assert (claimed.state, claimed.held_points) == ("assigned", 25)
    assert (load_of(session), load_of(session, "Beatriz")) == (0, 25)
    claimed = actions.claim(session, item.id, agent_id=who("Amir"), now=NOW)
    assert (claimed.agent_id, load_of(session), load_of(session, "Beatriz")) == (who("Amir"), 25, 0)
    assert actions.claim(session, item.id, agent_id=who("Amir"), now=NOW).held_points == 25


def test_what_is_taken_beyond_the_capacity_holds_what_is_left(session: Session) -> None:
    agent = sign_on(session)
    accepted(session, ring(session), agent)
    extra = actions.claim(session, ring(session, "thread:1", kind="text").id, agent_id=agent.agent_id, now=NOW)
    assert (extra.held_points, load_of(session)) == (0, 100)
    actions.complete(session, extra.id, disposition_code=None, now=NOW)
    assert load_of(session) == 100


def test_who_has_no_desk_holds_no_points_until_they_sign_on(session: Session) -> None:
    items = [ring(session, f"thread:{n}", kind="text") for n in range(5)]
    for item in items:
        assert actions.claim(session, item.id, agent_id=who("Amir"), now=NOW).held_points == 0
    sign_on(session)
    assert load_of(session) == 100
    for item in items:
        actions.complete(session, item.id, disposition_code=None, now=NOW)
    assert load_of(session) == 0


def test_a_desk_that_falls_silent_gives_back_what_it_had(session: Session) -> None:
    agent = sign_on(session, cap=200)
    call, thread, shown = ring(session), ring(session, "thread:1", kind="text"), ring(session, "thread:2", kind="text")
    accepted(session, thread, agent)
    offered(session, shown)
    actions.claim(session, call.id, agent_id=agent.agent_id, now=NOW)
    newer = ring(session, "call:2", priority=9, now=NOW)
    actions.heartbeat(session, agent.agent_id, epoch=agent.epoch, now=later(1))
    assert not actions.lapse(session, agent.agent_id, now=later(1) + LEASE - timedelta(milliseconds=1))
    assert actions.lapse(session, agent.agent_id, now=later(1) + LEASE)
    assert LEASE <= HEARTBEAT * 2.5
    assert [held_item(session, item.id).state for item in (call, thread, shown)] == ["queued"] * 3
    assert held_item(session, call.id).rank_at < newer.rank_at
    assert held_item(session, call.id).enqueued_at == NOW
    assert (held_agent(session, agent.agent_id).state, load_of(session)) == ("offline", 0)
    with pytest.raises(Conflict):
        actions.heartbeat(session, agent.agent_id, epoch=agent.epoch, now=later(20))
    assert not actions.lapse(session, agent.agent_id, now=later(60))


def test_signing_off_ends_the_notes_and_passes_on_the_rest(session: Session) -> None:
    agent = sign_on(session, cap=200)
    call, thread = ring(session), ring(session, "thread:1", kind="text")
    accepted(session, thread, agent)
    accepted(session, call, agent)
    actions.finish(session, call.id, now=NOW)
    with pytest.raises(Conflict):
        actions.sign_off(session, agent.agent_id, epoch=agent.epoch - 1, now=NOW)
    assert actions.sign_off(session, agent.agent_id, epoch=agent.epoch, now=NOW).state == "offline"
    assert [held_item(session, item.id).state for item in (call, thread)] == ["done", "queued"]
    assert actions.force_off(session, agent.agent_id, why="role", now=NOW).state == "offline"


def test_going_to_another_line_keeps_the_time_waited(session: Session) -> None:
    actions.open_queue(session, CITY, "crisis", name="Crisis", skill="crisis")
    agent, item = sign_on(session), ring(session)
    accepted(session, item, agent, later(10))
    moved = actions.requeue_front(session, item.id, why="transfer", queue_code="crisis", now=later(60))
    assert (moved.state, moved.enqueued_at, moved.agent_id, load_of(session)) == ("queued", NOW, None, 0)
    assert actions.requeue_front(session, item.id, why="transfer", now=later(61)).id == item.id
    actions.complete(session, item.id, disposition_code=None, now=later(62))
    with pytest.raises(Conflict):
        actions.requeue_front(session, item.id, why="transfer", now=later(63))


def test_capacity_cannot_shrink_below_what_is_held(session: Session) -> None:
    agent = sign_on(session)
    accepted(session, ring(session, "thread:1", kind="text"), agent)
    with pytest.raises(Conflict):
        actions.set_capacity(session, agent.agent_id, 20, now=NOW)
    assert actions.set_capacity(session, agent.agent_id, 25, now=NOW).cap_points == 25


def test_the_estimate_counts_who_goes_first(session: Session) -> None:
    assert actions.estimate(session, CITY, now=NOW).wait_s is None
    agent = sign_on(session)
    assert actions.estimate(session, CITY, now=NOW).wait_s == 0
    accepted(session, ring(session), agent)
    waiting = [ring(session, f"call:w{n}", now=later(n)) for n in range(3)]
    told = actions.estimate(session, CITY, now=later(10))
    assert (told.position, told.wait_s) == (4, 1200)
    assert actions.estimate(session, CITY, priority=1, now=later(10)).position == 1
    assert actions.estimate(session, CITY, work_item_id=waiting[1].id, now=later(10)).position == 2


def test_nobody_who_talks_is_free_for_the_next_caller(session: Session) -> None:
    """Room for two calls is room for one voice."""
    agent = sign_on(session, cap=200)
    assert actions.estimate(session, CITY, now=NOW).wait_s == 0
    accepted(session, ring(session), agent)
    assert actions.estimate(session, CITY, now=NOW).wait_s == 150
    assert actions.estimate(session, CITY, kind="text", now=NOW).wait_s == 75


def test_what_is_in_hand_beyond_the_points_leaves_no_room(session: Session) -> None:
    agent = sign_on(session)
    thread = accepted(session, ring(session, "thread:1", kind="text"), agent)
    call = actions.claim(session, ring(session).id, agent_id=agent.agent_id, now=NOW)
    actions.complete(session, thread.id, disposition_code="answered", agent_id=agent.agent_id, now=later(600))
    actions.finish(session, call.id, now=NOW)
    assert load_of(session) == 75
    assert actions.estimate(session, CITY, kind="text", now=NOW).wait_s == 150


def test_every_step_is_on_record(session: Session) -> None:
    agent, item = sign_on(session), ring(session)
    accepted(session, item, agent)
    actions.finish(session, item.id, now=NOW)
    actions.complete(session, item.id, disposition_code="reported", now=NOW)
    names = session.exec(select(DistributionEvent.name).order_by(col(DistributionEvent.id))).all()
    assert names == ["signed_on", "queued", "offered", "accepted", "wrapping", "done"]


@pytest.mark.parametrize("state", ["break", "leaving"])
def test_whoever_goes_while_it_rings_lets_it_ring_elsewhere_at_once(session: Session, state: str) -> None:
    agent, item = sign_on(session), ring(session)
    offered(session, item)
    with pytest.raises(Conflict):
        actions.set_state(session, agent.agent_id, epoch=agent.epoch - 1, state=state, reason="comida", now=later(1))
    assert held_item(session, item.id).state == "offered"
    actions.set_state(session, agent.agent_id, epoch=agent.epoch, state=state, reason="comida", now=later(1))
    assert (held_item(session, item.id).state, load_of(session)) == ("queued", 0)
    assert held_agent(session, agent.agent_id).state == state
