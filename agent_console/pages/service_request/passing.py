"""Giving a request back ("not ours") and giving it to another agency."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from agent_console.accounts import Viewer
from agent_console.forms import Problem, problem_of
from agent_console.pages.service_request.changes import Typed, actor_of
from agent_console.presentation import ago
from agent_console.rows import names
from intake.catalog.definitions import text_in
from intake.service_requests import bordering, lifecycle, returning
from intake.service_requests.models import ServiceRequest
from kernel.errors import AtiendeError, InvalidInput, NotFound
from kernel.i18n import translate


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
        if typed.agency_code and not typed.reason:
            raise InvalidInput("Escribe por qué le toca: lo lee quien la recibe.", field="reason")
        with session.begin_nested():  # a reason that is refused leaves the request where it was
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


@dataclass(frozen=True)
class BorderQuestion:
    """The question that tells who answers, its replies as (value, name, agency), and whether this viewer may reply."""

    question: str
    replies: list[tuple[str, str, str]]
    may: bool


def border_of(viewer: Viewer, found: ServiceRequest, receipt: Mapping[str, Any] | None) -> BorderQuestion | None:
    """What is still open about the border that the request lies near; None when it is plain whose it is."""
    doubt = bordering.open_question(found, receipt)
    if doubt is None:
        return None
    language = viewer.language
    outside = translate(language, "Fuera de la ciudad")
    replies = [
        (
            bordering.reply_key(reply),
            text_in(reply["name"], language),
            reply["agency"]["name"] if reply["agency"] else outside,
        )
        for reply in doubt["replies"]
    ]
    return BorderQuestion(text_in(doubt["question"], language), replies, viewer.role != "agency")


def settle_border(
    session: Session, viewer: Viewer, found: ServiceRequest, side: str, version: int, *, now: datetime
) -> Problem | None:
    """The centre says which side it is on. Raises NotFound for agencies: they give back what is not theirs."""
    if viewer.role == "agency":
        raise NotFound("Aquí no hay nada, o no es para tu cuenta.")
    try:
        with session.begin_nested():  # what does not move it is not in its story either
            bordering.settle(
                session, found.id, reply=side, actor=actor_of(viewer), now=now, expected_version=version or None
            )
    except AtiendeError as refusal:
        session.refresh(found)
        return problem_of(refusal, viewer, "side", "border")
    return None


def _problem(refusal: AtiendeError, viewer: Viewer) -> Problem:
    named = refusal.field or "agency_code"
    field = {"suggested_agency": "agency_code", "note": "reason"}.get(named, named)
    return Problem(field, refusal.public_text(viewer.language), refusal.status, "passing")
