"""Calling somebody back: one call of ours for each attempt, dialled once the operator who took it is there to talk.

An attempt that reaches nobody gives the work back in the place that it had, for later; after a few of them it is over.
Whoever writes here holds the call's row.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from intake.calls import actions, history, queries
from intake.calls.line_models import CallBridge, CallLeg
from intake.calls.models import Call
from intake.catalog import cities
from intake.conversations.models import Conversation
from intake.distribution import items, lifecycle
from intake.distribution.models import WorkItem
from intake.people import actions as people
from intake.people import same
from intake.people.addresses import REGION, Address, read_phone, read_phone_of
from intake.people.models import ContactPoint
from kernel import db
from kernel.errors import Conflict, InvalidInput
from kernel.outbox import record
from kernel.rows import change, load, load_one

KIND = "callback"
OUTBOUND = "outbound"
REACHED, DROPPED = "reached", "dropped"
# Nobody was reached -> how long until the next attempt. What is not here (`dropped`: our side was not there) is no attempt.
PAUSES = {
    "busy": timedelta(minutes=5),
    "cut": timedelta(minutes=10),
    "failed": timedelta(minutes=10),
    "stopped": timedelta(minutes=10),
    "no_answer": timedelta(minutes=30),
    "voicemail": timedelta(minutes=60),
}
MOST_ATTEMPTS = 3
NOT_REACHED = "not_reached"
# Whoever asked to be called back has hung up by then, whatever we were told of it.
_HANGS_UP_WITHIN = timedelta(seconds=45)
# An operator whose browser did not ring is not asked again at once.
_SHUN = timedelta(seconds=60)
_CALLED_MEANWHILE = """
    SELECT id FROM work_item WHERE jurisdiction_id = $1 AND id <> $3
        AND conversation_id IN (SELECT conversation_id FROM call WHERE contact_point_id = $2) AND (
            kind = 'voice' AND state IN ('queued', 'offered', 'assigned')
            OR kind = 'voice' AND state IN ('wrapping', 'done') AND enqueued_at >= $4
        )
    ORDER BY enqueued_at DESC LIMIT 1
"""
_TALKED = """
    SELECT 1 FROM call_bridge JOIN call ON call.id = call_bridge.call_id JOIN call_leg ON call_leg.call_id = call.id
    WHERE call_bridge.work_item_id = $1 AND joined_at <= coalesce(call.ended_at, joined_at) LIMIT 1
"""
_MET_MEANWHILE = """
    SELECT 1 FROM call JOIN call_leg ON call_leg.call_id = call.id
    WHERE call.jurisdiction_id = $1 AND contact_point_id = $2 AND work_item_id IS DISTINCT FROM $3 AND direction = 'inbound'
        AND joined_at >= $4 AND joined_at <= coalesce(call.ended_at, joined_at) LIMIT 1
"""
_ASKED_AT = (
    "SELECT max(at) FROM distribution_event WHERE work_item_id = $1 AND name IN ('callback_asked', 'callback_kept')"
)
# A call of ours is called so until the network has given it a name.
_UNNAMED = "callback-"
_OUTCOMES = {"busy": "busy", "no_answer": "no_answer", "failed": "failed", "canceled": "stopped", "completed": "cut"}


def is_attempt(call: Call) -> bool:
    """A call of ours to somebody who has not been reached (yet)."""
    return call.direction == OUTBOUND and call.outcome != REACHED


def is_dialling(call: Call) -> bool:
    """An attempt that nothing has come of yet."""
    return call.direction == OUTBOUND and call.outcome == ""


def is_named(call: Call) -> bool:
    """The network has given it a name, by which it can be hung up."""
    return not call.provider_call_id.startswith(_UNNAMED)


def of_item(session: Session, work_item_id: UUID) -> Sequence[Call]:
    """Every attempt for this item, the oldest first."""
    return load(
        session, Call, "WHERE work_item_id = $1 AND direction = 'outbound' ORDER BY started_at, id", [work_item_id]
    )


def wants_silence(session: Session, item: WorkItem) -> bool:
    """Whether whoever asked to be called wants no messages besides."""
    asked = queries.asked_in(session, item)
    return asked is None or bool(asked.script.get("no_messages"))


def follow(session: Session, work_item_id: UUID, *, now: datetime) -> None:
    """An operator has taken it: an attempt is begun, unless one goes on. Told twice, it is one.

    They have called again and were answered instead: what the first call left open is ended. So it is where that went on
    while another operator had the callback in hand or was asked to take it, and it came back to the line without an attempt.
    """
    made = of_item(session, work_item_id)
    if _going_on(made):
        return
    if made:
        queries.held(session, made[-1].id)  # before the item, as everywhere
    item = items.held_item(session, work_item_id)
    if item.why == items.CALLED_AGAIN and (asked := queries.asked_in(session, item)) is not None:
        record(session, "call.ended", at=now, call_id=asked.id, conversation_id=asked.conversation_id)
        return
    made = of_item(session, item.id)
    if item.state != lifecycle.ASSIGNED or item.assigned_at is None or _going_on(made):
        return
    # The one for which they took it may have come to nothing already.
    if any(call.started_at >= item.assigned_at for call in made):
        return
    if _is_met_meanwhile(session, item):
        items.give_back(session, item, why=items.CALLED_AGAIN, now=now)
        change(session, item, why=items.CALLED_AGAIN)
        items.complete(session, item.id, disposition_code=None, now=now)
        return
    _begin(session, item, len(made) + 1, now)


def _is_met_meanwhile(session: Session, callback: WorkItem) -> bool:
    """Somebody of ours has talked with them in a call of theirs since they asked for this one."""
    point_id = _known_by(session, callback)
    if point_id is None:
        return False
    ((asked_at,),) = db.fetch(session, _ASKED_AT, [callback.id], prepare=True)
    values = [callback.jurisdiction_id, point_id, callback.id, asked_at or callback.enqueued_at]
    return bool(db.fetch(session, _MET_MEANWHILE, values, prepare=True))


def _going_on(made: Sequence[Call]) -> bool:
    return any(call.ended_at is None and call.outcome in ("", REACHED) for call in made)


def _begin(session: Session, item: WorkItem, number: int, now: datetime) -> None:
    asked = queries.asked_in(session, item)
    if asked is None or item.conversation_id is None:
        return
    contact = session.get_one(ContactPoint, asked.callback_contact_point_id or asked.contact_point_id)
    reachable = people.address_of(contact)
    call, _ = actions.begin(
        session,
        jurisdiction_id=item.jurisdiction_id,
        provider=asked.provider,
        provider_call_id=f"{_UNNAMED}{item.id}-{number}",
        other_end=read_phone(reachable) if contact.kind == "phone" else Address(contact.kind, None, reachable),
        to_number=reachable,
        direction=OUTBOUND,
        state="queued",
        conversation_id=item.conversation_id,
        language=item.language,
        now=now,
    )
    change(session, call, work_item_id=item.id)


def number_of(session: Session, call: Call) -> str | None:
    """Whom to dial; None for whom we do not call."""
    return dialable(session, call.jurisdiction_id, call.to_number)


def dialable(session: Session, jurisdiction_id: str, number: str) -> str | None:
    """The number in full; None for what is no number of the city's countries: who profits from a dear call may have left it."""
    regions = cities.city(session, jurisdiction_id).settings.get("phone_regions") or [REGION]
    try:
        return read_phone_of(number, regions).key
    except InvalidInput:
        return None


def may_dial(session: Session, call: Call, item: WorkItem, *, now: datetime) -> bool:
    """Whether whoever is called has put down the telephone with which they asked for it."""
    asked = queries.asked_in(session, item)
    return asked is None or asked.ended_at is not None or now - asked.changed_at >= _HANGS_UP_WITHIN


def name(session: Session, call: Call, provider_call_id: str) -> bool:
    """The network calls this (held) attempt so. False: the same person was dialled twice, and this is the other call."""
    if is_named(call):
        return call.provider_call_id == provider_call_id
    change(session, call, provider_call_id=provider_call_id)
    return True


def reached(session: Session, call: Call, *, now: datetime) -> None:
    """Somebody has answered and is in the room: from here on it is a call like any other."""
    if is_dialling(call):
        change(session, call, outcome=REACHED)
        history.note(session, call.id, "callback_reached", now=now)


def look(session: Session, call: Call, item: WorkItem, *, is_owner_lost: bool, now: datetime) -> None:
    """An attempt whose operator is not there any more is over: nobody is to answer a telephone that nobody talks in."""
    if not is_dialling(call) or call.ended_at is not None:
        return
    if item.state != lifecycle.ASSIGNED:
        change(session, call, outcome=DROPPED if item.state in (lifecycle.QUEUED, lifecycle.OFFERED) else "stopped")
    elif is_owner_lost and (held := items.held_item(session, item.id)).state == lifecycle.ASSIGNED:
        change(session, call, outcome=DROPPED)
        history.note(session, call.id, "operator_lost", actor=(held.agent_id, ""), now=now)
        items.give_back(session, held, why="no_answer", is_front=True, shun_until=now + _SHUN, now=now)


def not_reached(
    session: Session, call: Call, bridge: CallBridge, outcome: str, *, is_last: bool = False, now: datetime
) -> None:
    """Nobody came of this attempt: the work waits for the next one in its old place, or is over. Twice does it once.

    Whoever is in the line themselves by then has that place meanwhile. outcome: one of `PAUSES`. is_last: another one would be
    as vain.
    """
    if call.direction != OUTBOUND or call.outcome not in ("", REACHED):
        return
    item = items.held_item(session, bridge.work_item_id)
    instead = _called_meanwhile(session, item, call.started_at)
    change(session, call, outcome=outcome)
    tried = [one for one in of_item(session, item.id) if one.outcome in PAUSES]
    due_at = now + PAUSES[outcome]
    is_last = (is_last or len(tried) >= MOST_ATTEMPTS) and instead is None
    history.note(
        session,
        call.id,
        "callback_missed",
        actor=(item.agent_id, _name_of(session, call, item.agent_id)),
        reason=outcome,
        now=now,
        attempt=len(tried),
        again_at=None if is_last or instead else due_at.isoformat(),
    )
    if item.state != lifecycle.ASSIGNED:
        return
    if is_last:
        items.complete(session, item.id, disposition_code=NOT_REACHED, now=now)
        if call.ended_at is not None:
            # What is done at a call's end may have been done while the work still waited.
            record(session, "call.ended", at=now, call_id=call.id, conversation_id=call.conversation_id)
    else:
        items.give_back(session, item, why=outcome, now=now)
        change(session, item, due_at=due_at)
        if (
            instead is not None
            and items.take_place(session, instead, item.id, now=now)
            and _has_talked(session, instead)
        ):
            items.settle(session, instead, now=now)


def _called_meanwhile(session: Session, callback: WorkItem, since: datetime) -> WorkItem | None:
    """What whoever was being called has in the line by their own call, locked; what is over too, if somebody talked to them."""
    point_id = _known_by(session, callback)
    if point_id is None:
        return None
    values = [callback.jurisdiction_id, point_id, callback.id, since]
    found = db.fetch(session, _CALLED_MEANWHILE, values, prepare=True)
    if not found:
        return None
    item = items.held_item(session, found[0][0])
    is_over = item.state not in (lifecycle.QUEUED, lifecycle.OFFERED, lifecycle.ASSIGNED)
    return None if is_over and not _has_talked(session, item) else item


def _known_by(session: Session, callback: WorkItem) -> UUID | None:
    """By what their own calls are known: of a number that several people use nobody knows who called."""
    thread = load_one(session, Conversation, "WHERE id = $1", [callback.conversation_id])
    if thread is None or len(same.people_at(session, thread.contact_point_id)) > 1:
        return None
    return thread.contact_point_id


def _has_talked(session: Session, item: WorkItem) -> bool:
    return bool(db.fetch(session, _TALKED, [item.id], prepare=True))


def drop(session: Session, call: Call, *, now: datetime) -> None:
    """Whoever was reached has lost their operator, and nobody else came: the (held) call ends, and counts as no attempt."""
    if call.direction == OUTBOUND and call.outcome == REACHED:
        change(session, call, outcome=DROPPED)
        history.note(session, call.id, "callback_dropped", now=now)


def note_over(session: Session, call: Call, bridge: CallBridge, *, now: datetime) -> None:
    """The attempt's call has ended, as its state says."""
    not_reached(session, call, bridge, _OUTCOMES.get(call.state, "failed"), now=now)


def note_machine(session: Session, call: Call, bridge: CallBridge, *, now: datetime) -> None:
    """A machine has answered, says the network. Once somebody is in the room, an operator hears better than it."""
    if is_dialling(call):
        not_reached(session, call, bridge, "voicemail", now=now)


def give_up(session: Session, call: Call, bridge: CallBridge, outcome: str, *, now: datetime) -> None:
    """The operator says that nobody is to be had now. Raises Conflict where somebody has been reached by another way."""
    if call.direction != OUTBOUND:
        raise Conflict("Esta llamada no la hicimos nosotros.")
    not_reached(session, call, bridge, outcome, now=now)


def _name_of(session: Session, call: Call, agent_id: UUID | None) -> str:
    leg = load_one(session, CallLeg, "WHERE call_id = $1 AND agent_id = $2 LIMIT 1", [call.id, agent_id])
    return leg.agent_name if leg is not None else ""
