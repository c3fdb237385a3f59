"""Handlers of re-routing: what a publication proposes for open requests, accepted or not, all, by pair or one by one."""

import uuid

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console.access import BASE, REVIEWERS, ViewerDep, WriterDep, only
from agent_console.accounts import Viewer
from agent_console.forms import Problem, problem_of
from agent_console.pages.whatif.shown import side_of
from agent_console.presentation import ago
from agent_console.rendering import render_for, see_other
from agent_console.rows import names
from intake.whatif import reroutes
from kernel import clock
from kernel.bodies import Form, FormDep
from kernel.errors import AtiendeError, InvalidInput, NotFound
from kernel.sessions import SessionDep

HOME = f"{BASE}/ruteo/propuestas"

router = APIRouter(prefix="/ruteo/propuestas", include_in_schema=False, dependencies=[Depends(only(*REVIEWERS))])


@router.get("")
def show(http_request: Request, session: SessionDep, viewer: ViewerDep, pair: str = "") -> HTMLResponse:
    return _page(http_request, session, viewer, pair)


@router.post("")
def decide(http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep) -> Response:
    try:
        _decide(session, viewer, form)
    except AtiendeError as refusal:
        return _page(http_request, session, viewer, form.get("shown"), problem_of(refusal, viewer, "proposal"))
    return see_other(HOME)


def _decide(session: Session, viewer: Viewer, form: Form) -> None:
    """What the pressed button says: `all`, `pair:FROM:TO` or `chosen`, to accept or to reject."""
    answer, _, what = form.get("decision").partition(" ")
    if answer not in ("accept", "reject"):
        raise InvalidInput("No pudimos leer el formulario. Vuelve a intentarlo.", field="decision")
    reroutes.decide(
        session,
        viewer.jurisdiction_id,
        accept=answer == "accept",
        ids=_ids(form) if what == "chosen" else None,
        pair=_pair(what.removeprefix("pair:")) if what.startswith("pair:") else None,
        by=viewer.name,
        now=clock.now(),
    )


def _ids(form: Form) -> list[uuid.UUID]:
    try:
        return [uuid.UUID(text) for text in form.get_all("proposal")]
    except ValueError:
        raise InvalidInput("No pudimos leer el formulario. Vuelve a intentarlo.", field="proposal") from None


def _pair(text: str) -> tuple[str, str] | None:
    before, colon, after = text.partition(":")
    return (before, after) if colon else None


def _page(
    http_request: Request, session: Session, viewer: Viewer, pair: str, problem: Problem | None = None
) -> HTMLResponse:
    known, now = names(session, viewer), clock.now()
    chosen = _pair(pair)
    if pair and not (chosen and set(chosen) <= set(known.agencies)):
        raise NotFound("Aquí no hay nada, o no es para tu cuenta.")
    rows = [
        {
            "id": proposal.id,
            "folio": found.folio,
            "what": known.services.get(found.service_code, found.service_code),
            "where": found.address_string or "",
            "before": known.agencies.get(proposal.from_agency, proposal.from_agency),
            "after": known.agencies.get(proposal.to_agency, proposal.to_agency),
            "rule": proposal.rule_code or "",
            "why": _why(proposal.receipt, viewer.language),
            "since": ago(found.requested_at, now, viewer.timezone, viewer.language),
        }
        for proposal, found in reroutes.waiting(session, viewer.jurisdiction_id, pair=chosen)
    ]
    pairs = [
        {
            "value": f"{one.from_agency}:{one.to_agency}",
            "before": known.agencies.get(one.from_agency, one.from_agency),
            "after": known.agencies.get(one.to_agency, one.to_agency),
            "count": one.waiting,
        }
        for one in reroutes.pairs(session, viewer.jurisdiction_id)
    ]
    return render_for(
        http_request,
        viewer,
        "whatif/proposals.html",
        status=problem.status if problem else 200,
        side=side_of(session, viewer, is_reroutes=True),
        rows=rows,
        pairs=pairs,
        total=sum(int(str(one["count"])) for one in pairs),
        moving=reroutes.being_moved(session, viewer.jurisdiction_id),
        pair=pair if chosen else "",
        problem=problem,
    )


def _why(receipt: dict[str, object], language: str) -> str:
    rule = receipt.get("rule")
    reason = rule.get("reason", {}) if isinstance(rule, dict) else {}
    return str(reason.get(language) or reason.get("es") or "")
