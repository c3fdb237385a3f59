"""Handlers of the lines' page: to whom each overflows, and when. A supervisor's word is in force from the next round on."""

import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlmodel import Session

from agent_console.access import BASE, ViewerDep, WriterDep, only
from agent_console.accounts import Viewer
from agent_console.forms import Problem, ids_in, problem_of
from agent_console.rendering import render_for, see_other
from intake.catalog import cities
from intake.distribution import lines
from intake.distribution.matching import Served
from intake.distribution.models import ContactQueue
from intake.distribution.values import LANGUAGE
from intake.incidents import queries as incidents
from intake.people.addresses import REGION
from kernel import clock
from kernel.bodies import Form, FormDep
from kernel.errors import Conflict, InvalidInput
from kernel.sessions import SessionDep
from routing.calendars import WorkingCalendar

router = APIRouter(
    prefix="/atencion/filas", include_in_schema=False, dependencies=[Depends(only("supervisor", "admin"))]
)
HERE = f"{BASE}/atencion/filas"
# Besides the one that everybody speaks.
SPOKEN = {"en": "English"}
DAYS = {
    "mon": "Lunes",
    "tue": "Martes",
    "wed": "Miércoles",
    "thu": "Jueves",
    "fri": "Viernes",
    "sat": "Sábado",
    "sun": "Domingo",
}
# What the form of the rules says, in its order.
RULES = {
    "to": "Contestan también",
    "after": "Después de tantos segundos de espera",
    "if_nobody": "Enseguida, si nadie de la fila está en turno",
    **DAYS,
    "holidays": "Cerrada los días festivos del país",
    "closed": "Otros días cerrada",
}
NOW = {
    "": "Abierta",
    "nobody": "Nadie en turno: contestan otros",
    "closed": "Cerrada a esta hora: contestan otros",
}


@dataclass(frozen=True)
class Line:
    """A line and what its form has; what was typed and refused in place of what is kept.

    otherwise: what is kept, where it is not what was typed. able: who serves it; is_lent: as the incident says whose line it is.
    """

    queue: ContactQueue
    overflow: str
    typed: dict[str, str]
    otherwise: dict[str, str]
    able: frozenset[UUID]
    is_lent: bool


@router.get("")
def show(http_request: Request, session: SessionDep, viewer: ViewerDep) -> HTMLResponse:
    return _page(http_request, session, viewer)


@router.post("")
def open_one(http_request: Request, session: SessionDep, viewer: WriterDep, form: FormDep) -> Response:
    try:
        made = lines.open_line(session, viewer.jurisdiction_id, form.get("name"), by=viewer.user_id, now=clock.now())
    except InvalidInput as refusal:
        problem = problem_of(refusal, viewer, "name", "open")
        return _page(http_request, session, viewer, problem=problem, name=form.get("name")[:200])
    return _back_to(made.code)


@router.post("/idiomas/{language}")
def save_speakers(session: SessionDep, viewer: WriterDep, language: str, form: FormDep) -> Response:
    joined, left = _changed(form)
    lines.set_speakers(
        session, viewer.jurisdiction_id, language, join=joined, leave=left, by=viewer.user_id, now=clock.now()
    )
    return see_other(f"{HERE}#idiomas")


@router.post("/{code}/operadores")
def save_operators(session: SessionDep, viewer: WriterDep, code: str, form: FormDep) -> Response:
    _refuse_lent(session, viewer, code)
    joined, left = _changed(form)
    lines.set_operators(
        session, viewer.jurisdiction_id, code, join=joined, leave=left, by=viewer.user_id, now=clock.now()
    )
    return _back_to(code)


@router.post("/{code}/cerrar")
def close(session: SessionDep, viewer: WriterDep, code: str) -> Response:
    _refuse_lent(session, viewer, code)
    lines.close_line(session, viewer.jurisdiction_id, code, by=viewer.user_id, now=clock.now())
    return see_other(HERE)


@router.post("/{code}")
def save(http_request: Request, session: SessionDep, viewer: WriterDep, code: str, form: FormDep) -> Response:
    try:
        lines.set_overflow(
            session,
            viewer.jurisdiction_id,
            code,
            after_s=_seconds(form.get("after")),
            if_nobody=form.get("if_nobody") == "true",
            hours=_hours(form, _country(session, viewer)),
            to=form.get("to") or None,
            was=form.get("shown"),
            by=viewer.user_id,
            now=clock.now(),
        )
    except InvalidInput as refusal:
        problem = problem_of(refusal, viewer, "after", code)
        # They have been shown nothing newer.
        typed = _as_typed(form) | {"shown": form.get("shown")}
        return _page(http_request, session, viewer, problem=problem, refused={code: typed})
    except Conflict as refusal:
        problem = problem_of(refusal, viewer, "shown", code)
        return _page(http_request, session, viewer, problem=problem, refused={code: _as_typed(form)})
    return _back_to(code)


def _page(
    http_request: Request,
    session: Session,
    viewer: Viewer,
    *,
    problem: Problem | None = None,
    refused: dict[str, dict[str, str]] | None = None,
    name: str = "",
) -> HTMLResponse:
    now = clock.now()
    served = lines.served(session, viewer.jurisdiction_id, now)
    able = lines.able(session, viewer.jurisdiction_id, now)
    lent = incidents.lent_lines(session, viewer.jurisdiction_id)
    shown = []
    for one in lines.open_lines(session, viewer.jurisdiction_id):
        kept = _as_kept(one)
        typed = kept | (refused or {}).get(one.code, {})
        shown.append(
            Line(
                one,
                served.get(one.id, Served()).overflow,
                typed,
                {name: kept[name] for name in RULES if kept[name] != typed[name]},
                able.get(one.skill or "", frozenset()),
                one.code in lent,
            )
        )
    return render_for(
        http_request,
        viewer,
        "desk/lines.html",
        status=problem.status if problem else 200,
        lines=shown,
        days=DAYS,
        rules=RULES,
        states=NOW,
        operators=lines.operators(session, viewer.jurisdiction_id, ""),
        languages=SPOKEN,
        speakers={language: able.get(f"{LANGUAGE}{language}", frozenset()) for language in SPOKEN},
        name=name,
        problem=problem,
    )


def _changed(form: Form) -> tuple[set[UUID], set[UUID]]:
    """Who is chosen besides those that the form showed as chosen, and who of them no longer: what others changed stands."""
    chosen, were = set(ids_in(form, "operator")), set(ids_in(form, "was"))
    return chosen - were, were - chosen


def _refuse_lent(session: Session, viewer: Viewer, code: str) -> None:
    if code in incidents.lent_lines(session, viewer.jurisdiction_id):
        raise Conflict("Es la fila de un incidente: a quién se presta se decide ahí.")


def _back_to(code: str) -> Response:
    return see_other(f"{HERE}#fila-{code}")


def _as_kept(queue: ContactQueue) -> dict[str, str]:
    hours: dict[str, Any] = queue.hours or {}
    blocks = hours.get("hours", {})
    return {
        "shown": lines.overflow_of(queue),
        "after": "" if queue.overflow_after_s is None else str(queue.overflow_after_s),
        "if_nobody": "true" if queue.overflow_if_nobody else "",
        "to": queue.overflow_to or "",
        "holidays": "true" if hours.get("holidays") else "",
        "closed": ", ".join(hours.get("closed", ())),
        **{day: ", ".join(f"{start}-{end}" for start, end in blocks.get(day, ())) for day in DAYS},
    }


def _as_typed(form: Form) -> dict[str, str]:
    return {name: form.get(name)[:200] for name in RULES}


def _seconds(text: str) -> int | None:
    """Raises InvalidInput."""
    if not text.strip():
        return None
    if not re.fullmatch(r"[0-9]{1,6}", text.strip()):
        raise InvalidInput("Di un tiempo de 0 segundos a un día.", field="after")
    return int(text)


def _hours(form: Form, country: str) -> dict[str, Any] | None:
    """A calendar as `routing.calendars` reads it; None where no day has hours. Raises InvalidInput."""
    blocks = {day: _blocks(form.get(day), day) for day in DAYS if form.get(day).strip()}
    if not blocks:
        return None
    return {
        "hours": blocks,
        "closed": [one for one in re.split(r"[,\s]+", form.get("closed")) if one],
        **({"holidays": {"country": country}} if form.get("holidays") == "true" else {}),
    }


def _blocks(text: str, day: str) -> list[list[str]]:
    found = []
    for part in text.split(","):
        read = re.fullmatch(r"\s*([0-9]{1,2}:[0-9]{2})\s*[-–]\s*([0-9]{1,2}:[0-9]{2})\s*", part)
        if read is None:
            raise InvalidInput("Escribe las horas como 09:00-14:00, 16:00-19:00.", field=day)
        found.append([read[1].rjust(5, "0"), read[2].rjust(5, "0")])
    try:
        WorkingCalendar({"hours": {day: found}})
    except InvalidInput as refusal:  # a calendar does not say of which of its days
        raise InvalidInput(refusal.text, field=day, **refusal.params) from refusal
    return found


def _country(session: Session, viewer: Viewer) -> str:
    """Whose holidays: of the country whose numbers are the city's."""
    regions = cities.city(session, viewer.jurisdiction_id).settings.get("phone_regions") or [REGION]
    return str(regions[0])
