"""Handlers of calls: those that go on, and recordings."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console.access import BASE, REVIEWERS, ViewerDep, WriterDep, only, viewer_in
from agent_console.accounts import Viewer
from agent_console.forms import Problem, problem_of
from agent_console.pages.calls.rows import going_on, proof_rows, recorded_row, recorded_rows, said_rows
from agent_console.pages.calls.sound import part_of
from agent_console.rendering import render_for, see_other, wants_fragment
from intake.calls import line_actions, recordings
from intake.calls.line_actions import Somebody
from intake.calls.line_models import VOICEMAIL, CallRecording
from intake.distribution.models import AgentSession
from kernel import clock, db
from kernel.bodies import FormDep
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.sessions import SessionDep

_LONGEST_REASON = 300
router = APIRouter(include_in_schema=False)
_reviewers = [Depends(only(*REVIEWERS))]
# Whoever answers threads hears what was said after the tone, and no other recording.
_refuse_others = only("operator", *REVIEWERS)
_answerers = [Depends(_refuse_others)]


@router.get("/llamadas", dependencies=_reviewers)
def show_list(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    """htmx asks for the calls that go on alone: recordings are many, and seldom change."""
    now = clock.now()
    desk = session.get(AgentSession, viewer.user_id)
    fragment = wants_fragment(http_request)
    return render_for(
        http_request,
        viewer,
        "calls/_going_on.html" if fragment else "calls/list.html",
        going_on=going_on(session, viewer, now),
        recorded=[] if fragment else recorded_rows(session, viewer, now),
        has_desk=desk is not None and desk.state != "offline",
        now=now,
    )


@router.get("/llamadas/grabaciones", dependencies=_reviewers)
def show_recorded(http_request: Request, session: SessionDep, viewer: ViewerDep) -> Response:
    """Apart from the calls that go on; whoever comes without htmx finds them on the page."""
    if not wants_fragment(http_request):
        return see_other(f"{BASE}/llamadas#recorded")
    return render_for(
        http_request, viewer, "calls/_recorded.html", recorded=recorded_rows(session, viewer, clock.now())
    )


@router.post("/llamadas/{call_id}/entrar", dependencies=_reviewers)
def supervise(session: SessionDep, viewer: WriterDep, form: FormDep, call_id: uuid.UUID) -> Response:
    """How: `listen`, `whisper`, `talk`, or `leave`. It is written down each time."""
    how, by = form.get("how") or "", Somebody(viewer.user_id, viewer.name, viewer.jurisdiction_id)
    if how == "leave":
        line_actions.step_out(session, call_id, by, now=clock.now())
    else:
        line_actions.supervise(session, call_id, by, how, now=clock.now())
    return see_other(f"{BASE}/llamadas#llamada-{call_id}")


@router.get("/llamadas/grabaciones/{recording_id}", dependencies=_answerers)
def show(http_request: Request, session: SessionDep, viewer: ViewerDep, recording_id: uuid.UUID) -> HTMLResponse:
    return _page(http_request, session, viewer, recording_id)


@router.post("/llamadas/grabaciones/{recording_id}/escuchar", dependencies=_answerers)
def open_playback(
    http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep, recording_id: uuid.UUID
) -> Response:
    """The reason is committed with this answer; only the address in it gives the sound, and only to this person."""
    _of_city(session, viewer, recording_id)
    try:
        reason = _reason(form.get("reason"))
        opened = recordings.open_playback(
            session,
            recording_id,
            jurisdiction_id=viewer.jurisdiction_id,
            actor=(viewer.user_id, viewer.name),
            reason=reason,
            now=clock.now(),
        )
    except (InvalidInput, Conflict) as refusal:
        problem = problem_of(refusal, viewer, "reason", "open")
        return _page(http_request, session, viewer, recording_id, problem=problem)
    return _page(http_request, session, viewer, recording_id, playback_id=opened.id)


@router.post("/llamadas/grabaciones/{recording_id}/conservar", dependencies=_reviewers)
def keep(
    http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep, recording_id: uuid.UUID
) -> Response:
    """Past its day, for a reason; without one any more it goes on its day. `was`: the reason that the page showed."""
    _of_city(session, viewer, recording_id)
    releases, actor = bool(form.get("release")), (viewer.user_id, viewer.name)
    try:
        because = "" if releases else _reason(form.get("reason"))
        recordings.keep(session, recording_id, because=because, was=form.get("was"), actor=actor, now=clock.now())
    except (InvalidInput, Conflict) as refusal:
        problem = problem_of(refusal, viewer, "reason", "release" if releases else "keep")
        typed = form.get("reason")[:_LONGEST_REASON]
        return _page(http_request, session, viewer, recording_id, problem=problem, typed=typed)
    return see_other(f"{BASE}/llamadas/grabaciones/{recording_id}")


# Without the dependencies of the other handlers: their transaction would be open while the store is read.
@router.get("/llamadas/grabaciones/{recording_id}/{playback_id}")
def play(
    http_request: Request,
    recording_id: uuid.UUID,
    playback_id: int,
    wanted: Annotated[str, Header(alias="range")] = "",
) -> Response:
    """The sound, whole or in parts; kept by nobody."""
    with db.transaction() as session:
        viewer = viewer_in(http_request, session)
        _refuse_others(viewer)
        row = recordings.playable(
            session,
            recording_id,
            playback_id,
            jurisdiction_id=viewer.jurisdiction_id,
            actor_id=viewer.user_id,
            now=clock.now(),
        )
    return part_of(row, wanted)


def _reason(given: str | None) -> str:
    reason = " ".join((given or "").split())[:_LONGEST_REASON]
    if len(reason) < 4:
        raise InvalidInput("Di para qué: queda anotado con tu nombre.", field="reason")
    return reason


def _of_city(session: Session, viewer: Viewer, recording_id: uuid.UUID) -> CallRecording:
    """Raises NotFound also for whoever may not hear it."""
    row = session.get(CallRecording, recording_id)
    is_theirs = row is not None and (row.kind == VOICEMAIL or viewer.role in REVIEWERS)
    if row is None or row.jurisdiction_id != viewer.jurisdiction_id or not is_theirs:
        raise NotFound("No encontramos esa grabación.")
    return row


def _page(
    http_request: Request,
    session: Session,
    viewer: Viewer,
    recording_id: uuid.UUID,
    *,
    problem: Problem | None = None,
    typed: str = "",
    playback_id: int | None = None,
) -> HTMLResponse:
    now = clock.now()
    row = _of_city(session, viewer, recording_id)
    said, is_whole = said_rows(session, row, viewer, now)
    values: dict[str, Any] = {
        "row": recorded_row(session, row, viewer, now),
        "said": said,
        "is_whole": is_whole,
        "proof": proof_rows(row.proof, viewer.language),
        "can_play": row.media_type.startswith("audio/"),
        "playback_id": playback_id,
        "is_reviewer": viewer.role in REVIEWERS,
        "problem": problem,
        "typed": typed,
    }
    return render_for(http_request, viewer, "calls/recording.html", status=problem.status if problem else 200, **values)
