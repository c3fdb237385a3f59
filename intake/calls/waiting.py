"""A call in the waiting line of people: what it waits for, how long, and what becomes of its place when the caller goes."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from intake.calls import queries
from intake.calls.models import Call
from intake.conversations import actions as conversations
from intake.conversations import in_line
from intake.conversations.models import Conversation
from intake.distribution import actions as distribution
from intake.distribution import items, lifecycle
from intake.distribution.models import WorkItem
from intake.distribution.values import Estimate
from kernel.rows import change, load


def item_of(session: Session, call: Call) -> WorkItem | None:
    """The work that waits for a person because of this call, while it is not over."""
    found = in_line.place_of_call(session, call.conversation_id)
    if found is not None and call.work_item_id != found.id:
        change(session, call, work_item_id=found.id)
    return found


def estimate(session: Session, call: Call, *, now: datetime) -> Estimate:
    """How many go first, and about how long that takes."""
    item = item_of(session, call)
    return distribution.estimate(session, call.jurisdiction_id, work_item_id=item.id if item else None, now=now)


def join(session: Session, call: Call, *, now: datetime) -> None:
    """Puts the call into the line, if it is not there: a person answers this thread from now on. Twice does it once.

    Whoever left the line before waits behind those who stayed.
    """
    conversation = conversations.held(session, call.conversation_id)
    conversations.give_to_agents(session, conversation, now=now)
    in_line.join_as_call(session, conversation, call.provider_call_id, now=now)


def leave(session: Session, call: Call, *, why: str, now: datetime) -> None:
    """Out of the line, or from under an offer that nobody can accept any more; a call back stays. Twice does it once."""
    waiting = item_of(session, call)
    if waiting is None:
        return
    # As it is now: it may have become a call back meanwhile.
    item = items.held_item(session, waiting.id)
    if item.kind == "voice":
        let_go(session, call, item, why=why, now=now)


def let_go(session: Session, call: Call, item: WorkItem, *, why: str, now: datetime) -> None:
    """The (held) item is this call's no more: its operator makes their notes, or is free at once if nobody has met the caller."""
    if item.state in lifecycle.HELD and not queries.has_met(session, call.id):
        distribution.complete(session, item.id, disposition_code="caller_gone", now=now)
    else:
        distribution.abandon(session, item.source_ref, why=why, now=now)


def answered(session: Session, call: Call, *, now: datetime) -> None:
    """Somebody is in the room with whoever called: they are not called back besides.

    Also where an operator had the callback in hand, or was asked to take it, as they came into the line, and has it no more.
    """
    item = item_of(session, call)
    if item is not None and item.kind == "voice" and item.instead_of_id is None and call.ended_at is None:
        callback_id = in_line.callback_of(session, session.get_one(Conversation, call.conversation_id))
        if callback_id is not None:
            distribution.take_place(session, item, callback_id, now=now)
    settle(session, call, items_of_thread(session, call.conversation_id), now=now)


def settle(session: Session, call: Call, of_thread: Sequence[WorkItem], *, now: datetime) -> None:
    """Whoever called again was answered: what stood for their call back is enough. of_thread: the work of this call's thread.

    In a call of ours the operator is there before anybody is reached.
    """
    for item in of_thread:
        if item.instead_of_id is not None and call.direction == "inbound" and queries.has_met(session, call.id):
            distribution.settle(session, item, now=now)


def call_back(
    session: Session, call: Call, contact_point_id: UUID | None, *, due_at: datetime | None, now: datetime
) -> bool:
    """Keeps the call's place for a call back; one that is in no line yet gets a place. False when somebody is answering already.

    contact_point_id: whose number is called, if it is not the one that called. due_at: not before then.
    """
    change(session, call, callback_contact_point_id=contact_point_id)
    item = item_of(session, call)
    if item is not None:
        return distribution.wait_for_callback(session, item.source_ref, due_at=due_at, now=now)
    conversation = conversations.held(session, call.conversation_id)
    conversations.give_to_agents(session, conversation, now=now)
    in_line.join_as_call(session, conversation, call.provider_call_id, kind="callback", due_at=due_at, now=now)
    return True


def keep_call_back(session: Session, call: Call, *, now: datetime) -> bool:
    """Whoever is to be called at this number already, and asks for it once more, is, in the place and at the hour that they have.

    False when that is not so, when it is not surely theirs, or when somebody is answering already.
    """
    conversation = conversations.held(session, call.conversation_id)
    waits = item_of(session, call)
    callback_id = in_line.callback_of(session, conversation) if waits is None else waits.instead_of_id
    if callback_id is None:
        return False
    callback = items.held_item(session, callback_id)
    asked = queries.asked_in(session, callback)
    if callback.state != lifecycle.QUEUED or asked is None or asked.callback_contact_point_id is not None:
        return False
    if waits is not None:
        if items.held_item(session, waits.id).state != lifecycle.QUEUED:
            return False
        distribution.abandon(session, waits.source_ref, why="callback", now=now)
    distribution.note_callback_kept(session, callback, now=now)
    return True


def items_of_thread(session: Session, conversation_id: UUID) -> list[WorkItem]:
    """All the work that this call's thread ever was."""
    return load(session, WorkItem, "WHERE conversation_id = $1", [conversation_id])
