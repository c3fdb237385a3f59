"""Handlers of alerts of others: pasted, chosen as a file, or followed at an address."""

import uuid
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console.access import BASE, REVIEWERS, ViewerDep, WriterDep, only, refuse_strange_form
from agent_console.accounts import Viewer
from agent_console.forms import Problem, problem_of
from agent_console.pages.incidents import rows
from agent_console.rendering import render_for, see_other
from intake.incidents import alerts, feeds
from intake.incidents.cap.reading import no_alert, read_any
from intake.webhooks.addresses import check_url
from intake.webhooks.config import config
from kernel import clock
from kernel.bodies import FormDep, FormOrUploadDep, Upload
from kernel.errors import AtiendeError, InvalidInput
from kernel.sessions import SessionDep
from kernel.settings import Settings
from kernel.web import SettingsDep

HOME = f"{BASE}/incidentes/alertas"
router = APIRouter(prefix="/incidentes/alertas", include_in_schema=False, dependencies=[Depends(only(*REVIEWERS))])


def _uploaded(http_request: Request, viewer: ViewerDep, settings: SettingsDep, upload: FormOrUploadDep) -> Upload:
    """A form with a file, sent by one of our pages."""
    refuse_strange_form(http_request, viewer, settings, upload.form.get("csrf"))
    return upload


UploadedDep = Annotated[Upload, Depends(_uploaded)]


@router.get("")
def show(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    return _page(http_request, session, viewer)


@router.post("")
def take_in(
    http_request: Request, session: SessionDep, viewer: ViewerDep, settings: SettingsDep, upload: UploadedDep
) -> Response:
    text = upload.form.get("alert")
    body = bytes(upload.files[0]) if upload.files else text.encode()
    try:
        with session.begin_nested():
            made = _propose(session, viewer, settings, body)
    except AtiendeError as refusal:
        problem = problem_of(refusal, viewer, "alert", "alert")
        return _page(http_request, session, viewer, problem=problem, text=text)
    return see_other(f"{BASE}/incidentes/{made}" if made else f"{BASE}/incidentes")


@router.post("/direcciones")
def add_feed(http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep) -> Response:
    url = form.get("url").strip()
    try:
        check_url(url, allow_loopback=config().allow_loopback)
        feeds.add(session, viewer.jurisdiction_id, url, by_name=viewer.name, now=clock.now())
    except AtiendeError as refusal:
        return _page(http_request, session, viewer, problem=problem_of(refusal, viewer, "url", "feed"), url=url)
    return see_other(HOME)


@router.post("/direcciones/{feed_id}")
def remove_feed(session: SessionDep, viewer: WriterDep, feed_id: uuid.UUID) -> Response:
    feeds.remove(session, feed_id, viewer.jurisdiction_id, now=clock.now())
    return see_other(HOME)


def _propose(session: Session, viewer: Viewer, settings: Settings, body: bytes) -> uuid.UUID | None:
    """Takes in what the document holds; which incident the first of it is about. Raises InvalidInput."""
    if not body.strip():
        raise InvalidInput("Pega la alerta o elige su archivo.", field="alert")
    document = read_any(body)
    if document.refusals or not document.alerts:
        raise next(iter(document.refusals), no_alert())
    ours = alerts.sender_of(urlsplit(settings.web.public_base_url).hostname or "localhost")
    taken = [
        alerts.take_in(session, viewer.jurisdiction_id, one, ours=ours, now=clock.now())
        for one in alerts.in_turn(document.alerts)
    ]
    return next((one.incident.id for one in taken if one.incident is not None), None)


def _page(
    http_request: Request,
    session: Session,
    viewer: Viewer,
    *,
    problem: Problem | None = None,
    text: str = "",
    url: str = "",
) -> HTMLResponse:
    return render_for(
        http_request,
        viewer,
        "incidents/alerts.html",
        status=problem.status if problem else 200,
        problem=problem,
        text=text,
        url=url,
        feeds=rows.feeds_of(session, viewer, now=clock.now()),
    )
