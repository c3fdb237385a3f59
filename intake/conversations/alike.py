"""Looking for what is reported already while somebody is still writing, and making theirs one with it when they say so."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.conversations.dialogue.state import Alike
from intake.conversations.dialogue.steps import Join, Submit
from intake.conversations.models import Conversation, Message
from intake.service_requests.duplicates import deciding, joining
from intake.service_requests.duplicates.joining import MeToo
from intake.service_requests.duplicates.lookup import assets_of, offered
from intake.service_requests.duplicates.scoring import SURE, Sighting
from intake.service_requests.lifecycle import CLOSED
from intake.service_requests.models import ServiceRequest
from intake.service_requests.public_text import public_text
from intake.service_requests.values import MAX_DESCRIPTION, Reporter


def find_alike(session: Session, conversation: Conversation, report: Submit, *, now: datetime) -> Alike | None:
    """The public request that this report is surely enough the same as. The network vouches for whose telephone it is."""
    service = catalog.catalog(session, conversation.jurisdiction_id).by_code.get(report.service_code)
    if service is None or report.place is None:
        return None
    told = Sighting(
        service_code=service.code,
        group_code=service.group_code,
        point=LonLat(report.place.lon, report.place.lat),
        at=now,
        precision_m=report.place.precision_m,
        words=public_text(report.description),
        address=report.place.label,
        assets=assets_of(service, report.attributes),
        contact_point_id=conversation.contact_point_id,
    )
    found = offered(session, service, told, now=now)
    if not found or found[0].likeness.score < SURE:
        return None
    best, shown = found[0], deciding.as_shown(found[:1])[0]
    facts = best.likeness.facts
    is_closed = best.life == CLOSED
    return Alike(
        service_request_id=str(best.id),
        metres=facts["metres"],
        hours=facts["closed_hours"] if is_closed else facts["hours"],
        words=best.words,
        is_closed=is_closed,
        shown=shown.to_json(),
    )


def join(
    session: Session, conversation: Conversation, message: Message, effect: Join, *, now: datetime
) -> ServiceRequest:
    """Makes the report one of the request's. Raises Moved, NotFound when it is not what they were asked about any more."""
    said = MeToo(
        conversation.jurisdiction_id,
        UUID(effect.alike.service_request_id),
        conversation.channel,
        effect.report.description[:MAX_DESCRIPTION],
        f"message-{message.id}",
        reporter=Reporter(conversation.person_id, conversation.contact_point_id),
        conversation_id=conversation.id,
        as_closed=effect.alike.is_closed,
    )
    service_request, report = joining.join(session, said, now=now)
    deciding.record(
        session,
        conversation.jurisdiction_id,
        [deciding.Shown.from_json(effect.alike.shown)],
        "same",
        "resident",
        report_id=report.id,
        channel=conversation.channel,
        now=now,
    )
    return service_request
