"""Reads of threads and their messages."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from intake.conversations.dialogue.state import LAST_WORDS
from intake.conversations.models import Conversation, Message
from intake.people.same import people_at, same_person
from intake.service_requests import queries as service_requests
from intake.service_requests.models import Report, ServiceRequest
from kernel import db
from kernel.errors import NotFound
from kernel.rows import load

_WAITING = "WHERE conversation_id = $1 AND direction = 'inbound' AND status = 'received' ORDER BY seq"
_LAST_TOLD = """
    SELECT author_kind, service_request_id FROM message
    WHERE conversation_id = $1 AND direction = 'outbound' AND seq < $2 ORDER BY seq DESC LIMIT 1
"""


def get(session: Session, conversation_id: UUID, jurisdiction_id: str) -> Conversation:
    """The thread. Raises NotFound, also for a thread of another city."""
    found = session.get(Conversation, conversation_id)
    if found is None or found.jurisdiction_id != jurisdiction_id:
        raise NotFound("No encontramos esa conversación.")
    return found


def messages_of(session: Session, conversation_id: UUID) -> list[Message]:
    """Both directions, in the order they were written down."""
    statement = select(Message).where(Message.conversation_id == conversation_id).order_by(col(Message.seq))
    return list(session.exec(statement))


def waiting(session: Session, conversation_id: UUID) -> list[Message]:
    """The resident's messages that nobody has handled yet, oldest first."""
    return load(session, Message, _WAITING, [conversation_id])


def last_before(session: Session, message: Message) -> datetime | None:
    """When the thread's previous message was written down, in either direction."""
    statement = (
        select(Message.changed_at)
        .where(Message.conversation_id == message.conversation_id, col(Message.seq) < message.seq)
        .order_by(col(Message.seq).desc())
        .limit(1)
    )
    return session.exec(statement).first()


def last_inbound_at(session: Session, contact_point_id: UUID, channel: str) -> datetime | None:
    """When somebody wrote last from this address on this channel."""
    theirs = select(Conversation.id).where(
        col(Conversation.person_id).in_(people_at(session, contact_point_id)),
        Conversation.contact_point_id == contact_point_id,
        Conversation.channel == channel,
    )
    newest = select(func.max(Message.at)).where(
        col(Message.conversation_id).in_(theirs), Message.direction == "inbound"
    )
    return session.exec(newest).one()


def notice_before(session: Session, message: Message) -> ServiceRequest | None:
    """The request that a message may answer news of: the news it was written in reply to, else the last thing they read here."""
    replied_to = _replied_to(session, message)
    if replied_to is not None:
        author_kind, service_request_id = replied_to.author_kind, replied_to.service_request_id
    else:
        told = db.fetch(session, _LAST_TOLD, [message.conversation_id, message.seq], prepare=True)
        author_kind, service_request_id = told[0] if told else ("", None)
    return session.get(ServiceRequest, service_request_id) if author_kind == "notice" and service_request_id else None


def _replied_to(session: Session, message: Message) -> Message | None:
    """What we wrote to this person, in this thread or an older one, and they named."""
    if message.reply_to is None:
        return None
    person = select(Conversation.person_id).where(Conversation.id == message.conversation_id).scalar_subquery()
    statement = (
        select(Message)
        .join(Conversation, col(Conversation.id) == col(Message.conversation_id))
        .where(
            Message.channel == message.channel,
            Message.provider_message_id == message.reply_to,
            Message.direction == "outbound",
            Conversation.person_id == person,
        )
    )
    return session.exec(statement).first()


def unanswered(session: Session, before: datetime, *, limit: int) -> list[UUID]:
    """Threads with a whole report in them that waits for one last word since before then, longest first."""
    statement = (
        select(Conversation.id)
        .where(
            Conversation.state == "automatic",
            col(Conversation.dialogue)["step"].as_string().in_(LAST_WORDS),
            col(Conversation.last_message_at) < before,
        )
        .order_by(col(Conversation.last_message_at))
        .limit(limit)
    )
    return list(session.exec(statement))


def is_written(session: Session, conversation_id: UUID, client_ref: str) -> bool:
    """Whether this thread has a message with this reference of its writer's."""
    found = select(Message.id).where(Message.conversation_id == conversation_id, Message.client_ref == client_ref)
    return session.exec(found).first() is not None


def is_sent(session: Session, contact_point_id: UUID, client_ref: str) -> bool:
    """True when a message with our reference was already queued to this contact point, in any of its threads."""
    statement = (
        select(Message.id)
        .join(Conversation, col(Conversation.id) == col(Message.conversation_id))
        .where(Conversation.contact_point_id == contact_point_id, Message.client_ref == client_ref)
    )
    return session.exec(statement).first() is not None


def recent_requests_of(
    session: Session, person_id: UUID, jurisdiction_id: str, since: datetime, *, limit: int = 3
) -> list[tuple[ServiceRequest, datetime]]:
    """What this person reported since then and is still open, and when they did, newest first."""
    statement = (
        select(ServiceRequest, Report.at)
        .join(Report, col(Report.service_request_id) == col(ServiceRequest.id))
        .where(
            col(Report.person_id).in_(same_person(session, person_id)),
            ServiceRequest.jurisdiction_id == jurisdiction_id,
            Report.at >= since,
            ServiceRequest.life != "closed",
        )
        .order_by(col(Report.at).desc(), col(Report.id).desc())
        .limit(limit)
    )
    return list(session.exec(statement))


def half_told_elsewhere(session: Session, conversation: Conversation, since: datetime) -> Conversation | None:
    """The newest other thread of the same person in which a report is half told, locked; None while somebody else holds it."""
    statement = (
        select(Conversation)
        .where(*_half_told(session, conversation, since))
        .order_by(col(Conversation.last_message_at).desc())
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True)
        .execution_options(populate_existing=True)
    )
    return session.exec(statement).one_or_none()


def half_told_at(session: Session, conversation: Conversation, since: datetime) -> datetime | None:
    """When that thread was last written in."""
    newest = select(func.max(Conversation.last_message_at)).where(*_half_told(session, conversation, since))
    return session.exec(newest).one()


def _half_told(session: Session, conversation: Conversation, since: datetime) -> Sequence[ColumnElement[bool]]:
    return (
        col(Conversation.person_id).in_(same_person(session, conversation.person_id)),
        col(Conversation.jurisdiction_id) == conversation.jurisdiction_id,
        col(Conversation.id) != conversation.id,
        col(Conversation.state) == "automatic",
        col(Conversation.last_message_at) >= since,
        func.jsonb_typeof(col(Conversation.dialogue)["draft"]) == "object",
    )


def newest_request_in(session: Session, conversation_id: UUID) -> ServiceRequest | None:
    """The request that was reported last in this thread."""
    made = service_requests.reports_in(session, conversation_id)
    return made[-1][1] if made else None


def newest_request_of(session: Session, person_id: UUID, jurisdiction_id: str) -> ServiceRequest | None:
    """The request that this person reported last."""
    statement = (
        select(ServiceRequest)
        .join(Report, col(Report.service_request_id) == col(ServiceRequest.id))
        .where(
            col(Report.person_id).in_(same_person(session, person_id)),
            ServiceRequest.jurisdiction_id == jurisdiction_id,
        )
        .order_by(col(Report.at).desc(), col(Report.id).desc())
        .limit(1)
    )
    return session.exec(statement).first()
