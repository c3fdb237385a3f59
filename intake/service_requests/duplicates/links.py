"""The link of a duplicate to the request that it is the same as, and how it is taken away. Knows nothing of changes of state."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from intake.service_requests.events import add_event
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from intake.service_requests.values import Actor
from kernel import outbox

# What this session read before a lock may be old by now.
FRESH = {"populate_existing": True}


def separate(
    session: Session,
    duplicate: ServiceRequest,
    parent: ServiceRequest,
    merging: ServiceRequestEvent | None,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Takes the link away, with what it counted and what came along with it; both rows are locked by the caller."""
    data = merging.data if merging is not None else {}
    moved = [UUID(one) for one in data.get("moved", ())]
    back = session.exec(
        rows_for_update(moved).where(ServiceRequest.parent_id == parent.id), execution_options=FRESH
    ).all()
    for child in back:
        child.parent_id = duplicate.id
        session.add(child)
    parent.report_count -= int(data.get("counted", 0))
    duplicate.parent_id = None
    session.add(duplicate)
    told = {"parent_id": str(parent.id), "parent_folio": parent.folio}
    tell(session, duplicate, "unmerged", actor, now, told)
    gone = {"duplicate_id": str(duplicate.id), "folio": duplicate.folio, "report_count": parent.report_count}
    tell(session, parent, "duplicate_removed", actor, now, gone)


def merging_of(session: Session, duplicate_id: UUID) -> ServiceRequestEvent | None:
    """The event of the merging in force."""
    return session.exec(
        select(ServiceRequestEvent)
        .where(ServiceRequestEvent.service_request_id == duplicate_id, ServiceRequestEvent.name == "merged")
        .order_by(col(ServiceRequestEvent.id).desc())
        .limit(1)
    ).first()


def rows_for_update(ids: Collection[UUID]) -> SelectOfScalar[ServiceRequest]:
    """The rows, locked lowest id first, so that two who need the same ones take turns."""
    return (
        select(ServiceRequest).where(col(ServiceRequest.id).in_(ids)).order_by(col(ServiceRequest.id)).with_for_update()
    )


def tell(
    session: Session, service_request: ServiceRequest, name: str, actor: Actor, now: datetime, data: dict[str, Any]
) -> None:
    """Staff's story: the folio of the other may be nothing for the public."""
    event = add_event(session, service_request.id, name, "agency", actor, at=now, data=data)
    service_request.updated_at, service_request.version = now, service_request.version + 1
    session.add(service_request)
    session.flush()
    assert event.id is not None
    outbox.record(session, "service_request.updated", at=now, service_request_id=service_request.id, event_id=event.id)
