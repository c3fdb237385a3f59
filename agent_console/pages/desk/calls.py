"""Handlers of the call in hand. What is pressed is written down; the room follows within a moment, and the page shows it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response
from sqlmodel import Session

from agent_console.access import BASE, WriterDep, only
from agent_console.accounts import Viewer
from agent_console.pages.desk import showing
from agent_console.pages.desk.seat import STAFF, SittingDep, address
from agent_console.rendering import see_other
from channels.voice.line import line
from intake.calls import line_actions, recordings, rooms
from intake.calls.line_actions import Somebody
from intake.distribution.models import WorkItem
from kernel import clock
from kernel.bodies import Form, FormDep
from kernel.db import SessionDep
from kernel.errors import Conflict, InvalidInput, NotFound, Unavailable

router = APIRouter(prefix="/atencion/llamadas", include_in_schema=False, dependencies=STAFF)
Act = Callable[[Session, UUID, Somebody, Form, datetime], object]


def somebody(viewer: Viewer) -> Somebody:
    return Somebody(viewer.user_id, viewer.name, viewer.jurisdiction_id)


def _transfer(session: Session, call_id: UUID, by: Somebody, form: Form, now: datetime) -> None:
    """To a line, to a colleague or outside, as one field says: `line:…`, `agent:…`, `number:…`."""
    kind, _, value = form.get("to").partition(":")
    consult = form.get("how") == "consult" or kind == "number"
    if kind == "line":
        line_actions.transfer_to_line(session, call_id, by, value, now=now)
    elif kind == "agent":
        line_actions.transfer(session, call_id, by, to_agent_id=_id(value), consult=consult, now=now)
    elif kind == "number":
        line_actions.transfer(session, call_id, by, to_number=value, consult=True, now=now)
    else:
        raise InvalidInput("Di a quién pasas la llamada.", field="to")


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise InvalidInput("Di a quién pasas la llamada.", field="to") from error


ACTS: Mapping[str, Act] = {
    "espera": lambda session, id_, by, form, now: line_actions.hold(session, id_, by, now=now),
    "seguir": lambda session, id_, by, form, now: line_actions.unhold(session, id_, by, now=now),
    "colgar": lambda session, id_, by, form, now: line_actions.hang_up(session, id_, by, now=now),
    "buzon": lambda session, id_, by, form, now: line_actions.note_voicemail(session, id_, by, now=now),
    "pasar": _transfer,
    "entregar": lambda session, id_, by, form, now: line_actions.complete_transfer(session, id_, by, now=now),
    "recuperar": lambda session, id_, by, form, now: line_actions.cancel_transfer(session, id_, by, now=now),
    "no-grabar": lambda session, id_, by, form, now: recordings.pause(session, id_, actor=(by.id, by.name), now=now),
    "grabar": lambda session, id_, by, form, now: recordings.resume(session, id_, actor=(by.id, by.name), now=now),
    "rechazo": lambda session, id_, by, form, now: recordings.refuse(session, id_, actor=(by.id, by.name), now=now),
}


@router.post("/ficha")
def give_token(viewer: WriterDep) -> JSONResponse:
    """What this operator's browser signs in to the telephone network with. Raises Unavailable where there is none."""
    carrier = line()
    made = carrier.token(viewer.user_id, now=clock.now()) if carrier is not None else None
    if made is None:
        raise Unavailable("El teléfono no está conectado en esta instalación.")
    return JSONResponse({"token": made.token, "identity": made.identity, "expires_at": made.expires_at.isoformat()})


@router.post("/{item_id}/{act}")
def do(sitting: SittingDep, item_id: UUID, act: str) -> Response:
    """One of `ACTS`, on the call of a contact in this operator's hands."""
    if act not in ACTS:
        raise NotFound("Aquí no hay nada, o no es para tu cuenta.")
    try:
        call = rooms.named(sitting.session, sitting.own(item_id))
        if call is None:
            raise Conflict("Esa llamada ya terminó.")
        ACTS[act](sitting.session, call.id, somebody(sitting.viewer), sitting.form, clock.now())
    except (Conflict, InvalidInput, NotFound) as refusal:
        return showing.refused(sitting, refusal, item_id=item_id)
    return see_other(address(sitting.turn, item_id, "wrap" if act == "colgar" else "strip"))


supervising = APIRouter(
    prefix="/atencion/equipo/llamadas", include_in_schema=False, dependencies=[Depends(only("supervisor", "admin"))]
)


@supervising.post("/{item_id}")
def supervise(session: SessionDep, viewer: WriterDep, item_id: UUID, form: FormDep) -> Response:
    """A supervisor listens, whispers to the operator, talks, or leaves again; each is written down."""
    item, mode, now = session.get(WorkItem, item_id), form.get("mode"), clock.now()
    call = rooms.named(session, item) if item and item.jurisdiction_id == viewer.jurisdiction_id else None
    if call is None:
        raise NotFound("No encontramos esa llamada.")
    if mode == "leave":
        line_actions.leave(session, call.id, somebody(viewer), now=now)
    else:
        line_actions.supervise(session, call.id, somebody(viewer), mode, now=now)
    return see_other(f"{BASE}/atencion/equipo")
