"""Handlers of the desk itself: opening and closing a shift, states, offers, and what a page asks again and again."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from agent_console.access import ViewerDep, WriterDep
from agent_console.pages.desk import showing
from agent_console.pages.desk.seat import (
    HERE,
    QUIET_CAPACITY,
    STAFF,
    SittingDep,
    address,
    number,
    stay,
)
from agent_console.rendering import see_other, wants_fragment
from intake.conversations import in_line
from intake.distribution import actions as distribution
from intake.distribution.values import CAPACITY
from kernel import clock
from kernel.bodies import FormDep
from kernel.errors import Conflict, InvalidInput
from kernel.sessions import SessionDep

router = APIRouter(prefix="/atencion", include_in_schema=False, dependencies=STAFF)
Turn = Annotated[str, Query(alias="turno", max_length=9)]
Item = Annotated[UUID | None, Query(alias="contacto")]


@router.get("")
def show(
    http_request: Request, session: SessionDep, viewer: ViewerDep, turno: Turn = "", contacto: Item = None
) -> HTMLResponse:
    turn = number(turno)
    if turn and not wants_fragment(http_request):
        beats = "atiende-desk" in http_request.headers
        stay(session, viewer, turn, beats=beats, now=distribution.database_now(session))
    template = "desk/_parts.html" if wants_fragment(http_request) else "desk/desk.html"
    return showing.page(http_request, session, viewer, turn, contacto, template=template)


@router.post("/latido")
def beat(http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep) -> Response:
    """The desk is there; the answer is what stands on it now, unless the page asks for none while events reach it.

    A window that may not act any more is told in any case.
    """
    turn, item = number(form.get("turno")), form.get("contacto")
    try:
        distribution.heartbeat(session, viewer.user_id, epoch=turn, now=distribution.database_now(session))
        if form.get("solo"):
            return Response(status_code=204)
        item_id = UUID(item) if item else None
    except (Conflict, ValueError):
        item_id = None
    return showing.page(http_request, session, viewer, turn, item_id, template="desk/_parts.html")


@router.post("/abrir")
def open_shift(session: SessionDep, viewer: WriterDep, form: FormDep) -> Response:
    agent = distribution.sign_on(
        session,
        jurisdiction_id=viewer.jurisdiction_id,
        agent_id=viewer.user_id,
        name=viewer.name,
        cap_points=CAPACITY if form.get("rings") == "true" else QUIET_CAPACITY,
        now=distribution.database_now(session),
    )
    return see_other(address(agent.epoch))


@router.post("/estado")
def choose_state(sitting: SittingDep) -> Response:
    state = sitting.form.get("state")
    session, who, now = sitting.session, sitting.viewer.user_id, clock.now()
    try:
        if state == "offline":
            distribution.sign_off(session, who, epoch=sitting.turn, now=now)
            return see_other(HERE)
        distribution.set_state(session, who, epoch=sitting.turn, state=state, now=now)
    except (Conflict, InvalidInput) as refusal:
        return showing.refused(sitting, refusal)
    return see_other(address(sitting.turn, at="estado"))


@router.post("/pausa/{reason}")
def take_break(sitting: SittingDep, reason: str) -> Response:
    session, who, now = sitting.session, sitting.viewer.user_id, clock.now()
    try:
        known = showing.known_break(reason)
        distribution.set_state(session, who, epoch=sitting.turn, state="break", reason=known, now=now)
    except (Conflict, InvalidInput) as refusal:
        return showing.refused(sitting, refusal)
    return see_other(address(sitting.turn, at="estado"))


@router.post("/ofertas/{offer_id}/contestar")
def answer(sitting: SittingDep, offer_id: UUID) -> Response:
    try:
        item = in_line.accept(
            sitting.session,
            offer_id,
            agent_id=sitting.viewer.user_id,
            epoch=sitting.turn,
            now=distribution.database_now(sitting.session),
        )
    except Conflict as refusal:
        return showing.refused(sitting, refusal)
    return see_other(address(sitting.turn, item.id, "main"))


@router.post("/ofertas/{offer_id}/rechazar")
def decline(sitting: SittingDep, offer_id: UUID) -> Response:
    who, epoch, why = sitting.viewer.user_id, sitting.turn, sitting.form.get("why")[:80]
    try:
        distribution.decline(sitting.session, offer_id, agent_id=who, epoch=epoch, reason=why, now=clock.now())
    except Conflict as refusal:
        return showing.refused(sitting, refusal)
    return see_other(address(sitting.turn))
