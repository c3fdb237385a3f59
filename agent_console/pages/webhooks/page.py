"""Handlers of the pages of webhooks. What makes a secret answers the POST itself: no page that is fetched later could show it."""

import uuid
from dataclasses import replace

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console.access import BASE, ViewerDep, WriterDep, only
from agent_console.accounts import Viewer
from agent_console.forms import Problem, new_ref
from agent_console.pages.webhooks import changes
from agent_console.pages.webhooks.changes import Typed
from agent_console.pages.webhooks.rows import TYPES, deliveries_of, row_of, rows_of
from agent_console.rendering import render_for, see_other
from agent_console.rows import names
from intake.webhooks import actions, payload, queries
from intake.webhooks.models import Webhook
from kernel import clock
from kernel.bodies import FormDep
from kernel.errors import Conflict
from kernel.sessions import SessionDep
from kernel.web import SettingsDep

router = APIRouter(prefix="/avisos", include_in_schema=False, dependencies=[Depends(only("admin"))])
HOME = f"{BASE}/avisos"
_SHOWN = 50


@router.get("")
def show(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    return render_for(http_request, viewer, "webhooks/webhooks.html", rows=rows_of(session, viewer, now=clock.now()))


@router.get("/nuevo")
def ask(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    return _new(http_request, session, viewer, Typed(new_ref()), None)


@router.post("/nuevo")
def make(
    http_request: Request, session: SessionDep, viewer: WriterDep, settings: SettingsDep, form: FormDep
) -> HTMLResponse:
    typed = changes.read(form)
    result = changes.make(session, viewer, settings.secrets.session_key, typed, now=clock.now())
    if isinstance(result, Problem):
        return _new(http_request, session, viewer, typed, result)
    return _secret(http_request, session, viewer, *result)


@router.get("/{webhook_id}")
def show_one(http_request: Request, session: SessionDep, viewer: ViewerDep, webhook_id: uuid.UUID) -> HTMLResponse:
    webhook, now = queries.get(session, webhook_id, viewer.jurisdiction_id), clock.now()
    return render_for(
        http_request,
        viewer,
        "webhooks/webhook.html",
        row=row_of(session, viewer, webhook, now=now),
        deliveries=deliveries_of(session, viewer, webhook, limit=_SHOWN, now=now),
        shown=_SHOWN,
    )


@router.post("/{webhook_id}/probar")
def send_test(session: SessionDep, viewer: WriterDep, webhook_id: uuid.UUID) -> Response:
    actions.send_test(session, _held(session, viewer, webhook_id), now=clock.now())
    return see_other(f"{HOME}/{webhook_id}")


@router.post("/{webhook_id}/pausa")
def pause(session: SessionDep, viewer: WriterDep, webhook_id: uuid.UUID, form: FormDep) -> Response:
    webhook = _held(session, viewer, webhook_id)
    if form.flag("paused"):
        actions.pause(session, webhook)
    else:
        actions.resume(session, webhook, now=clock.now())
    return see_other(f"{HOME}/{webhook_id}")


@router.post("/{webhook_id}/envios/{delivery_id}")
def try_again(session: SessionDep, viewer: WriterDep, webhook_id: uuid.UUID, delivery_id: uuid.UUID) -> Response:
    actions.try_again(session, _held(session, viewer, webhook_id), delivery_id, now=clock.now())
    return see_other(f"{HOME}/{webhook_id}")


@router.get("/{webhook_id}/clave")
def ask_to_rotate(http_request: Request, session: SessionDep, viewer: ViewerDep, webhook_id: uuid.UUID) -> HTMLResponse:
    webhook = queries.get(session, webhook_id, viewer.jurisdiction_id)
    row, seen = row_of(session, viewer, webhook, now=clock.now()), actions.told_by(webhook)
    return render_for(http_request, viewer, "webhooks/rotate.html", row=row, ref=new_ref(), seen=seen)


@router.post("/{webhook_id}/clave")
def rotate(
    http_request: Request,
    session: SessionDep,
    viewer: WriterDep,
    settings: SettingsDep,
    webhook_id: uuid.UUID,
    form: FormDep,
) -> HTMLResponse:
    webhook = _held(session, viewer, webhook_id)
    chosen = changes.secret(settings.secrets.session_key, viewer, form.get("ref"))
    made = actions.rotate(session, webhook, now=clock.now(), secret=chosen, seen=form.get("seen") or None)
    return _secret(http_request, session, viewer, webhook, made)


@router.get("/{webhook_id}/terminar")
def ask_to_end(http_request: Request, session: SessionDep, viewer: ViewerDep, webhook_id: uuid.UUID) -> HTMLResponse:
    row = row_of(session, viewer, queries.get(session, webhook_id, viewer.jurisdiction_id), now=clock.now())
    return render_for(http_request, viewer, "webhooks/end.html", row=row)


@router.post("/{webhook_id}/terminar")
def end(session: SessionDep, viewer: WriterDep, webhook_id: uuid.UUID) -> Response:
    actions.disable(session, _held(session, viewer, webhook_id), reason="by_hand", now=clock.now())
    return see_other(HOME)


def _held(session: Session, viewer: Viewer, webhook_id: uuid.UUID) -> Webhook:
    return actions.held(session, webhook_id, viewer.jurisdiction_id)


def _new(
    http_request: Request, session: Session, viewer: Viewer, typed: Typed, problem: Problem | None
) -> HTMLResponse:
    if problem is not None and problem.status == Conflict.status:
        # The words of a form that has made its webhook make no other: sent again, it is a new form.
        typed = replace(typed, ref=new_ref())
    return render_for(
        http_request,
        viewer,
        "webhooks/new.html",
        status=problem.status if problem else 200,
        typed=typed,
        problem=problem,
        agencies=names(session, viewer).agencies,
        types=[(code, TYPES[code]) for code in payload.TYPES],
    )


def _secret(http_request: Request, session: Session, viewer: Viewer, webhook: Webhook, secret: str) -> HTMLResponse:
    row = row_of(session, viewer, webhook, now=clock.now())
    return render_for(http_request, viewer, "webhooks/secret.html", row=row, secret=secret)
