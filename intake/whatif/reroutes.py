"""Re-routing that a publication proposes: open requests that its rules give to somebody else, for a person to accept or not.

Nothing moves by itself. A request is proposed when the publication is what changes its agency, and when it still has the agency
that the rules before named: what a person has moved by hand stays with whom it was given to.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, func, update
from sqlmodel import Session, col, select

from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.service_requests.asking import count_open
from intake.service_requests.models import RoutingDecisionRow, ServiceRequest
from intake.service_requests.rerouting import reroute
from intake.service_requests.values import Actor
from intake.whatif import history
from intake.whatif.models import RerouteProposal, RerouteRound
from kernel import outbox
from kernel.errors import InvalidInput, NotFound
from routing import queries as routing
from routing.models import RuleSet
from routing.whatif.compare import Change, Comparison, PastRow
from routing.whatif.sides import as_of
from routing.whatif.tally import NOBODY

DUE, LOOKED, ACCEPTED = "reroute_round.due", "reroute_round.looked", "reroutes.accepted"
# Open requests to a part, and proposals to one run of the job that carries them out.
PART, AT_ONCE = 2_000, 50
_ORPHANED = timedelta(seconds=30)
_LISTED = 200
# A promise for matters that nobody can ask for any more; the receipt's date is not told to anybody.
_RETIRED_PROMISE = {"amount": 30, "unit": "days"}


@dataclass(frozen=True, slots=True)
class Pair:
    """How many proposals take requests from one agency to another."""

    from_agency: str
    to_agency: str
    waiting: int


def plan(session: Session, rule_set_id: UUID, *, now: datetime) -> RerouteRound | None:
    """The round of a rule set, made once; it is looked at when its day comes."""
    rule_set = session.get(RuleSet, rule_set_id)
    if rule_set is None or rule_set.withdrawn_at is not None:
        return None
    known = session.exec(select(RerouteRound).where(RerouteRound.rule_set_id == rule_set_id).with_for_update()).first()
    if known is not None:
        return known
    made = RerouteRound(
        jurisdiction_id=rule_set.jurisdiction_id,
        rule_set_id=rule_set_id,
        valid_from=rule_set.valid_from,
        made_at=now,
        changed_at=now,
    )
    session.add(made)
    session.flush()
    wake(session, now=now)
    return made


def drop(session: Session, rule_set_id: UUID) -> None:
    """Forgets the round of a rule set that was taken back before its day came."""
    session.exec(
        delete(RerouteRound).where(col(RerouteRound.rule_set_id) == rule_set_id, col(RerouteRound.state) == "planned")
    )


def wake(session: Session, *, now: datetime) -> int:
    """Begins the rounds whose day has come, and goes on with those that a killed worker left; how many."""
    waiting = session.exec(
        select(RerouteRound).where(col(RerouteRound.state) != "done").with_for_update(skip_locked=True)
    ).all()
    count = 0
    for found in waiting:
        today = now.astimezone(catalog.catalog(session, found.jurisdiction_id).timezone).date()
        is_lost = found.state == "looking" and found.changed_at < now - _ORPHANED
        if found.valid_from <= today and (found.state == "planned" or is_lost):
            found.state, found.changed_at = "looking", now
            session.add(found)
            outbox.record(session, DUE, at=now, round_id=found.id)
            count += 1
    return count


def look(session: Session, round_id: UUID, *, now: datetime, part: int = PART) -> None:
    """Looks at the next open requests of a round, and proposes; the last part ends it."""
    found = session.exec(
        select(RerouteRound).where(RerouteRound.id == round_id).with_for_update(skip_locked=True),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if found is None or found.state != "looking":
        return
    city = routing.city(session, found.jurisdiction_id)
    eve = found.valid_from - timedelta(days=1)
    asked = Comparison(
        as_of(city.rules.on(eve), city.layers, eve),
        as_of(city.rules.on(found.valid_from), city.layers, found.valid_from),
    )
    zone = catalog.catalog(session, found.jurisdiction_id).timezone
    published = session.get_one(RuleSet, found.rule_set_id).at
    rows = history.open_page(
        session,
        found.jurisdiction_id,
        # Published for a day that has begun, it finds requests that the rules before decided on that day.
        max(datetime.combine(found.valid_from, time.min, zone), published),
        history.groups(session, found.jurisdiction_id),
        after=(found.after_at, str(found.after_id)) if found.after_at and found.after_id else None,
        limit=part,
    )
    found.changed_at = now
    if not rows:
        found.state = "done"
    else:
        changes = [change for change in asked.add(rows) if change.recorded == change.before != NOBODY]
        changes = _with_replies(session, rows, changes, now)
        _propose(session, found, [change for change in changes if change.after != NOBODY], rows, now)
        found.looked_at += len(rows)
        found.after_at, found.after_id = rows[-1].at, UUID(rows[-1].id)
    session.add(found)
    session.flush()
    outbox.record(session, LOOKED, at=now, round_id=found.id)


def _propose(
    session: Session, found: RerouteRound, changes: Sequence[Change], rows: Sequence[PastRow], now: datetime
) -> None:
    if not changes:
        return
    ids = [UUID(change.id) for change in changes]
    by_id = {row.id: row for row in session.exec(select(ServiceRequest).where(col(ServiceRequest.id).in_(ids)))}
    groups = {row.id: row.service_group for row in rows}
    decided = {change.id: _receipt(session, by_id[UUID(change.id)], groups[change.id], now) for change in changes}
    # Told to the clock of now as to that of the report: a rule about hours that says otherwise is left to a person.
    kept = [change for change in changes if (decided[change.id]["agency"] or {}).get("code") == change.after]
    session.execute(
        update(RerouteProposal)
        .where(
            col(RerouteProposal.service_request_id).in_([UUID(change.id) for change in kept]),
            col(RerouteProposal.state) == "proposed",
        )
        .values(state="stale", decided_at=now)
    )
    taken = set(
        session.exec(
            select(RerouteProposal.service_request_id).where(
                col(RerouteProposal.service_request_id).in_(ids),
                (col(RerouteProposal.round_id) == found.id) | (col(RerouteProposal.state) == "accepting"),
            )
        )
    )
    for change in kept:
        if UUID(change.id) not in taken:
            session.add(
                RerouteProposal(
                    jurisdiction_id=found.jurisdiction_id,
                    round_id=found.id,
                    service_request_id=UUID(change.id),
                    from_agency=change.before,
                    to_agency=change.after,
                    rule_code=change.rule_after or None,
                    receipt=decided[change.id],
                    at=now,
                )
            )
    session.flush()


def _with_replies(session: Session, rows: Sequence[PastRow], changes: Sequence[Change], now: datetime) -> list[Change]:
    """`changes`, with requests of which somebody said which side of a border they are on decided by that."""
    replied = _replies(session, [UUID(row.id) for row in rows])
    found = {row.id: row for row in session.exec(select(ServiceRequest).where(col(ServiceRequest.id).in_(replied)))}
    kept = [change for change in changes if UUID(change.id) not in found]
    for row in rows:
        request = found.get(UUID(row.id))
        if request is None or replied[request.id]["agency"]["code"] != request.agency_code:
            continue
        again = _receipt(session, request, row.service_group, now)
        after = again["agency"]["code"] if again["agency"] else NOBODY
        if after != request.agency_code:
            rules = tuple((receipt["rule"] or {}).get("code") for receipt in (replied[request.id], again))
            kept.append(Change.of(row, request.agency_code or NOBODY, after, (rules[0], rules[1])))
    return kept


def _replies(session: Session, ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """Request -> the receipt in force, of those whose place was settled by a reply and that an agency has."""
    # Oldest first: of several decisions about one request the newest is what is kept.
    decisions = (
        select(RoutingDecisionRow.service_request_id, RoutingDecisionRow.receipt)
        .where(col(RoutingDecisionRow.service_request_id).in_(ids))
        .order_by(col(RoutingDecisionRow.at), col(RoutingDecisionRow.id))
    )
    newest = {request_id: dict(receipt) for request_id, receipt in session.exec(decisions)}
    return {
        request_id: receipt
        for request_id, receipt in newest.items()
        if receipt.get("settled") and receipt.get("agency")
    }


def _receipt(session: Session, found: ServiceRequest, group: str, now: datetime) -> dict[str, Any]:
    definition = catalog.catalog(session, found.jurisdiction_id).by_code.get(found.service_code)
    point = LonLat(found.lon, found.lat) if found.lon is not None and found.lat is not None else None
    settled = _replies(session, [found.id]).get(found.id, {}).get("settled")
    return routing.route(
        session,
        jurisdiction_id=found.jurisdiction_id,
        service_code=found.service_code,
        service_group=group,
        promise=definition.promise if definition else _RETIRED_PROMISE,
        point=point,
        precision_m=found.precision_m,
        at=now,
        answers=found.attributes,
        settled=settled,
        count_open=partial(count_open, session, found.jurisdiction_id),
    ).receipt


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
