"""The review list: public texts that a person should look at, and what they decide.

Until somebody has decided, the strict text is public. What they decide stands: rules that change later do not touch it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from intake.service_requests.events import add_event
from intake.service_requests.models import PublicTextReview, ServiceRequest, ServiceRequestEvent
from intake.service_requests.values import MAX_DESCRIPTION, Actor
from kernel import outbox
from kernel.errors import Conflict, InvalidInput, NotFound

PAGE_SIZE = 50
# Texts of a request by the name that a review gives them; a note is `note:` and the id of its event.
DESCRIPTION, ADDRESS, NOTE = "description", "address", "note:"


def ask(session: Session, service_request: ServiceRequest, doubts: list[dict[str, Any]], *, now: datetime) -> None:
    """Puts the request on the list because of `doubts`; one that is hidden from the public stays hidden."""
    if not doubts or not service_request.is_public:
        return
    review = session.get(PublicTextReview, service_request.id, with_for_update=True)
    if review is None:
        session.add(
            PublicTextReview(
                service_request_id=service_request.id,
                jurisdiction_id=service_request.jurisdiction_id,
                doubts=doubts,
                found_at=now,
            )
        )
        session.flush()
        return
    named = {doubt["field"] for doubt in doubts}
    review.doubts = [doubt for doubt in review.doubts if doubt["field"] not in named] + doubts
    review.state, review.found_at, review.version = "pending", now, review.version + 1
    session.add(review)


def pending_count(session: Session, jurisdiction_id: str, *, limit: int = 100) -> int:
    """How many wait, without counting past `limit`."""
    some = (
        select(PublicTextReview.service_request_id)
        .where(PublicTextReview.jurisdiction_id == jurisdiction_id, PublicTextReview.state == "pending")
        .limit(limit)
        .subquery()
    )
    return session.exec(select(func.count()).select_from(some)).one()


def pending(session: Session, jurisdiction_id: str) -> list[tuple[PublicTextReview, ServiceRequest]]:
    """Those that have waited longest, with their requests."""
    statement = (
        select(PublicTextReview, ServiceRequest)
        .join(ServiceRequest, col(ServiceRequest.id) == col(PublicTextReview.service_request_id))
        .where(PublicTextReview.jurisdiction_id == jurisdiction_id, PublicTextReview.state == "pending")
        .order_by(col(PublicTextReview.found_at), col(PublicTextReview.service_request_id))
        .limit(PAGE_SIZE)
    )
    return [(review, request) for review, request in session.exec(statement)]


def of_request(session: Session, service_request_id: UUID) -> PublicTextReview | None:
    return session.get(PublicTextReview, service_request_id)


def publish(
    session: Session,
    service_request_id: UUID,
    texts: Mapping[str, str],
    *,
    actor: Actor,
    now: datetime,
    expected_version: int,
) -> None:
    """Makes `texts` what everybody reads, by field. Raises NotFound, Conflict when somebody decided first, InvalidInput."""
    service_request, review = _lock(session, service_request_id, expected_version)
    for name, text in texts.items():
        if len(text) > MAX_DESCRIPTION:
            raise InvalidInput("El texto es demasiado largo: caben {limit} letras.", field=name, limit=MAX_DESCRIPTION)
        _write(session, service_request, name, text)
    review.decided = {**review.decided, **texts}
    service_request.is_public = True
    _decided(session, service_request, review, "published", actor, now)


def hide(session: Session, service_request_id: UUID, *, actor: Actor, now: datetime, expected_version: int) -> None:
    """Takes the whole request away from the public. Raises NotFound, Conflict."""
    service_request, review = _lock(session, service_request_id, expected_version)
    service_request.is_public = False
    _decided(session, service_request, review, "hidden", actor, now)


def _lock(session: Session, service_request_id: UUID, expected_version: int) -> tuple[ServiceRequest, PublicTextReview]:
    # The request first, as everybody else does who changes one.
    request = session.exec(
        select(ServiceRequest).where(ServiceRequest.id == service_request_id).with_for_update(key_share=True),
        execution_options={"populate_existing": True},
    ).one_or_none()
    review = session.exec(
        select(PublicTextReview).where(PublicTextReview.service_request_id == service_request_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if request is None or review is None:
        raise NotFound("Ese reporte no está en la lista de revisión.")
    if review.version != expected_version:
        raise Conflict(
            "{who} ya revisó este texto mientras lo veías. Mira cómo quedó."
            if review.reviewed_by
            else "Este reporte cambió mientras lo veías. Revísalo y vuelve a intentarlo.",
            who=review.reviewed_by,
        )
    return request, review


def _write(session: Session, service_request: ServiceRequest, name: str, text: str) -> None:
    if name == DESCRIPTION:
        service_request.public_description = text
    elif name == ADDRESS:
        service_request.public_address = text or None
    elif name.startswith(NOTE) and name.removeprefix(NOTE).isdecimal():
        event = session.get(ServiceRequestEvent, int(name.removeprefix(NOTE)))
        if event is None or event.service_request_id != service_request.id or event.audience != "public":
            raise InvalidInput("Ese texto no es de este reporte.", field=name)
        newest = session.exec(
            select(func.max(ServiceRequestEvent.id)).where(
                ServiceRequestEvent.service_request_id == service_request.id,
                ServiceRequestEvent.audience == "public",
                col(ServiceRequestEvent.name).in_(("status_changed", "noted")),
            )
        ).one()
        event.public_note = text
        session.add(event)
        if newest == event.id:
            service_request.public_status_notes = text
    else:
        raise InvalidInput("Ese texto no es de este reporte.", field=name)


def _decided(
    session: Session, service_request: ServiceRequest, review: PublicTextReview, state: str, actor: Actor, now: datetime
) -> None:
    data = {"state": state, "fields": sorted({doubt["field"] for doubt in review.doubts})}
    review.state, review.reviewed_at, review.reviewed_by = state, now, actor.name
    review.version += 1
    event = add_event(session, service_request.id, "text_reviewed", "internal", actor, at=now, data=data)
    service_request.updated_at, service_request.version = now, service_request.version + 1
    session.add_all([review, service_request])
    session.flush()
    assert event.id is not None
    outbox.record(session, "service_request.updated", at=now, service_request_id=service_request.id, event_id=event.id)
