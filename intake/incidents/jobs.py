"""Jobs of incidents. Each opens its own transaction and may run twice."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from georef.points import LonLat
from intake.catalog.models import Jurisdiction
from intake.incidents import actions, attaching, bursts, surges
from intake.incidents.models import Incident
from intake.service_requests.models import Report, ServiceRequest
from kernel import clock, db

_ANY_OPEN = """
    SELECT 1 FROM incident JOIN service_request ON service_request.jurisdiction_id = incident.jurisdiction_id
    WHERE service_request.id = $1 AND incident.state = 'open' LIMIT 1
"""
_TAKE_TURN = text("SELECT pg_try_advisory_xact_lock(hashtextextended('bursts of ' || :jurisdiction_id, 0))")


def attach_reported(service_request_id: str, **_: object) -> None:
    """Makes a new request part of the open incident that it belongs to; at the cost of a glance while its city has none."""
    with db.read_transaction() as session:
        if not db.fetch(session, _ANY_OPEN, [UUID(service_request_id)], prepare=True):
            return
    with db.transaction() as session:
        request = session.get(ServiceRequest, UUID(service_request_id))
        if request is not None and request.life != "closed":
            _attach(session, request, None)


def attach_joined(service_request_id: str, report_id: str, **_: object) -> None:
    """Whoever joins a request that is part of an incident is told of it too."""
    with db.transaction() as session:
        request = session.get(ServiceRequest, UUID(service_request_id))
        report = session.get(Report, UUID(report_id))
        if request is not None and report is not None:
            _attach(session, request, report)


def look_for_bursts() -> None:
    """Proposes an incident where a city hears more of something than is usual, and takes back proposals of alerts that are over.

    Runs every few minutes, one process at a time.
    """
    with db.transaction() as session:
        known = list(session.exec(select(Jurisdiction.id).order_by(Jurisdiction.id)))
    for jurisdiction_id in known:
        with db.transaction() as session:
            if session.execute(_TAKE_TURN, {"jurisdiction_id": jurisdiction_id}).scalar_one():
                bursts.look(session, jurisdiction_id, now=clock.now())
                _drop_expired(session, jurisdiction_id, now=clock.now())


def close_line(incident_id: str, **_: object) -> None:
    """Gives back the operators who were lent to an incident that has ended."""
    with db.transaction() as session:
        incident = session.get(Incident, UUID(incident_id), with_for_update=True)
        if incident is not None and incident.state == "ended":
            surges.close_line(session, incident, now=clock.now())


def _drop_expired(session: Session, jurisdiction_id: str, *, now: datetime) -> None:
    over = select(Incident).where(
        Incident.jurisdiction_id == jurisdiction_id,
        Incident.state == "proposed",
        Incident.proposed_by == "alert",
        col(Incident.expected_end_at) <= now,
    )
    for proposal in session.exec(over).all():
        actions.dismiss(session, proposal.id, version=proposal.version, by=actions.PROGRAM, note="expired", now=now)


def _attach(session: Session, request: ServiceRequest, report: Report | None) -> None:
    first = select(Report).where(Report.service_request_id == request.id).order_by(Report.at).limit(1)  # type: ignore[arg-type]  # a column at class level
    report = report or session.exec(first).first()
    lonlat = LonLat(request.lon, request.lat) if request.lon is not None and request.lat is not None else None
    is_told = report is not None and report.wants_notices
    attaching.attach_reported(
        session,
        request.id,
        jurisdiction_id=request.jurisdiction_id,
        service_code=request.service_code,
        lonlat=lonlat,
        contact_point_id=report.contact_point_id if report and is_told else None,
        conversation_id=report.conversation_id if report else None,
        channel=report.channel if report else request.channel,
        now=clock.now(),
    )
