"""Handlers of the call in hand. What is pressed is written down; the room follows within a moment, and the page shows it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from sqlmodel import Session

from agent_console.access import ViewerDep, WriterDep
from agent_console.accounts import Viewer
from agent_console.pages.desk import call_shown, showing
from agent_console.pages.desk.seat import STAFF, SittingDep, address
from agent_console.rendering import render_for, see_other
from channels.voice.line import line
from intake.calls import line_actions, recordings, rooms
from intake.calls.line_actions import Somebody
from kernel import clock
from kernel.bodies import Form
from kernel.errors import Conflict, InvalidInput, NotFound, Unavailable
from kernel.sessions import SessionDep

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


def _choose_topic(session: Session, call_id: UUID, by: Somebody, form: Form, now: datetime) -> None:
    if not form.get("service_code"):
        raise InvalidInput("Di de qué se trata.", field="service_code")
    line_actions.choose_topic(session, call_id, by, form.get("service_code"), now=now)


ACTS: Mapping[str, Act] = {
    "espera": lambda session, id_, by, form, now: line_actions.hold(session, id_, by, now=now),
    "seguir": lambda session, id_, by, form, now: line_actions.unhold(session, id_, by, now=now),
    "colgar": lambda session, id_, by, form, now: line_actions.hang_up(session, id_, by, now=now),
    "buzon": lambda session, id_, by, form, now: line_actions.note_voicemail(session, id_, by, now=now),
    "pasar": _transfer,
    "entregar": lambda session, id_, by, form, now: line_actions.complete_transfer(session, id_, by, now=now),
    "recuperar": lambda session, id_, by, form, now: line_actions.cancel_transfer(session, id_, by, now=now),
    "asunto": _choose_topic,
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
    shown = {"token": made.token, "identity": made.identity, "expires_at": made.expires_at.isoformat()}
    return JSONResponse(shown, headers={"cache-control": "no-store"})


@router.get("/a-quien")
def show_whom(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    """Whom a call can be passed on to now: the open list of the desk asks when somebody comes, goes or is taken."""
    return render_for(http_request, viewer, "desk/_pass_to.html", whom=call_shown.whom(session, viewer))


@router.post("/{item_id}/{act}")
def do(sitting: SittingDep, item_id: UUID, act: str) -> Response:
    """One of `ACTS`, on the call of a contact in this operator's hands."""
    if act not in ACTS:
        raise NotFound("Aquí no hay nada, o no es para tu cuenta.")
    try:
        call = rooms.named(sitting.session, sitting.own(item_id))
        if call is None:
            raise Conflict("Esa llamada ya terminó.")
        with sitting.session.begin_nested():  # what is refused halfway leaves nothing of itself, nor in the record
            ACTS[act](sitting.session, call.id, somebody(sitting.viewer), sitting.form, clock.now())
    except (Conflict, InvalidInput, NotFound) as refusal:
        sitting.session.expire_all()  # `kernel.rows.change` wrote these rows, and a rollback knows nothing of it
        return showing.refused(sitting, refusal, item_id=item_id)
    return see_other(address(sitting.turn, item_id, "wrap" if act == "colgar" else "strip"))


@router.post("/salir")
def step_out(sitting: SittingDep) -> Response:
    """Out of a call that is another's: whoever was asked, or listens."""
    try:
        call_id, by = _id(sitting.form.get("call")), somebody(sitting.viewer)
        line_actions.step_out(sitting.session, call_id, by, now=clock.now())
    except (Conflict, InvalidInput, NotFound) as refusal:
        return showing.refused(sitting, refusal)
    return see_other(address(sitting.turn, at="main"))
