"""A message put with a request by hand, and taken from it again: the request's agency reads it for as long as it is there."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from intake.conversations import attachments
from intake.conversations.actions import held
from intake.conversations.attachment_models import MessageAttachment
from intake.conversations.models import Message
from intake.media import actions as photos
from intake.service_requests.actions import lock
from intake.service_requests.events import add_event
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor
from kernel.errors import Conflict, NotFound
from kernel.outbox import record


def attach(
    session: Session, message: Message, service_request: ServiceRequest, *, actor: Actor, now: datetime
) -> list[Message]:
    """Puts the message, and what was sent with it as one album, with the request; photos become the request's photos.

    Twice does it once. Raises Conflict when it is with another request, NotFound for what is no resident's message.
    """
    rows = _together(session, message)
    if any(row.service_request_id not in (None, service_request.id) for row in rows):
        raise Conflict("Ese mensaje ya está en otra solicitud. Quítalo de ahí primero.")
    moved = [row for row in rows if row.service_request_id is None]
    for row in moved:
        row.service_request_id = service_request.id
    if moved:
        session.flush()
        attachments.messages_linked(session, [row.id for row in moved], now=now)
        _tell(session, moved, service_request.id, "message_attached", actor, now)
    return moved


def detach(session: Session, message: Message, *, actor: Actor, now: datetime) -> list[Message]:
    """Takes the message and its album from their request; what photos it gave stay there, hidden from the public.

    Raises NotFound for what is no resident's message, or is with no request.
    """
    moved = [row for row in _together(session, message) if row.service_request_id is not None]
    if not moved:
        raise NotFound("Ese mensaje no está en ninguna solicitud.")
    service_request_id = moved[0].service_request_id
    assert service_request_id is not None
    lock(session, service_request_id)
    for row in moved:
        row.service_request_id = None
    given = select(MessageAttachment).where(
        col(MessageAttachment.message_id).in_([row.id for row in moved]),
        col(MessageAttachment.media_file_id).is_not(None),
    )
    for attachment in session.exec(given.order_by(col(MessageAttachment.id)).with_for_update()):
        assert attachment.media_file_id is not None
        photos.show(session, service_request_id, attachment.media_file_id, is_public=False, actor=actor, now=now)
        attachment.media_file_id = None
    session.flush()
    _tell(session, moved, service_request_id, "message_detached", actor, now)
    return moved


def _together(session: Session, message: Message) -> Sequence[Message]:
    held(session, message.conversation_id)
    if message.direction != "inbound":
        raise NotFound("No encontramos ese mensaje.")
    wanted = select(Message).where(Message.conversation_id == message.conversation_id, Message.direction == "inbound")
    if message.album is None:
        wanted = wanted.where(Message.id == message.id)
    else:
        wanted = wanted.where(Message.album == message.album)
    rows = wanted.order_by(col(Message.seq)).with_for_update(key_share=True)
    return session.exec(rows, execution_options={"populate_existing": True}).all()


def _tell(
    session: Session, moved: Sequence[Message], service_request_id: UUID, name: str, actor: Actor, now: datetime
) -> None:
    data = {"message_ids": [str(row.id) for row in moved], "channel": moved[0].channel}
    add_event(session, service_request_id, name, "internal", actor, at=now, data=data)
    record(
        session,
        "message.filed",
        at=now,
        message_id=moved[0].id,
        conversation_id=moved[0].conversation_id,
        service_request_id=service_request_id,
    )
