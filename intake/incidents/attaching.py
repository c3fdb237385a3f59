"""Who and what is part of an incident. Whoever attaches keeps it from ending meanwhile."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from georef.points import LonLat
from intake.incidents import queries
from intake.incidents.models import Incident
from kernel import db
from kernel.errors import Conflict, NotFound
from kernel.ids import new_id
from kernel.outbox import record

# Against `FOR UPDATE` of who ends it: either they are attached before the end is told, or they hear that it is over.
_KEPT = "SELECT state FROM incident WHERE id = $1 FOR KEY SHARE"
# The thread is known by its row alone: conversations are above this folder. Whom a supervisor attached (`earlier.py`) is attached
# by themselves from now on, and stays so when that is taken back.
_ATTACH = """
    INSERT INTO incident_contact (id, incident_id, contact_point_id, conversation_id, channel, at)
    SELECT $1, incident.id, conversation.contact_point_id, conversation.id, conversation.channel, $4
    FROM conversation JOIN incident ON incident.jurisdiction_id = conversation.jurisdiction_id
    WHERE incident.id = $2 AND conversation.id = $3
    ON CONFLICT (incident_id, contact_point_id) DO UPDATE SET update_id = NULL WHERE incident_contact.update_id IS NOT NULL
    RETURNING xmax = 0
"""
_PART = """
    SELECT incident.id, incident_request.basis, incident.state
    FROM incident_request JOIN incident ON incident.id = incident_request.incident_id
    WHERE incident_request.service_request_id = $1
"""
_ATTACH_POINT = """
    INSERT INTO incident_contact (id, incident_id, contact_point_id, conversation_id, channel, at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (incident_id, contact_point_id) DO UPDATE SET update_id = NULL WHERE incident_contact.update_id IS NOT NULL
    RETURNING xmax = 0
"""
# By the contact point, which has an index.
_NO_NOTICES = """
    UPDATE incident_contact SET wants_notices = false FROM conversation
    WHERE conversation.id = $1 AND incident_contact.contact_point_id = conversation.contact_point_id
        AND incident_contact.conversation_id = conversation.id AND wants_notices
    RETURNING 1
"""
_ATTACH_REQUEST = """
    INSERT INTO incident_request (service_request_id, incident_id, basis, at)
    SELECT service_request.id, incident.id, $3, $4
    FROM service_request JOIN incident ON incident.jurisdiction_id = service_request.jurisdiction_id
    WHERE service_request.id = $1 AND incident.id = $2
    ON CONFLICT (service_request_id) DO NOTHING RETURNING 1
"""


def attach(
    session: Session,
    incident_id: UUID,
    *,
    conversation_id: UUID,
    service_request_id: UUID | None = None,
    now: datetime,
) -> bool:
    """From now on the person of this thread is told of the incident; False when they were already. With it, the request is part.

    Raises Conflict when it has ended meanwhile (the caller makes a request of its own), NotFound.
    """
    _keep_open(session, incident_id)
    is_new = db.fetch(session, _ATTACH, [new_id(), incident_id, conversation_id, now], prepare=True) == [(True,)]
    if service_request_id is not None:
        _attach_request(session, incident_id, service_request_id, "attached", now)
    if is_new:
        record(session, "incident.attached", at=now, incident_id=incident_id)
    return is_new


def want_no_notices(session: Session, conversation_id: UUID) -> None:
    """Whoever was attached in this thread is not told of these incidents; what another thread of theirs asked for stays."""
    db.fetch(session, _NO_NOTICES, [conversation_id], prepare=True)


def attach_reported(
    session: Session,
    service_request_id: UUID,
    *,
    jurisdiction_id: str,
    service_code: str,
    lonlat: LonLat | None,
    contact_point_id: UUID | None,
    conversation_id: UUID | None = None,
    channel: str,
    now: datetime,
) -> Incident | None:
    """Makes a new request part of the open incident that fits it closest, and tells who reported it from then on.

    None when there is none, or it was said to be apart. A request without a place is part only of what concerns the whole city.
    One that is part already stays so, and whoever reports it too is told from then on.
    """
    if (part := db.fetch(session, _PART, [service_request_id], prepare=True)) != []:
        incident_id, basis, state = part[0]
        if basis != "apart" and state == "open" and contact_point_id is not None:
            _attach_point(session, incident_id, contact_point_id, conversation_id, channel, now)
        return None
    for found in queries.open_incidents(session, jurisdiction_id, service_code, lonlat):
        if lonlat is None and found.geometry is not None:
            continue
        try:
            _keep_open(session, found.id)
        except Conflict:
            continue
        is_new = _attach_request(session, found.id, service_request_id, "within", now)
        if is_new and contact_point_id is not None:
            _attach_point(session, found.id, contact_point_id, conversation_id, channel, now)
        if is_new:
            record(session, "incident.attached", at=now, incident_id=found.id)
        return found
    return None


def keep_apart(session: Session, incident_id: UUID, service_request_id: UUID, *, now: datetime) -> None:
    """Whoever reported it has said that it is no part of this incident: it becomes part of none."""
    _attach_request(session, incident_id, service_request_id, "apart", now)


def _attach_point(
    session: Session,
    incident_id: UUID,
    contact_point_id: UUID,
    conversation_id: UUID | None,
    channel: str,
    now: datetime,
) -> None:
    try:
        _keep_open(session, incident_id)
    except Conflict:
        return
    values = [new_id(), incident_id, contact_point_id, conversation_id, channel, now]
    db.fetch(session, _ATTACH_POINT, values, prepare=True)


def _attach_request(session: Session, incident_id: UUID, service_request_id: UUID, basis: str, now: datetime) -> bool:
    return bool(db.fetch(session, _ATTACH_REQUEST, [service_request_id, incident_id, basis, now], prepare=True))


def _keep_open(session: Session, incident_id: UUID) -> None:
    session.flush()
    found = db.fetch(session, _KEPT, [incident_id], prepare=True)
    if not found:
        raise NotFound("No encontramos ese incidente.")
    if found[0][0] != "open":
        raise Conflict("Este incidente ya terminó.")
