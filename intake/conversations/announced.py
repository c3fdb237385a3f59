"""What the dialogue is told of open incidents, and making somebody part of one."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from georef.points import LonLat
from intake.conversations.dialogue.state import Announced, Place
from intake.conversations.models import Conversation
from intake.incidents import attaching, queries
from intake.incidents.models import Incident
from kernel.errors import Conflict, NotFound


def find_incidents(
    session: Session, conversation: Conversation, service_code: str | None, place: Place | None, *, now: datetime
) -> Sequence[Announced]:
    """What this report may be part of, the closest fit first. While its place is not known: only what is everywhere."""
    lonlat = LonLat(place.lon, place.lat) if place else None
    found = queries.open_incidents(session, conversation.jurisdiction_id, service_code, lonlat)
    if service_code is not None and lonlat is None:
        found = [incident for incident in found if incident.geometry is None]
    theirs = queries.attached_to(session, conversation.contact_point_id, [incident.id for incident in found])
    return [_announced(incident, incident.id in theirs) for incident in found]


def _announced(incident: Incident, is_attached: bool) -> Announced:
    return Announced(str(incident.id), incident.written, is_attached)


def attach(session: Session, conversation: Conversation, announced: Announced, *, now: datetime) -> bool:
    """False when it has ended meanwhile."""
    try:
        with session.begin_nested():
            attaching.attach(session, UUID(announced.incident_id), conversation_id=conversation.id, now=now)
    except (Conflict, NotFound):
        return False
    return True
