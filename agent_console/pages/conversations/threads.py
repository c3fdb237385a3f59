"""Reads of the threads that wait for a person."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, exists, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from agent_console.accounts import Viewer
from agent_console.contacts import masked
from agent_console.presentation import Look, ago, channel_look
from intake.conversations.models import Conversation, Message
from intake.people.models import ContactPoint
from intake.service_requests.models import Report, ServiceRequest
from kernel.errors import NotFound

# The automatic dialogue answers within seconds; a message it has not handled by then needs somebody to look.
_UNHANDLED_AFTER = timedelta(minutes=2)
_MOST = 200


@dataclass(frozen=True)
class Thread:
    """One line of the list. `waits`: the last word was the resident's."""

    id: UUID
    who: str
    channel: Look
    last: str
    waits: bool
    when: str


def waiting(session: Session, viewer: Viewer, now: datetime) -> list[Thread]:
    """Threads with a person in charge, or with a message nobody handled; those that wait for us come first, oldest first."""
    later = aliased(Message)
    newest = and_(
        col(Message.conversation_id) == col(Conversation.id),
        ~exists().where(col(later.conversation_id) == col(Conversation.id), col(later.seq) > col(Message.seq)),
    )
    unhandled = exists().where(
        col(later.conversation_id) == col(Conversation.id),
        col(later.direction) == "inbound",
        col(later.status) == "received",
        col(later.changed_at) < now - _UNHANDLED_AFTER,
    )
    found = session.exec(
        select(Conversation, Message, ContactPoint)
        .select_from(Conversation)
        .join(Message, newest)
        .join(ContactPoint, col(ContactPoint.id) == col(Conversation.contact_point_id))
        .where(
            Conversation.jurisdiction_id == viewer.jurisdiction_id,
            Conversation.state != "closed",
            or_(col(Conversation.state) == "with_agent", unhandled),
        )
        .order_by(col(Message.direction), col(Message.at), col(Conversation.id))
        .limit(_MOST)
    )
    return [
        Thread(
            id=thread.id,
            who=masked(contact),
            channel=channel_look(thread.channel, viewer.language),
            last=message.body,
            waits=message.direction == "inbound",
            when=ago(message.at, now, viewer.timezone, viewer.language),
        )
        for thread, message, contact in found
    ]


def find(session: Session, viewer: Viewer, conversation_id: UUID) -> Conversation:
    """The thread. Raises NotFound, also for one of another city."""
    found = session.get(Conversation, conversation_id)
    if found is None or found.jurisdiction_id != viewer.jurisdiction_id:
        raise NotFound("No encontramos esa conversación.")
    return found


def messages_in(session: Session, thread: Conversation) -> list[Message]:
    """Its last 200 messages, oldest first."""
    newest = select(Message).where(Message.conversation_id == thread.id).order_by(col(Message.seq).desc()).limit(_MOST)
    return list(session.exec(newest))[::-1]


def requests_of(session: Session, thread: Conversation) -> list[ServiceRequest]:
    """The requests that came out of this thread, newest first."""
    return list(
        session.exec(
            select(ServiceRequest)
            .where(
                col(ServiceRequest.id).in_(select(Report.service_request_id).where(Report.conversation_id == thread.id))
            )
            .order_by(col(ServiceRequest.requested_at).desc())
            .limit(20)
        )
    )
