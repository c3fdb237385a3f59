"""What the network tells of the room of a call, in any order and as often as it comes, and what follows from it.

Whoever writes here holds the call's row, as in `rooms.py`.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from intake.calls import actions, calling_back, history, queries, rooms, waiting
from intake.calls.leg_states import later_leg
from intake.calls.line_models import CallBridge, CallLeg
from intake.calls.models import Call
from intake.calls.planning import ANSWER_WITHIN, MOST_ATTEMPTS
from intake.distribution import actions as distribution
from intake.distribution import items, lifecycle
from kernel.rows import HELD, change, load, load_one

# An operator whose browser did not ring is not asked again at once.
SHUN_UNANSWERED = timedelta(seconds=60)


def note_leg(
    session: Session, leg_id: UUID, provider_call_id: str, state: str, *, why: str = "", now: datetime
) -> tuple[UUID, bool] | None:
    """A leg's own report, in any order and as often as it comes. The call, and whether it was of the leg that we know.

    False: the same person was rung twice, and this is the other one, which is to be hung up. None: no leg of ours.
    """
    seen = load_one(session, CallLeg, "WHERE id = $1", [leg_id])
    if seen is None:
        return None
    call = queries.held(session, seen.call_id)
    leg = _held_leg(session, leg_id)
    if leg.provider_call_id not in (None, provider_call_id):
        return call.id, False
    move_leg(session, call, leg, state, provider_call_id=provider_call_id, why=why, now=now)
    return call.id, True


def move_leg(
    session: Session,
    call: Call,
    leg: CallLeg,
    state: str,
    *,
    provider_call_id: str | None = None,
    why: str = "",
    now: datetime,
) -> None:
    """The (held) leg climbs to this state, with what follows from it; the same or a lower one changes nothing."""
    if provider_call_id is not None and leg.provider_call_id is None:
        change(session, leg, provider_call_id=provider_call_id)
    stands = later_leg(leg.state, state)
    bridge = rooms.bridge_of(session, call.id)
    assert bridge is not None, "legs are of a room"
    if stands == leg.state:
        return
    if stands == "joined":
        change(session, leg, state=stands, joined_at=now)
        _joined(session, call, leg, now)
    elif stands == "ended":
        why = why or "completed" if leg.is_wanted else "unwanted"
        change(session, leg, state=stands, ended_at=now, why_ended=why)
        _ended(session, call, bridge, leg, now)
        if leg.agent_id is not None:
            items.held_item(session, bridge.work_item_id)
            distribution.rise(session, leg.agent_id, leg.id, now=now)
    else:
        change(session, leg, state=stands)
    rooms.touch(session, bridge, now)


def _joined(session: Session, call: Call, leg: CallLeg, now: datetime) -> None:
    history.note(session, call.id, f"{leg.role}_joined", actor=(leg.agent_id, leg.agent_name), now=now)
    waiting.answered(session, call, now=now)
    transfer = rooms.open_transfer(session, call.id)
    if transfer is None or transfer.leg_id != leg.id or not leg.is_wanted:
        return
    if transfer.kind == "consulted":
        change(session, transfer, state="talking")
        return
    rooms.hand_over(session, call, transfer, now=now)


def _ended(session: Session, call: Call, bridge: CallBridge, leg: CallLeg, now: datetime) -> None:
    transfer = rooms.open_transfer(session, call.id)
    if leg.why_ended == "unwanted":
        return
    history.note(session, call.id, f"{leg.role}_left", actor=(leg.agent_id, leg.agent_name), now=now, why=leg.why_ended)
    if transfer is None:
        return
    if transfer.leg_id == leg.id:
        # Nobody answered, or whoever was asked has gone: it is the first one's again, who says when the caller hears them.
        rooms.end_transfer(session, transfer, "returned", now)
        change(session, bridge, is_hold_wanted=transfer.kind == "consulted")
    elif leg.agent_id == transfer.from_agent_id and transfer.state == "talking" and call.ended_at is None:
        rooms.hand_over(session, call, transfer, now=now)


def lose_operator(session: Session, call_id: UUID, *, now: datetime) -> bool:
    """The caller is there and their operator is not: back to the head of the line. False when that is so no more."""
    call = queries.held(session, call_id)
    bridge = rooms.bridge_of(session, call_id)
    if bridge is None or call.ended_at is not None:
        return False
    item = items.held_item(session, bridge.work_item_id)
    if item.state != lifecycle.ASSIGNED or item.agent_id is None:
        return False
    if any(leg.agent_id == item.agent_id for leg in rooms.live_legs(session, call_id)):
        return False
    tail = "WHERE call_id = $1 AND agent_id = $2 ORDER BY created_at DESC, id DESC LIMIT 1"
    last = load_one(session, CallLeg, tail, [call_id, item.agent_id])
    has_answered = last is not None and last.joined_at is not None
    history.note(session, call_id, "operator_lost", actor=(item.agent_id, last.agent_name if last else ""), now=now)
    items.give_back(
        session,
        item,
        why="lost" if has_answered else "no_answer",
        is_front=True,
        shun_until=None if has_answered else now + SHUN_UNANSWERED,
        now=now,
    )
    rooms.touch(session, bridge, now)
    return True


def note_caller(session: Session, call: Call, bridge: CallBridge, state: str, *, now: datetime) -> None:
    """Where the caller is. A room that they are in once more hears them: whoever enters is not held."""
    if bridge.caller_state == state:
        return
    is_held = bridge.is_held if state == "inside" and bridge.caller_state == "inside" else False
    change(session, bridge, caller_state=state, caller_asked_at=now, is_held=is_held)
    if state == "inside":
        calling_back.reached(session, call, now=now)
    rooms.touch(session, bridge, now)


def note_gone(session: Session, call_id: UUID, *, now: datetime) -> None:
    """The network says that the caller is not there any more, perhaps before it has told us so itself."""
    call = queries.held(session, call_id)
    # A call of ours that nobody answered has not been a talk.
    state = "completed" if call.answered_at is not None or not calling_back.is_attempt(call) else "no_answer"
    actions.report(session, call, state, ended_by=call.ended_by or "caller", now=now)
    end_item(session, call, now=now)


def end_item(session: Session, call: Call, *, now: datetime) -> None:
    """The call is over: it waits no more, and whoever had it makes their notes."""
    bridge = rooms.bridge_of(session, call.id)
    if bridge is None:
        return
    if calling_back.is_attempt(call):
        calling_back.note_over(session, call, bridge, now=now)
        rooms.touch(session, bridge, now)
        return
    item = items.held_item(session, bridge.work_item_id)
    if item.state in lifecycle.ENDED:
        return
    if item.kind == calling_back.KIND and call.direction != calling_back.OUTBOUND:
        rooms.touch(session, bridge, now)  # they are to be called back: it is not this call's any more
        return
    waiting.let_go(session, call, item, why="hung_up", now=now)
    rooms.touch(session, bridge, now)


def note_absent_leg(session: Session, call: Call, leg: CallLeg, *, now: datetime) -> None:
    """The network knows nobody by this leg: it is rung again if no answer ever came of ringing it, else it has ended."""
    if leg.provider_call_id is not None:
        move_leg(session, call, leg, "ended", why="completed" if leg.joined_at else "no_answer", now=now)
    elif leg.attempts >= MOST_ATTEMPTS:
        move_leg(session, call, leg, "ended", why="failed", now=now)
    else:
        change(session, leg, state="wanted")


def is_settled(since: datetime | None, now: datetime) -> bool:
    """Whether the network has had time to show what it was asked then."""
    return since is None or now - since >= ANSWER_WITHIN


def _held_leg(session: Session, leg_id: UUID) -> CallLeg:
    (found,) = load(session, CallLeg, f"WHERE id = $1 {HELD}", [leg_id])
    return found
