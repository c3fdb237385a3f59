"""Handlers of the review list: what waits, one report's texts, and what is decided about them."""

from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console.access import BASE, REVIEWERS, ViewerDep, WriterDep, only
from agent_console.accounts import Viewer
from agent_console.pages.public_text.texts import KINDS, Text, composed, texts_of
from agent_console.presentation import ago
from agent_console.rendering import render_for, see_other
from agent_console.rows import names
from intake.service_requests import queries, reviewing
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor
from kernel import clock
from kernel.bodies import Form, FormDep
from kernel.errors import AtiendeError, Conflict, InvalidInput, NotFound
from kernel.i18n import translate
from kernel.sessions import SessionDep

router = APIRouter(prefix="/revision", include_in_schema=False, dependencies=[Depends(only(*REVIEWERS))])


@router.get("")
def show(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    known, now = names(session, viewer), clock.now()
    waiting = [
        {
            "folio": found.folio,
            "what": known.services.get(found.service_code, found.service_code),
            "words": found.public_description or "",
            "why": sorted({translate(viewer.language, KINDS[doubt["kind"]]) for doubt in review.doubts}),
            "since": ago(review.found_at, now, viewer.timezone, viewer.language),
        }
        for review, found in reviewing.pending(session, viewer.jurisdiction_id)
    ]
    return render_for(http_request, viewer, "public_text/list.html", waiting=waiting)


@router.get("/{folio}")
def show_one(http_request: Request, session: SessionDep, viewer: ViewerDep, folio: str) -> HTMLResponse:
    found = _find(session, viewer, folio)
    return _page(http_request, session, viewer, found, texts_of(session, found, viewer.language))


@router.post("/{folio}")
def decide(http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep, folio: str) -> Response:
    found = _find(session, viewer, folio)
    texts = texts_of(session, found, viewer.language)
    wanted = {text.field: _wanted(text, form) for text in texts}
    if form.get("decision") == "try":
        return _page(http_request, session, viewer, found, texts, form=form, wanted=wanted)
    problem = _decide(session, viewer, found, wanted, form)
    if problem is not None:
        now_there = texts_of(session, found, viewer.language) if isinstance(problem, Conflict) else texts
        return _page(http_request, session, viewer, found, now_there, form=form, wanted=wanted, problem=problem)
    return see_other(f"{BASE}/revision")


def _decide(
    session: Session, viewer: Viewer, found: ServiceRequest, wanted: dict[str, str], form: Form
) -> AtiendeError | None:
    actor, now = Actor("agent", viewer.name), clock.now()
    try:
        if form.get("decision") == "hide":
            reviewing.hide(session, found.id, actor=actor, now=now, expected_version=form.number("version"))
        else:
            version = form.number("version")
            with session.begin_nested():  # of several texts none is public when one is refused
                reviewing.publish(session, found.id, wanted, actor=actor, now=now, expected_version=version)
    except (Conflict, InvalidInput) as problem:
        session.refresh(found)
        return problem
    return None


def _wanted(text: Text, form: Form) -> str:
    """What was typed; where nothing was typed, what the marks say if they were touched."""
    typed = form.get(f"public:{text.field}").replace("\r\n", "\n")
    shown, also = _shown(text, form), form.get(f"also:{text.field}")
    if typed != text.public.replace("\r\n", "\n") or not (shown or also.strip()):
        return typed
    return composed(text, shown, also)


def _shown(text: Text, form: Form) -> set[int]:
    hidden = set(form.get_all(f"hide:{text.field}"))
    return {choice.number for choice in text.choices if str(choice.number) not in hidden}


def _find(session: Session, viewer: Viewer, folio: str) -> ServiceRequest:
    found = queries.by_folio(session, folio, jurisdiction_id=viewer.jurisdiction_id)
    if found is None or reviewing.of_request(session, found.id) is None:
        raise NotFound("Aquí no hay nada, o no es para tu cuenta.")
    return found


def _page(
    http_request: Request,
    session: Session,
    viewer: Viewer,
    found: ServiceRequest,
    texts: list[Text],
    *,
    form: Form | None = None,
    wanted: dict[str, str] | None = None,
    problem: AtiendeError | None = None,
) -> HTMLResponse:
    review = reviewing.of_request(session, found.id)
    assert review is not None
    session.refresh(review)
    now = clock.now()
    values: dict[str, Any] = {
        "texts": texts,
        # After a conflict what is public now, not what the slower reviewer wanted.
        "wanted": wanted if wanted is not None and not isinstance(problem, Conflict) else {},
        "shown": {text.field: _shown(text, form) if form else set() for text in texts},
        "also": {text.field: form.get(f"also:{text.field}") if form else "" for text in texts},
        "service_request": found,
        "what": names(session, viewer).services.get(found.service_code, found.service_code),
        "review": review,
        "reviewed": ago(review.reviewed_at, now, viewer.timezone, viewer.language) if review.reviewed_at else "",
        "problem": problem.public_text(viewer.language) if problem else "",
        "fault": problem.field if problem else "",
    }
    return render_for(
        http_request, viewer, "public_text/review.html", status=problem.status if problem else 200, **values
    )
