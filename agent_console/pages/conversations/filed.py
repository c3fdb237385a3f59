"""Handlers of single messages: put with a request, taken from it, settled by hand; and where a shared place is."""

import uuid

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session, select

from agent_console import maps, threads
from agent_console.access import ViewerDep, visible_to
from agent_console.accounts import Viewer
from agent_console.forms import problem_of
from agent_console.pages.conversations.opened import STAFF, OpenedDep, Typed
from agent_console.rendering import render_for
from channels import delivery
from georef.points import LonLat
from intake.catalog.models import Jurisdiction
from intake.conversations import filing
from intake.conversations.models import Message
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor
from kernel import clock
from kernel import folio as folios
from kernel.bodies import FormDep
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.sessions import SessionDep
from routing import queries as routing

router = APIRouter(
    prefix="/conversaciones/{conversation_id}/mensajes/{message_id}", include_in_schema=False, dependencies=STAFF
)
# What a phone in the street knows of where it is.
_PRECISION_M = 20.0


@router.post("")
def settle(opened: OpenedDep, message_id: uuid.UUID, form: FormDep) -> Response:
    message = threads.message_of(opened.session, opened.person, message_id)
    delivery.settle_by_hand(opened.session, message.id, arrived=form.flag("arrived"), now=clock.now())
    return opened.after(None, at=f"m-{message_id}")


@router.post("/solicitud")
def attach(opened: OpenedDep, message_id: uuid.UUID, form: FormDep) -> Response:
    session, viewer = opened.session, opened.viewer
    messages = _messages(opened, message_id, form)
    try:
        found = _request(session, viewer, form.get("choose") or form.get("folio"))
        with session.begin_nested():  # what the page shows as one goes together or not at all
            for message in messages:
                filing.attach(session, message, found, actor=_actor(viewer), now=clock.now())
    except (InvalidInput, Conflict) as refusal:
        typed = Typed({"folio": form.get("folio")[:40], "message": str(message_id)})
        return opened.after(problem_of(refusal, viewer, "folio", f"file-{message_id}"), typed)
    return opened.after(None, at=f"m-{message_id}")


@router.post("/quitar")
def detach(opened: OpenedDep, message_id: uuid.UUID, form: FormDep) -> Response:
    for message in _messages(opened, message_id, form):
        filing.detach(opened.session, message, actor=_actor(opened.viewer), now=clock.now())
    return opened.after(None, at=f"m-{message_id}")


@router.get("/lugar")
def show_place(
    http_request: Request, session: SessionDep, viewer: ViewerDep, conversation_id: uuid.UUID, message_id: uuid.UUID
) -> HTMLResponse:
    thread = threads.find(session, viewer, conversation_id)
    message = threads.message_of(session, threads.somebody(session, thread), message_id)
    if message.lon is None or message.lat is None:
        raise NotFound("Ese mensaje no trae un lugar.")
    point, city = LonLat(message.lon, message.lat), session.get_one(Jurisdiction, viewer.jurisdiction_id)
    areas = routing.areas_at(session, city.id, point, viewer.today(clock.now())).get("district", [])
    drawing = maps.draw(
        city.basemap,
        point,
        precision_m=_PRECISION_M,
        area=areas[0].geometry if areas else None,
        area_name=areas[0].name if areas else "",
        border_m=None,
        road=None,
    )
    return render_for(
        http_request,
        viewer,
        "conversations/place.html",
        thread=thread,
        message=message,
        drawing=drawing,
        area=areas[0].name if areas else "",
        head={"where": message.place_label or f"{point.lat:.5f}, {point.lon:.5f}"},
    )


def _messages(opened: OpenedDep, message_id: uuid.UUID, form: FormDep) -> list[Message]:
    """The message, and those that the page shows as one with it. Raises NotFound for anybody else's."""
    ids = [message_id]
    for text in form.get_all("also"):
        try:
            ids.append(uuid.UUID(text))
        except ValueError:
            raise NotFound("No encontramos ese mensaje.") from None
    return [threads.message_of(opened.session, opened.person, id_) for id_ in dict.fromkeys(ids)]


def _request(session: Session, viewer: Viewer, text: str) -> ServiceRequest:
    digits = folios.normalize(text)
    found = session.exec(select(ServiceRequest).where(visible_to(viewer), ServiceRequest.folio == digits)).one_or_none()
    if found is None:
        raise InvalidInput("No encontramos esa solicitud, o no es para tu cuenta.", field="folio")
    return found


def _actor(viewer: Viewer) -> Actor:
    return Actor("agent", viewer.name)
