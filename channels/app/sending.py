"""From a finished draft to a service request: once, however often the button is pressed."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from channels.app.drafts import Answers
from channels.app.models import WebDraft
from intake.catalog.definitions import ServiceDefinition
from intake.media.actions import attach
from intake.people.actions import find_or_create, remember_name
from intake.service_requests.actions import submit
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Reporter, Submission
from routing import queries as routing
from routing.values import RoutingDecision


def preview(session: Session, service: ServiceDefinition, answers: Answers, *, now: datetime) -> RoutingDecision:
    """Who would answer for it and by when, before anything is written."""
    return routing.route(
        session,
        jurisdiction_id=service.jurisdiction_id,
        service_code=service.code,
        service_group=service.group_code,
        promise=service.promise,
        point=answers.point,
        precision_m=answers.precision_m,
        at=now,
    )


def send(session: Session, draft: WebDraft, answers: Answers, *, language: str, now: datetime) -> ServiceRequest:
    """Submits the draft; the caller holds its row, so that a second tap finds it sent."""
    reporter = None
    if answers.phone:
        contact = find_or_create(session, draft.jurisdiction_id, "phone", answers.phone, now=now, language=language)
        if answers.name:
            remember_name(session, contact.person_id, answers.name)
        reporter = Reporter(contact.person_id, contact.id, wants_notices=answers.notify == "sms")
    service_request = submit(
        session,
        Submission(
            jurisdiction_id=draft.jurisdiction_id,
            service_code=answers.service_code,
            channel="web",
            description=answers.words,
            point=answers.point,
            precision_m=answers.precision_m,
            is_place_settled=True,
            address_string=answers.address or None,
            attributes=answers.attributes,
            reporter=reporter,
            idempotency_key=f"web:{draft.id}",
            language=language,
        ),
        now=now,
    )
    attach(session, service_request, [UUID(one) for one in answers.photos], now=now)
    draft.service_request_id = service_request.id
    session.add(draft)
    return service_request


def sent_request(session: Session, draft: WebDraft) -> ServiceRequest | None:
    """The request this draft became, if it was sent."""
    return None if draft.service_request_id is None else session.get(ServiceRequest, draft.service_request_id)
