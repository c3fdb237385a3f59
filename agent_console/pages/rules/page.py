"""Handlers of the pages about rules: their health, a draft, and what agencies gave back."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console.access import BASE, REVIEWERS, ViewerDep, WriterDep, only
from agent_console.accounts import Viewer
from agent_console.drafts import DraftDep
from agent_console.forms import Problem, problem_of
from agent_console.pages.rules import draft as editing
from agent_console.pages.rules.health import PERIODS, health_of, planned_day, side_of
from agent_console.presentation import ago
from agent_console.rendering import render_for, see_other
from agent_console.rows import names, place_of
from intake.service_requests import returning
from kernel import clock
from kernel.bodies import Form, FormDep
from kernel.errors import AtiendeError
from kernel.sessions import SessionDep
from routing import drafts, withdrawing
from routing.draft_models import RoutingDraft
from routing.stored_rules import NoReadableRules

HOME = f"{BASE}/reglas"
router = APIRouter(prefix="/reglas", include_in_schema=False, dependencies=[Depends(only(*REVIEWERS))])


@router.get("")
def show(
    http_request: Request, session: SessionDep, viewer: ViewerDep, days: Annotated[str, Query()] = "30"
) -> HTMLResponse:
    now, known = clock.now(), names(session, viewer)
    period = int(days) if days in {str(each) for each in PERIODS} else 30
    try:
        health = health_of(session, viewer, known, period, now=now)
    except NoReadableRules as trouble:
        return _render(http_request, session, viewer, "rules/unreadable.html", trouble.status, trouble=trouble)
    return _render(
        http_request,
        session,
        viewer,
        "rules/health.html",
        health=health,
        days=period,
        periods=PERIODS,
        agencies=known.agencies,
    )


@router.get("/alertas")
def show_alerts(http_request: Request, viewer: ViewerDep, seen: Annotated[str, Query()] = "") -> Response:
    """What every page warns of, asked for again by the ones that are open; nothing when it is what they show."""
    if viewer.alert_mark == seen:
        return Response(status_code=204)
    return render_for(http_request, viewer, "_alerts.html")


@router.post("/borradores")
def create(http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep) -> Response:
    made = drafts.create_once(session, viewer.jurisdiction_id, form.get("name"), by=viewer.name, now=clock.now())
    return see_other(f"{HOME}/borradores/{made.id}")


@router.get("/borradores/{draft_id}")
def show_draft(http_request: Request, session: SessionDep, viewer: ViewerDep, found: DraftDep) -> HTMLResponse:
    return _draft(http_request, session, viewer, found)


@router.post("/borradores/{draft_id}/reglas")
def write_rules(
    http_request: Request, session: SessionDep, viewer: WriterDep, found: DraftDep, form: FormDep
) -> Response:
    problem = editing.write_rules(session, viewer, found, form.get("rules"), form.number("version"), now=clock.now())
    return _after(http_request, session, viewer, found, problem, form, "reglas")


@router.post("/borradores/{draft_id}/pruebas")
def add_test(http_request: Request, session: SessionDep, viewer: WriterDep, found: DraftDep, form: FormDep) -> Response:
    problem = editing.add_test(session, viewer, found, form, form.number("version"), now=clock.now())
    return _after(http_request, session, viewer, found, problem, form, "pruebas")


@router.post("/borradores/{draft_id}/pruebas/quitar")
def remove_test(
    http_request: Request, session: SessionDep, viewer: WriterDep, found: DraftDep, form: FormDep
) -> Response:
    problem = editing.remove_test(session, viewer, found, form.get("code"), form.number("version"), now=clock.now())
    return _after(http_request, session, viewer, found, problem, form, "pruebas")


@router.post("/borradores/{draft_id}/capas/quitar")
def drop_layer(
    http_request: Request, session: SessionDep, viewer: WriterDep, found: DraftDep, form: FormDep
) -> Response:
    problem = editing.drop_layer(session, viewer, found, form.get("key"), form.number("version"), now=clock.now())
    return _after(http_request, session, viewer, found, problem, form, "publicar")


@router.post("/borradores/{draft_id}/al-dia")
def bring_up_to_date(session: SessionDep, viewer: WriterDep, found: DraftDep) -> Response:
    drafts.bring_up_to_date(session, found.id, by=viewer.name, now=clock.now())
    return see_other(f"{HOME}/borradores/{found.id}")


@router.get("/borradores/{draft_id}/publicar")
def ask_to_publish(
    http_request: Request,
    session: SessionDep,
    viewer: ViewerDep,
    found: DraftDep,
    day: Annotated[str, Query()] = "",
    version: Annotated[int | None, Query()] = None,
) -> HTMLResponse:
    problem = editing.unseen(found, version, viewer)
    if problem is not None:
        return _draft(http_request, session, viewer, found, problem=problem)
    values = editing.shown(session, viewer, names(session, viewer), found, now=clock.now())
    return _render(http_request, session, viewer, "rules/publish.html", day=day or values["first_day"], **values)


@router.post("/borradores/{draft_id}/publicar")
def publish(http_request: Request, session: SessionDep, viewer: WriterDep, found: DraftDep, form: FormDep) -> Response:
    made = editing.publish(
        session,
        viewer,
        found.id,
        form.get("day"),
        form.number("version"),
        without_tests=form.get("without_tests") == "yes",
        now=clock.now(),
    )
    if isinstance(made, Problem):
        return _draft(http_request, session, viewer, found, problem=made, form=form)
    return see_other(HOME)


@router.get("/borradores/{draft_id}/descartar")
def ask_to_discard(http_request: Request, session: SessionDep, viewer: ViewerDep, found: DraftDep) -> HTMLResponse:
    return _render(http_request, session, viewer, "rules/discard.html", draft=found)


@router.post("/borradores/{draft_id}/descartar")
def discard(http_request: Request, session: SessionDep, viewer: WriterDep, found: DraftDep, form: FormDep) -> Response:
    problem = editing.discard(session, viewer, found, form.number("version"), now=clock.now())
    if problem is not None:
        return _draft(http_request, session, viewer, found, problem=problem)
    return see_other(HOME)


@router.get("/versiones/{version}/cancelar")
def ask_to_withdraw(http_request: Request, session: SessionDep, viewer: ViewerDep, version: int) -> HTMLResponse:
    return _withdrawal(http_request, session, viewer, version)


@router.post("/versiones/{version}/cancelar")
def withdraw(http_request: Request, session: SessionDep, viewer: WriterDep, version: int) -> Response:
    try:
        with session.begin_nested():
            withdrawing.withdraw(session, viewer.jurisdiction_id, version, viewer.name, clock.now())
    except AtiendeError as refusal:
        return _withdrawal(http_request, session, viewer, version, refusal)
    return see_other(HOME)


def _withdrawal(
    http_request: Request, session: Session, viewer: Viewer, version: int, refusal: AtiendeError | None = None
) -> HTMLResponse:
    now = clock.now()
    return _render(
        http_request,
        session,
        viewer,
        "rules/withdraw.html",
        status=refusal.status if refusal else 200,
        version=version,
        day=planned_day(session, viewer, version, now=now),
        problem=refusal.public_text(viewer.language) if refusal else "",
    )


@router.get("/devoluciones")
def show_returns(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    return _returns(http_request, session, viewer)


@router.post("/devoluciones/{event_id}")
def decide_return(
    http_request: Request, session: SessionDep, viewer: WriterDep, event_id: int, form: FormDep
) -> Response:
    try:
        with session.begin_nested():  # a refusal leaves no empty draft behind
            _decide(session, viewer, event_id, form)
    except AtiendeError as refusal:
        problem = problem_of(refusal, viewer, "expects", str(event_id))
        return _returns(http_request, session, viewer, problem=problem, form=form)
    return see_other(f"{HOME}/devoluciones")


def _decide(session: Session, viewer: Viewer, event_id: int, form: Form) -> None:
    now, city = clock.now(), viewer.jurisdiction_id
    if form.get("decision") == "reject":
        returning.reject(session, city, event_id, by=viewer.name, now=now)
        return
    chosen = form.get("draft")
    made = None if chosen else drafts.create(session, city, f"Devoluciones {now:%Y-%m-%d}", by=viewer.name, now=now)
    draft_id = made.id if made is not None else _uuid(chosen)
    returning.accept(
        session, city, event_id, draft_id, expects=form.get("expects"), note=form.get("note"), by=viewer.name, now=now
    )


def _uuid(value: str) -> uuid.UUID:
    try:
        return uuid.UUID(value)
    except ValueError:
        return uuid.UUID(int=0)  # nobody's draft: not found


def _returns(
    http_request: Request,
    session: Session,
    viewer: Viewer,
    *,
    problem: Problem | None = None,
    form: Form | None = None,
) -> HTMLResponse:
    known, now = names(session, viewer), clock.now()
    typed = {name: form.get(name) for name in ("expects", "draft", "note")} if form is not None else {}
    rows = [
        {
            "id": returned.event_id,
            "folio": found.folio,
            "what": known.services.get(found.service_code, found.service_code),
            "where": place_of(found),
            "agency": known.agencies.get(returned.agency_code, returned.agency_code),
            "reason": returned.reason,
            "suggested": returned.suggested_agency_code or "",
            "rule": returned.rule_code,
            "when": ago(returned.at, now, viewer.timezone, viewer.language),
            "typed": {"expects": returned.suggested_agency_code or "", "draft": None, "note": returned.reason}
            | (typed if problem is not None and problem.form == str(returned.event_id) else {}),
        }
        for returned, found in returning.proposals(session, viewer.jurisdiction_id)
    ]
    return _render(
        http_request,
        session,
        viewer,
        "rules/returns.html",
        status=problem.status if problem else 200,
        rows=rows,
        agencies=known.agencies,
        problem=problem,
    )


def _after(
    http_request: Request,
    session: Session,
    viewer: Viewer,
    found: RoutingDraft,
    problem: Problem | None,
    form: Form,
    anchor: str,
) -> Response:
    if problem is None:
        return see_other(f"{HOME}/borradores/{found.id}#{anchor}")
    return _draft(http_request, session, viewer, found, problem=problem, form=form)


def _draft(
    http_request: Request,
    session: Session,
    viewer: Viewer,
    found: RoutingDraft,
    *,
    problem: Problem | None = None,
    form: Form | None = None,
) -> HTMLResponse:
    values = editing.shown(session, viewer, names(session, viewer), found, now=clock.now())
    if problem is not None and problem.form == "rules" and form is not None:
        values["rules_text"] = form.get("rules")
    typed = {name: form.get(name) if form is not None else "" for name in _TYPED}
    status = problem.status if problem else 200
    return _render(
        http_request, session, viewer, "rules/draft.html", status=status, problem=problem, typed=typed, **values
    )


_TYPED = ("code", "service_code", "lon", "lat", "expects", "note", "day")


def _render(
    http_request: Request, session: Session, viewer: Viewer, template: str, status: int = 200, **values: Any
) -> HTMLResponse:
    side = side_of(session, viewer, now=clock.now())
    return render_for(http_request, viewer, template, status=status, side=side, **values)
