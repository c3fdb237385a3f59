"""Handlers of the threads that wait for a person: the list, one thread, the answer, handing back to the dialogue."""

import uuid

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console.access import BASE, ViewerDep, WriterDep, only
from agent_console.accounts import Viewer
from agent_console.contacts import masked
from agent_console.pages.conversations import threads
from agent_console.presentation import channel_look
from agent_console.rendering import render_for, see_other, wants_fragment
from agent_console.rows import names, rows_of
from agent_console.timeline import story
from channels import composing, delivery
from intake.catalog import queries as catalog
from intake.conversations import actions as conversations
from intake.conversations import attachments
from intake.conversations.models import Conversation, Message
from intake.people import actions as people
from intake.people.models import ContactPoint
from kernel import clock
from kernel.bodies import FormDep
from kernel.dates import moment_in_words
from kernel.db import SessionDep
from kernel.errors import InvalidInput, NotFound

router = APIRouter(
    prefix="/conversaciones",
    include_in_schema=False,
    dependencies=[Depends(only("operator", "supervisor", "admin"))],
)


@router.get("")
def show_list(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    waiting = threads.waiting(session, viewer, clock.now())
    template = "_threads.html" if wants_fragment(http_request) else "conversations.html"
    return render_for(http_request, viewer, f"conversations/{template}", threads=waiting)


@router.get("/{conversation_id}")
def show(http_request: Request, session: SessionDep, viewer: ViewerDep, conversation_id: uuid.UUID) -> HTMLResponse:
    return _page(http_request, session, viewer, threads.find(session, viewer, conversation_id))


@router.post("/{conversation_id}/respuesta")
def answer(
    http_request: Request,
    session: SessionDep,
    viewer: WriterDep,
    conversation_id: uuid.UUID,
    form: FormDep,
) -> Response:
    thread, text = threads.find(session, viewer, conversation_id), form.get("text").strip()
    problem = _problem(session, thread, text)
    if problem:
        return _page(http_request, session, viewer, thread, problem=problem, typed=text, status=400)
    sent = conversations.queue_message(
        session,
        thread.id,
        text,
        client_ref=f"agent-{form.get('ref')[:64]}",
        author_kind="agent",
        author_name=viewer.name,
        now=clock.now(),
    )
    return see_other(f"{BASE}/conversaciones/{sent.conversation_id}#newest")


def _problem(session: Session, thread: Conversation, text: str) -> str:
    """The msgid of why `text` cannot be sent; "" when it can."""
    if not text:
        return "Escribe el mensaje antes de enviarlo."
    try:
        last = delivery.last_inbound(session, thread)
        city = catalog.jurisdiction(session, thread.jurisdiction_id)
        composing.refuse_unsendable(thread.channel, text, city, last_inbound_at=last.at if last else None)
    except InvalidInput as refusal:
        return refusal.text
    return ""


@router.post("/{conversation_id}/devolver")
def hand_back(session: SessionDep, viewer: WriterDep, conversation_id: uuid.UUID) -> Response:
    thread = threads.find(session, viewer, conversation_id)
    conversations.hand_back(session, thread.id, now=clock.now())
    return see_other(f"{BASE}/conversaciones")


@router.post("/{conversation_id}/mensajes/{message_id}")
def settle_message(
    session: SessionDep,
    viewer: WriterDep,
    conversation_id: uuid.UUID,
    message_id: uuid.UUID,
    form: FormDep,
) -> Response:
    thread, message = threads.find(session, viewer, conversation_id), session.get(Message, message_id)
    if message is None or message.conversation_id != thread.id:
        raise NotFound("No encontramos ese mensaje.")
    delivery.settle_by_hand(session, message_id, arrived=form.flag("arrived"), now=clock.now())
    return see_other(f"{BASE}/conversaciones/{thread.id}#m-{message_id}")


def _page(
    http_request: Request,
    session: Session,
    viewer: Viewer,
    thread: Conversation,
    *,
    problem: str = "",
    typed: str = "",
    status: int = 200,
) -> HTMLResponse:
    now = clock.now()
    contact = session.get_one(ContactPoint, thread.contact_point_id)
    messages = threads.messages_in(session, thread)
    last = delivery.last_inbound(session, thread)
    closes_at = composing.closes_at(thread.channel, last.at if last else None)
    days = story(
        [],
        messages,
        [],
        people={thread.id: masked(contact)},
        timezone=viewer.timezone,
        language=viewer.language,
        now=now,
        attachments=attachments.of_messages(session, [message.id for message in messages]),
        opens=True,
    )
    known = names(session, viewer)
    return render_for(
        http_request,
        viewer,
        "conversations/_story.html" if wants_fragment(http_request) else "conversations/thread.html",
        status=status,
        thread=thread,
        who=masked(contact),
        channel=channel_look(thread.channel, viewer.language),
        days=days,
        rows=rows_of(threads.requests_of(session, thread), known, viewer, now=now),
        threads=threads.waiting(session, viewer, now),
        profile_name=people.profile_name_of(contact),
        has_window=composing.has_window(thread.channel),
        closes=moment_in_words(closes_at, viewer.timezone, viewer.language, now=now)
        if closes_at and closes_at > now
        else "",
        problem=problem,
        typed=typed,
        ref=uuid.uuid4().hex,
    )
