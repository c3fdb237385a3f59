"""Records the steps of a chain as they fall due: once each, whoever does it and however often it is interrupted."""

from datetime import datetime

from sqlmodel import Session, col, select

from intake.service_requests import promises
from intake.service_requests.clock_models import RequestEscalation
from intake.service_requests.events import add_event
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor
from kernel import outbox
from routing.clocks import Coming, coming

BATCH = 100


def record_due(session: Session, *, now: datetime, limit: int = BATCH) -> int:
    """Records what fell due in a batch of requests, the longest due first; how many requests there were.

    Several may run at once: they pass each other's rows by. A batch is one transaction: who is killed leaves nothing half done.
    """
    due = (
        select(ServiceRequest)
        .where(col(ServiceRequest.next_step_at) <= now)
        .order_by(col(ServiceRequest.next_step_at))
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    )
    found = session.exec(due).all()
    for service_request in found:
        watched = promises.watched_of(session, service_request)
        steps = promises.steps_of(session, service_request)
        known = promises.recorded(session, service_request)
        following = coming(watched, steps, known) if watched is not None and service_request.closed_at is None else []
        for one in following:
            if one.at <= now:
                _record(session, service_request, one, now)
        later = [one.at for one in following if one.at > now]
        # Without touching version or updated_at: nothing that anybody is writing about has changed.
        service_request.next_step_at = min(later, default=None)
        session.add(service_request)
    session.flush()
    return len(found)


def _record(session: Session, service_request: ServiceRequest, one: Coming, now: datetime) -> None:
    step = one.step
    session.add(
        RequestEscalation(service_request_id=service_request.id, key=one.key, step=step.code, due_at=one.at, at=now)
    )
    event = add_event(
        session,
        service_request.id,
        "escalated",
        "agency" if "agency" in step.tells else "internal",
        Actor("system"),
        at=now,
        data={
            "step": step.code,
            "of": step.of,
            "share": step.share,
            "name": dict(step.name),
            "tells": list(step.tells),
            "due": one.at.isoformat(),
        },
    )
    session.flush()
    assert event.id is not None
    outbox.record(session, "service_request.updated", at=now, service_request_id=service_request.id, event_id=event.id)
