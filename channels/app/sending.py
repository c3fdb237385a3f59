"""From a finished draft to a service request: once, however often the button is pressed."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from channels.app import places
from channels.app.drafts import Answers
from channels.app.models import WebDraft
from intake.catalog.definitions import ServiceDefinition
from intake.media.actions import attach
from intake.people.actions import find_or_create, remember_name
from intake.service_requests.actions import submit
from intake.service_requests.answers import read_answers
from intake.service_requests.asking import whose
from intake.service_requests.duplicates import deciding, joining
from intake.service_requests.duplicates.joining import MeToo
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Reporter, Submission
from routing import queries as routing
from routing.values import RoutingDecision


def preview(session: Session, service: ServiceDefinition, answers: Answers, *, now: datetime) -> RoutingDecision:
    """Who would answer for it and by when, before anything is written."""
    return whose(
        session,
        service,
        point=answers.point,
        precision_m=answers.precision_m,
        at=now,
        answers=read_answers(service, answers.attributes)[0],
        settled=_settled(session, service.jurisdiction_id, answers, now),
    )


def asked_beside(answers: Answers) -> str:
    """What a reply about a border is a reply to: for another place, kind or answer it is asked anew."""
    return repr((answers.service_code, answers.lon, answers.lat, answers.district, sorted(answers.attributes.items())))


def _settled(session: Session, jurisdiction_id: str, answers: Answers, now: datetime) -> dict[str, str]:
    replied = answers.settled if answers.beside == asked_beside(answers) else {}
    return places.said(session, jurisdiction_id, answers, now=now) | replied


def doubt_of(session: Session, service: ServiceDefinition, answers: Answers, *, now: datetime) -> dict[str, Any] | None:
    """The border case (docs/routing.md) as it is before any reply, so that a reply can be changed; None when it is plain."""
    unsettled = answers.changed(settled={}, beside="")
    doubt: dict[str, Any] | None = preview(session, service, unsettled, now=now).receipt.get("border_case")
    return doubt


def send(session: Session, draft: WebDraft, answers: Answers, *, language: str, now: datetime) -> ServiceRequest:
    """Submits the draft; the caller holds its row, so that a second tap finds it sent."""
    reporter = _reporter(session, draft, answers, language, now)
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
            idempotency_key=_key(draft),
            language=language,
            settled=_settled(session, draft.jurisdiction_id, answers, now),
        ),
        now=now,
    )
    deciding.record(
        session,
        draft.jurisdiction_id,
        [deciding.Shown.from_json(one) for one in answers.ruled_out],
        "other",
        "resident",
        service_request_id=service_request.id,
        channel="web",
        now=now,
    )
    attach(session, service_request, [UUID(one) for one in answers.photos], now=now)
    draft.service_request_id = service_request.id
    session.add(draft)
    return service_request


def join(
    session: Session, draft: WebDraft, answers: Answers, shown: deciding.Shown, *, as_closed: bool, now: datetime
) -> ServiceRequest:
    """Makes the draft a report of a request that is there. Raises Moved, NotFound when it is not what was shown any more."""
    reporter = _reporter(session, draft, answers, "es", now)
    said = MeToo(
        draft.jurisdiction_id,
        shown.candidate_id,
        "web",
        answers.words,
        _key(draft),
        reporter=reporter,
        as_closed=as_closed,
    )
    service_request, report = joining.join(session, said, now=now)
    deciding.record(
        session, draft.jurisdiction_id, [shown], "same", "resident", report_id=report.id, channel="web", now=now
    )
    attach(session, service_request, [UUID(one) for one in answers.photos], now=now)
    draft.service_request_id = service_request.id
    session.add(draft)
    return service_request


def is_joined(draft: WebDraft, service_request: ServiceRequest) -> bool:
    """Whether the draft became a report of a request that others had made."""
    return service_request.idempotency_key != _key(draft)


def agency_of(session: Session, service_request: ServiceRequest) -> str:
    code = service_request.agency_code
    return (routing.agency_name(session, service_request.jurisdiction_id, code) or "") if code else ""


def _key(draft: WebDraft) -> str:
    return f"web:{draft.id}"


def _reporter(session: Session, draft: WebDraft, answers: Answers, language: str, now: datetime) -> Reporter | None:
    if not answers.phone:
        return None
    contact = find_or_create(session, draft.jurisdiction_id, "phone", answers.phone, now=now, language=language)
    if answers.name:
        remember_name(session, contact.person_id, answers.name)
    return Reporter(contact.person_id, contact.id, wants_notices=answers.notify == "sms", name=answers.name)


def sent_request(session: Session, draft: WebDraft) -> ServiceRequest | None:
    """The request this draft became, if it was sent."""
    return None if draft.service_request_id is None else session.get(ServiceRequest, draft.service_request_id)
