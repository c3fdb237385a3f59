"""Reads of incidents: what is announced now, to whom it matters, who is attached."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.catalog.queries import Catalog
from intake.incidents.models import Incident, IncidentContact, IncidentRequest, IncidentUpdate
from intake.incidents.values import Announcement, Scope
from kernel import db
from kernel.errors import NotFound
from kernel.rows import load

_ANY_OPEN = "SELECT 1 FROM incident WHERE jurisdiction_id = $1 AND state = 'open' LIMIT 1"
_OPEN = "WHERE jurisdiction_id = $1 AND state = 'open' ORDER BY opened_at DESC, id"
# Ids sort as they were made, also those of one instant.
_TURNED_SINCE = """
    SELECT turn.name FROM incident_update JOIN incident_update AS turn ON turn.incident_id = incident_update.incident_id
    WHERE incident_update.id = $1 AND turn.name IN ('ended', 'reopened')
        AND (turn.at, turn.id) > (incident_update.at, incident_update.id)
    ORDER BY turn.at DESC, turn.id DESC LIMIT 1
"""


class Attached(NamedTuple):
    """How many are told, and how many requests are part of it."""

    contacts: int
    requests: int


def open_for(
    session: Session,
    jurisdiction_id: str,
    *,
    service_code: str | None = None,
    lonlat: LonLat | None = None,
    now: datetime,
) -> list[Announcement]:
    """The open incidents that a contact about this service at this place may be part of, the closest fit first.

    What is not known yet (None) excludes none: without both, it is what is announced to everybody. At the cost of one small query
    while nothing is open.
    """
    return [announcement(found) for found in open_incidents(session, jurisdiction_id, service_code, lonlat)]


def open_incidents(
    session: Session, jurisdiction_id: str, service_code: str | None = None, lonlat: LonLat | None = None
) -> list[Incident]:
    """As `open_for`, the rows."""
    if not db.asked_once(
        session,
        ("open incidents", jurisdiction_id),
        lambda: db.fetch(session, _ANY_OPEN, [jurisdiction_id], prepare=True),
    ):
        return []
    known = catalog.catalog(session, jurisdiction_id)
    scoped = [(scope_of(found, known), found) for found in load(session, Incident, _OPEN, [jurisdiction_id])]
    fitting = [(scope, found) for scope, found in scoped if scope.concerns(service_code, lonlat)]
    return [found for _, found in sorted(fitting, key=lambda pair: pair[0].size)]


def lent_lines(session: Session, jurisdiction_id: str) -> frozenset[str]:
    """The codes of lines that belong to an incident, and who serves them with it."""
    codes = select(Incident.queue_code).where(
        Incident.jurisdiction_id == jurisdiction_id, col(Incident.queue_code).is_not(None)
    )
    return frozenset(code for code in session.exec(codes) if code is not None)


def scope_of(incident: Incident, known: Catalog) -> Scope:
    """What it is about: its services and all of its groups, also those that came to the group later."""
    codes = set(incident.service_codes)
    codes |= {service.code for service in known.services if service.group_code in incident.group_codes}
    is_about_all = not incident.service_codes and not incident.group_codes
    return Scope(frozenset(codes), incident.geometry, is_about_all)


def announcement(incident: Incident) -> Announcement:
    return Announcement(
        incident.id,
        incident.kind,
        incident.title,
        incident.written,
        incident.spoken,
        incident.opened_at or incident.created_at,
    )


def queue_for(
    session: Session, jurisdiction_id: str, contact_point_id: UUID, service_code: str | None, lonlat: LonLat | None
) -> Incident | None:
    """The open incident with a line of its own that this person waits for an operator about: one they are told of, or report."""
    found = [one for one in open_incidents(session, jurisdiction_id, service_code, lonlat) if one.queue_code]
    theirs = attached_to(session, contact_point_id, [one.id for one in found])
    reported = [one for one in found if service_code is not None and (lonlat is not None or one.geometry is None)]
    return next((one for one in found if one.id in theirs), reported[0] if reported else None)


def get(session: Session, incident_id: UUID, jurisdiction_id: str) -> Incident:
    """The incident. Raises NotFound, also for one of another city."""
    found = session.get(Incident, incident_id)
    if found is None or found.jurisdiction_id != jurisdiction_id:
        raise NotFound("No encontramos ese incidente.")
    return found


def listed(session: Session, jurisdiction_id: str, states: Sequence[str], *, limit: int = 50) -> list[Incident]:
    """Newest first."""
    statement = (
        select(Incident)
        .where(Incident.jurisdiction_id == jurisdiction_id, col(Incident.state).in_(states))
        .order_by(col(Incident.created_at).desc(), col(Incident.id).desc())
        .limit(limit)
    )
    return list(session.exec(statement))


def updates_of(session: Session, incident_id: UUID, *, limit: int = 100) -> list[IncidentUpdate]:
    """What happened to it, newest first."""
    statement = (
        select(IncidentUpdate)
        .where(IncidentUpdate.incident_id == incident_id)
        .order_by(col(IncidentUpdate.at).desc(), col(IncidentUpdate.id).desc())
        .limit(limit)
    )
    return list(session.exec(statement))


def attached(session: Session, incident_ids: Sequence[UUID]) -> dict[UUID, Attached]:
    """How many are attached to each."""
    contacts = _counts(session, IncidentContact, incident_ids)
    requests = _counts(session, IncidentRequest, incident_ids, col(IncidentRequest.basis) != "apart")
    return {id_: Attached(contacts.get(id_, 0), requests.get(id_, 0)) for id_ in incident_ids}


def contacts_by_channel(session: Session, incident_id: UUID) -> dict[str, int]:
    """How many are attached, by the channel they contacted the city on."""
    statement = (
        select(IncidentContact.channel, func.count())
        .where(IncidentContact.incident_id == incident_id)
        .group_by(IncidentContact.channel)
    )
    return dict(session.exec(statement).all())


def _counts(session: Session, model: Any, incident_ids: Sequence[UUID], *which: ColumnElement[bool]) -> dict[UUID, int]:
    statement = (
        select(model.incident_id, func.count())
        .where(model.incident_id.in_(incident_ids), *which)
        .group_by(model.incident_id)
    )
    return dict(session.exec(statement).all())


def turned_since(session: Session, update_id: UUID) -> Literal["ended", "reopened"] | None:
    """What makes this news old: the incident has `ended` since, or was `reopened`, whichever was last."""
    session.flush()
    found = db.fetch(session, _TURNED_SINCE, [update_id], prepare=True)
    return found[0][0] if found else None


def contacts_after(session: Session, incident_id: UUID, after: int, up_to: int, *, limit: int) -> list[IncidentContact]:
    """Who is to be told next, in the order in which they were attached."""
    statement = (
        select(IncidentContact)
        .where(
            IncidentContact.incident_id == incident_id,
            col(IncidentContact.seq) > after,
            col(IncidentContact.seq) <= up_to,
        )
        .order_by(col(IncidentContact.seq))
        .limit(limit)
    )
    return list(session.exec(statement))


def attached_to(session: Session, contact_point_id: UUID, incident_ids: Sequence[UUID]) -> set[UUID]:
    """Of these, the incidents that this address is told of."""
    if not incident_ids:
        return set()
    statement = select(IncidentContact.incident_id).where(
        col(IncidentContact.incident_id).in_(incident_ids), IncidentContact.contact_point_id == contact_point_id
    )
    return set(session.exec(statement))


def incident_of(session: Session, service_request_id: UUID) -> Incident | None:
    """The incident that a request is part of."""
    statement = (
        select(Incident)
        .join(IncidentRequest, col(IncidentRequest.incident_id) == col(Incident.id))
        .where(IncidentRequest.service_request_id == service_request_id, IncidentRequest.basis != "apart")
    )
    return session.exec(statement).one_or_none()
