"""Handlers of what nobody could read: the list, one of them, and what is done about it."""

import uuid
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console.access import BASE, REVIEWERS, ViewerDep, WriterDep, only
from agent_console.accounts import Viewer
from agent_console.forms import Problem, problem_of
from agent_console.pages.payloads.rows import done_rows, row_of
from agent_console.rendering import render_for, see_other, wants_fragment
from channels import failed_payloads
from channels.failed_payloads import By, Content
from kernel import clock
from kernel.bodies import FormDep
from kernel.errors import Conflict, InvalidInput
from kernel.sessions import SessionDep

router = APIRouter(prefix="/sin-leer", include_in_schema=False, dependencies=[Depends(only(*REVIEWERS))])


@router.get("")
def show_list(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    now = clock.now()
    waiting, aside = (
        failed_payloads.listed(session, viewer.jurisdiction_id, set_aside=which) for which in (False, True)
    )
    return render_for(
        http_request,
        viewer,
        "payloads/list.html",
        waiting=[row_of(payload, viewer, now) for payload in waiting],
        aside=[row_of(payload, viewer, now) for payload in aside],
    )


@router.get("/{payload_id}")
def show(http_request: Request, session: SessionDep, viewer: ViewerDep, payload_id: uuid.UUID) -> HTMLResponse:
    template = "_state.html" if wants_fragment(http_request) else "payload.html"
    return _page(http_request, session, viewer, payload_id, template=template)


@router.post("/{payload_id}/abrir")
def open_content(
    http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep, payload_id: uuid.UUID
) -> Response:
    """By POST, and shown in its answer only: nothing of it stays in an address or in the list of pages."""
    payload = failed_payloads.find(session, viewer.jurisdiction_id, payload_id)
    try:
        content = failed_payloads.open_content(session, payload, form.get("reason"), by=_by(viewer), now=clock.now())
    except InvalidInput as refusal:
        return _page(http_request, session, viewer, payload_id, problem=problem_of(refusal, viewer, "reason", "open"))
    return _page(http_request, session, viewer, payload_id, content=content)


@router.post("/{payload_id}/intentar")
def try_again(
    http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep, payload_id: uuid.UUID
) -> Response:
    payload = failed_payloads.find(session, viewer.jurisdiction_id, payload_id)
    return _done(
        lambda: failed_payloads.try_again(session, payload, by=_by(viewer), now=clock.now()),
        http_request, session, viewer, payload_id, "try", f"{BASE}/sin-leer/{payload_id}",
    )  # fmt: skip


@router.post("/{payload_id}/apartar")
def set_aside(
    http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep, payload_id: uuid.UUID
) -> Response:
    payload = failed_payloads.find(session, viewer.jurisdiction_id, payload_id)
    return _done(
        lambda: failed_payloads.set_aside(session, payload, form.get("reason"), by=_by(viewer), now=clock.now()),
        http_request, session, viewer, payload_id, "aside", f"{BASE}/sin-leer",
    )  # fmt: skip


def _done(
    act: Callable[[], None],
    http_request: Request,
    session: Session,
    viewer: Viewer,
    payload_id: uuid.UUID,
    form: str,
    after: str,
) -> Response:
    try:
        act()
    except (InvalidInput, Conflict) as refusal:
        return _page(http_request, session, viewer, payload_id, problem=problem_of(refusal, viewer, "reason", form))
    return see_other(after)


def _by(viewer: Viewer) -> By:
    return By(viewer.user_id, viewer.name)


def _page(
    http_request: Request,
    session: Session,
    viewer: Viewer,
    payload_id: uuid.UUID,
    *,
    problem: Problem | None = None,
    content: Content | None = None,
    template: str = "payload.html",
) -> HTMLResponse:
    now = clock.now()
    payload = failed_payloads.find(session, viewer.jurisdiction_id, payload_id)
    values: dict[str, Any] = {
        "row": row_of(payload, viewer, now),
        "done": done_rows(failed_payloads.events_of(session, payload.id), viewer, now),
    }
    return render_for(
        http_request,
        viewer,
        f"payloads/{template}",
        status=problem.status if problem else 200,
        problem=problem,
        content=content,
        **values,
    )
