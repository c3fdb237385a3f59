"""Changes to a request that is already in the queue."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from intake.service_requests import lifecycle, promises, published, reviewing
from intake.service_requests.duplicates import links
from intake.service_requests.events import add_event
from intake.service_requests.masking.marks import Masked
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from intake.service_requests.own_names import own_names
from intake.service_requests.place_names import places_of
from intake.service_requests.values import MAX_DESCRIPTION, Actor, Audience
from kernel import outbox
from kernel.errors import Conflict, InvalidInput, NotFound


def change_status(
    session: Session,
    service_request_id: UUID,
    *,
    life: str,
    outcome_code: str | None = None,
    note: str = "",
    actor: Actor,
    now: datetime,
    expected_version: int | None = None,
    data: dict[str, Any] | None = None,
) -> ServiceRequest:
    """Moves the request to `life`; `note` is what the public reads about it.

    Raises NotFound, InvalidInput (no such state, closing without an outcome), Conflict (a step the table does not have, or
    somebody changed the request after the version the caller saw).
    """
    service_request = lock(session, service_request_id, expected_version)
    lifecycle.check_change(service_request.life, life, outcome_code)
    _check_note(note)
    story = {"life": life, "before": service_request.life, "outcome_code": outcome_code} | (data or {})
    if service_request.parent_id is not None and life != lifecycle.CLOSED:
        # Whoever goes on with a duplicate says that it is none.
        _separate(session, service_request, actor, now)
    before, closed_at = service_request.life, service_request.closed_at
    service_request.life = life
    service_request.outcome_code = outcome_code
    service_request.closed_at = now if life == lifecycle.CLOSED else None
    if actor.kind == "agency" and service_request.handover in ("pending", "sent", "transferred"):
        service_request.handover = "accepted"  # whoever works on it has taken it
    shown = _masked(session, service_request, note, actor)
    event = add_event(
        session,
        service_request.id,
        "status_changed",
        "public",
        actor,
        at=now,
        note=note,
        public_note=shown.text,
        data=story,
    )
    service_request.status_notes, service_request.public_status_notes = note, shown.text
    moved = promises.follow(session, service_request, before, closed_at, actor, now)
    touch(session, service_request, event, now)
    if moved is not None:
        session.flush()
        assert moved.id is not None
        outbox.record(
            session, "service_request.updated", at=now, service_request_id=service_request.id, event_id=moved.id
        )
    reviewing.ask(session, service_request, published.doubts_of(f"note:{event.id}", shown), now=now)
    return service_request


def _masked(session: Session, service_request: ServiceRequest, note: str, actor: Actor) -> Masked:
    names = own_names(session, [service_request.id]) if note else {}
    places = places_of(session, service_request.jurisdiction_id)
    return published.masked_note(note, actor.kind, places, names.get(service_request.id, ()))


def _separate(session: Session, duplicate: ServiceRequest, actor: Actor, now: datetime) -> None:
    parent = session.get_one(ServiceRequest, duplicate.parent_id)  # locked with its duplicate
    links.separate(session, duplicate, parent, links.merging_of(session, duplicate.id), actor=actor, now=now)


def add_note(
    session: Session,
    service_request_id: UUID,
    *,
    text: str,
    audience: Audience,
    actor: Actor,
    now: datetime,
    data: dict[str, Any] | None = None,
) -> ServiceRequestEvent:
    """Adds a remark for `audience`; a public one becomes the request's status notes. Raises NotFound, InvalidInput."""
    service_request = lock(session, service_request_id)
    if not text.strip():
        raise InvalidInput("Escribe la nota.", field="note")
    _check_note(text)
    story = {"life": service_request.life, "outcome_code": service_request.outcome_code} | (data or {})
    shown = None
    if audience == "public":
        shown = _masked(session, service_request, text, actor)
        service_request.status_notes, service_request.public_status_notes = text, shown.text
    event = add_event(
        session,
        service_request.id,
        "noted",
        audience,
        actor,
        at=now,
        note=text,
        public_note=shown.text if shown else None,
        data=story,
    )
    promises.hear(session, service_request, actor, now, audience)
    touch(session, service_request, event, now)
    if shown is not None:
        reviewing.ask(session, service_request, published.doubts_of(f"note:{event.id}", shown), now=now)
    return event


def note_word(session: Session, service_request_id: UUID, *, actor: Actor, now: datetime) -> None:
    """Notes that somebody of the city has written to the person, in a message of their own. Raises NotFound."""
    promises.hear(session, lock(session, service_request_id), actor, now, "reporter")


def _check_note(note: str) -> None:
    if len(note) > MAX_DESCRIPTION:
        raise InvalidInput("La nota es demasiado larga: caben {limit} letras.", field="note", limit=MAX_DESCRIPTION)


def lock(
    session: Session, service_request_id: UUID, expected_version: int | None = None, *, also: Collection[UUID] = ()
) -> ServiceRequest:
    """The request as it is now; nobody else changes it until this transaction ends. Raises NotFound, Conflict.

    Whoever changes a duplicate may separate it: what it is a duplicate of and what would come back to it are locked with it, and
    with `also`, all in one order.
    """
    found = links.lock_all(session, {service_request_id, *also}).get(service_request_id)
    if found is None:
        raise NotFound("No encontramos ese reporte.")
    if expected_version is not None and found.version != expected_version:
        raise Conflict("Alguien cambió este reporte mientras lo veías. Revísalo y vuelve a intentarlo.")
    return found


def touch(session: Session, service_request: ServiceRequest, event: ServiceRequestEvent, now: datetime) -> None:
    """A change of a locked request is a new version of it, and told with its event."""
    service_request.updated_at = now
    service_request.version += 1
    session.add(service_request)
    session.flush()
    assert event.id is not None
    outbox.record(session, "service_request.updated", at=now, service_request_id=service_request.id, event_id=event.id)
