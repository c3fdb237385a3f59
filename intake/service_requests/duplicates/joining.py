"""A person says "it is the same": their words become a report of the request that is there, and they hear how it goes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from intake.people.same import same_person
from intake.service_requests import lifecycle
from intake.service_requests.change import change_status, lock
from intake.service_requests.duplicates.lookup import may_join
from intake.service_requests.events import add_event
from intake.service_requests.models import Report, ServiceRequest
from intake.service_requests.values import MAX_DESCRIPTION, Actor, Reporter
from kernel import outbox
from kernel.errors import Conflict, InvalidInput, NotFound

RESIDENT = Actor("resident")


@dataclass(frozen=True, slots=True)
class MeToo:
    """What a person says about a request that is there. `as_closed`: it was shown to them as closed, and they say it is still so.

    `idempotency_key`: said twice under one key, it is one report.
    """

    jurisdiction_id: str
    service_request_id: UUID
    channel: str
    words: str
    idempotency_key: str
    reporter: Reporter | None = None
    conversation_id: UUID | None = None
    as_closed: bool = False


class Moved(Conflict):
    """The request is no longer what the person was shown: it was closed, or opened again, in the meantime."""


def join(session: Session, said: MeToo, *, now: datetime) -> tuple[ServiceRequest, Report]:
    """The request with one report more, and that report; what was shown as closed is opened again.

    Of a request that is a duplicate itself the first one takes the report. A contact that has reported it before, and writes from
    that very contact, is one person still. Raises NotFound for a request that residents may not see, Moved, InvalidInput.
    """
    if len(said.words) > MAX_DESCRIPTION:
        raise InvalidInput(
            "La descripción es demasiado larga: caben {limit} letras.", field="description", limit=MAX_DESCRIPTION
        )
    service_request = _lock_first(session, said.service_request_id)
    known = session.exec(select(Report).where(Report.idempotency_key == said.idempotency_key)).one_or_none()
    if known is not None:
        return session.get_one(ServiceRequest, known.service_request_id), known
    if service_request.jurisdiction_id != said.jurisdiction_id or not service_request.is_public:
        raise NotFound("Ese reporte ya no se puede ver.")
    is_closed = service_request.life == lifecycle.CLOSED
    if is_closed and not (said.as_closed and may_join(service_request.life, service_request.outcome_code)):
        raise Moved("Ese reporte se cerró mientras lo veías.")
    report = Report(
        service_request_id=service_request.id,
        person_id=said.reporter.person_id if said.reporter else None,
        contact_point_id=said.reporter.contact_point_id if said.reporter else None,
        conversation_id=said.conversation_id,
        channel=said.channel,
        words=said.words,
        wants_notices=said.reporter.wants_notices if said.reporter else False,
        at=now,
        idempotency_key=said.idempotency_key,
    )
    # A number that somebody typed may be anybody's: whether it has reported this before must not show in the count.
    is_vouched = said.reporter is not None and said.conversation_id is not None
    is_new_person = not (is_vouched and _has_reported(session, service_request.id, said.reporter))
    if is_new_person:
        service_request.report_count += 1
    session.add(report)
    session.flush()
    data = {"channel": said.channel, "report_count": service_request.report_count, "is_new_person": is_new_person}
    event = add_event(session, service_request.id, "joined", "public", RESIDENT, at=now, data=data)
    service_request.updated_at, service_request.version = now, service_request.version + 1
    session.add(service_request)
    session.flush()
    assert event.id is not None
    outbox.record(session, "service_request.updated", at=now, service_request_id=service_request.id, event_id=event.id)
    outbox.record(session, "service_request.joined", at=now, service_request_id=service_request.id, report_id=report.id)
    if is_closed:
        change_status(session, service_request.id, life=lifecycle.REOPENED, actor=RESIDENT, now=now)
    return service_request, report


def _lock_first(session: Session, service_request_id: UUID) -> ServiceRequest:
    """The request itself, or the one that it is a duplicate of, locked."""
    found = lock(session, service_request_id)
    return found if found.parent_id is None else session.get_one(ServiceRequest, found.parent_id)


def _has_reported(session: Session, service_request_id: UUID, reporter: Reporter | None) -> bool:
    if reporter is None:
        return False
    mine = select(func.count()).where(
        Report.service_request_id == service_request_id,
        or_(
            col(Report.contact_point_id) == reporter.contact_point_id,
            col(Report.person_id).in_(same_person(session, reporter.person_id)),
        ),
    )
    return session.exec(mine).one() > 0
