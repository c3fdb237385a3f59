"""What becomes of a photo that is stored: attached to a request, made ready, hidden and shown. Each takes the session."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from intake.media.models import READY, RECEIVED, RESERVED, UNREADABLE, MediaFile
from intake.media.values import Rendition
from intake.service_requests.actions import lock
from intake.service_requests.events import add_event
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor, Audience
from kernel import outbox
from kernel.errors import NotFound

# Followers of the request hear that there is one picture more or less; what cannot be read concerns staff only.
_PUBLIC: Audience = "public"
_STAFF: Audience = "agency"


def attach(
    session: Session,
    service_request: ServiceRequest,
    ids: Sequence[UUID],
    *,
    now: datetime,
    event_id: int | None = None,
) -> list[MediaFile]:
    """Gives stored photos to a request, in this order, after those it has; the caller holds its row or has just made it.

    Passed over: a photo of another city, one that belongs to a request already, one that was thrown away, and bytes that this
    request has.
    """
    if not ids:
        return []
    rows = session.exec(select(MediaFile).where(col(MediaFile.id).in_(ids)).with_for_update()).all()
    waiting = {
        row.id: row for row in rows if row.state == RESERVED and row.jurisdiction_id == service_request.jurisdiction_id
    }
    mine = session.exec(select(MediaFile).where(MediaFile.service_request_id == service_request.id)).all()
    digests = {row.sha256 for row in mine}
    position = max((row.position for row in mine), default=0)
    attached = []
    for row in (waiting[one] for one in dict.fromkeys(ids) if one in waiting):
        if row.sha256 in digests:
            continue
        position += 1
        digests.add(row.sha256)
        row.service_request_id, row.event_id, row.position = service_request.id, event_id, position
        row.state, row.changed_at = RECEIVED, now
        session.add(row)
        outbox.record(session, "media_file.received", at=now, media_file_id=row.id)
        attached.append(row)
    session.flush()
    return attached


def settle(
    session: Session, media_file_id: UUID, made: tuple[Rendition, Rendition] | None, *, now: datetime
) -> MediaFile | None:
    """Notes that photo and thumbnail are stored, or (None) that it cannot be read. None back: it was settled before."""
    found = session.get_one(MediaFile, media_file_id)
    assert found.service_request_id is not None
    service_request, row = _held(session, found.service_request_id, media_file_id)
    if row.state != RECEIVED:
        return None
    row.changed_at = now
    if made is None:
        row.state = UNREADABLE
        _tell(session, service_request, row, "photo_unreadable", Actor("system"), now)
        return row
    photo, thumb = made
    row.state, row.width, row.height = READY, photo.width, photo.height
    row.photo_bytes, row.thumb_bytes = len(photo.data), len(thumb.data)
    session.flush()
    _choose_photo(session, service_request)
    _tell(session, service_request, row, "photo_added", Actor("system"), now)
    return row


def show(
    session: Session, service_request_id: UUID, media_file_id: UUID, *, is_public: bool, actor: Actor, now: datetime
) -> MediaFile:
    """Hides a photo from the public, or shows it again; doing it twice does it once. Raises NotFound."""
    service_request, row = _held(session, service_request_id, media_file_id)
    if row.is_public != is_public:
        row.is_public, row.changed_at = is_public, now
        session.flush()
        _choose_photo(session, service_request)
        _tell(session, service_request, row, "photo_shown" if is_public else "photo_hidden", actor, now)
    return row


def _held(session: Session, service_request_id: UUID, media_file_id: UUID) -> tuple[ServiceRequest, MediaFile]:
    """Both rows, always locked in this order."""
    service_request = lock(session, service_request_id)
    wanted = (
        select(MediaFile)
        .where(MediaFile.id == media_file_id, MediaFile.service_request_id == service_request_id)
        .with_for_update()
    )
    row = session.exec(wanted, execution_options={"populate_existing": True}).one_or_none()
    if row is None:
        raise NotFound("No encontramos esa foto.")
    return service_request, row


def _choose_photo(session: Session, service_request: ServiceRequest) -> None:
    first = (
        select(MediaFile.id)
        .where(
            MediaFile.service_request_id == service_request.id,
            MediaFile.state == READY,
            col(MediaFile.is_public),
        )
        .order_by(func.coalesce(col(MediaFile.event_id), 0), col(MediaFile.position))
        .limit(1)
    )
    service_request.photo_id = session.exec(first).first()


def _tell(
    session: Session, service_request: ServiceRequest, row: MediaFile, name: str, actor: Actor, now: datetime
) -> None:
    """The event and its news. The version stays: nobody who is writing about the request has to look again because of a photo."""
    data = {"media_file_id": str(row.id), "number": row.position}
    audience = _STAFF if row.state == UNREADABLE or (name == "photo_added" and not row.is_public) else _PUBLIC
    event = add_event(session, service_request.id, name, audience, actor, at=now, data=data)
    service_request.updated_at = now
    session.add_all((service_request, row))
    session.flush()
    assert event.id is not None
    outbox.record(session, "service_request.updated", at=now, service_request_id=service_request.id, event_id=event.id)
