"""What may be the same as a request, for staff: seen with its reasons, joined to it, told apart, and separated again."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session, col, select

from agent_console.access import visible_to
from agent_console.accounts import Viewer
from agent_console.forms import Problem, problem_of
from agent_console.pages.service_request.changes import actor_of
from agent_console.presentation import Look, ago, status_look
from agent_console.rows import Names, place_of
from intake.catalog import queries as catalog
from intake.service_requests import queries
from intake.service_requests.duplicates import deciding, merging, wording
from intake.service_requests.duplicates.lookup import Found, around, sighting_of
from intake.service_requests.duplicates.scoring import Likeness, likeness
from intake.service_requests.lifecycle import CLOSED
from intake.service_requests.models import ServiceRequest
from kernel import folio
from kernel.errors import AtiendeError, InvalidInput, NotFound
from kernel.i18n import translate

MOST = 4
FORM = "duplicates"


@dataclass(frozen=True)
class Card:
    """One request that may be the same. closes_this: of the two this one would be the duplicate."""

    folio: str
    what: str
    where: str
    words: str
    photo: str
    metres: int
    when: str
    people: int
    reason: str
    status: Look
    closes_this: bool


@dataclass(frozen=True)
class Link:
    """A request that this one is a duplicate of, or that is one of this one."""

    folio: str
    where: str
    when: str
    people: int


@dataclass(frozen=True)
class Duplicates:
    parent: Link | None = None
    children: Sequence[Link] = ()
    cards: Sequence[Card] = field(default_factory=tuple)


def duplicates_of(session: Session, viewer: Viewer, found: ServiceRequest, known: Names, now: datetime) -> Duplicates:
    """What the viewer may see of it; nobody is asked about a request that is a duplicate already, or over."""
    parent = _seen(session, viewer, ServiceRequest.id == found.parent_id) if found.parent_id else None
    children = queries.duplicates_of(session, found.id)
    cards = _cards(session, viewer, found, known, now) if found.parent_id is None and found.life != CLOSED else []
    return Duplicates(
        _link(parent, viewer, now) if parent else None, [_link(child, viewer, now) for child in children], cards
    )


def same(session: Session, viewer: Viewer, found: ServiceRequest, typed: str, *, now: datetime) -> Problem | None:
    """Merges the two, the later into the earlier or the closed into the open one; None when it is done."""
    try:
        other = _named(session, viewer, typed)
        duplicate, parent = in_order(found, other)
        shown = deciding.Shown(parent.id, *_compared(session, duplicate, parent))
        merging.merge(session, duplicate.id, parent.id, actor=actor_of(viewer), now=now)
        _record(session, viewer, duplicate, shown, "same", now)
    except AtiendeError as refusal:
        return problem_of(refusal, viewer, "folio", FORM)
    return None


def another(session: Session, viewer: Viewer, found: ServiceRequest, typed: str, *, now: datetime) -> Problem | None:
    """Notes that the two are not one: nobody is asked about this pair again."""
    try:
        other = _named(session, viewer, typed)
        shown = deciding.Shown(other.id, *_compared(session, found, other))
        _record(session, viewer, found, shown, "other", now)
    except AtiendeError as refusal:
        return problem_of(refusal, viewer, "folio", FORM)
    return None


def separate(session: Session, viewer: Viewer, found: ServiceRequest, typed: str, *, now: datetime) -> Problem | None:
    """Undoes the merging of this one, or of the duplicate of it that was named."""
    try:
        duplicate = _named(session, viewer, typed) if typed and typed != found.folio else found
        parent_id = duplicate.parent_id
        if duplicate.id != found.id and parent_id != found.id:
            raise NotFound("No encontramos esa solicitud, o no es para tu cuenta.")
        merging.undo(session, duplicate.id, actor=actor_of(viewer), now=now)
        parent = session.get(ServiceRequest, parent_id) if parent_id else None
        if parent is not None:
            shown = deciding.Shown(parent.id, *_compared(session, duplicate, parent))
            _record(session, viewer, duplicate, shown, "undone", now)
    except AtiendeError as refusal:
        return problem_of(refusal, viewer, "folio", FORM)
    return None


def in_order(one: ServiceRequest, other: ServiceRequest) -> tuple[ServiceRequest, ServiceRequest]:
    """(duplicate, parent): work goes on where it is open; of two alike the first report keeps its folio."""
    by_age = sorted((one, other), key=lambda request: (request.life == CLOSED, request.requested_at, request.folio))
    return by_age[1], by_age[0]


def _cards(session: Session, viewer: Viewer, found: ServiceRequest, known: Names, now: datetime) -> list[Card]:
    definition = catalog.catalog(session, found.jurisdiction_id).by_code.get(found.service_code)
    told = sighting_of(definition, found)
    if definition is None or told is None:
        return []
    decided = {other for other, row in deciding.pairs_of(session, found.id).items() if row.decision != "found"}
    likely = [one for one in around(session, definition, told, now=now, but=found.id) if one.id not in decided][:MOST]
    rows = {
        row.id: row
        for row in session.exec(
            select(ServiceRequest).where(visible_to(viewer), col(ServiceRequest.id).in_([one.id for one in likely]))
        )
    }
    return [_card(one, rows[one.id], found, viewer, known, now) for one in likely if one.id in rows]


def _card(one: Found, row: ServiceRequest, found: ServiceRequest, viewer: Viewer, known: Names, now: datetime) -> Card:
    return Card(
        folio=one.folio,
        what=known.services.get(one.service_code, one.service_code),
        where=place_of(row),
        words=row.description,
        photo=f"{row.folio}/fotos/{one.photo_id}" if one.photo_id else "",
        metres=one.likeness.facts["metres"],
        when=ago(row.requested_at, now, viewer.timezone, viewer.language),
        people=row.report_count,
        reason=wording.reason(one.likeness.facts, viewer.language, for_staff=True),
        status=status_look(row.life, row.outcome_code, row.handover, viewer.language),
        closes_this=in_order(found, row)[0].id == found.id,
    )


def _link(row: ServiceRequest, viewer: Viewer, now: datetime) -> Link:
    when = ago(row.requested_at, now, viewer.timezone, viewer.language)
    return Link(row.folio, place_of(row), when, row.report_count)


def _named(session: Session, viewer: Viewer, typed: str) -> ServiceRequest:
    if not typed.strip():
        raise InvalidInput("Escribe el folio de la otra solicitud.", field="folio")
    row = _seen(session, viewer, ServiceRequest.folio == folio.normalize(typed))
    if row is None:
        raise NotFound("No encontramos esa solicitud, o no es para tu cuenta.")
    return row


def _seen(session: Session, viewer: Viewer, condition: bool) -> ServiceRequest | None:
    return session.exec(select(ServiceRequest).where(visible_to(viewer), condition)).one_or_none()


def _compared(session: Session, later: ServiceRequest, earlier: ServiceRequest) -> tuple[float, dict[str, object]]:
    """How likely it is now; of two that cannot be compared nothing is known."""
    services = catalog.catalog(session, later.jurisdiction_id)
    definition = (services.retired | services.by_code).get(later.service_code)
    told, known = sighting_of(definition, later), sighting_of(definition, earlier)
    if definition is None or told is None or known is None:
        return 0.0, {}
    found: Likeness = likeness(told, known, definition.duplicates, closed_at=earlier.closed_at)
    return round(found.score, 4), found.to_json()


def _record(
    session: Session,
    viewer: Viewer,
    later: ServiceRequest,
    shown: deciding.Shown,
    decision: deciding.Decision,
    now: datetime,
) -> None:
    deciding.record(
        session,
        later.jurisdiction_id,
        [shown],
        decision,
        "staff",
        service_request_id=later.id,
        name=viewer.name,
        channel="console",
        now=now,
    )


def nothing_chosen(language: str) -> Problem:
    return Problem("folio", translate(language, "Elige si es la misma o es otra."), 400, FORM)
