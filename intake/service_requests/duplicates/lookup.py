"""What is there already around a place: the requests that a report may be about, likeliest first.

One statement by `ix_service_request_near`. However busy a corner is, no more than MOST_ROWS are read of it: of each cell and
service the newest, the service itself before its family, cells nearest first. Of the family only half the radius is read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlmodel import Session

from georef.distances import metres_per_degree
from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.catalog.definitions import ServiceDefinition
from intake.service_requests.duplicates.cells import cells_around
from intake.service_requests.duplicates.scoring import LIKELY, Likeness, Sighting, compare, similarity
from intake.service_requests.lifecycle import CLOSED
from intake.service_requests.models import NO_DUPLICATE_BEFORE, ServiceRequest
from intake.service_requests.public_text import public_text
from kernel import db

MOST_ROWS = 400
_OF_EACH, _OF_FAMILY = 25, 6
_MOST_SCORED = 40
# Requests that are over for a reason which a second report does not change are not the same thing to anybody.
_NO_PARENTS = ("duplicate", "outside_jurisdiction", "cancelled_by_resident")
# What a resident may say of a closed one: that it is still there.
_NOT_DONE = ("resolved", "not_found")

# The expression of the cell stands as the index has it, and so does the order: open ones are read newest first and no further,
# which `ORDER BY requested_at` alone would have the whole corner read and sorted for. `{…}` is filled in by `_sql`.
_AROUND = """
SELECT f.id, f.folio, f.service_code, f.lon, f.lat, f.precision_m, f.requested_at, f.closed_at, f.life, f.outcome_code,
    f.report_count, f.photo_id, f.is_public, f.agency_code, f.address_id, f.public_address,
    CASE WHEN f.public_text_version IS NULL THEN NULL ELSE f.public_description END,
    CASE WHEN f.public_text_version IS NULL THEN f.description END,
    {attributes}, {is_mine}
FROM (
    SELECT n.* FROM (
        SELECT r.*, sqrt(((r.lon - %(lon)s) * %(per_lon)s) ^ 2 + ((r.lat - %(lat)s) * %(per_lat)s) ^ 2) AS metres
        FROM unnest(%(cells)s::bigint[], %(codes)s::text[], %(limits)s::int[]) AS s(cell, code, most)
        CROSS JOIN LATERAL (
            (SELECT {columns} FROM service_request o
             WHERE o.jurisdiction_id = %(city)s AND o.lat IS NOT NULL AND o.parent_id IS NULL
                AND (floor(o.lat * 1000)::bigint * 360000 + floor(o.lon * 1000)::bigint) = s.cell
                AND o.service_code = s.code AND o.closed_at IS NULL{readable}
             ORDER BY o.closed_at DESC NULLS FIRST, o.requested_at DESC LIMIT s.most)
            UNION ALL
            (SELECT {columns} FROM service_request o
             WHERE o.jurisdiction_id = %(city)s AND o.lat IS NOT NULL AND o.parent_id IS NULL
                AND (floor(o.lat * 1000)::bigint * 360000 + floor(o.lon * 1000)::bigint) = s.cell
                AND o.service_code = s.code AND o.closed_at > %(closed_after)s AND o.closed_at > {long_ago}{readable}
             ORDER BY o.closed_at DESC LIMIT s.most)
        ) AS r
        LIMIT %(most_rows)s
    ) AS n
    WHERE n.metres <= %(radius_m)s AND n.id <> %(but)s AND COALESCE(n.outcome_code, '') <> ALL(%(no_parents)s::text[])
    ORDER BY n.metres, n.requested_at DESC, n.id LIMIT %(most_scored)s
) AS f
"""
_COLUMNS = (
    "o.id, o.folio, o.service_code, o.lon, o.lat, o.precision_m, o.requested_at, o.closed_at, o.life, o.outcome_code,"
    " o.report_count, o.photo_id, o.is_public, o.agency_code, o.address_id, o.public_address, o.public_text_version,"
    " o.public_description, o.description, o.attributes"
)
_PUBLIC = " AND o.is_public"
_IS_MINE = "EXISTS (SELECT FROM report p WHERE p.service_request_id = f.id AND p.contact_point_id = %(contact)s)"
_NOBODY = UUID(int=0)


class _Row(NamedTuple):
    """What `_AROUND` selects. original: the text of a row that nobody has masked yet, None for all others."""

    id: UUID
    folio: str
    service_code: str
    lon: float
    lat: float
    precision_m: float | None
    requested_at: datetime
    closed_at: datetime | None
    life: str
    outcome_code: str | None
    report_count: int
    photo_id: UUID | None
    is_public: bool
    agency_code: str | None
    address_id: str | None
    address: str | None
    words: str | None
    original: str | None
    attributes: Mapping[str, Any]
    is_mine: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A request that may be the same. words, address: the public ones."""

    id: UUID
    folio: str
    service_code: str
    agency_code: str | None
    life: str
    outcome_code: str | None
    requested_at: datetime
    closed_at: datetime | None
    report_count: int
    photo_id: UUID | None
    is_public: bool
    words: str
    address: str
    likeness: Likeness


def offered(session: Session, definition: ServiceDefinition, told: Sighting, *, now: datetime) -> list[Found]:
    """What a resident may be asked about: public requests only, likeliest first; nothing of services that are not public.

    Their contact counts only if `told` has it: a number that somebody typed is not theirs until the network says so.
    """
    if not (definition.is_public and definition.duplicates.is_offered):
        return []
    found = around(session, definition, told, now=now, public_only=True)
    return [one for one in found if may_join(one.life, one.outcome_code)]


def may_join(life: str, outcome_code: str | None) -> bool:
    """Whether a resident may say "it is the same" of such a request: it is open, or they can see that it is not done."""
    return life != CLOSED or outcome_code in _NOT_DONE


def around(
    session: Session,
    definition: ServiceDefinition,
    told: Sighting,
    *,
    now: datetime,
    public_only: bool = False,
    but: UUID | None = None,
    least: float = LIKELY,
) -> list[Found]:
    """Every request around that is at least so likely, likeliest first; `but`: the request itself, when it is made already."""
    if definition.duplicates.radius_m <= 0:
        return []
    known = catalog.catalog(session, definition.jurisdiction_id)
    services = known.retired | known.by_code
    sql, values = statement(services, definition, told, now=now, public_only=public_only, but=but)
    # Its plan is the same for all values: planning it each time costs as much as running it.
    rows = map(_Row._make, db.fetch(session, sql, values, prepare=True))
    likely = [one for row in rows if (one := _found(row, services, definition, told, least)) is not None]
    return sorted(likely, key=lambda one: (-one.likeness.score, one.requested_at, one.folio))


def statement(
    services: Mapping[str, ServiceDefinition],
    definition: ServiceDefinition,
    told: Sighting,
    *,
    now: datetime,
    public_only: bool = False,
    but: UUID | None = None,
) -> tuple[str, dict[str, Any]]:
    """What `around` asks the database, and the values of its `%(name)s`."""
    rules = definition.duplicates
    family = _family(services, definition, public_only=public_only)
    asked = [(cell, definition.code, _OF_EACH) for cell in cells_around(told.point, rules.radius_m)]
    asked += [(cell, code, _OF_FAMILY) for cell in cells_around(told.point, rules.radius_m / 2) for code in family]
    per_lon, per_lat = metres_per_degree(told.point.lat)
    sql = _sql(public_only, has_assets=bool(told.assets), has_contact=told.contact_point_id is not None)
    return sql, {
        "city": definition.jurisdiction_id,
        "lon": told.point.lon,
        "lat": told.point.lat,
        "per_lon": per_lon,
        "per_lat": per_lat,
        "cells": [cell for cell, _, _ in asked],
        "codes": [code for _, code, _ in asked],
        "limits": [most for _, _, most in asked],
        "closed_after": now - timedelta(days=rules.closed_days),
        "radius_m": float(rules.radius_m),
        "but": but or _NOBODY,
        "contact": told.contact_point_id,
        "no_parents": list(_NO_PARENTS),
        "most_rows": MOST_ROWS,
        "most_scored": _MOST_SCORED,
    }


@cache
def _sql(public_only: bool, *, has_assets: bool, has_contact: bool) -> str:
    return (
        _AROUND.replace("{columns}", _COLUMNS)
        .replace("{long_ago}", f"'{NO_DUPLICATE_BEFORE}'::timestamptz")
        .replace("{readable}", _PUBLIC if public_only else "")
        .replace("{attributes}", "f.attributes" if has_assets else "'{}'::jsonb")
        .replace("{is_mine}", _IS_MINE if has_contact else "false")
    )


def sighting_of(definition: ServiceDefinition | None, service_request: ServiceRequest) -> Sighting | None:
    """A request that is made, as a sighting; None for one without a point."""
    if service_request.lon is None or service_request.lat is None:
        return None
    return Sighting(
        service_code=service_request.service_code,
        group_code=definition.group_code if definition else "",
        point=LonLat(service_request.lon, service_request.lat),
        at=service_request.requested_at,
        precision_m=service_request.precision_m,
        words=service_request.public_description or public_text(service_request.description),
        address=service_request.public_address or "",
        address_id=service_request.address_id,
        assets=assets_of(definition, service_request.attributes),
    )


def assets_of(definition: ServiceDefinition | None, answers: Mapping[str, Any]) -> dict[str, str]:
    """The answers that name the thing itself."""
    asked = definition.attributes if definition else ()
    return {
        question.code: str(value)
        for question in asked
        if question.is_asset and (value := _first(answers.get(question.code))) is not None
    }


def _first(answer: Any) -> str | None:
    value = answer[0] if isinstance(answer, list | tuple) and answer else answer
    return str(value) if isinstance(value, str | int | float) and str(value).strip() else None


def _family(services: Mapping[str, ServiceDefinition], own: ServiceDefinition, *, public_only: bool) -> list[str]:
    """The other services of its group."""
    return sorted(
        one.code
        for one in services.values()
        if one.group_code == own.group_code and one.code != own.code and (one.is_public or not public_only)
    )


def _found(
    row: _Row, services: Mapping[str, ServiceDefinition], own: ServiceDefinition, told: Sighting, least: float
) -> Found | None:
    """The row as what was found; None when it is less likely than `least`."""
    definition = services.get(row.service_code)
    known = Sighting(
        service_code=row.service_code,
        group_code=definition.group_code if definition else "",
        point=LonLat(row.lon, row.lat),
        at=row.requested_at,
        precision_m=row.precision_m,
        address=row.address or "",
        address_id=row.address_id,
        assets=assets_of(definition, row.attributes) if told.assets else {},
    )
    pair = compare(told, known, own.duplicates, closed_at=row.closed_at, is_same_contact=row.is_mine)
    if pair.score(1.0) < least:
        return None
    words = (row.words if row.original is None else public_text(row.original)) or ""
    alike = similarity(told.words, words)
    if pair.score(alike) < least:
        return None
    return Found(
        id=row.id,
        folio=row.folio,
        service_code=row.service_code,
        agency_code=row.agency_code,
        life=row.life,
        outcome_code=row.outcome_code,
        requested_at=row.requested_at,
        closed_at=row.closed_at,
        report_count=row.report_count,
        photo_id=row.photo_id,
        is_public=row.is_public,
        words=words,
        address=row.address or "",
        likeness=pair.likeness(alike),
    )
