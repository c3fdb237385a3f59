"""Reads of the queue."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, or_
from sqlmodel import Session, col, select

from intake.service_requests.models import Report, RoutingDecisionRow, ServiceRequest, ServiceRequestEvent
from kernel import db
from kernel.errors import NotFound
from kernel.rows import load_one

_OUTCOME = """
    SELECT receipt ->> 'outcome' FROM routing_decision WHERE service_request_id = $1 ORDER BY at DESC, id DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list shows; an empty field filters nothing. `words` are looked for in description, address and folio."""

    jurisdiction_id: str
    agency_codes: Collection[str] = ()
    service_codes: Collection[str] = ()
    lives: Collection[str] = ()
    channels: Collection[str] = ()
    handovers: Collection[str] = ()
    due_before: datetime | None = None
    due_from: datetime | None = None
    requested_from: datetime | None = None
    requested_until: datetime | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class After:
    """Where the previous page ended: the last row's time and id."""

    requested_at: datetime
    id: UUID


def by_folio(session: Session, folio: str, *, jurisdiction_id: str | None = None) -> ServiceRequest | None:
    """The request with these ten digits, in any city unless one is named."""
    statement = select(ServiceRequest).where(ServiceRequest.folio == folio)
    if jurisdiction_id is not None:
        statement = statement.where(ServiceRequest.jurisdiction_id == jurisdiction_id)
    return session.exec(statement).one_or_none()


def get(session: Session, service_request_id: UUID, jurisdiction_id: str) -> ServiceRequest:
    """The request. Raises NotFound, also for a request of another city."""
    found = session.get(ServiceRequest, service_request_id)
    if found is None or found.jurisdiction_id != jurisdiction_id:
        raise NotFound("No encontramos ese reporte.")
    return found


def events_of(
    session: Session, service_request_id: UUID, audiences: Collection[str] = ("public",)
) -> list[ServiceRequestEvent]:
    """What these audiences may read, oldest first."""
    statement = (
        select(ServiceRequestEvent)
        .where(
            ServiceRequestEvent.service_request_id == service_request_id,
            col(ServiceRequestEvent.audience).in_(audiences),
        )
        .order_by(col(ServiceRequestEvent.id))
    )
    return list(session.exec(statement))


def decision_of(session: Session, service_request_id: UUID) -> RoutingDecisionRow | None:
    """The routing decision in force: the newest."""
    statement = (
        select(RoutingDecisionRow)
        .where(RoutingDecisionRow.service_request_id == service_request_id)
        .order_by(col(RoutingDecisionRow.at).desc(), col(RoutingDecisionRow.id).desc())
        .limit(1)
    )
    return session.exec(statement).one_or_none()


def outcome_of(session: Session, service_request_id: UUID) -> str | None:
    """How the routing decision in force came about (`default`, `outside`…)."""
    session.flush()
    found = db.fetch(session, _OUTCOME, [service_request_id], prepare=True)
    return found[0][0] if found else None


def reports_of(session: Session, service_request_id: UUID) -> list[Report]:
    """What each person said about it, oldest first."""
    statement = (
        select(Report).where(Report.service_request_id == service_request_id).order_by(col(Report.at), col(Report.id))
    )
    return list(session.exec(statement))


def reports_in(session: Session, conversation_id: UUID) -> list[tuple[Report, ServiceRequest]]:
    """What was reported in a thread, oldest first."""
    statement = (
        select(Report, ServiceRequest)
        .join(ServiceRequest, col(ServiceRequest.id) == col(Report.service_request_id))
        .where(Report.conversation_id == conversation_id)
        .order_by(col(Report.at), col(Report.id))
    )
    return list(session.exec(statement))


def followers_of(session: Session, service_request_id: UUID) -> list[Report]:
    """What each person said about it or about one of its duplicates: everybody who is to hear how it goes, oldest first."""
    duplicates = select(ServiceRequest.id).where(ServiceRequest.parent_id == service_request_id)
    statement = (
        select(Report)
        .where(
            or_(
                col(Report.service_request_id) == service_request_id,
                col(Report.service_request_id).in_(duplicates),
            )
        )
        .order_by(col(Report.at), col(Report.id))
    )
    return list(session.exec(statement))


def duplicates_of(session: Session, service_request_id: UUID) -> list[ServiceRequest]:
    """The requests that are this one, oldest first."""
    statement = (
        select(ServiceRequest)
        .where(ServiceRequest.parent_id == service_request_id)
        .order_by(col(ServiceRequest.requested_at), col(ServiceRequest.id))
    )
    return list(session.exec(statement))


def search(session: Session, filters: Filters, *, after: After | None = None, limit: int = 50) -> list[ServiceRequest]:
    """At most `limit` requests, newest first, continuing after the row that `after` names."""
    requested_at, request_id = col(ServiceRequest.requested_at), col(ServiceRequest.id)
    statement = select(ServiceRequest).where(ServiceRequest.jurisdiction_id == filters.jurisdiction_id)
    for column, values in (
        (ServiceRequest.agency_code, filters.agency_codes),
        (ServiceRequest.service_code, filters.service_codes),
        (ServiceRequest.life, filters.lives),
        (ServiceRequest.channel, filters.channels),
        (ServiceRequest.handover, filters.handovers),
    ):
        if values:
            statement = statement.where(col(column).in_(values))
    if filters.due_before is not None:
        statement = statement.where(col(ServiceRequest.expected_at) < filters.due_before)
    if filters.due_from is not None:
        statement = statement.where(col(ServiceRequest.expected_at) >= filters.due_from)
    if filters.requested_from is not None:
        statement = statement.where(requested_at >= filters.requested_from)
    if filters.requested_until is not None:
        statement = statement.where(requested_at < filters.requested_until)
    for word in filters.words.split():
        statement = statement.where(
            or_(
                col(ServiceRequest.description).icontains(word, autoescape=True),
                col(ServiceRequest.address_string).icontains(word, autoescape=True),
                col(ServiceRequest.folio).startswith(word, autoescape=True),
            )
        )
    if after is not None:
        statement = statement.where(
            or_(
                requested_at < after.requested_at,
                and_(requested_at == after.requested_at, request_id < after.id),
            )
        )
    return list(session.exec(statement.order_by(requested_at.desc(), request_id.desc()).limit(limit)))


def by_token(session: Session, token: str, *, jurisdiction_id: str) -> ServiceRequest | None:
    """The request that a batch service's token stands for."""
    statement = select(ServiceRequest).where(
        ServiceRequest.token == token, ServiceRequest.jurisdiction_id == jurisdiction_id
    )
    return session.exec(statement).one_or_none()


def by_idempotency_key(session: Session, jurisdiction_id: str, key: str) -> ServiceRequest | None:
    """The request made under this key."""
    return load_one(
        session, ServiceRequest, "WHERE jurisdiction_id = $1 AND idempotency_key = $2", [jurisdiction_id, key]
    )


def event_of_update(session: Session, service_request_id: UUID, api_key_id: str, update_id: str) -> int | None:
    """The id of the event that an agency system's own `update_id` made, if it has been here."""
    data = col(ServiceRequestEvent.data)
    return session.exec(
        select(ServiceRequestEvent.id).where(
            ServiceRequestEvent.service_request_id == service_request_id,
            data["update_id"].as_string() == update_id,
            data["api_key_id"].as_string() == api_key_id,
        )
    ).first()
