"""What becomes of attachments: kept with their message, settled once their bytes were looked at, given to requests.

Every function takes the session and never commits; bytes travel in `channels/attachments.py` and `intake/conversations/jobs.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from georef.points import LonLat
from intake.conversations.attachment_models import GONE, REFUSED, STORED, WAITING, MessageAttachment
from intake.conversations.models import Message
from intake.conversations.photo_places import sealed
from intake.conversations.values import InboundMedia
from intake.media.actions import attach
from intake.media.queries import photos_of
from intake.service_requests.actions import lock
from kernel.outbox import record
from kernel.rows import change, load

MOST_OF_A_NAME = 200
_STORED_OF = "WHERE message_id = ANY($1) AND state = $2 ORDER BY id"
# Kinds whose bytes we keep; of the others a placeholder says what came.
PICTURES, SOUNDS = ("photo", "sticker"), ("voice", "audio")
# What a person sends to show the matter; a sticker is a face.
FOR_REQUESTS = "photo"
# A whole album fits; somebody who sends a hundred fills no agency's page.
MOST_OF_A_REQUEST = 20


@dataclass(frozen=True, slots=True)
class Taken:
    """What an attachment turned out to be. state: stored, refused or gone; reason: why not stored; place: where it says it was
    taken.
    """

    state: str
    reason: str | None = None
    size_bytes: int | None = None
    sha256: bytes | None = None
    storage_key: str | None = None
    stored_type: str | None = None
    stored_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    place: LonLat | None = None

    @classmethod
    def not_kept(cls, reason: str, size_bytes: int | None = None) -> "Taken":
        return cls(REFUSED, reason, size_bytes)

    @classmethod
    def lost(cls, reason: str) -> "Taken":
        return cls(GONE, reason)


def keep(
    session: Session, message: Message, jurisdiction_id: str, media: Sequence[InboundMedia], *, now: datetime
) -> list[MessageAttachment]:
    """The attachments of a message that was just stored; each will be fetched by a job of its own."""
    rows: list[MessageAttachment] = []
    if not media:
        return rows
    for position, part in enumerate(media):
        has_bytes = bool(part.reference or part.data is not None)
        row = MessageAttachment(
            message_id=message.id,
            position=position,
            jurisdiction_id=jurisdiction_id,
            channel=message.channel,
            kind=part.kind,
            reference=part.reference,
            content_type=_clean(part.content_type),
            file_name=_clean(part.file_name),
            size_bytes=part.size_bytes,
            held=part.data,
            state=WAITING if has_bytes else REFUSED,
            reason=None if has_bytes else "unknown_kind" if part.kind == "other" else "not_kept",
            created_at=now,
            changed_at=now,
        )
        session.add(row)
        rows.append(row)
    session.flush()
    for row in rows:
        if row.state == WAITING:
            record(session, "attachment.received", at=now, attachment_id=row.id)
    return rows


def _clean(text: str) -> str:
    return " ".join(text.replace("\0", "").split())[:MOST_OF_A_NAME]


def held(session: Session, attachment_id: UUID) -> MessageAttachment | None:
    """The attachment, locked until this transaction ends, as it is now."""
    return session.exec(
        select(MessageAttachment).where(MessageAttachment.id == attachment_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).one_or_none()


def settle(session: Session, attachment_id: UUID, taken: Taken, *, now: datetime) -> None:
    """Notes what it is. Nothing happens when it was settled before; whoever watches its thread is told."""
    row = held(session, attachment_id)
    if row is None or row.state != WAITING:
        return
    row.state, row.reason, row.changed_at, row.held = taken.state, taken.reason, now, None
    row.sha256, row.storage_key, row.stored_type = taken.sha256, taken.storage_key, taken.stored_type
    row.stored_bytes, row.width, row.height = taken.stored_bytes, taken.width, taken.height
    row.size_bytes = row.size_bytes if taken.size_bytes is None else taken.size_bytes
    session.add(row)
    # Held: whoever makes it part of a request at this moment sees what we write, or we see what they wrote.
    message = session.exec(
        select(Message).where(Message.id == row.message_id).with_for_update(key_share=True),
        execution_options={"populate_existing": True},
    ).one()
    record(
        session,
        "attachment.settled",
        at=now,
        attachment_id=row.id,
        message_id=message.id,
        conversation_id=message.conversation_id,
    )
    if message.service_request_id is not None:
        _give(session, row, now)
    elif taken.place is not None and row.kind == FOR_REQUESTS:
        row.place_sealed = sealed(taken.place)
        record(session, "attachment.place_kept", at=now, attachment_id=row.id)


def messages_linked(session: Session, message_ids: Sequence[UUID], *, now: datetime) -> None:
    """These messages have just become part of a request: so do their photos, those that are still on their way later."""
    for row in load(session, MessageAttachment, _STORED_OF, [list(message_ids), STORED]):
        _give(session, row, now)
        change(session, row, place_sealed=None)


def _give(session: Session, row: MessageAttachment, now: datetime) -> None:
    if row.kind == FOR_REQUESTS and row.is_photo and row.media_file_id is None:
        record(session, "attachment.for_request", at=now, attachment_id=row.id)


def give(session: Session, attachment_id: UUID, media_file_ids: Sequence[UUID], *, now: datetime) -> None:
    """Attaches the copy to the request of the attachment's message, once, unless the request has enough photos or this one."""
    message = session.exec(
        select(Message).join(MessageAttachment).where(MessageAttachment.id == attachment_id)
    ).one_or_none()
    if message is None or message.service_request_id is None:
        return
    service_request = lock(session, message.service_request_id)
    row = held(session, attachment_id)
    if row is None or row.media_file_id is not None:
        return
    known = photos_of(session, service_request.id)
    if len(known) >= MOST_OF_A_REQUEST:
        return
    attached = attach(session, service_request, media_file_ids, now=now)
    same = next((photo.id for photo in known if photo.sha256 == row.sha256), None)
    row.media_file_id, row.changed_at = attached[0].id if attached else same, now
    session.add(row)


def of_messages(session: Session, message_ids: Sequence[UUID]) -> dict[UUID, list[MessageAttachment]]:
    """By message, in their order."""
    found: dict[UUID, list[MessageAttachment]] = {}
    if not message_ids:
        return found
    wanted = select(MessageAttachment).where(col(MessageAttachment.message_id).in_(message_ids))
    for row in session.exec(wanted.order_by(col(MessageAttachment.position))):
        found.setdefault(row.message_id, []).append(row)
    return found


def in_thread(session: Session, conversation_id: UUID, attachment_id: UUID) -> MessageAttachment | None:
    """The attachment, if it came in this thread."""
    return session.exec(
        select(MessageAttachment)
        .join(Message, col(Message.id) == col(MessageAttachment.message_id))
        .where(MessageAttachment.id == attachment_id, Message.conversation_id == conversation_id)
    ).one_or_none()


def waiting_since(session: Session, before: datetime, *, limit: int) -> list[MessageAttachment]:
    """Those that nobody looked at since then, longest first."""
    statement = (
        select(MessageAttachment)
        .where(MessageAttachment.state == WAITING, col(MessageAttachment.changed_at) < before)
        .order_by(col(MessageAttachment.changed_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(session.exec(statement))
