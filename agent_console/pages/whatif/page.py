"""Handlers of drafts: the list, a new one from a file, trying it, its files, and publishing it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console.access import BASE, REVIEWERS, ViewerDep, WriterDep, only, refuse_strange_form
from agent_console.accounts import Viewer
from agent_console.drafts import DraftDep
from agent_console.forms import Problem, problem_of
from agent_console.pages.whatif import drafting
from agent_console.pages.whatif.shown import Shown, side_of
from agent_console.rendering import render_for, see_other, wants_fragment
from intake.city_folder.linting import subjects_of
from intake.whatif import runs
from intake.whatif.files import NAMES
from intake.whatif.history import Period
from kernel import clock
from kernel.bodies import FormDep, Upload, UploadDep
from kernel.errors import AtiendeError, NotFound
from kernel.sessions import SessionDep
from kernel.web import SettingsDep
from routing import drafts, publishing
from routing.draft_models import RoutingDraft

HOME = f"{BASE}/ruteo"
_TYPES = {"csv": "text/csv; charset=utf-8", "geojson": "application/geo+json", "html": "text/html; charset=utf-8"}

router = APIRouter(prefix="/ruteo", include_in_schema=False, dependencies=[Depends(only(*REVIEWERS))])


def _uploaded(http_request: Request, viewer: ViewerDep, settings: SettingsDep, upload: UploadDep) -> Upload:
    """A form with a file, sent by one of our pages."""
    refuse_strange_form(http_request, viewer, settings, upload.form.get("csrf"))
    return upload


UploadedDep = Annotated[Upload, Depends(_uploaded)]


@router.get("")
def show(http_request: Request, session: SessionDep, viewer: ViewerDep) -> Response:
    side = side_of(session, viewer)
    if side.drafts:
        return see_other(f"{HOME}/{side.drafts[0].id}")
    return render_for(http_request, viewer, "whatif/empty.html", side=side)


@router.get("/nuevo")
def show_new(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    return _new(http_request, session, viewer, drafting.Typed(), None)


@router.post("/nuevo")
def make(http_request: Request, session: SessionDep, viewer: ViewerDep, upload: UploadedDep) -> Response:
    typed = drafting.Typed.of(upload.form)
    try:
        with session.begin_nested():
            draft = drafting.make(session, viewer, typed, upload, now=clock.now())
    except AtiendeError as refusal:
        return _new(http_request, session, viewer, typed, problem_of(refusal, viewer, "file"))
    return see_other(f"{HOME}/{draft.id}")


@router.get("/{draft_id}")
def show_draft(http_request: Request, session: SessionDep, viewer: ViewerDep, draft: DraftDep) -> HTMLResponse:
    return _page(http_request, session, viewer, draft)


@router.post("/{draft_id}/calcular")
def calculate(
    http_request: Request, session: SessionDep, viewer: WriterDep, draft: DraftDep, form: FormDep
) -> Response:
    try:
        with session.begin_nested():
            _start(session, viewer, draft, form.get("first"), form.get("last"))
    except AtiendeError as refusal:
        return _page(http_request, session, viewer, draft, problem_of(refusal, viewer, "first"))
    return see_other(f"{HOME}/{draft.id}")


def _start(session: Session, viewer: Viewer, draft: RoutingDraft, first: str, last: str) -> None:
    now = clock.now()
    period = Period.parse(first, last, viewer.today(now))
    earliest = publishing.earliest(session, draft, now)
    runs.start(session, draft, period, earliest.day, by=viewer.name, language=viewer.language, now=now)


@router.post("/{draft_id}/publicar")
def publish(http_request: Request, session: SessionDep, viewer: WriterDep, draft: DraftDep, form: FormDep) -> Response:
    try:
        with session.begin_nested():
            day = drafting.day_of(form.get("valid_from"))
            subjects = subjects_of(session, viewer.jurisdiction_id)
            publishing.publish(
                session,
                draft.id,
                day,
                viewer.name,
                clock.now(),
                subjects=subjects,
                seen_version=form.number("version"),
                without_tests=form.get("without_tests") == "yes",
            )
    except AtiendeError as refusal:
        return _page(http_request, session, viewer, draft, problem_of(refusal, viewer, "valid_from"))
    return see_other(f"{HOME}/{draft.id}")


@router.post("/{draft_id}/descartar")
def discard(http_request: Request, session: SessionDep, viewer: WriterDep, draft: DraftDep, form: FormDep) -> Response:
    try:
        drafts.discard(session, draft.id, seen_version=form.number("version"), by=viewer.name, now=clock.now())
    except AtiendeError as refusal:
        return _page(http_request, session, viewer, draft, problem_of(refusal, viewer, "draft"))
    return see_other(HOME)


@router.get("/{draft_id}/{name}")
def download(session: SessionDep, viewer: ViewerDep, draft: DraftDep, name: str) -> Response:
    run = runs.newest_done(session, draft.id)
    if run is None or name not in NAMES:
        raise NotFound("Ese archivo todavía no existe.")
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    if name.endswith(".html"):
        # The report carries its own style; it may not load or run anything.
        headers = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"}
    return Response(runs.file_of(session, run.id, name), media_type=_TYPES[name.rpartition(".")[2]], headers=headers)


def _page(
    http_request: Request, session: Session, viewer: Viewer, draft: RoutingDraft, problem: Problem | None = None
) -> HTMLResponse:
    shown = Shown(session, viewer, draft, now=clock.now())
    # Only what changes while it calculates; the whole once that is over.
    template = "whatif/_progress.html" if wants_fragment(http_request) and shown.is_running else "whatif/whatif.html"
    return render_for(
        http_request,
        viewer,
        template,
        status=problem.status if problem else 200,
        side=side_of(session, viewer, draft),
        shown=shown,
        problem=problem,
    )


def _new(
    http_request: Request, session: Session, viewer: Viewer, typed: drafting.Typed, problem: Problem | None
) -> HTMLResponse:
    return render_for(
        http_request,
        viewer,
        "whatif/new.html",
        status=problem.status if problem else 200,
        side=side_of(session, viewer),
        typed=typed,
        problem=problem,
        layers=drafting.layers(session, viewer),
    )
