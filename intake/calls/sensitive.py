"""Whether a call is about a sensitive service, as far as is known: of the thread, of the line, or of what its caller reports.

Reads only: that nothing of it is recorded is the business of `recordings.py`.
"""

from uuid import UUID

from sqlmodel import Session

from intake.calls.models import Call
from intake.catalog import queries as catalog
from intake.distribution.models import WorkItem
from kernel import db

_ABOUT = """
    SELECT 1 FROM service WHERE jurisdiction_id = $1 AND is_sensitive AND (code = ANY($2) OR code IN (
        SELECT service_request.service_code FROM message
        JOIN service_request ON service_request.id = message.service_request_id WHERE message.conversation_id = $3
        UNION ALL
        SELECT service_request.service_code FROM report
        JOIN service_request ON service_request.id = report.service_request_id WHERE report.conversation_id = $3
        UNION ALL
        SELECT service_request.service_code FROM person
        JOIN person told ON told.id = person.id OR told.group_id = person.group_id
        JOIN report ON report.person_id = told.id AND report.at >= $5
        JOIN service_request ON service_request.id = report.service_request_id WHERE person.id = $4
    )) LIMIT 1
"""
# A number that somebody typed may be anybody's; what is left out for nothing is the smaller harm.
_GOING_ON = """
    SELECT call.id FROM service_request
    JOIN service ON service.jurisdiction_id = service_request.jurisdiction_id
        AND service.code = service_request.service_code AND service.is_sensitive
    JOIN call ON call.jurisdiction_id = service_request.jurisdiction_id AND call.ended_at IS NULL
    JOIN conversation ON conversation.id = call.conversation_id
    JOIN person ON person.id = conversation.person_id
    WHERE service_request.id = $1 AND EXISTS ({}) ORDER BY call.id
"""
_REPORTED = _GOING_ON.format("""
    SELECT 1 FROM report LEFT JOIN person told ON told.id = report.person_id
    WHERE report.service_request_id = service_request.id AND (
        report.conversation_id = call.conversation_id OR told.id = person.id OR told.group_id = person.group_id
        OR report.contact_point_id IN (call.contact_point_id, call.callback_contact_point_id))
""")
_FILED = _GOING_ON.format("""
    SELECT 1 FROM conversation thread JOIN person told ON told.id = thread.person_id
    WHERE thread.id = $2 AND (told.id = person.id OR told.group_id = person.group_id)
""")


def is_about(session: Session, call: Call, item: WorkItem) -> bool:
    """Whether anything that is known of it says so: the line, the dialogue, the thread, or what its caller reported since."""
    asked = "SELECT dialogue, person_id FROM conversation WHERE id = $1"
    ((dialogue, person_id),) = db.fetch(session, asked, [call.conversation_id])
    codes = [code for code in (item.topic, (dialogue or {}).get("service_code")) if code]
    known = [call.jurisdiction_id, codes, call.conversation_id, person_id, call.started_at]
    return bool(db.fetch(session, _ABOUT, known, prepare=True))


def is_service(session: Session, jurisdiction_id: str, service_code: str) -> bool:
    """Raises NotFound for a service that is not offered."""
    return catalog.service(session, jurisdiction_id, service_code).is_sensitive


def calls_reporting(session: Session, service_request_id: UUID) -> list[UUID]:
    """Calls that go on, of whoever reported this, if it is sensitive."""
    return [row[0] for row in db.fetch(session, _REPORTED, [service_request_id], prepare=True)]


def calls_beside(session: Session, service_request_id: UUID, conversation_id: UUID) -> list[UUID]:
    """Calls that go on, of whose thread this is: a message of it was put with a sensitive request."""
    return [row[0] for row in db.fetch(session, _FILED, [service_request_id, conversation_id], prepare=True)]
