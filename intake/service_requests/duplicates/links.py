"""The link of a duplicate to the request that it is the same as, and how it is taken away. Knows nothing of changes of state."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col, select

from intake.service_requests.events import add_event
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from intake.service_requests.values import Actor
from kernel import db, outbox
from kernel.errors import Conflict
from kernel.rows import HELD, load

# Rows that only point at a request (FOR KEY SHARE) need not wait: their order is nobody's choice.
_LOCKED = f"WHERE id = ANY($1) ORDER BY id {HELD}"
_PARENTS = "SELECT id, parent_id FROM service_request WHERE id = ANY($1) AND parent_id IS NOT NULL"


def separate(
    session: Session,
    duplicate: ServiceRequest,
    parent: ServiceRequest,
    merging: ServiceRequestEvent | None,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Takes the link away, with what it counted and what came along with it; the caller has locked all with `lock_all`."""
    data = merging.data if merging is not None else {}
    back = select(ServiceRequest).where(
        col(ServiceRequest.id).in_(_moved_by(merging)), ServiceRequest.parent_id == parent.id
    )
    for child in session.exec(back).all():
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


def lock_all(session: Session, ids: Collection[UUID]) -> dict[UUID, ServiceRequest]:
    """The requests as they are now, by id, with those that their links reach: locked until this transaction ends.

    Lowest id first, whoever asks for whatever reason: two who need the same ones take turns. A session that locks twice asks the
    second time for what it has already. Raises Conflict when somebody links one of them at this very moment.
    """
    wanted = _reach(session, ids)
    rows = {row.id: row for row in load(session, ServiceRequest, _LOCKED, [list(wanted)])}
    late = _reach(session, ids) - wanted if any(_has_other_parent(rows.get(one), wanted) for one in ids) else set()
    if late:
        # One of them may be lower than what is held: to wait for it might be to wait for somebody who waits for us.
        try:
            with session.begin_nested():
                rows |= {row.id: row for row in load(session, ServiceRequest, f"{_LOCKED} NOWAIT", [list(late)])}
        except OperationalError:
            raise Conflict("Alguien cambió este reporte mientras lo veías. Revísalo y vuelve a intentarlo.") from None
    return rows


def _reach(session: Session, ids: Collection[UUID]) -> set[UUID]:
    """These, what they are duplicates of, and what would come back to them."""
    session.flush()
    found = set(ids)
    for one, parent_id in db.fetch(session, _PARENTS, [list(ids)], prepare=True):
        found |= {parent_id, *_moved_by(merging_of(session, one))}
    return found


def _has_other_parent(found: ServiceRequest | None, known: Collection[UUID]) -> bool:
    return found is not None and found.parent_id is not None and found.parent_id not in known


def _moved_by(merging: ServiceRequestEvent | None) -> list[UUID]:
    return [UUID(one) for one in merging.data.get("moved", ())] if merging is not None else []


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
