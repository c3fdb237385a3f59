"""The photos of a request: shown to whoever may see it, hidden from the public and shown again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console.access import BASE, ViewerDep, WriterDep, viewer_in
from agent_console.lists import FiltersDep
from agent_console.pages.service_request import case
from agent_console.pages.service_request.changes import actor_of
from agent_console.rendering import render_for, see_other
from intake.media import actions, queries
from intake.media.models import READY, RECEIVED, MediaFile
from intake.media.serving import FOR_STAFF, picture
from intake.service_requests.models import ServiceRequest
from kernel import clock, db
from kernel.bodies import FormDep
from kernel.errors import NotFound
from kernel.sessions import SessionDep

router = APIRouter(prefix="/solicitudes/{folio}/fotos", include_in_schema=False)


@dataclass(frozen=True)
class Photo:
    """One photo as the page shows it. is_from_agency: it came with an update. width, height: of the thumbnail's shape."""

    id: UUID
    number: int
    is_ready: bool
    is_waiting: bool
    is_public: bool
    is_from_agency: bool
    width: int
    height: int


@dataclass(frozen=True)
class Photos:
    """All of a request. is_published: the public sees the request, and so those that nobody has hidden."""

    shown: Sequence[Photo]
    is_published: bool


def photos_of(session: Session, service_request: ServiceRequest) -> Photos:
    return Photos(
        [_photo(row) for row in queries.photos_of(session, service_request.id)], is_published=service_request.is_public
    )


def _photo(row: MediaFile) -> Photo:
    return Photo(
        id=row.id,
        number=row.position,
        is_ready=row.state == READY,
        is_waiting=row.state == RECEIVED,
        is_public=row.is_public,
        is_from_agency=row.event_id is not None,
        width=row.width or 0,
        height=row.height or 0,
    )


@router.get("")
def show_photos(
    http_request: Request, session: SessionDep, viewer: ViewerDep, filters: FiltersDep, folio: str
) -> HTMLResponse:
    found = case.find(session, viewer, folio)
    return render_for(
        http_request,
        viewer,
        "service_request/_photos.html",
        service_request=found,
        photos=photos_of(session, found),
        filters=filters,
    )


# Not with the dependencies of the other handlers: their transaction would be open while the store is read.
@router.get("/{name}-mini.jpg")
def show_thumbnail(http_request: Request, folio: str, name: str) -> Response:
    return _picture(http_request, folio, name, thumb=True)


@router.get("/{name}.jpg")
def show_photo(http_request: Request, folio: str, name: str) -> Response:
    return _picture(http_request, folio, name, thumb=False)


def _picture(http_request: Request, folio: str, name: str, *, thumb: bool) -> Response:
    with db.transaction() as session:
        found = case.find(session, viewer_in(http_request, session), folio)
        photo = queries.photo_of(session, found.id, _id_of(name))
    if photo is None:
        raise _unknown()
    return picture(http_request, photo, thumb=thumb, headers=FOR_STAFF)


@router.post("/{name}")
def change(
    session: SessionDep, viewer: WriterDep, filters: FiltersDep, folio: str, name: str, form: FormDep
) -> Response:
    found = case.find(session, viewer, folio)
    now: datetime = clock.now()
    is_public = form.flag("is_public")
    actions.show(session, found.id, _id_of(name), is_public=is_public, actor=actor_of(viewer), now=now)
    return see_other(f"{BASE}/solicitudes/{folio}{filters.query()}#photos")


def _id_of(name: str) -> UUID:
    try:
        return UUID(hex=name)
    except ValueError:
        raise _unknown() from None


def _unknown() -> NotFound:
    return NotFound("No encontramos esa foto.")
