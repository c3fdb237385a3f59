"""Rounds over the open requests, after a publication or an import of boundaries: what they give to somebody else is proposed.

A request is proposed when the publication or the import is what changes its agency, and when it still has the agency that the
rules gave it: what a person has moved by hand stays with whom it was given to. `reroutes` carries out what people accept.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, update
from sqlmodel import Session, col, select

from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.service_requests.asking import whose
from intake.service_requests.models import RoutingDecisionRow, ServiceRequest
from intake.whatif import history
from intake.whatif.models import RerouteProposal, RerouteRound
from kernel import outbox
from routing import queries as routing
from routing.border_cases import NEAR_BORDER_M
from routing.bulk import BulkAnswer
from routing.models import RuleSet
from routing.places import may_hold
from routing.values import LayerReport
from routing.whatif.compare import Change, PastRow, answers, standing
from routing.whatif.sides import Side, as_of
from routing.whatif.tally import NOBODY

DUE, LOOKED = "reroute_round.due", "reroute_round.looked"
# Open requests to a part.
PART = 2_000
_ORPHANED = timedelta(seconds=30)


def plan(session: Session, rule_set_id: UUID, *, now: datetime) -> RerouteRound | None:
    """The round of a rule set, made once; it is looked at when its day comes."""
    rule_set = session.get(RuleSet, rule_set_id)
    if rule_set is None or rule_set.withdrawn_at is not None:
        return None
    known = session.exec(select(RerouteRound).where(RerouteRound.rule_set_id == rule_set_id).with_for_update()).first()
    if known is not None:
        return known
    return _make(session, rule_set.jurisdiction_id, rule_set.valid_from, now, rule_set_id=rule_set_id)


def plan_layers(
    session: Session, jurisdiction_id: str, reports: Iterable[LayerReport], *, now: datetime
) -> list[RerouteRound]:
    """One round for each day from which imports have changed layers; one that still waits for its day takes in the others.

    A city without open requests needs none for days that have begun.
    """
    open_request = select(ServiceRequest.id).where(
        ServiceRequest.jurisdiction_id == jurisdiction_id, ServiceRequest.life != "closed"
    )
    today = catalog.today(session, jurisdiction_id, now)
    is_empty = session.exec(open_request.limit(1)).first() is None
    changed: dict[date, set[str]] = {}
    for report in reports:
        if report.is_changed and not (is_empty and report.valid_from <= today):
            changed.setdefault(report.valid_from, set()).add(report.key)
    rounds = []
    for day, keys in sorted(changed.items()):
        waiting = session.exec(
            select(RerouteRound)
            .where(
                RerouteRound.jurisdiction_id == jurisdiction_id,
                RerouteRound.valid_from == day,
                RerouteRound.state == "planned",
                col(RerouteRound.rule_set_id).is_(None),
            )
            .with_for_update()
        ).first()
        if waiting is not None:
            waiting.layers = sorted({*waiting.layers, *keys})
            session.add(waiting)
        rounds.append(waiting or _make(session, jurisdiction_id, day, now, layers=sorted(keys)))
    return rounds


def _make(session: Session, jurisdiction_id: str, valid_from: date, now: datetime, **values: Any) -> RerouteRound:
    made = RerouteRound(jurisdiction_id=jurisdiction_id, valid_from=valid_from, made_at=now, changed_at=now, **values)
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
        is_lost = found.state == "looking" and found.changed_at < now - _ORPHANED
        if found.valid_from <= catalog.today(session, found.jurisdiction_id, now) and (
            found.state == "planned" or is_lost
        ):
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
    zone = catalog.catalog(session, found.jurisdiction_id).timezone
    rows = history.open_page(
        session,
        found.jurisdiction_id,
        # For a day that has begun, it finds requests that were decided on that day by what was in force before.
        max(datetime.combine(found.valid_from, time.min, zone), found.made_at),
        history.groups(session, found.jurisdiction_id),
        after=(found.after_at, str(found.after_id)) if found.after_at and found.after_id else None,
        limit=part,
    )
    found.changed_at = now
    if not rows:
        found.state = "done"
    else:
        # An import may be for a day that later boundaries have overtaken; a set that is published is the newest.
        day = (
            found.valid_from
            if found.rule_set_id
            else max(found.valid_from, catalog.today(session, found.jurisdiction_id, now))
        )
        after = _side(session, found.jurisdiction_id, day)
        said = answers(after, rows)
        forgotten = _forget_overtaken(session, rows, said, now)
        if found.rule_set_id:
            before = _side(session, found.jurisdiction_id, day - timedelta(days=1))
            changes = _by_other_rules(before, rows, said, forgotten)
        else:
            changes = _in_other_areas(session, found.layers, after, rows, said)
        _propose(session, found, [change for change in changes if change.after != NOBODY], rows, after, now)
        found.looked_at += len(rows)
        found.after_at, found.after_id = rows[-1].at, UUID(rows[-1].id)
    session.add(found)
    session.flush()
    outbox.record(session, LOOKED, at=now, round_id=found.id)


def _side(session: Session, jurisdiction_id: str, day: date) -> Side:
    city = routing.city(session, jurisdiction_id)
    return as_of(city.rules.on(day), city.layers, day)


def _forget_overtaken(
    session: Session, rows: Sequence[PastRow], said: Sequence[BulkAnswer], now: datetime
) -> dict[str, str]:
    """Makes earlier proposals stale that are not what is said now: accepted, they would give a request to the wrong agency.

    Request -> whom it was proposed to, of those that are still with whom they were proposed from.
    """
    asked = {UUID(row.id): (row, answer.agency_code) for row, answer in zip(rows, said, strict=True)}
    one = RerouteProposal
    waiting = select(one.id, one.service_request_id, one.from_agency, one.to_agency).where(
        col(one.service_request_id).in_(asked), one.state == "proposed"
    )
    overtaken: list[UUID] = []
    forgotten: dict[str, str] = {}
    for proposal_id, request_id, from_agency, to_agency in session.exec(waiting):
        row, right = asked[request_id]
        if right == row.agency_code or right != to_agency:
            overtaken.append(proposal_id)
            if from_agency == row.agency_code:
                forgotten[row.id] = to_agency
    _make_stale(session, col(RerouteProposal.id).in_(overtaken), now)
    return forgotten


def _make_stale(session: Session, which: ColumnElement[bool], now: datetime) -> None:
    session.execute(
        update(RerouteProposal)
        .where(which, col(RerouteProposal.state) == "proposed")
        .values(state="stale", decided_at=now)
    )


def _by_other_rules(
    before: Side, rows: Sequence[PastRow], said: Sequence[BulkAnswer], forgotten: Mapping[str, str]
) -> list[Change]:
    """Requests that are with whom the day before named, or were proposed to it, and that the new set gives to somebody else."""
    return [
        Change.of(row, row.agency_code, answer.agency_code or NOBODY, (was.rule_code, answer.rule_code))
        for row, was, answer in zip(rows, answers(before, rows), said, strict=True)
        if row.agency_code
        and was.agency_code in (row.agency_code, forgotten.get(row.id, row.agency_code))
        and answer.agency_code not in (row.agency_code, was.agency_code)
    ]


def _in_other_areas(
    session: Session, keys: Sequence[str], after: Side, rows: Sequence[PastRow], said: Sequence[BulkAnswer]
) -> list[Change]:
    """Requests that lie in other areas of these layers than their receipts say, and are somebody else's for that.

    What the boundaries were before the import is known from receipts only: an import may correct the one before it.
    """
    moved = [
        (row, answer)
        for row, answer in zip(rows, said, strict=True)
        if row.agency_code and answer.agency_code != row.agency_code
    ]
    receipts = _receipts(session, [UUID(row.id) for row, _ in moved])
    changes = []
    for row, answer in moved:
        receipt = receipts.get(row.id, {})
        held = {layer["key"]: tuple(area["code"] for area in layer["areas"]) for layer in receipt.get("layers", ())}
        areas = {**answer.area_codes, **_replied_areas(after, row)}
        is_by_rules = (receipt.get("agency") or {}).get("code") == row.agency_code
        if is_by_rules and any(held.get(key, ()) != areas.get(key, ()) for key in keys):
            rules = ((receipt["rule"] or {}).get("code"), answer.rule_code)
            changes.append(Change.of(row, str(row.agency_code), answer.agency_code or NOBODY, rules))
    return changes


def _replied_areas(after: Side, row: PastRow) -> dict[str, tuple[str, ...]]:
    """What a person said that the place is in, where it still can be: a receipt holds that, and not what lies at the point.

    Also where no rule asks for the border any more: it may be there still.
    """
    if not row.settled or row.lon is None or row.lat is None:
        return {}
    point, within_m = LonLat(row.lon, row.lat), max(row.precision_m or 0.0, NEAR_BORDER_M)
    still, on = standing(after, row), after.book.calendar.local_date(row.at)
    return {
        key: (code,) if code else ()
        for key, code in row.settled.items()
        if key in still or (key in after.layers and may_hold(after.layers[key], code, point, within_m, on))
    }


def _receipts(session: Session, ids: Sequence[UUID]) -> dict[str, dict[str, Any]]:
    """Request -> the receipt in force."""
    # Oldest first: of several decisions about one request the newest is what is kept.
    decisions = (
        select(RoutingDecisionRow.service_request_id, RoutingDecisionRow.receipt)
        .where(col(RoutingDecisionRow.service_request_id).in_(ids))
        .order_by(col(RoutingDecisionRow.at), col(RoutingDecisionRow.id))
    )
    return {str(request_id): dict(receipt) for request_id, receipt in session.exec(decisions)}


def _propose(
    session: Session,
    found: RerouteRound,
    changes: Sequence[Change],
    rows: Sequence[PastRow],
    after: Side,
    now: datetime,
) -> None:
    if not changes:
        return
    ids = [UUID(change.id) for change in changes]
    by_id = {str(row.id): row for row in session.exec(select(ServiceRequest).where(col(ServiceRequest.id).in_(ids)))}
    replied = {row.id: standing(after, row) for row in rows}
    decided = {change.id: _receipt(session, by_id[change.id], replied[change.id], now) for change in changes}
    # Told to the clock of now as to that of the report: a rule about hours that says otherwise is left to a person.
    kept = [change for change in changes if (decided[change.id]["agency"] or {}).get("code") == change.after]
    _make_stale(session, col(RerouteProposal.service_request_id).in_([UUID(change.id) for change in kept]), now)
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


def _receipt(session: Session, found: ServiceRequest, settled: Mapping[str, str], now: datetime) -> dict[str, Any]:
    known = catalog.catalog(session, found.jurisdiction_id)
    return whose(
        session,
        {**known.retired, **known.by_code}[found.service_code],
        point=LonLat(found.lon, found.lat) if found.lon is not None and found.lat is not None else None,
        precision_m=found.precision_m,
        at=now,
        answers=found.attributes,
        settled=settled,
    ).receipt
