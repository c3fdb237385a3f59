"""Following a report by its folio. Shows what is public, and nothing else: the folio is no password."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response
from sqlmodel import Session

from channels.app.calling import call_of
from channels.app.rendering import render
from channels.resident.edges import PageDep, see_other
from channels.resident.rendering import Page
from intake.catalog import queries as catalog
from intake.catalog.definitions import text_in
from intake.forecasts import queries as forecasts
from intake.media.queries import photos_of
from intake.service_requests import lifecycle, published, queries
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from kernel import folio
from kernel.dates import day_in_words
from kernel.errors import InvalidInput, NotFound
from kernel.i18n import translate
from kernel.sessions import SessionDep
from routing.explain import explain
from routing.queries import agencies

router = APIRouter(prefix="/folio")
_PHOTOS = {
    "photo_added": "Se agregó una foto.",
    "photo_shown": "Se agregó una foto.",
    "photo_hidden": "Se retiró una foto.",
}

OUTSIDE = "outside_jurisdiction"
# Where staff read of a person, that person reads of themselves.
_PILL_TEXTS = {"waiting_resident": "Espera tu respuesta"}
MOVED = {
    "waiting_resident": "Mientras esperábamos tu respuesta el plazo no corrió: ahora es el {day}.",
    "closed": "El tiempo que estuvo cerrado no contó: el plazo es ahora el {day}.",
}


@dataclass(frozen=True)
class Pill:
    css: str
    icon: str
    text: str


@dataclass(frozen=True)
class Entry:
    """One line of what happened, as the public reads it."""

    at: datetime
    text: str


@router.get("")
def look_up(page: PageDep, f: str = "") -> Response:
    if not f.strip():
        return render(page, "folio.html", errors={}, given="")
    try:
        digits = folio.normalize(f)
    except InvalidInput as problem:
        errors = {"f": problem.public_text(page.language)}
        return render(page, "folio.html", status_code=400, errors=errors, given=f[:40])
    return see_other(page.url(f"/folio/{digits}"))


@router.get("/{digits}")
def follow(page: PageDep, session: SessionDep, digits: str) -> Response:
    try:
        service_request = _public_request(session, page, folio.normalize(digits))
    except (InvalidInput, NotFound) as problem:
        errors = {"f": problem.public_text(page.language)}
        return render(page, "folio.html", status_code=problem.status, errors=errors, given=digits[:40])
    return render(page, "track.html", **_projection(session, page, service_request))


def _public_request(session: Session, page: Page, digits: str) -> ServiceRequest:
    found = queries.by_folio(session, digits, jurisdiction_id=page.city.id)
    if found is None or not found.is_public:
        raise NotFound("No encontramos ese folio. Revisa los números, por favor.")
    return found


def _projection(session: Session, page: Page, service_request: ServiceRequest) -> dict[str, Any]:
    language, zone = page.language, page.city.timezone
    services = catalog.catalog(session, service_request.jurisdiction_id).by_code
    service = services.get(service_request.service_code)
    code, css, icon = lifecycle.pill(
        service_request.life,
        service_request.outcome_code,
        # Who it goes back and forth between is not the resident's worry.
        "pending" if service_request.handover == "returned" else service_request.handover,
    )
    agency = agencies(session, service_request.jurisdiction_id).get(service_request.agency_code or "")
    decision = queries.decision_of(session, service_request.id)
    events = queries.events_of(session, service_request.id, ("public",))
    promise = ""
    if service_request.expected_at and agency and service_request.life != lifecycle.CLOSED:
        day = day_in_words(service_request.expected_at, zone, language, now=page.now)
        promise = translate(language, _promised(service_request, page.now), agency=agency.name, day=day)
    return {
        "request": service_request,
        "service_name": text_in(service.name, language) if service else service_request.service_code,
        "status_notes": published.status_notes_of(service_request),
        "place": published.address_of(service_request),
        "pill": Pill(css, icon, translate(language, _PILL_TEXTS.get(code) or lifecycle.PILL_TEXTS[code])),
        "promise": promise,
        "forecast": forecasts.told(session, page.city, service_request.service_code, service_request.areas)
        if service_request.life != lifecycle.CLOSED
        else None,
        "agency_name": agency.name if agency else "",
        "parent": _parent_folio(session, service_request),
        "explanation": explain(decision.receipt, language) if decision else None,
        "call": call_of(decision.receipt) if decision and service_request.outcome_code == OUTSIDE else None,
        "may_recur": service_request.outcome_code in ("resolved", "not_found") and service is not None,
        "photos": [row.id for row in photos_of(session, service_request.id, public_only=True)],
        "timeline": [Entry(event.at, _told(event, page)) for event in reversed(events)],
    }


def _promised(service_request: ServiceRequest, now: datetime) -> str:
    """How the promise of an open request stands (a msgid)."""
    paused_at = service_request.paused_at
    if lifecycle.is_late(service_request.expected_at, now, paused_at=paused_at):
        return "{agency} se había comprometido para el {day}. Se nos pasó la fecha."
    if paused_at is not None:
        return "El plazo de {agency} está en pausa: espera tu respuesta. Sin la pausa sería el {day}."
    return "{agency} se comprometió a más tardar para el {day}."


def _parent_folio(session: Session, service_request: ServiceRequest) -> str:
    """Of the request that this one is a duplicate of, if everybody may see that one."""
    parent = session.get(ServiceRequest, service_request.parent_id) if service_request.parent_id else None
    return parent.folio if parent is not None and parent.is_public else ""


def _told(event: ServiceRequestEvent, page: Page) -> str:
    """One public event in one sentence."""
    data, language = event.data, page.language
    if event.name == "promise_moved":
        day = day_in_words(datetime.fromisoformat(str(data["after"])), page.city.timezone, language, now=page.now)
        return translate(language, MOVED[str(data["reason"])], day=day)
    if event.name == "submitted":
        return translate(language, "Recibimos el reporte.")
    if event.name == "routed":
        return translate(language, "Lo enviamos a {agency}.", agency=data.get("agency_name", ""))
    if event.name == "joined":
        return translate(language, "Otra persona reportó lo mismo.")
    if event.name in _PHOTOS:
        return translate(language, _PHOTOS[event.name])
    if event.name == "status_changed":
        life = str(data.get("life", ""))
        outcome, note = str(data.get("outcome_code") or ""), published.note_of(event)
        state = lifecycle.OUTCOMES.get(outcome) or _PILL_TEXTS.get(life) or lifecycle.LIFE_TEXTS.get(life, life)
        said = translate(language, state)
        # A note that begins with what the state says needs no state before it.
        if note and (outcome == OUTSIDE or note.casefold().startswith(said.casefold())):
            return note
        return f"{said}. {note}" if note else f"{said}."
    return published.note_of(event)
