"""Handlers of a contact in hand: answering, noting, ending it and saying what became of it."""

from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from agent_console import replying, threads
from agent_console.access import ViewerDep
from agent_console.pages.desk import ending, showing, talk
from agent_console.pages.desk.seat import STAFF, SittingDep, address, number
from agent_console.rendering import render_for, see_other
from intake.conversations import notes
from intake.conversations.models import Conversation
from intake.distribution import actions as distribution
from intake.distribution.models import WorkItem
from kernel import clock
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.sessions import SessionDep

router = APIRouter(prefix="/atencion/contactos", include_in_schema=False, dependencies=STAFF)
_MORE_TIME = timedelta(seconds=60)


@router.get("/{item_id}/historia")
def show_story(http_request: Request, session: SessionDep, viewer: ViewerDep, item_id: UUID) -> HTMLResponse:
    """What was said, of a contact in the viewer's hands."""
    item = session.get(WorkItem, item_id)
    thread = session.get(Conversation, item.conversation_id) if item and item.conversation_id else None
    if item is None or thread is None or item.agent_id != viewer.user_id:
        raise NotFound("No encontramos ese contacto.")
    days, folios = talk.story_of(session, viewer, thread, clock.now())
    return render_for(http_request, viewer, "desk/_story.html", item=item, thread=thread, days=days, folios=folios)


@router.post("/{item_id}/respuesta")
def answer(sitting: SittingDep, item_id: UUID) -> Response:
    session, viewer, form, text = sitting.session, sitting.viewer, sitting.form, sitting.form.get("text").strip()
    try:
        thread = threads.find(session, viewer, _thread_id(sitting.own(item_id)))
        person = threads.somebody(session, thread)
        replying.send(session, viewer, person, thread, text, to=form.get("to"), ref=form.get("ref"), now=clock.now())
    except (InvalidInput, Conflict) as refusal:
        return showing.refused(sitting, refusal, item_id=item_id, text=text)
    return see_other(address(sitting.turn, item_id, "text"))


@router.post("/{item_id}/nota")
def note(sitting: SittingDep, item_id: UUID) -> Response:
    text, ref, name = sitting.form.get("note"), sitting.form.get("ref")[:64], sitting.viewer.name
    try:
        thread_id = _thread_id(sitting.own(item_id))
        notes.add(sitting.session, thread_id, text, client_ref=ref, author_name=name, now=clock.now())
    except (InvalidInput, Conflict) as refusal:
        return showing.refused(sitting, refusal, item_id=item_id, note=text)
    return see_other(address(sitting.turn, item_id, "main"))


@router.post("/{item_id}/terminar")
def finish(sitting: SittingDep, item_id: UUID) -> Response:
    """The talk is over, and the notes begin."""
    try:
        distribution.finish(sitting.session, sitting.own(item_id).id, now=clock.now())
    except Conflict as refusal:
        return showing.refused(sitting, refusal)
    return see_other(address(sitting.turn, item_id, "wrap"))


@router.post("/{item_id}/esperar")
def rest(sitting: SittingDep, item_id: UUID) -> Response:
    """It is the resident's turn: the thread rests, and its points are free."""
    session, who = sitting.session, sitting.viewer.user_id
    try:
        item = sitting.own(item_id)
        thread = session.get(Conversation, item.conversation_id) if item.conversation_id else None
        if thread is not None and thread.waiting_since is not None:
            raise Conflict("La persona espera tu respuesta.")
        distribution.rest(session, item.id, agent_id=who, now=clock.now())
    except Conflict as refusal:
        return showing.refused(sitting, refusal, item_id=item_id)
    return see_other(address(sitting.turn, at="main"))


@router.post("/{item_id}/mas-tiempo")
def extend(sitting: SittingDep, item_id: UUID) -> Response:
    who = sitting.viewer.user_id
    try:
        sitting.own(item_id)
        distribution.extend_wrap(sitting.session, item_id, agent_id=who, by=_MORE_TIME, now=clock.now())
    except Conflict as refusal:
        return showing.refused(sitting, refusal, item_id=item_id)
    return see_other(address(sitting.turn, item_id, "wrap"))


@router.post("/{item_id}/motivo")
def settle(sitting: SittingDep, item_id: UUID) -> Response:
    """What became of it, with the note that was being written; mandatory, and the capacity is free with it."""
    code, seen, note = sitting.form.get("disposition"), number(sitting.form.get("seen")), sitting.form.get("note")
    ref = sitting.form.get("ref")[:64]
    try:
        sitting.live()
        ending.settle(sitting.session, sitting.viewer, item_id, code, seen=seen, note=note, ref=ref, now=clock.now())
    except (InvalidInput, Conflict) as refusal:
        return showing.refused(sitting, refusal, item_id=item_id, note=note)
    return see_other(address(sitting.turn, at="main"))


def _thread_id(item: WorkItem) -> UUID:
    if item.conversation_id is None:
        raise NotFound("No encontramos esa conversación.")
    return item.conversation_id
