"""Writes on calls. Whoever writes on a call holds its row: its turns, reports and end happen one after another."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from intake.calls import queries, waiting
from intake.calls.models import Call
from intake.calls.states import is_over, later
from intake.conversations import actions as conversations
from intake.conversations.values import VOICE
from intake.people import actions as people
from intake.people.addresses import Address
from intake.people.models import ContactPoint
from kernel import db
from kernel.inserts import insert_together
from kernel.outbox import record
from kernel.rows import change, fresh

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"


def begin(
    session: Session,
    *,
    jurisdiction_id: str,
    provider: str,
    provider_call_id: str,
    other_end: Address,
    to_number: str,
    direction: str = "inbound",
    state: str = "in_progress",
    conversation_id: UUID | None = None,
    language: str = "es",
    now: datetime,
) -> tuple[Call, bool]:
    """The call that the provider calls so, locked; True with it when it is new. A new one records `call.began`.

    conversation_id: the thread that a call of ours goes on with; without it the call begins a thread of its own.
    """
    db.fetch(session, _ONE_AT_A_TIME, [f"call:{provider}:{provider_call_id}"], prepare=True)
    known = queries.held_by_provider(session, provider, provider_call_id)
    if known is not None:
        return known, False
    contact_point = people.find_or_create_address(session, jurisdiction_id, other_end, now=now, language=language)
    people.remember_address(session, contact_point, other_end)
    if conversation_id is None:
        conversation_id = conversations.open_conversation(session, contact_point, VOICE, language=language, now=now).id
    call = fresh(
        Call,
        jurisdiction_id=jurisdiction_id,
        conversation_id=conversation_id,
        contact_point_id=contact_point.id,
        provider=provider,
        provider_call_id=provider_call_id,
        direction=direction,
        state=state,
        to_number=to_number,
        language=language,
        started_at=now,
        answered_at=now if state == "in_progress" else None,
        changed_at=now,
    )
    is_new = insert_together(session, call, [])
    assert is_new, "whoever begins the same call waits above"
    record(session, "call.began", at=now, call_id=call.id, conversation_id=conversation_id)
    return call, True


def report(session: Session, call: Call, state: str, *, ended_by: str = "", now: datetime) -> bool:
    """Takes in what the provider reports of a held call; True when it is over by it: out of the line, and `call.ended` once.

    state: one of `states.STATES`. A call only ever climbs, so that reports may come twice and in any order.
    """
    before = call.state
    stands = later(before, state)
    if stands == before:
        return False
    ends = is_over(stands) and not is_over(before)
    change(
        session,
        call,
        state=stands,
        answered_at=now if stands == "in_progress" and call.answered_at is None else call.answered_at,
        ended_at=now if ends else call.ended_at,
        ended_by=(ended_by or call.ended_by or "caller") if ends else call.ended_by,
        changed_at=now,
    )
    if ends:
        # In the same breath: whoever accepts it from now on is told that it is gone.
        waiting.leave(session, call, why="hung_up", now=now)
        record(session, "call.ended", at=now, call_id=call.id, conversation_id=call.conversation_id)
    return ends


def address_of(session: Session, call: Call) -> Address:
    """The other end's address, to be called back or written to; kind `withheld` for one that cannot be."""
    contact_point = session.get_one(ContactPoint, call.contact_point_id)
    reachable = people.address_of(contact_point)
    return Address(contact_point.kind, reachable if contact_point.kind == "phone" else None, reachable)
