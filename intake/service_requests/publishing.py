"""Masks stored rows again: those from before the public texts, and those that older rules left.

A batch is one transaction, and knows where the next one begins; stopped at any point, it goes on where it was. What a person has
decided stays. Nothing is announced: no reader waits for it, and `updated_datetime` keeps its meaning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import inspect, or_
from sqlmodel import Session, col, select

from intake.catalog.models import Jurisdiction
from intake.service_requests import published, reviewing
from intake.service_requests.models import PublicTextReview, ServiceRequest, ServiceRequestEvent
from intake.service_requests.own_names import own_names
from intake.service_requests.place_names import places_of
from intake.service_requests.public_text import RULES_VERSION
from intake.service_requests.reviewing import ADDRESS, DESCRIPTION, NOTE

BATCH = 500
_READ = ("public_description", "public_address", "public_status_notes")


@dataclass(frozen=True, slots=True)
class Batch:
    """How many rows were masked, and the last one's id: None when none was left."""

    count: int
    last: UUID | None


def publish_texts(
    session: Session, *, after: UUID | None = None, limit: int = BATCH, everything: bool = False, now: datetime
) -> Batch:
    """Masks the next `limit` rows by id. `everything`: also those that the rules of today have left."""
    statement = select(ServiceRequest).order_by(col(ServiceRequest.id)).limit(limit).with_for_update(key_share=True)
    if after is not None:
        statement = statement.where(col(ServiceRequest.id) > after)
    if not everything:
        version = col(ServiceRequest.public_text_version)
        statement = statement.where(or_(version.is_(None), version < RULES_VERSION))
    rows = session.exec(statement, execution_options={"populate_existing": True}).all()
    if not rows:
        return Batch(0, None)
    ids = [row.id for row in rows]
    events = _public_events(session, ids)
    reviews = {
        review.service_request_id: review
        for review in session.exec(
            select(PublicTextReview).where(col(PublicTextReview.service_request_id).in_(ids)).with_for_update()
        )
    }
    names = own_names(session, ids)
    for row in rows:
        _publish(session, row, events.get(row.id, []), reviews.get(row.id), names.get(row.id, ()), now)
    _date_changes(session, rows, now)
    session.flush()
    return Batch(len(rows), ids[-1])


def _date_changes(session: Session, rows: Sequence[ServiceRequest], now: datetime) -> None:
    """Dates the catalogue of each city where anything reads otherwise now: by its date clients ask whether an answer changed."""
    changed = {row.jurisdiction_id for row in rows if any(_has_changed(row, name) for name in _READ)}
    for jurisdiction in session.exec(select(Jurisdiction).where(col(Jurisdiction.id).in_(changed))):
        jurisdiction.catalog_changed_at = now


def _has_changed(row: ServiceRequest, name: str) -> bool:
    return bool(inspect(row).attrs[name].history.has_changes())


def _public_events(session: Session, ids: Sequence[UUID]) -> dict[UUID, list[ServiceRequestEvent]]:
    found: dict[UUID, list[ServiceRequestEvent]] = {}
    statement = (
        select(ServiceRequestEvent)
        .where(
            col(ServiceRequestEvent.service_request_id).in_(ids),
            ServiceRequestEvent.audience == "public",
            ServiceRequestEvent.note != "",
        )
        .order_by(col(ServiceRequestEvent.id))
    )
    for event in session.exec(statement):
        found.setdefault(event.service_request_id, []).append(event)
    return found


def _publish(
    session: Session,
    row: ServiceRequest,
    events: Sequence[ServiceRequestEvent],
    review: PublicTextReview | None,
    names: Sequence[str],
    now: datetime,
) -> None:
    places = places_of(session, row.jurisdiction_id)
    decided = review.decided if review is not None else {}
    texts = published.of_submission(row.description, row.address_string, row.attributes, places, names)
    doubts = texts.doubts
    # Notes that no public event tells: nobody but staff wrote them.
    notes = published.old_notes(row.status_notes, row.version, row.outcome_code)
    for event in events:
        shown = published.masked_note(event.note, event.actor_kind, places, names)
        event.public_note = decided.get(f"{NOTE}{event.id}", shown.text)
        doubts = [*doubts, *published.doubts_of(f"{NOTE}{event.id}", shown)]
        if event.note == row.status_notes:
            notes = event.public_note
        session.add(event)
    row.public_description = decided.get(DESCRIPTION, texts.columns["public_description"])
    row.public_address = decided.get(ADDRESS, texts.columns["public_address"])
    row.public_attributes = texts.columns["public_attributes"]
    row.public_status_notes = notes
    row.public_text_version = RULES_VERSION
    session.add(row)
    # Whoever has looked at a request need not look again because the rules have changed.
    # Those of another register would flood the list: `intake.history` asks about few of them.
    if (review is None and row.source is None) or (review is not None and review.state == "pending"):
        reviewing.ask(session, row, doubts, now=now)
