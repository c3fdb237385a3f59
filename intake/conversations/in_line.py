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
from intake.distribution import items
from intake.distribution.lifecycle import LIVE
from intake.distribution.models import AgentSession, Offer, WorkItem
from intake.distribution.values import GENERAL
from intake.incidents import queries as incidents
from intake.people import same
from kernel import db
from kernel.outbox import record
from kernel.rows import HELD, load, load_one

_THREAD_OF = "WHERE id = (SELECT conversation_id FROM work_item WHERE id = $1)"
_OF_CALLS = "WHERE conversation_id = $1 AND kind <> 'text' ORDER BY enqueued_at DESC, id DESC"
_CALLBACK = f"""
    SELECT work_item.id FROM work_item JOIN conversation ON conversation.id = conversation_id
    JOIN contact_point ON contact_point.id = conversation.contact_point_id AND contact_point.kind = 'phone'
    WHERE work_item.jurisdiction_id = $1 AND work_item.state = 'queued' AND work_item.kind = 'callback'
      AND conversation.contact_point_id = $2 AND {items.NOT_STOOD_FOR}
    ORDER BY rank_at LIMIT 1
"""  # noqa: S608  # words of our own
_CALL = "call:"


def source_of_call(call_sid: str, before: int = 0) -> str:
    """What the work item of a call is known by. before: how often it waited in the line, and left it."""
    return f"{_CALL}{call_sid}:{before + 1}" if before else f"{_CALL}{call_sid}"


def call_of_source(source_ref: str) -> str | None:
    """The call that an item is of, as the provider calls it; None for an item of something else."""
    return source_ref.removeprefix(_CALL).partition(":")[0] if source_ref.startswith(_CALL) else None


def join(session: Session, conversation: Conversation, *, said: Message | None = None, now: datetime) -> WorkItem:
    """The thread's place in the line; the one it has, if it is there already.

    said: what the resident just said, which wakes a thread that rests. In a call it is the call that waits, and leaves when the
    caller does.
    """
    call_sid = (said.provider_message_id or "").rpartition(":")[0] if said and said.channel == VOICE else ""
    if call_sid:
        return join_as_call(session, conversation, call_sid, now=now)
    source_ref = f"thread:{conversation.id}:{now.isoformat()}"
    item = _enqueue(session, conversation, "text", source_ref, None, now)
    return item if said is None else distribution.heard(session, item.id, now=now)


def join_as_call(
    session: Session,
    conversation: Conversation,
    call_sid: str,
    *,
    kind: str = "voice",
    due_at: datetime | None = None,
    now: datetime,
) -> WorkItem:
    """The place of a call, whose thread is held; who left the line and asks again has a new one, behind all who stayed.

    Whoever is to be called back and calls again has the callback's place meanwhile. kind, due_at: as of
    `distribution.actions.enqueue`, where the place is new.
    """
    known = load(session, WorkItem, _OF_CALLS, [conversation.id])
    if known and known[0].state in LIVE:
        return known[0]
    item = _enqueue(session, conversation, kind, source_of_call(call_sid, len(known)), due_at, now)
    if kind == "voice" and (callback_id := callback_of(session, conversation)) is not None:
        distribution.take_place(session, item, callback_id, now=now)
    return item


def callback_of(session: Session, conversation: Conversation) -> UUID | None:
    """The callback that waits and that was asked for from the same number, if no other call stands for it.

    Of a number that several people use nobody knows whose it is: None.
    """
    found = db.fetch(session, _CALLBACK, [conversation.jurisdiction_id, conversation.contact_point_id], prepare=True)
    if not found or len(same.people_at(session, conversation.contact_point_id)) > 1:
        return None
    callback_id = found[0][0]
    assert isinstance(callback_id, UUID)
    return callback_id


def place_of_call(session: Session, conversation_id: UUID) -> WorkItem | None:
    """What waits for a person because of the call in this thread, or is with one."""
    newest = load_one(session, WorkItem, f"{_OF_CALLS} LIMIT 1", [conversation_id])
    return newest if newest is not None and newest.state in LIVE else None


def _enqueue(
    session: Session, conversation: Conversation, kind: str, source_ref: str, due_at: datetime | None, now: datetime
) -> WorkItem:
    return distribution.enqueue(
        session,
        jurisdiction_id=conversation.jurisdiction_id,
        kind=kind,
        conversation_id=conversation.id,
        source_ref=source_ref,
        queue_code=_queue_of(session, conversation),
        language=conversation.language,
        preferred_agent_id=conversation.taken_by,
        due_at=due_at,
        now=now,
    )


def answered(session: Session, conversation: Conversation, *, now: datetime) -> None:
    """An operator wrote to the resident, whose turn it is: a thread that stays silent takes nobody's capacity."""
    item = distribution.live_of(session, conversation.id)
    if item is not None:
        distribution.answered(session, item, now=now)


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


def left_over(session: Session, work_item_id: UUID) -> Conversation | None:
    """The thread of work that ended by itself while a person is still to answer it, locked; None when there is no such thing.

    So it is when notes ran out of time, and when nobody wrote for a day.
    """
    thread = load_one(session, Conversation, f"{_THREAD_OF} {HELD}", [work_item_id])
    item = load_one(session, WorkItem, "WHERE id = $1", [work_item_id])
    if thread is None or item is None or item.kind != "text" or item.ended_at is None or thread.state != "with_agent":
        return None
    return thread if distribution.live_of(session, thread.id) is None else None


def _give(session: Session, thread: Conversation, item: WorkItem, now: datetime) -> None:
    if item.agent_id is None or thread.state != "with_agent" or thread.taken_by == item.agent_id:
        return
    agent = load_one(session, AgentSession, "WHERE agent_id = $1", [item.agent_id])
    if agent is None:
        return
    thread.taken_by, thread.taken_by_name = item.agent_id, agent.name
    record(session, "conversation.taken", at=now, conversation_id=thread.id)
