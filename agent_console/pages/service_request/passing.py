"""Giving a request back ("not ours") and giving it to another agency."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from agent_console.accounts import Viewer
from agent_console.pages.service_request.changes import Problem, Typed, actor_of
from agent_console.presentation import ago
from agent_console.rows import names
from intake.service_requests import lifecycle, returning
from intake.service_requests.models import ServiceRequest
from kernel.errors import AtiendeError, NotFound


@dataclass(frozen=True)
class Passing:
    """What the page says about who has the request. `may`: return, pass or "" when neither makes sense.

    `returned`: who gave it back, why, and whom they suggest; `by_hand`: that a person chose the agency, in place of the rules.
    """

    may: str
    agencies: dict[str, str]
    chosen: str
    reason: str
    returned: dict[str, str] | None
    by_hand: dict[str, str] | None


def passing_of(session: Session, viewer: Viewer, found: ServiceRequest, typed: Typed, now: datetime) -> Passing:
    known = names(session, viewer).agencies
    last = returning.last_return(session, found)
    event = returning.last_by_hand(session, found.id)
    is_open = found.life != lifecycle.CLOSED
    is_held = found.handover in returning.HELD
    may = "" if not is_open else "pass" if viewer.role != "agency" else "return" if is_held else ""
    returned = None
    if last is not None:
        returned = {
            "agency": known.get(last.agency_code, last.agency_code),
            "reason": last.reason,
            "suggested": known.get(last.suggested_agency_code or "", ""),
            "when": ago(last.at, now, viewer.timezone, viewer.language),
        }
    by_hand = None
    if event is not None:
        by_hand = {"who": event.actor_name, "when": ago(event.at, now, viewer.timezone, viewer.language)}
    return Passing(
        may=may,
        agencies={code: name for code, name in known.items() if code != found.agency_code},
        chosen=typed.agency_code or ((last.suggested_agency_code or "") if last is not None and may == "pass" else ""),
        reason=typed.reason,
        returned=returned,
        by_hand=by_hand,
    )


def give_back(
    session: Session, viewer: Viewer, found: ServiceRequest, typed: Typed, *, now: datetime
) -> Problem | None:
    """The agency's "not ours". Raises NotFound for everybody else."""
    if viewer.role != "agency":
        raise NotFound("Aquí no hay nada, o no es para tu cuenta.")
    suggested = typed.agency_code or None
    try:
        returning.give_back(
            session, found.id, reason=typed.reason, suggested=suggested, actor=actor_of(viewer), now=now
        )
    except AtiendeError as refusal:
        session.refresh(found)
        return _problem(refusal, viewer)
    return None


def give_to_another(
    session: Session, viewer: Viewer, found: ServiceRequest, typed: Typed, *, now: datetime
) -> Problem | None:
    """The centre chooses the agency. Raises NotFound for agencies."""
    if viewer.role == "agency":
        raise NotFound("Aquí no hay nada, o no es para tu cuenta.")
    try:
        returning.reassign(
            session,
            found.id,
            agency_code=typed.agency_code,
            reason=typed.reason,
            actor=actor_of(viewer),
            now=now,
            expected_version=typed.version,
        )
    except AtiendeError as refusal:
        session.refresh(found)
        return _problem(refusal, viewer)
    return None


def _problem(refusal: AtiendeError, viewer: Viewer) -> Problem:
    field = {"suggested_agency": "agency_code"}.get(refusal.field or "", refusal.field or "agency_code")
    return Problem("passing", field, refusal.public_text(viewer.language), refusal.status)
