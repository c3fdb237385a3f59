"""A thread in the waiting line of people: joined, taken and left in the transaction that changes the thread.

Who writes here holds the thread's row; the line's rows come after it.
"""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from georef.points import LonLat
from intake.conversations.models import Conversation, Message
from intake.conversations.values import VOICE
from intake.distribution import actions as distribution
from intake.distribution.models import AgentSession, Offer, WorkItem
from intake.distribution.values import GENERAL
from intake.incidents import queries as incidents
from kernel.outbox import record
from kernel.rows import HELD, load_one

_THREAD_OF = "WHERE id = (SELECT conversation_id FROM work_item WHERE id = $1)"


def source_of_call(call_sid: str) -> str:
    """What the work item of a call is known by."""
    return f"call:{call_sid}"


def join(session: Session, conversation: Conversation, *, said: Message | None = None, now: datetime) -> WorkItem:
    """The thread's place in the line; the one it has, if it is there already.

    said: what the resident just said. In a call it is the call that waits, and leaves when the caller does.
    """
    call_sid = (said.provider_message_id or "").rpartition(":")[0] if said and said.channel == VOICE else ""
    return distribution.enqueue(
        session,
        jurisdiction_id=conversation.jurisdiction_id,
        kind="voice" if call_sid else "text",
        conversation_id=conversation.id,
        source_ref=source_of_call(call_sid) if call_sid else f"thread:{conversation.id}:{now.isoformat()}",
        queue_code=_queue_of(session, conversation),
        language=conversation.language,
        preferred_agent_id=conversation.taken_by,
        now=now,
    )


def _queue_of(session: Session, conversation: Conversation) -> str:
    """The line of the incident that they are told of or tell about, where it has one of its own."""
    draft = (conversation.dialogue or {}).get("draft") or {}
    place = draft.get("place") or {}
    lonlat = LonLat(place["lon"], place["lat"]) if place else None
    incident = incidents.queue_for(
        session, conversation.jurisdiction_id, conversation.contact_point_id, draft.get("service_code"), lonlat
    )
    return incident.queue_code if incident and incident.queue_code else GENERAL


def claim(session: Session, conversation: Conversation, agent_id: UUID, *, now: datetime) -> WorkItem:
    """An agent takes the thread by hand, wherever in the line it is."""
    item = distribution.live_of(session, conversation.id) or join(session, conversation, now=now)
    return distribution.claim(session, item.id, agent_id=agent_id, now=now)


def leave(session: Session, conversation: Conversation, *, disposition_code: str, now: datetime) -> None:
    """Nobody needs to answer the thread any more."""
    item = distribution.live_of(session, conversation.id)
    if item is not None:
        distribution.complete(session, item.id, disposition_code=disposition_code, now=now)


def accept(session: Session, offer_id: UUID, *, agent_id: UUID, epoch: int, now: datetime) -> WorkItem:
    """The operator takes what is offered, and the thread is theirs at once. Raises as `distribution.actions.accept` does."""
    offered = load_one(session, Offer, "WHERE id = $1", [offer_id])
    thread = load_one(session, Conversation, f"{_THREAD_OF} {HELD}", [offered.work_item_id]) if offered else None
    item = distribution.accept(session, offer_id, agent_id=agent_id, epoch=epoch, now=now)
    if thread is not None:
        _give(session, thread, item, now)
    return item


def follow(session: Session, work_item_id: UUID, agent_id: UUID | None, *, now: datetime) -> None:
    """The thread is whose its work item is: after an offer was accepted elsewhere, or its operator was lost.

    agent_id: who had it, as the event says; a thread that somebody else took since is left to them.
    """
    thread = load_one(session, Conversation, f"{_THREAD_OF} {HELD}", [work_item_id])
    item = load_one(session, WorkItem, "WHERE id = $1", [work_item_id])
    if thread is None or item is None or thread.state != "with_agent":
        return
    if item.agent_id is not None and item.ended_at is None:
        _give(session, thread, item, now)
    elif item.agent_id is None and thread.taken_by is not None and thread.taken_by == agent_id:
        thread.taken_by, thread.taken_by_name = None, ""
        record(session, "conversation.taken", at=now, conversation_id=thread.id)


def _give(session: Session, thread: Conversation, item: WorkItem, now: datetime) -> None:
    if item.agent_id is None or thread.state != "with_agent" or thread.taken_by == item.agent_id:
        return
    agent = load_one(session, AgentSession, "WHERE agent_id = $1", [item.agent_id])
    if agent is None:
        return
    thread.taken_by, thread.taken_by_name = item.agent_id, agent.name
    record(session, "conversation.taken", at=now, conversation_id=thread.id)
