"""The room of a call in our database: who is wanted in it, and what is known of it. Whoever writes here holds the call's row.

The work item says whose the call is; legs follow it. Nothing here talks to the network: `channels/voice/arranging.py` does,
step by step, between these. What the network tells of a room is in `room_reports.py`.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from intake.calls import calling_back, history, queries, recordings
from intake.calls.line_models import CallBridge, CallLeg, CallTransfer
from intake.calls.models import Call
from intake.calls.planning import LegFacts, Situation
from intake.conversations.in_line import call_of_source
from intake.distribution import actions as distribution
from intake.distribution import items, lifecycle
from intake.distribution.models import AgentSession, WorkItem
from kernel.outbox import record
from kernel.rows import change, load, load_one

CHANGED = "call_bridge.changed"

_LIVE_LEGS = "WHERE call_id = $1 AND state <> 'ended' ORDER BY created_at, id"
_OPEN_TRANSFER = "WHERE call_id = $1 AND state IN ('ringing', 'talking')"
WAITING = frozenset({lifecycle.QUEUED, lifecycle.OFFERED})


def call_of_item(session: Session, work_item_id: UUID) -> tuple[Call, WorkItem] | None:
    """The call that a work item is of, held, and the item as it is now."""
    item = load_one(session, WorkItem, "WHERE id = $1", [work_item_id])
    if item is None:
        return None
    call = named(session, item)
    return None if call is None else (queries.held(session, call.id), item)


def named(session: Session, item: WorkItem) -> Call | None:
    """The call of an item: of one that is called back, the newest attempt."""
    if item.kind == calling_back.KIND:
        made = calling_back.of_item(session, item.id)
        return made[-1] if made else None
    if sid := call_of_source(item.source_ref):
        return load_one(session, Call, "WHERE provider_call_id = $1", [sid])
    return load_one(session, Call, "WHERE work_item_id = $1 ORDER BY started_at DESC LIMIT 1", [item.id])


def follow_item(session: Session, work_item_id: UUID, *, now: datetime) -> UUID | None:
    """Makes the room of a call whose item somebody took; the call if it has one. Its legs follow with the next step."""
    seen = load_one(session, WorkItem, "WHERE id = $1", [work_item_id])
    if seen is not None and seen.kind == calling_back.KIND:
        calling_back.follow(session, work_item_id, now=now)
    found = call_of_item(session, work_item_id)
    if found is None:
        return None
    call, item = found
    bridge = bridge_of(session, call.id)
    if bridge is None:
        if item.state != lifecycle.ASSIGNED or call.ended_at is not None:
            return None
        # An item that is called back has a room for each attempt.
        room_name = f"item-{item.id}" if call.direction == "inbound" else f"call-{call.id}"
        bridge = CallBridge(
            call_id=call.id,
            jurisdiction_id=call.jurisdiction_id,
            work_item_id=item.id,
            room_name=room_name,
            looked_at=now,
            due_at=now,
            created_at=now,
            changed_at=now,
        )
        session.add(bridge)
        session.flush()
    elif bridge.work_item_id != item.id and item.state == lifecycle.ASSIGNED:
        bridge.work_item_id, bridge.ended_at = item.id, None
    return call.id


def bridge_of(session: Session, call_id: UUID) -> CallBridge | None:
    return load_one(session, CallBridge, "WHERE call_id = $1", [call_id])


def by_room(session: Session, room_name: str) -> tuple[Call, CallBridge] | None:
    """The call of a room, held, and its bridge."""
    seen = load_one(session, CallBridge, "WHERE room_name = $1", [room_name])
    if seen is None:
        return None
    call = queries.held(session, seen.call_id)
    bridge = bridge_of(session, call.id)
    assert bridge is not None, "rooms are never removed"
    return call, bridge


def attempt(session: Session, call_id: UUID) -> tuple[Call, CallBridge] | None:
    """A call of ours to somebody outside, held, with its room; None for any other."""
    seen = load_one(session, Call, "WHERE id = $1 AND direction = 'outbound'", [call_id])
    bridge = bridge_of(session, call_id)
    if seen is None or bridge is None:
        return None
    return queries.held(session, call_id), bridge


def live_legs(session: Session, call_id: UUID) -> Sequence[CallLeg]:
    return load(session, CallLeg, _LIVE_LEGS, [call_id])


def open_transfer(session: Session, call_id: UUID) -> CallTransfer | None:
    return load_one(session, CallTransfer, _OPEN_TRANSFER, [call_id])


def touch(session: Session, bridge: CallBridge, now: datetime) -> None:
    """Whoever arranges rooms is told, and whoever looks at the call."""
    change(session, bridge, due_at=now, changed_at=now)
    record(session, CHANGED, at=now, call_id=bridge.call_id)


# Whose it is


def settle(session: Session, call: Call, bridge: CallBridge, *, now: datetime) -> WorkItem:
    """Legs follow the work item: its operator is wanted in the room, and no other operator is."""
    item = load_one(session, WorkItem, "WHERE id = $1", [bridge.work_item_id])
    assert item is not None, "items are never removed"
    transfer = open_transfer(session, call.id)
    if transfer is not None and _is_left_to_who_was_asked(call, transfer, item):
        hand_over(session, call, transfer, now=now)
        transfer, item = None, items.held_item(session, item.id)
    legs = live_legs(session, call.id)
    owner = item.agent_id if _is_taken(call, item) else None
    for leg in legs:
        if leg.role == "operator" and leg.agent_id != owner and leg.is_wanted:
            change(session, leg, is_wanted=False)
    if transfer is not None and owner != transfer.from_agent_id:
        is_done = owner is not None and owner == transfer.to_agent_id
        end_transfer(session, transfer, "done" if is_done else "cancelled", now)
        for leg in legs:
            # A number outside stays: whoever hangs up does not cut the caller off from it.
            if leg.id == transfer.leg_id and leg.agent_id is not None and leg.agent_id != owner:
                change(session, leg, is_wanted=False)
        transfer = None
    if owner is not None and call.ended_at is None and (call.outcome == "" or call.outcome == calling_back.REACHED):
        _seat_owner(session, call, bridge, owner, legs, item, transfer, now)
    return item


def _is_taken(call: Call, item: WorkItem) -> bool:
    """By somebody who talks in this call: whoever asked in it to be called back is talked to in another."""
    is_its_own = item.kind != calling_back.KIND or call.direction == calling_back.OUTBOUND
    return item.state == lifecycle.ASSIGNED and is_its_own


def _is_left_to_who_was_asked(call: Call, transfer: CallTransfer, item: WorkItem) -> bool:
    """Both talked, and the first one's desk was lost: the caller is not to wait while somebody who knows of it is there."""
    is_waiting = item.state in WAITING and call.ended_at is None
    return is_waiting and transfer.state == "talking" and transfer.to_agent_id is not None


def _seat_owner(
    session: Session,
    call: Call,
    bridge: CallBridge,
    owner: UUID,
    legs: Sequence[CallLeg],
    item: WorkItem,
    transfer: CallTransfer | None,
    now: datetime,
) -> None:
    mine = next((leg for leg in legs if leg.agent_id == owner), None)
    if mine is not None:
        if mine.role != "operator" and mine.is_wanted:
            change(session, mine, role="operator", mode="talk")
            items.held_item(session, bridge.work_item_id)  # before the operator's row, as everywhere
            distribution.rise(session, owner, mine.id, now=now)
        return
    if transfer is not None and transfer.kind == "blind" and transfer.from_agent_id == owner:
        return  # they have left, and it is theirs until somebody answers
    if not _is_lost(session, call.id, owner, item):
        add_leg(session, call, agent_id=owner, name=name_of(session, owner), role="operator", now=now)


def _is_lost(session: Session, call_id: UUID, owner: UUID, item: WorkItem) -> bool:
    """Whether the operator's leg ended of itself since it became theirs."""
    tail = "WHERE call_id = $1 AND agent_id = $2 ORDER BY created_at DESC, id DESC LIMIT 1"
    last = load_one(session, CallLeg, tail, [call_id, owner])
    if last is None or last.state != "ended" or last.why_ended == "unwanted":
        return False
    return item.assigned_at is None or last.created_at >= item.assigned_at


def name_of(session: Session, agent_id: UUID) -> str:
    agent = load_one(session, AgentSession, "WHERE agent_id = $1", [agent_id])
    return agent.name if agent is not None else ""


def add_leg(
    session: Session,
    call: Call,
    *,
    agent_id: UUID | None,
    name: str,
    role: str,
    address: str = "",
    mode: str = "talk",
    now: datetime,
) -> CallLeg:
    leg = CallLeg(
        call_id=call.id,
        agent_id=agent_id,
        agent_name=name,
        role=role,
        address=address or f"client:agent-{agent_id}",
        mode=mode,
        created_at=now,
    )
    sit(session, leg, now=now)
    session.add(leg)
    session.flush()
    return leg


def sit(session: Session, leg: CallLeg, *, now: datetime) -> None:
    """Whoever is in a call that is another's is offered nothing, if a desk of theirs is open. Raises Conflict."""
    here = "WHERE agent_id = $1 AND state <> 'offline'"
    if leg.agent_id is not None and leg.role != "operator" and load_one(session, AgentSession, here, [leg.agent_id]):
        distribution.sit_beside(session, leg.agent_id, leg.id, now=now)


def end_transfer(session: Session, transfer: CallTransfer, state: str, now: datetime) -> None:
    change(session, transfer, state=state, ended_at=now)


def hand_over(session: Session, call: Call, transfer: CallTransfer, *, now: datetime) -> None:
    """The call is now whoever's it was passed on to; outside of the city's people it is over for the operator."""
    bridge = bridge_of(session, call.id)
    assert bridge is not None
    change(session, bridge, is_hold_wanted=False)
    end_transfer(session, transfer, "done", now)
    history.note(
        session,
        call.id,
        "transferred",
        actor=(transfer.from_agent_id, transfer.from_agent_name),
        now=now,
        to=transfer.to_name,
        kind=transfer.kind,
    )
    if transfer.to_agent_id is not None:
        distribution.claim(session, bridge.work_item_id, agent_id=transfer.to_agent_id, now=now)
    else:
        distribution.finish(session, bridge.work_item_id, why="transferred", now=now)
        for leg in live_legs(session, call.id):
            if leg.role == "operator":
                change(session, leg, is_wanted=False)


# What is known


def situation(session: Session, call: Call, bridge: CallBridge, item: WorkItem, *, now: datetime) -> Situation:
    """The room as it is and as it is wanted, for `planning.plan`."""
    legs = live_legs(session, call.id)
    transfer = open_transfer(session, call.id)
    is_over = item.state not in WAITING and item.state != lifecycle.ASSIGNED
    # Out of the room, the line's documents say how it ends; of a call of ours, which nobody has answered, they say nothing.
    is_answered = call.direction != calling_back.OUTBOUND or call.answered_at is not None
    is_with_machine = is_answered and bridge.caller_state == "outside"
    is_given_up = calling_back.is_attempt(call) and not calling_back.is_dialling(call)
    has_outsider = any(leg.agent_id is None and leg.is_wanted for leg in legs)
    is_lost = is_owner_lost(session, call, item)
    wants_hold = bridge.is_hold_wanted or item.state in WAITING or transfer is not None
    return Situation(
        caller="gone" if call.ended_at is not None else bridge.caller_state,
        is_closing=((is_over and not has_outsider) or is_given_up) and not is_with_machine,
        is_taken=has_outsider or _is_taken(call, item),
        waits_since=item.waiting_since if item.state in WAITING else None,
        is_owner_lost=is_lost,
        dials=calling_back.is_dialling(call),
        may_dial=not calling_back.is_dialling(call) or calling_back.may_dial(session, call, item, now=now),
        is_caller_known=calling_back.is_named(call),
        caller_since=bridge.caller_asked_at,
        has_room=bridge.room_reference is not None,
        wants_hold=wants_hold,
        is_held=bridge.is_held,
        legs=tuple(_facts(leg, legs) for leg in legs),
        recording=recordings.facts(session, call.id, is_held=wants_hold or bridge.is_held),
        looked_at=bridge.looked_at,
    )


def is_owner_lost(session: Session, call: Call, item: WorkItem) -> bool:
    """Whether the call is somebody's who is not in its room, and was."""
    owner = item.agent_id if item.state == lifecycle.ASSIGNED else None
    if owner is None or any(leg.agent_id == owner for leg in live_legs(session, call.id)):
        return False
    transfer = open_transfer(session, call.id)
    return (transfer is None or transfer.kind != "blind") and _is_lost(session, call.id, owner, item)


def manner_of(leg: CallLeg, legs: Sequence[CallLeg]) -> tuple[str, str | None]:
    """How somebody is to be heard in the room now, and who alone hears them. With nobody to whisper to, they only listen."""
    if leg.mode != "whisper":
        return leg.mode, None
    owners = (one for one in legs if one.role == "operator" and one.state == "joined" and one.is_wanted)
    coached = next((one.provider_call_id for one in owners), None)
    return ("listen", None) if coached is None else ("whisper", coached)


def _facts(leg: CallLeg, legs: Sequence[CallLeg]) -> LegFacts:
    mode, coached = manner_of(leg, legs)
    return LegFacts(
        id=str(leg.id),
        state=leg.state,
        serves=leg.agent_id is not None and leg.role != "supervisor",
        is_wanted=leg.is_wanted,
        is_known=leg.provider_call_id is not None,
        mode=mode,
        mode_done=leg.mode_done,
        coached=coached,
        coached_done=leg.coached,
        since=leg.joined_at or leg.asked_at or leg.created_at,
        attempts=leg.attempts,
    )
