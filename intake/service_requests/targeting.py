"""One address that is reported again and again: flagged for a person to look at, never hidden. `judge` is pure.

Few people with many reports are a quarrel between neighbours, or somebody who is desperate; many people within hours against one
house may be a call to arms. Neither is decided here. What the same person says of the same matter at the same place is one work.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlmodel import Session, col, select

from georef.distances import distance_m
from georef.points import LonLat
from intake.catalog import cities
from intake.service_requests.duplicates import merging
from intake.service_requests.duplicates.cells import cells_around
from intake.service_requests.models import ServiceRequest
from intake.service_requests.target_models import TargetFlag
from intake.service_requests.values import Actor
from kernel import db
from kernel.errors import AtiendeError
from kernel.outbox import record
from kernel.rows import load_one

_log = structlog.get_logger(__name__)

# As far as one parcel reaches.
RADIUS_M = 20.0
LOOKS_BACK = timedelta(days=30)
# `[guards]` of a city's folder says otherwise for the two numbers that differ between a town and a megacity.
# Few people: so many reports, and of each of them so many on average.
MANY_REPORTS, EACH = 6, 3.0
# Many people, within hours, about nothing that is out in the street.
MANY_PEOPLE, WITHIN = 12, timedelta(hours=24)
# A place known no better than this is a colonia or a street, and nobody's address, unless its label names a house: of most
# streets no number is on the map, and "Avenida Sabinos 214" is put in the middle of the street.
_SURE_M = 60.0
# Words and a number after them; `Calle 7` and `Sur 8` are streets.
_HOUSE = re.compile(
    r"(?!(?:calle|c|avenida|av|eje|cerrada|privada|andador|callejón|norte|sur|oriente|poniente|km|kilómetro|ruta)"
    r"\.? \d+(?: ?[a-z])?\Z)"
    r"[^\W\d][^,]*? (?:no\.? |núm\.? |#)?\d{1,5}(?: ?[a-z])?",
    re.IGNORECASE,
)

_NEAR = """
    SELECT service_request.id, service_request.service_code, service_request.lon, service_request.lat,
        coalesce(report.person_id, report.id), report.at, service_request.life
    FROM {reports} JOIN service_request ON report.service_request_id = service_request.id
    WHERE service_request.jurisdiction_id = $1 AND service_request.lat IS NOT NULL
        AND (floor(service_request.lat * 1000)::bigint * 360000 + floor(service_request.lon * 1000)::bigint) = ANY($2)
        AND report.at > $3
        AND CASE $4 WHEN '' THEN coalesce(service_request.precision_m, 0) <= {sure}
            ELSE service_request.address_string = $4 END
"""
_NEAR_BY_ANYBODY = _NEAR.format(reports="report", sure=_SURE_M)
# Of one person there are few, however many people report the place: they are looked up first.
_NEAR_BY_SAME = "WITH theirs AS MATERIALIZED ({theirs}) {near}".format(
    theirs="SELECT * FROM report WHERE person_id IN (SELECT person_id FROM report WHERE service_request_id = $5)",
    near=_NEAR.format(reports="theirs AS report", sure=_SURE_M),
)
_FLAGGED = "SELECT 1 FROM target_flag WHERE jurisdiction_id = $1 AND place_key = $2 AND reviewed_at IS NULL"


@dataclass(frozen=True, slots=True)
class Said:
    """One report about the place: by whom (an opaque id), when, of which request."""

    person: str
    at: datetime
    service_request_id: str


@dataclass(frozen=True, slots=True)
class Judged:
    """Why it is flagged: how many reports by how many people."""

    reason: str
    reports: int
    people: int


def judge(
    said: Sequence[Said], *, many_reports: int = MANY_REPORTS, many_people: int = MANY_PEOPLE, now: datetime
) -> Judged | None:
    """What is unusual about one address, if anything is."""
    people = {one.person for one in said}
    if len(said) >= many_reports and len(said) >= EACH * len(people):
        return Judged("few_people", len(said), len(people))
    lately = [one for one in said if one.at > now - WITHIN]
    crowd = {one.person for one in lately}
    if len(crowd) >= many_people:
        return Judged("many_people", len(lately), len(crowd))
    return None


def house_in(label: str) -> str:
    """The label, where it names a house by its number; "" where it names a street, a corner or less."""
    return label if _HOUSE.fullmatch(label.partition(",")[0].strip()) else ""


def look(session: Session, service_request_id: UUID, *, is_joined: bool = False, now: datetime) -> TargetFlag | None:
    """Flags the address of a new request where it is unusual, and keeps one person's same matter one work.

    is_joined: somebody else says the same of a request that was there; it stays what it is.
    """
    request = load_one(session, ServiceRequest, "WHERE id = $1", [service_request_id])
    if request is None or request.lon is None or request.lat is None:
        return None
    label = house_in(request.address_string or "") if (request.precision_m or 0) > _SURE_M else ""
    if (request.precision_m or 0) > _SURE_M and not label:
        return None
    place = LonLat(request.lon, request.lat)
    key = label or _key(place)
    values = [request.jurisdiction_id, cells_around(place, RADIUS_M), now - LOOKS_BACK, label]
    # Where thousands report one place, each of them must not look at all the others: one look is enough to have it flagged.
    if _is_flagged(session, request.jurisdiction_id, key):
        if not is_joined:
            same = db.fetch(session, _NEAR_BY_SAME, [*values, request.id], prepare=True)
            _keep_one(session, request, _within(place, same), now)
        return None
    near = _within(place, db.fetch(session, _NEAR_BY_ANYBODY, values, prepare=True))
    given = cities.city(session, request.jurisdiction_id).settings.get("guards", {})
    judged = judge(
        [Said(str(row[4]), row[5], str(row[0])) for row in near],
        many_reports=int(given.get("address_reports", MANY_REPORTS)),
        many_people=int(given.get("address_people", MANY_PEOPLE)),
        now=now,
    )
    if judged is None:
        return None
    if not is_joined:
        _keep_one(session, request, near, now)
    return _flag(session, request, key, judged, now)


def waiting(session: Session, jurisdiction_id: str) -> Sequence[tuple[TargetFlag, ServiceRequest]]:
    """What nobody has looked at yet, newest first."""
    statement = (
        select(TargetFlag, ServiceRequest)
        .join(ServiceRequest, col(ServiceRequest.id) == col(TargetFlag.service_request_id))
        .where(TargetFlag.jurisdiction_id == jurisdiction_id, col(TargetFlag.reviewed_at).is_(None))
        .order_by(col(TargetFlag.at).desc())
        .limit(50)
    )
    return session.exec(statement).all()


def _within(place: LonLat, found: Sequence[Any]) -> list[Any]:
    return [row for row in found if distance_m(place, LonLat(row[2], row[3])) <= RADIUS_M]


def _key(place: LonLat) -> str:
    # About the size of a parcel; what lies across a line is flagged twice at worst.
    return f"{place.lat:.4f},{place.lon:.4f}"


def _is_flagged(session: Session, jurisdiction_id: str, key: str) -> bool:
    return bool(db.fetch(session, _FLAGGED, [jurisdiction_id, key], prepare=True))


def _keep_one(session: Session, request: ServiceRequest, near: Sequence[Any], now: datetime) -> None:
    """The same person, the same service, the same place, still open: it goes on under the first folio."""
    theirs = {row[4] for row in near if row[0] == request.id}
    same = [
        row
        for row in near
        if row[0] != request.id and row[4] in theirs and row[1] == request.service_code and row[6] != "closed"
    ]
    if not same or request.life == "closed" or request.parent_id is not None:
        return
    first = min(same, key=lambda row: row[5])
    try:
        with session.begin_nested():
            merging.merge(session, request.id, first[0], actor=Actor("system"), now=now)
    except AtiendeError as refusal:
        _log.info("targeting.not_merged", service_request_id=str(request.id), why=type(refusal).__name__)


def _flag(session: Session, request: ServiceRequest, key: str, judged: Judged, now: datetime) -> TargetFlag | None:
    session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"target:{key}"})
    if _is_flagged(session, request.jurisdiction_id, key):
        return None
    made = TargetFlag(
        jurisdiction_id=request.jurisdiction_id,
        service_request_id=request.id,
        place_key=key,
        reason=judged.reason,
        basis={"reports": judged.reports, "people": judged.people},
        at=now,
    )
    session.add(made)
    session.flush()
    record(session, "address.flagged", at=now, jurisdiction_id=request.jurisdiction_id)
    return made
