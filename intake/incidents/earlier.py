"""Reports made shortly before an incident was opened: which they are, made part of it by one action, and taken back as one.

Everybody who made one of them is told at once, and again at the end; who was attached before hears nothing twice.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session, select

from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.incidents import actions, queries
from intake.incidents.actions import By
from intake.incidents.models import Incident, IncidentUpdate
from intake.incidents.values import checked_words, news_reference
from kernel import db
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.ids import new_id
from kernel.outbox import record

# How far back a supervisor may look.
HOURS = (2, 6, 24)
# At once: as many as somebody can look through. The others are shown next.
MOST = 200
_LOOKED_THROUGH = 5000
_BEFORE = """
    SELECT service_request.id, service_request.folio, service_request.service_code, service_request.address_string,
        service_request.requested_at, service_request.lon, service_request.lat
    FROM service_request
    WHERE service_request.jurisdiction_id = $1 AND service_request.source IS NULL AND service_request.life <> 'closed'
        AND service_request.requested_at > $2 AND service_request.requested_at <= $3
        AND ($4 OR service_request.service_code = ANY($5::text[]))
        AND NOT EXISTS (SELECT FROM incident_request WHERE service_request_id = service_request.id)
    ORDER BY service_request.requested_at DESC LIMIT $6
"""
_PART = """
    INSERT INTO incident_request (service_request_id, incident_id, update_id, basis, at)
    SELECT id, $2, $3, 'within', $4 FROM unnest($1::uuid[]) AS id
    ON CONFLICT (service_request_id) DO NOTHING RETURNING 1
"""
# Whoever made one of them and wanted notices, once, on the channel of their first report.
_REPORTERS = """
    SELECT DISTINCT ON (report.contact_point_id) report.contact_point_id, report.conversation_id, report.channel
    FROM incident_request JOIN report ON report.service_request_id = incident_request.service_request_id
    WHERE incident_request.update_id = $1 AND report.contact_point_id IS NOT NULL AND report.wants_notices
    ORDER BY report.contact_point_id, report.at
"""
_TOLD = """
    INSERT INTO incident_contact (id, incident_id, update_id, contact_point_id, conversation_id, channel, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (incident_id, contact_point_id) DO NOTHING RETURNING 1
"""
_LAST = "SELECT coalesce(max(seq), 0) FROM incident_contact WHERE incident_id = $1"
_COUNTS = "SELECT update_id, count(*) FROM incident_request WHERE incident_id = $1 AND update_id IS NOT NULL GROUP BY 1"
# Whoever is telling one of them right now is waited for; what waits for the morning then stays unsaid.
_HOLD = "SELECT 1 FROM incident_contact WHERE update_id = $1 ORDER BY seq FOR UPDATE"
_UNSAY = """
    UPDATE message SET status = 'suppressed', error_code = 'no_news', changed_at = $3
    FROM conversation, incident_contact
    WHERE incident_contact.update_id = $1 AND conversation.contact_point_id = incident_contact.contact_point_id
        AND message.conversation_id = conversation.id AND message.client_ref = $2 AND message.status = 'queued'
    RETURNING 1
"""
_DROP_CONTACTS = "DELETE FROM incident_contact WHERE update_id = $1 RETURNING 1"
_DROP_REQUESTS = "DELETE FROM incident_request WHERE update_id = $1 RETURNING 1"


class Earlier(NamedTuple):
    """An open request that is part of no incident yet."""

    id: UUID
    folio: str
    service_code: str
    address: str
    requested_at: datetime


def found(session: Session, incident: Incident, *, hours: int, now: datetime) -> list[Earlier]:
    """What was reported about it, in its area, from so many hours before it was opened (of a proposal: before now), newest first.

    What somebody said to be another matter is left out, and so is what has no place, unless the whole city is concerned.
    """
    scope = queries.scope_of(incident, catalog.catalog(session, incident.jurisdiction_id))
    since = (incident.opened_at or now) - timedelta(hours=hours)
    session.flush()
    values = [incident.jurisdiction_id, since, now, scope.is_about_all, sorted(scope.service_codes), _LOOKED_THROUGH]
    return [
        Earlier(id_, folio, code, address or "", at)
        for id_, folio, code, address, at, lon, lat in db.fetch(session, _BEFORE, values)
        if scope.geometry is None or (lon is not None and scope.concerns(code, LonLat(lon, lat)))
    ]


def attach(
    session: Session,
    incident_id: UUID,
    request_ids: Sequence[UUID],
    words: dict[str, str],
    *,
    version: int,
    by: By,
    client_ref: str | None = None,
    now: datetime,
) -> IncidentUpdate:
    """Makes these part of the incident, and tells who reported them. The same client_ref again gives the first one.

    What became part of an incident meanwhile, was closed or never fitted is left out. Raises Conflict, InvalidInput.
    """
    if (known := actions.of_same_form(session, incident_id, client_ref)) is not None:
        return known
    incident = actions.held(session, incident_id, version)
    if incident.state != "open":
        raise Conflict("Este incidente ya terminó.")
    fitting = {one.id for one in found(session, incident, hours=HOURS[-1], now=now)}
    chosen = [one for one in dict.fromkeys(request_ids) if one in fitting][:MOST]
    if not chosen:
        raise InvalidInput(
            "Elige al menos un reporte que siga abierto y no sea parte de un incidente.", field="request"
        )
    update = actions.note_update(
        session, incident, "attached", by, now, words=checked_words(words), note=str(len(chosen)), client_ref=client_ref
    )
    db.fetch(session, _PART, [chosen, incident.id, update.id, now])
    before = _last(session, incident.id)
    for contact_point_id, conversation_id, channel in db.fetch(session, _REPORTERS, [update.id]):
        values = [new_id(), incident.id, update.id, contact_point_id, conversation_id, channel, now]
        db.fetch(session, _TOLD, values, prepare=True)
    last = _last(session, incident.id)
    update.told_up_to, update.told_to = before, last if last > before else None
    session.add(update)
    actions.changed(session, incident)
    record(session, "incident.attached_earlier", at=now, incident_id=incident.id, update_id=update.id)
    return update


def take_back(session: Session, incident_id: UUID, update_id: UUID, *, version: int, by: By, now: datetime) -> None:
    """Undoes `attach`: they are part of none again, and who was not told yet is not. Raises Conflict, NotFound.

    Who has said since that theirs is part stays so.
    """
    incident = actions.held(session, incident_id, version)
    if incident.state != "open":
        raise Conflict("Este incidente ya terminó.")
    mine = select(IncidentUpdate).where(IncidentUpdate.id == update_id, IncidentUpdate.incident_id == incident_id)
    update = session.exec(mine.with_for_update().execution_options(populate_existing=True)).one_or_none()
    if update is None or update.name != "attached":
        raise NotFound("No encontramos ese incidente.")
    session.flush()
    db.fetch(session, _HOLD, [update_id])
    db.fetch(session, _UNSAY, [update_id, news_reference(update_id), now])
    db.fetch(session, _DROP_CONTACTS, [update_id])
    if not db.fetch(session, _DROP_REQUESTS, [update_id]):
        raise Conflict("Ya se había deshecho.")
    update.told_at = update.told_at or now
    session.add(update)
    actions.changed(session, incident)
    actions.note_update(session, incident, "taken_back", by, now, note=update.note)
    record(session, "incident.taken_back", at=now, incident_id=incident.id, update_id=update_id)


def counts(session: Session, incident_id: UUID) -> dict[UUID, int]:
    """How many are part of it by each time that earlier reports were attached; what was taken back is not among them."""
    session.flush()
    return dict(db.fetch(session, _COUNTS, [incident_id]))


def _last(session: Session, incident_id: UUID) -> int:
    session.flush()
    ((last,),) = db.fetch(session, _LAST, [incident_id])
    return int(last)
