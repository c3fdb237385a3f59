"""Handlers of one service request's page."""

import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console import views
from agent_console.access import BASE, ViewerDep, WriterDep
from agent_console.accounts import Viewer
from agent_console.forms import Problem
from agent_console.lists import FiltersDep, ListFilters
from agent_console.pages.service_request import case, changes, clocks, duplicates, passing
from agent_console.pages.service_request.changes import Typed
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
from kernel.i18n import translate
from kernel.sessions import SessionDep
from routing.explain import explain

router = APIRouter(prefix="/solicitudes/{folio}", include_in_schema=False)


class Opened:
    """A request that its viewer may change, and the list it was opened from."""

    def __init__(
        self, http_request: Request, session: SessionDep, viewer: WriterDep, filters: FiltersDep, folio: str
    ) -> None:
        self.http_request, self.session, self.viewer, self.filters = http_request, session, viewer, filters
        self.found = case.find(session, viewer, folio)

    def after(self, problem: Problem | None, typed: Typed | None = None, *, at: str = "newest") -> Response:
        """Back to the page at `at`; with a problem the page says it, and keeps what was typed."""
        if problem is None:
            return see_other(f"{BASE}/solicitudes/{self.found.folio}{self.filters.query()}#{at}")
        return _page(
            self.http_request, self.session, self.viewer, self.filters, self.found, problem=problem, typed=typed
        )


OpenedDep = Annotated[Opened, Depends()]


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
def change_status(opened: OpenedDep, form: FormDep) -> Response:
    typed = Typed(
        life=form.get("life"),
        outcome_code=form.get("outcome_code"),
        note=form.get("note").strip(),
        version=form.number("version"),
    )
    problem = changes.change_status(opened.session, opened.viewer, opened.found, typed, now=clock.now())
    return opened.after(problem, typed)


@router.post("/respuesta")
def answer(opened: OpenedDep, form: FormDep) -> Response:
    typed = Typed(mode=form.get("mode") or "reply", text=form.get("text").strip(), ref=form.get("ref")[:64])
    return opened.after(changes.answer(opened.session, opened.viewer, opened.found, typed, now=clock.now()), typed)


@router.post("/devolver")
def give_back(opened: OpenedDep, form: FormDep) -> Response:
    typed = Typed(agency_code=form.get("agency_code"), reason=form.get("reason").strip())
    return opened.after(passing.give_back(opened.session, opened.viewer, opened.found, typed, now=clock.now()), typed)


@router.post("/pasar")
def give_to_another(opened: OpenedDep, form: FormDep) -> Response:
    typed = Typed(
        agency_code=form.get("agency_code"), reason=form.get("reason").strip(), version=form.number("version")
    )
    problem = passing.give_to_another(opened.session, opened.viewer, opened.found, typed, now=clock.now())
    return opened.after(problem, typed)


@router.post("/lado")
def settle_border(opened: OpenedDep, form: FormDep) -> Response:
    side, version = form.get("side"), form.number("version")
    problem = passing.settle_border(opened.session, opened.viewer, opened.found, side, version, now=clock.now())
    return opened.after(problem, at="receipt")


@router.post("/duplicados")
def settle_duplicate(opened: OpenedDep, form: FormDep) -> Response:
    session, viewer, found = opened.session, opened.viewer, opened.found
    acts = {"same": duplicates.same, "other": duplicates.another, "separate": duplicates.separate}
    chosen = next((name for name in acts if form.get_all(name)), None)
    if chosen is None:
        return opened.after(duplicates.nothing_chosen(viewer.language), Typed())
    named = form.get(chosen).strip()
    problem = acts[chosen](session, viewer, found, named, now=clock.now())
    if problem is not None:
        session.refresh(found)
    return opened.after(problem, Typed(text=named[:20]), at="duplicates")


@router.post("/mensajes/{message_id}")
def settle_message(opened: OpenedDep, message_id: uuid.UUID, form: FormDep) -> Response:
    arrived = form.flag("arrived")
    changes.settle_message(opened.session, opened.viewer, opened.found, message_id, arrived=arrived, now=clock.now())
    return opened.after(None, at=f"m-{message_id}")


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
