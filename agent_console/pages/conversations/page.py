"""Handlers of the inbox and of one thread: reading, answering, taking and giving back."""

import uuid
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from agent_console import replying, threads
from agent_console.access import BASE, ViewerDep, WriterDep
from agent_console.forms import problem_of
from agent_console.pages.conversations import inbox, templating, views
from agent_console.pages.conversations import opened as pages
from agent_console.pages.conversations.inbox import InboxDep
from agent_console.pages.conversations.opened import STAFF, OpenedDep, Typed
from agent_console.rendering import render_for, see_other, wants_fragment
from intake.conversations import actions as conversations
from intake.conversations import approved, notes
from kernel import clock
from kernel.bodies import FormDep
from kernel.errors import Conflict, InvalidInput
from kernel.sessions import SessionDep

router = APIRouter(prefix="/conversaciones", include_in_schema=False, dependencies=STAFF)


@router.get("")
def show_list(http_request: Request, session: SessionDep, viewer: ViewerDep, filters: InboxDep) -> HTMLResponse:
    now = clock.now()
    all_views = views.views_of(session, viewer, now)
    return render_for(
        http_request,
        viewer,
        f"conversations/{'_threads.html' if wants_fragment(http_request) else 'conversations.html'}",
        filters=filters,
        page=inbox.page_of(session, viewer, filters, now),
        views=all_views,
        chips=views.chips_of(filters, viewer.language),
        title=views.title_of(filters, all_views, viewer.language),
    )


@router.get("/vistas")
def show_views(http_request: Request, session: SessionDep, viewer: ViewerDep, filters: InboxDep) -> HTMLResponse:
    all_views = views.views_of(session, viewer, clock.now())
    title = views.title_of(filters, all_views, viewer.language)
    template = "conversations/_inbox_views.html"
    return render_for(http_request, viewer, template, views=all_views, filters=filters, title=title)


@router.get("/{conversation_id}")
def show(
    http_request: Request,
    session: SessionDep,
    viewer: ViewerDep,
    conversation_id: uuid.UUID,
    before: Annotated[int | None, Query(ge=0, lt=2**62)] = None,
) -> HTMLResponse:
    thread = threads.find(session, viewer, conversation_id)
    template = "_story.html" if wants_fragment(http_request) else "thread.html"
    return pages.page(http_request, session, viewer, thread, before=before, template=template)


@router.get("/{conversation_id}/ficha")
def show_head(
    http_request: Request, session: SessionDep, viewer: ViewerDep, conversation_id: uuid.UUID
) -> HTMLResponse:
    thread = threads.find(session, viewer, conversation_id)
    return pages.page(http_request, session, viewer, thread, template="_head.html")


@router.post("/{conversation_id}/respuesta")
def answer(opened: OpenedDep, form: FormDep) -> Response:
    session, viewer, text, ref = opened.session, opened.viewer, form.get("text").strip(), form.get("ref")
    try:
        sent = replying.send(
            session, viewer, opened.person, opened.thread, text, to=form.get("to"), ref=ref, now=clock.now()
        )
    except (InvalidInput, Conflict) as refusal:
        replying.keep_draft(session, viewer, opened.thread, text, now=clock.now())
        typed = Typed({"text": text, "to": form.get("to")}, ref)
        return opened.after(problem_of(refusal, viewer, "text", "answer"), typed)
    return opened.after(None, at="text", of=sent)


@router.post("/{conversation_id}/plantilla")
def send_template(opened: OpenedDep, form: FormDep) -> Response:
    session, viewer, thread, ref = opened.session, opened.viewer, opened.thread, form.get("ref")
    now = clock.now()
    route = replying.route_of(threads.routes_of(session, viewer, opened.person, thread, now), form.get("to"))
    template = templating.find(session, thread, route.channel, form.get("template"))
    given = {f"var-{name}": form.get(f"var-{name}")[: approved.MOST_LETTERS + 1] for name in template.variables}
    typed = {"template": template.key, "text": replying.draft_of(session, viewer, thread), **given}
    try:
        values = approved.checked(template, {name: given[f"var-{name}"] for name in template.variables})
        if form.get("decision") != "send":
            return opened.shown(Typed({**typed, "preview": approved.filled(template, values)}, ref))
        sent = templating.send(session, viewer, thread, route, template, values, ref=ref, now=now)
    except (InvalidInput, Conflict) as refusal:
        problem = problem_of(refusal, viewer, "template", "template")
        # Its fields have names of the city's choosing, and so have other forms of the page.
        return opened.after(replace(problem, field=f"var-{problem.field}"), Typed(typed, ref))
    return opened.after(None, of=sent)


@router.post("/{conversation_id}/borrador")
def keep_draft(opened: OpenedDep, form: FormDep) -> Response:
    session, viewer, thread = opened.session, opened.viewer, opened.thread
    replying.keep_draft(session, viewer, thread, form.get("text"), ref=form.get("ref"), now=clock.now())
    if not wants_fragment(opened.http_request):
        return opened.after(None, at="text")
    meter = replying.meter(session, viewer, thread, form.get("text"))
    return render_for(opened.http_request, viewer, "conversations/_meter.html", meter=meter, is_kept=True)


@router.post("/{conversation_id}/nota")
def add_note(opened: OpenedDep, form: FormDep) -> Response:
    session, viewer, text, ref = opened.session, opened.viewer, form.get("note"), form.get("ref")
    try:
        notes.add(session, opened.thread.id, text, client_ref=ref[:64], author_name=viewer.name, now=clock.now())
    except InvalidInput as refusal:
        return opened.after(problem_of(refusal, viewer, "note", "note"), Typed({"note": text}, ref))
    return opened.after(None)


@router.post("/{conversation_id}/tomar")
def take(opened: OpenedDep, form: FormDep) -> Response:
    session, viewer, seen = opened.session, opened.viewer, form.get("seen")
    try:
        seen_id = uuid.UUID(seen) if seen else None
        taken = conversations.take(
            session, opened.thread.id, viewer.user_id, viewer.name, seen=seen_id, now=clock.now()
        )
    except (ValueError, Conflict) as refusal:
        said = refusal if isinstance(refusal, Conflict) else InvalidInput("Vuelve a intentarlo.")
        session.refresh(opened.thread)
        return opened.after(problem_of(said, viewer, "take", "take"))
    return opened.after(None, at="text", of=taken.id)


@router.post("/{conversation_id}/devolver")
def hand_back(session: SessionDep, viewer: WriterDep, conversation_id: uuid.UUID) -> Response:
    thread = threads.find(session, viewer, conversation_id)
    conversations.hand_back(session, thread.id, now=clock.now())
    return see_other(f"{BASE}/conversaciones")
