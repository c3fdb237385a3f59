"""Handlers of the pages of API keys. What makes a secret answers the POST itself: no page that is fetched later could show it."""

import uuid
from dataclasses import replace
from datetime import datetime

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console.access import BASE, ViewerDep, WriterDep, only
from agent_console.accounts import Viewer
from agent_console.forms import Problem, new_ref
from agent_console.pages.api_keys import changes
from agent_console.pages.api_keys.changes import Made, Typed
from agent_console.pages.api_keys.rows import row_of, rows_of
from agent_console.rendering import render_for, see_other
from agent_console.rows import names
from intake.catalog import keys
from kernel import clock
from kernel.bodies import FormDep
from kernel.errors import Conflict
from kernel.sessions import SessionDep
from kernel.web import SettingsDep

router = APIRouter(prefix="/llaves", include_in_schema=False, dependencies=[Depends(only("admin"))])


@router.get("")
def show(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    return render_for(http_request, viewer, "api_keys/api_keys.html", rows=rows_of(session, viewer, now=clock.now()))


@router.get("/nueva")
def ask(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    return _new(http_request, session, viewer, Typed(new_ref()), None)


@router.post("/nueva")
def make(
    http_request: Request, session: SessionDep, viewer: WriterDep, settings: SettingsDep, form: FormDep
) -> HTMLResponse:
    typed, now = changes.read(form), clock.now()
    result = changes.make(session, viewer, settings.secrets.session_key, typed, now=now)
    if isinstance(result, Problem):
        return _new(http_request, session, viewer, typed, result)
    return _secret(http_request, session, viewer, result, now)


@router.get("/{key_id}/renovar")
def ask_to_rotate(http_request: Request, session: SessionDep, viewer: ViewerDep, key_id: uuid.UUID) -> HTMLResponse:
    row = row_of(session, viewer, keys.get(session, viewer.jurisdiction_id, key_id), now=clock.now())
    return render_for(
        http_request,
        viewer,
        "api_keys/rotate.html",
        row=row,
        ref=new_ref(),
        overlaps=changes.OVERLAPS,
        default_overlap=changes.DEFAULT_OVERLAP,
    )


@router.post("/{key_id}/renovar")
def rotate(
    http_request: Request,
    session: SessionDep,
    viewer: WriterDep,
    settings: SettingsDep,
    key_id: uuid.UUID,
    form: FormDep,
) -> HTMLResponse:
    now, overlap_days = clock.now(), form.number("overlap")
    made = changes.rotate(
        session,
        viewer,
        settings.secrets.session_key,
        key_id,
        ref=form.get("ref"),
        seen=form.get("seen") or None,
        overlap_days=overlap_days,
        now=now,
    )
    return _secret(http_request, session, viewer, made, now)


@router.get("/{key_id}/apagar")
def ask_to_disable(http_request: Request, session: SessionDep, viewer: ViewerDep, key_id: uuid.UUID) -> HTMLResponse:
    row = row_of(session, viewer, keys.get(session, viewer.jurisdiction_id, key_id), now=clock.now())
    return render_for(http_request, viewer, "api_keys/disable.html", row=row)


@router.post("/{key_id}/apagar")
def disable(session: SessionDep, viewer: WriterDep, key_id: uuid.UUID) -> Response:
    keys.disable(session, key_id, jurisdiction_id=viewer.jurisdiction_id, now=clock.now())
    return see_other(f"{BASE}/llaves")


def _new(
    http_request: Request, session: Session, viewer: Viewer, typed: Typed, problem: Problem | None
) -> HTMLResponse:
    if problem is not None and problem.status == Conflict.status:
        # The words of a form that has made its key make no other: sent again, it is a new form.
        typed = replace(typed, ref=new_ref())
    return render_for(
        http_request,
        viewer,
        "api_keys/new.html",
        status=problem.status if problem else 200,
        typed=typed,
        problem=problem,
        agencies=names(session, viewer).agencies,
        most_letters=keys.MAX_LABEL,
        default_limit=http_request.app.state.settings.limits.writes_per_minute,
    )


def _secret(http_request: Request, session: Session, viewer: Viewer, made: Made, now: datetime) -> HTMLResponse:
    row = row_of(session, viewer, made.key, now=now)
    return render_for(http_request, viewer, "api_keys/secret.html", row=row, secret=made.secret)
