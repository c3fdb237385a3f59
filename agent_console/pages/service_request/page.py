"""Handlers of one service request's page."""

import uuid
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console import views
from agent_console.access import BASE, ViewerDep, WriterDep
from agent_console.accounts import Viewer
from agent_console.lists import FiltersDep, ListFilters
from agent_console.pages.service_request import case, changes, clocks, duplicates, passing
from agent_console.pages.service_request.changes import Problem, Typed
from agent_console.pages.service_request.photos import photos_of
from agent_console.presentation import due_in_words
from agent_console.rendering import render_for, see_other
from agent_console.rows import names
from intake.catalog import queries as catalog
from intake.service_requests import queries
from intake.service_requests.lifecycle import CLOSED, LIFE_TEXTS, OUTCOMES, TRANSITIONS
from intake.service_requests.models import ServiceRequest
from intake.service_requests.past import decide_again
from kernel import clock
from kernel.bodies import FormDep
from kernel.db import SessionDep
from kernel.i18n import translate
from routing.explain import explain

router = APIRouter(prefix="/solicitudes/{folio}", include_in_schema=False)


@router.get("")
def show(
    http_request: Request, session: SessionDep, viewer: ViewerDep, filters: FiltersDep, folio: str
) -> HTMLResponse:
    return _page(http_request, session, viewer, filters, case.find(session, viewer, folio))


@router.get("/historia")
def show_story(http_request: Request, session: SessionDep, viewer: ViewerDep, folio: str) -> HTMLResponse:
    found = case.find(session, viewer, folio)
    days = case.days_of(session, viewer, found, clock.now())
    return render_for(http_request, viewer, "service_request/_story.html", days=days, service_request=found)


@router.get("/ficha")
def show_facts(http_request: Request, session: SessionDep, viewer: ViewerDep, folio: str) -> HTMLResponse:
    found, known = case.find(session, viewer, folio), names(session, viewer)
    head = case.header_of(found, known, viewer)
    return render_for(http_request, viewer, "service_request/_head.html", service_request=found, head=head)


@router.post("/estado")
def change_status(
    http_request: Request,
    session: SessionDep,
    viewer: WriterDep,
    filters: FiltersDep,
    folio: str,
    form: FormDep,
) -> Response:
    found = case.find(session, viewer, folio)
    typed = Typed(
        life=form.get("life"),
        outcome_code=form.get("outcome_code"),
        note=form.get("note").strip(),
        version=form.number("version"),
    )
    problem = changes.change_status(session, viewer, found, typed, now=clock.now())
    if problem is None:
        return see_other(f"{BASE}/solicitudes/{folio}{filters.query()}#newest")
    return _page(http_request, session, viewer, filters, found, problem=problem, typed=typed)


@router.post("/respuesta")
def answer(
    http_request: Request,
    session: SessionDep,
    viewer: WriterDep,
    filters: FiltersDep,
    folio: str,
    form: FormDep,
) -> Response:
    found = case.find(session, viewer, folio)
    typed = Typed(mode=form.get("mode") or "reply", text=form.get("text").strip(), ref=form.get("ref")[:64])
    problem = changes.answer(session, viewer, found, typed, now=clock.now())
    if problem is None:
        return see_other(f"{BASE}/solicitudes/{folio}{filters.query()}#newest")
    return _page(http_request, session, viewer, filters, found, problem=problem, typed=typed)


@router.post("/devolver")
def give_back(
    http_request: Request, session: SessionDep, viewer: WriterDep, filters: FiltersDep, folio: str, form: FormDep
) -> Response:
    found = case.find(session, viewer, folio)
    typed = Typed(agency_code=form.get("agency_code"), reason=form.get("reason").strip())
    problem = passing.give_back(session, viewer, found, typed, now=clock.now())
    if problem is None:
        return see_other(f"{BASE}/solicitudes/{folio}{filters.query()}#newest")
    return _page(http_request, session, viewer, filters, found, problem=problem, typed=typed)


@router.post("/pasar")
def give_to_another(
    http_request: Request, session: SessionDep, viewer: WriterDep, filters: FiltersDep, folio: str, form: FormDep
) -> Response:
    found = case.find(session, viewer, folio)
    typed = Typed(
        agency_code=form.get("agency_code"), reason=form.get("reason").strip(), version=form.number("version")
    )
    problem = passing.give_to_another(session, viewer, found, typed, now=clock.now())
    if problem is None:
        return see_other(f"{BASE}/solicitudes/{folio}{filters.query()}#newest")
    return _page(http_request, session, viewer, filters, found, problem=problem, typed=typed)


@router.post("/lado")
def settle_border(
    http_request: Request, session: SessionDep, viewer: WriterDep, filters: FiltersDep, folio: str, form: FormDep
) -> Response:
    found = case.find(session, viewer, folio)
    problem = passing.settle_border(session, viewer, found, form.get("side"), form.number("version"), now=clock.now())
    if problem is None:
        return see_other(f"{BASE}/solicitudes/{folio}{filters.query()}#receipt")
    return _page(http_request, session, viewer, filters, found, problem=problem)


@router.post("/duplicados")
def settle_duplicate(
    http_request: Request, session: SessionDep, viewer: WriterDep, filters: FiltersDep, folio: str, form: FormDep
) -> Response:
    found, now = case.find(session, viewer, folio), clock.now()
    acts = {"same": duplicates.same, "other": duplicates.another, "separate": duplicates.separate}
    chosen = next((name for name in acts if form.get_all(name)), None)
    named = form.get(chosen).strip() if chosen else ""
    problem = (
        acts[chosen](session, viewer, found, named, now=now) if chosen else duplicates.nothing_chosen(viewer.language)
    )
    if problem is None:
        return see_other(f"{BASE}/solicitudes/{folio}{filters.query()}#duplicates")
    session.refresh(found)
    return _page(http_request, session, viewer, filters, found, problem=problem, typed=Typed(text=named[:20]))


@router.post("/mensajes/{message_id}")
def settle_message(
    session: SessionDep,
    viewer: WriterDep,
    filters: FiltersDep,
    folio: str,
    message_id: uuid.UUID,
    form: FormDep,
) -> Response:
    found = case.find(session, viewer, folio)
    changes.settle_message(session, viewer, found, message_id, arrived=form.flag("arrived"), now=clock.now())
    return see_other(f"{BASE}/solicitudes/{folio}{filters.query()}#m-{message_id}")


def _page(
    http_request: Request,
    session: Session,
    viewer: Viewer,
    filters: ListFilters,
    found: ServiceRequest,
    *,
    problem: Problem | None = None,
    typed: Typed | None = None,
) -> HTMLResponse:
    now, known, language = clock.now(), names(session, viewer), viewer.language
    decision = queries.decision_of(session, found.id)
    again = decide_again(session, found) if decision is None else None
    receipt = decision.receipt if decision else again.receipt if again else None
    reports = queries.reports_of(session, found.id)
    rows, total = case.neighbours(session, viewer, filters, known, now)
    values: dict[str, Any] = {
        "service_request": found,
        "head": case.header_of(found, known, viewer),
        "days": case.days_of(session, viewer, found, now),
        "promise": case.promise_of(found, viewer, now),
        "marks": clocks.marks_of(session, found, viewer, now),
        "forecast": clocks.forecast_of(session, found),
        "due": due_in_words(found.expected_at, viewer.timezone, language, now=now) if found.expected_at else "",
        "receipt": explain(receipt, language) if receipt else None,
        "border": passing.border_of(viewer, found, decision.receipt if decision else None),
        "has_second": bool(receipt and receipt.get("runner_up")),
        "again": again,
        "photos": photos_of(session, found),
        "duplicates": duplicates.duplicates_of(session, viewer, found, known, now),
        "drawing": case.drawing_of(session, found, receipt),
        "reporters": case.reporters_of(session, queries.followers_of(session, found.id), language),
        "answer_to": case.answerable(session, reports, language),
        "answers": changes.answers_in_words(session, found, language),
        "lives": [
            (life, translate(language, LIFE_TEXTS[life]))
            for life in LIFE_TEXTS
            if life in TRANSITIONS[found.life] and life != CLOSED
        ],
        "can_close": CLOSED in TRANSITIONS[found.life],
        "outcomes": [(code, translate(language, text)) for code, text in OUTCOMES.items()],
        "rows": rows,
        "total": total,
        "list_title": views.title_of(filters, viewer, known),
        "filters": filters,
        "problem": problem,
        "typed": typed or Typed(),
        "ref": uuid.uuid4().hex,
        "passing": passing.passing_of(session, viewer, found, typed or Typed(), now),
        "city": catalog.jurisdiction(session, viewer.jurisdiction_id),
    }
    return render_for(
        http_request,
        viewer,
        "service_request/service_request.html",
        status=problem.status if problem else 200,
        **values,
    )
