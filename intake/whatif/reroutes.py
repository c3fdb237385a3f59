"""Re-routing that `rounds` proposed, for a person to accept or not. Nothing moves by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, update
from sqlmodel import Session, col, select

from intake.service_requests.models import ServiceRequest
from intake.service_requests.rerouting import reroute
from intake.service_requests.values import Actor
from intake.whatif.models import RerouteProposal
from kernel import outbox
from kernel.errors import InvalidInput, NotFound

ACCEPTED = "reroutes.accepted"
# Proposals to one run of the job that carries them out.
AT_ONCE = 50
_ORPHANED = timedelta(seconds=30)
_LISTED = 200


@dataclass(frozen=True, slots=True)
class Pair:
    """How many proposals take requests from one agency to another."""

    from_agency: str
    to_agency: str
    waiting: int


def _still_true() -> ColumnElement[bool]:
    """The request is open and with whom it was when it was proposed."""
    return and_(
        col(ServiceRequest.id) == col(RerouteProposal.service_request_id),
        col(ServiceRequest.life) != "closed",
        col(ServiceRequest.agency_code) == col(RerouteProposal.from_agency),
    )


def pairs(session: Session, jurisdiction_id: str) -> list[Pair]:
    """What waits for a decision, by pair of agencies, the largest first."""
    count = func.count()
    rows = session.exec(
        select(RerouteProposal.from_agency, RerouteProposal.to_agency, count)
        .join(ServiceRequest, _still_true())
        .where(RerouteProposal.jurisdiction_id == jurisdiction_id, RerouteProposal.state == "proposed")
        .group_by(col(RerouteProposal.from_agency), col(RerouteProposal.to_agency))
        .order_by(count.desc(), col(RerouteProposal.from_agency))
    ).all()
    return [Pair(*row) for row in rows]


def waiting(
    session: Session, jurisdiction_id: str, *, pair: tuple[str, str] | None = None, limit: int = _LISTED
) -> list[tuple[RerouteProposal, ServiceRequest]]:
    """Proposals that wait for a decision with their requests, the oldest request first."""
    statement = (
        select(RerouteProposal, ServiceRequest)
        .join(ServiceRequest, _still_true())
        .where(RerouteProposal.jurisdiction_id == jurisdiction_id, RerouteProposal.state == "proposed")
    )
    if pair is not None:
        statement = statement.where(RerouteProposal.from_agency == pair[0], RerouteProposal.to_agency == pair[1])
    rows = session.exec(statement.order_by(col(ServiceRequest.requested_at), col(ServiceRequest.id)).limit(limit)).all()
    return list(rows)


def being_moved(session: Session, jurisdiction_id: str) -> int:
    """Accepted, and the job has not come to them yet."""
    counted = select(func.count()).where(
        RerouteProposal.jurisdiction_id == jurisdiction_id, RerouteProposal.state == "accepting"
    )
    return session.exec(counted).one()


def decide(
    session: Session,
    jurisdiction_id: str,
    *,
    accept: bool,
    ids: Sequence[UUID] | None = None,
    pair: tuple[str, str] | None = None,
    by: str,
    now: datetime,
) -> int:
    """Accepts or rejects what is still proposed: those `ids`, or all of a pair of agencies, or all; how many that were.

    Two people at once, or a second tap, find fewer or none. Raises InvalidInput for an empty selection.
    """
    if ids is not None and not ids:
        raise InvalidInput("Elige al menos una solicitud.", field="proposal")
    changed = (
        update(RerouteProposal)
        .where(col(RerouteProposal.jurisdiction_id) == jurisdiction_id, col(RerouteProposal.state) == "proposed")
        .values(state="accepting" if accept else "rejected", decided_by=by, decided_at=now)
    )
    if ids is not None:
        changed = changed.where(col(RerouteProposal.id).in_(ids))
    if pair is not None:
        changed = changed.where(col(RerouteProposal.from_agency) == pair[0], col(RerouteProposal.to_agency) == pair[1])
    count = len(session.execute(changed.returning(col(RerouteProposal.id))).all())
    if count and accept:
        outbox.record(session, ACCEPTED, at=now, jurisdiction_id=jurisdiction_id)
    return count


def carry_out_one(session: Session, jurisdiction_id: str, *, now: datetime) -> bool:
    """Moves one accepted request, or finds it stale; False when nothing is left that nobody else is at."""
    proposal = session.exec(
        select(RerouteProposal)
        .where(RerouteProposal.jurisdiction_id == jurisdiction_id, RerouteProposal.state == "accepting")
        .order_by(col(RerouteProposal.at), col(RerouteProposal.id))
        .limit(1)
        .with_for_update(skip_locked=True),
        execution_options={"populate_existing": True},
    ).first()
    if proposal is None:
        return False
    try:
        moved = reroute(
            session,
            proposal.service_request_id,
            expected_agency=proposal.from_agency,
            receipt=proposal.receipt,
            actor=Actor("agent", proposal.decided_by),
            now=now,
        )
    except NotFound:
        moved = None
    proposal.state = "accepted" if moved is not None else "stale"
    session.add(proposal)
    return True


def tidy(session: Session, *, now: datetime) -> None:
    """Marks proposals stale whose request was closed or moved meanwhile, and wakes the job for what was accepted and waits."""
    session.connection().exec_driver_sql(
        "UPDATE reroute_proposal p SET state = 'stale', decided_at = %(now)s FROM service_request r"
        " WHERE p.state = 'proposed' AND r.id = p.service_request_id"
        " AND (r.life = 'closed' OR r.agency_code IS DISTINCT FROM p.from_agency)",
        {"now": now},
    )
    lost = session.exec(
        select(RerouteProposal.jurisdiction_id)
        .where(RerouteProposal.state == "accepting", col(RerouteProposal.decided_at) < now - _ORPHANED)
        .distinct()
    ).all()
    for jurisdiction_id in lost:
        outbox.record(session, ACCEPTED, at=now, jurisdiction_id=jurisdiction_id)


def counts(session: Session, round_id: UUID) -> Mapping[str, int]:
    """State -> proposals of a round."""
    counted = session.exec(
        select(RerouteProposal.state, func.count())
        .where(RerouteProposal.round_id == round_id)
        .group_by(col(RerouteProposal.state))
    ).all()
    return dict(counted)
