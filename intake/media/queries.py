"""Reads of photos."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from intake.media.models import READY, MediaFile
from intake.service_requests.models import ServiceRequest


def photos_of(session: Session, service_request_id: UUID, *, public_only: bool = False) -> list[MediaFile]:
    """The request's photos in their order; unless `public_only`, those too that are not ready, cannot be read or are hidden."""
    statement = select(MediaFile).where(MediaFile.service_request_id == service_request_id)
    if public_only:
        statement = statement.where(MediaFile.state == READY, col(MediaFile.is_public))
    return list(session.exec(statement.order_by(col(MediaFile.position))))


def public_photo(session: Session, media_file_id: UUID) -> MediaFile | None:
    """The photo if anybody may see it: ready, not hidden, and of a request that the public sees."""
    return session.exec(_public().where(MediaFile.id == media_file_id)).one_or_none()


def photo_of(session: Session, service_request_id: UUID, media_file_id: UUID) -> MediaFile | None:
    """The ready photo of this request, hidden or not."""
    return session.exec(
        select(MediaFile).where(
            MediaFile.id == media_file_id,
            MediaFile.service_request_id == service_request_id,
            MediaFile.state == READY,
        )
    ).one_or_none()


def public_photos_of_events(session: Session, event_ids: Sequence[int]) -> dict[int, list[UUID]]:
    """The public photos that came with each of these events, in their order."""
    if not event_ids:
        return {}
    found: dict[int, list[UUID]] = {}
    for row in session.exec(_public().where(col(MediaFile.event_id).in_(event_ids)).order_by(col(MediaFile.position))):
        assert row.event_id is not None
        found.setdefault(row.event_id, []).append(row.id)
    return found


def public_photos_of_requests(session: Session, service_request_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """The public photos of each of these requests, in their order."""
    found: dict[UUID, list[UUID]] = {}
    asked = _public().where(col(MediaFile.service_request_id).in_(service_request_ids))
    for row in session.exec(asked.order_by(col(MediaFile.position))):
        assert row.service_request_id is not None
        found.setdefault(row.service_request_id, []).append(row.id)
    return found


def public_among(session: Session, ids: Sequence[UUID]) -> set[UUID]:
    """Those of these photos that everybody may see."""
    return {row.id for row in session.exec(_public().where(col(MediaFile.id).in_(ids)))} if ids else set()


def _public() -> SelectOfScalar[MediaFile]:
    return (
        select(MediaFile)
        .join(ServiceRequest, col(ServiceRequest.id) == col(MediaFile.service_request_id))
        .where(MediaFile.state == READY, col(MediaFile.is_public), col(ServiceRequest.is_public))
    )
