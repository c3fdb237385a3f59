"""The SQL of a list: which rows, in which order, from where on. The only place that knows the columns behind the filters.

Each condition is written as an index of `intake.service_requests.models` holds it; tests/intake/open311/test_plans.py looks at
what PostgreSQL makes of them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from georef.distances import metres_per_degree
from intake.open311.context import Audience
from intake.open311.filters import Box, Circle, Filters
from intake.open311.paging import DISTANCE, REQUESTED, UPDATED, Page
from intake.open311.searching import tsquery_of

Values = dict[str, Any]

PUBLIC_DESCRIPTION = "r.public_description"
PUBLIC_ADDRESS = "r.public_address"
PUBLIC_STATUS_NOTES = "r.public_status_notes"
# As it is printed: a closed request was last changed when it was closed.
_UPDATED_AT = "COALESCE(r.closed_at, r.updated_at)"
_HAS_PHOTO = "(r.photo_id IS NOT NULL OR r.media_urls <> '[]')"
_WORDS = f"public_search_words({PUBLIC_DESCRIPTION}, {PUBLIC_ADDRESS})"
# A hundredth of a degree each way, about a kilometre: `cells_of` numbers them in the same way.
_CELL = "(floor(r.lat * 100)::int * 36000 + floor(r.lon * 100)::int)"
_CELLS_OF_A_DEGREE = 100
_CELLS_AROUND = 36_000
# A box of more holds so much of a city that walking its newest requests finds a page sooner.
_MOST_CELLS = 16

COLUMNS = (
    f"r.folio, r.life, {PUBLIC_STATUS_NOTES}, r.service_code, {PUBLIC_DESCRIPTION}, a.name, r.requested_at, r.updated_at,"
    f" r.closed_at, r.expected_at, {PUBLIC_ADDRESS}, r.address_id, r.zipcode, r.lat, r.lon, r.media_urls->>0,"
    " CASE WHEN r.is_public THEN r.photo_id END,"
    # The originals only of a row without stored public texts.
    " CASE WHEN r.public_text_version IS NULL THEN"
    " ARRAY[r.description, r.address_string, r.status_notes, r.version::text, r.outcome_code] END"
)
DETAIL_COLUMNS = (
    "r.outcome_code, r.channel, r.report_count, r.areas, r.media_urls, r.public_attributes,"
    " CASE WHEN r.public_text_version IS NULL THEN r.attributes END, r.parent_id, r.source, r.source_id"
)
_AGENCY = " LEFT JOIN agency a ON a.jurisdiction_id = r.jurisdiction_id AND a.code = r.agency_code"


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions on `service_request r`, with their values."""

    where: str
    values: Values

    def and_(self, condition: str, **values: Any) -> "Selection":
        return Selection(f"{self.where} AND {condition}", self.values | values)

    def rows(self, page: Page, *, circle: Circle | None, with_details: bool) -> tuple[str, Values]:
        """One row more than the page holds, in the direction of its cursor: columns, id, key of the order, distance, details."""
        key = _key_of(page, circle)
        is_backward = page.cursor is not None and page.cursor.is_backward
        is_descending = page.order.is_descending != is_backward
        direction = "DESC" if is_descending else "ASC"
        selected = self if circle is None else Selection(self.where, self.values | _grid(circle))
        if page.cursor is not None:
            selected = selected.and_(
                f"({key}, r.id) {'<' if is_descending else '>'} (%(cursor_key)s, %(cursor_id)s)",
                cursor_key=page.cursor.key,
                cursor_id=page.cursor.id,
            )
        sql = (
            f"SELECT {COLUMNS}, r.id, {key}, {_distance() if circle else 'NULL'}{_details(with_details)}"
            f" FROM service_request r{_AGENCY} WHERE {selected.where}"
            f" ORDER BY {key} {direction}, r.id {direction} LIMIT %(limit)s"
        )
        values = selected.values | {"limit": page.size + 1}
        if page.offset:
            sql, values = sql + " OFFSET %(offset)s", values | {"offset": page.offset}
        return sql, values

    def newest(self, limit: int, *, with_details: bool) -> tuple[str, Values]:
        """The same columns, newest first."""
        sql = (
            f"SELECT {COLUMNS}, r.id, r.requested_at, NULL{_details(with_details)}"
            f" FROM service_request r{_AGENCY} WHERE {self.where} ORDER BY r.requested_at DESC, r.id DESC LIMIT %(limit)s"
        )
        return sql, self.values | {"limit": limit}

    def count(self) -> tuple[str, Values]:
        return f"SELECT count(*) FROM service_request r WHERE {self.where}", self.values


def readable_by(audience: Audience, jurisdiction_id: str) -> Selection:
    """What the reader may see of a city."""
    where = f"r.jurisdiction_id = %(jurisdiction_id)s AND {audience.may_read}"
    return Selection(where, {"jurisdiction_id": jurisdiction_id, **audience.values})


def with_folios(base: Selection, folios: Sequence[str]) -> Selection:
    return base.and_("r.folio = ANY(%(folios)s)", folios=list(folios))


def filtered(base: Selection, filters: Filters, agency_codes: Sequence[str]) -> Selection:
    """agency_codes: of the agencies that `filters` names."""
    chosen = base
    if filters.requested is not None:
        since, until = filters.requested.since, filters.requested.until
        chosen = chosen.and_("r.requested_at >= %(since)s AND r.requested_at < %(until)s", since=since, until=until)
    if filters.updated is not None:
        chosen = chosen.and_(
            f"{_UPDATED_AT} >= %(updated_since)s AND {_UPDATED_AT} < %(updated_until)s",
            updated_since=filters.updated.since,
            updated_until=filters.updated.until,
        )
    if filters.status is not None:
        chosen = chosen.and_("r.life = 'closed'" if filters.status == "closed" else "r.life <> 'closed'")
    if filters.service_codes:
        chosen = _among(chosen, "r.service_code", "service_codes", filters.service_codes)
    if filters.agencies:
        chosen = _among(chosen, "r.agency_code", "agency_codes", agency_codes)
    if filters.has_photo is not None:
        chosen = chosen.and_(_HAS_PHOTO if filters.has_photo else f"NOT {_HAS_PHOTO}")
    if filters.box is not None:
        chosen = _within(chosen, filters.box, "box")
    if filters.circle is not None:
        chosen = _within(chosen, filters.circle.box(), "around").and_(
            f"{_distance()} <= %(radius_m)s", radius_m=filters.circle.radius_m, **_grid(filters.circle)
        )
    if filters.words is not None:
        chosen = (
            chosen.and_(f"{_WORDS} @@ %(words)s::tsquery", words=tsquery_of(filters.words))
            if filters.words
            else chosen.and_("false")
        )
    return chosen


def cells_of(box: Box) -> list[int] | None:
    """The cells that the box touches; None when they are too many to be of use."""
    south, north = (math.floor(lat * _CELLS_OF_A_DEGREE) for lat in (box.south, box.north))
    west, east = (math.floor(lon * _CELLS_OF_A_DEGREE) for lon in (box.west, box.east))
    if (north - south + 1) * (east - west + 1) > _MOST_CELLS:
        return None
    return [lat * _CELLS_AROUND + lon for lat in range(south, north + 1) for lon in range(west, east + 1)]


def _among(base: Selection, column: str, name: str, codes: Sequence[str]) -> Selection:
    # Of one code the index gives the rows in order.
    if len(codes) == 1:
        return base.and_(f"{column} = %({name})s", **{name: codes[0]})
    return base.and_(f"{column} = ANY(%({name})s::text[])", **{name: list(codes)})


def _within(base: Selection, box: Box, name: str) -> Selection:
    cells = cells_of(box)
    if cells is not None:
        base = base.and_(f"{_CELL} = ANY(%({name}_cells)s::int[])", **{f"{name}_cells": cells})
    # One comparison, where four would let PostgreSQL multiply four guesses and believe in a nearly empty box.
    exact = f"least(r.lon - %({name}_west)s, %({name}_east)s - r.lon, r.lat - %({name}_south)s, %({name}_north)s - r.lat) >= 0"
    edges = {"west": box.west, "east": box.east, "south": box.south, "north": box.north}
    return base.and_(exact, **{f"{name}_{edge}": degrees for edge, degrees in edges.items()})


def _grid(circle: Circle) -> Values:
    per_lon, per_lat = metres_per_degree(circle.centre.lat)
    return {"centre_lon": circle.centre.lon, "centre_lat": circle.centre.lat, "per_lon": per_lon, "per_lat": per_lat}


def _distance() -> str:
    east = "((r.lon - %(centre_lon)s) * %(per_lon)s)"
    north = "((r.lat - %(centre_lat)s) * %(per_lat)s)"
    return f"sqrt({east} * {east} + {north} * {north})"


def _key_of(page: Page, circle: Circle | None) -> str:
    keys = {REQUESTED: "r.requested_at", UPDATED: _UPDATED_AT}
    if circle is not None:
        keys[DISTANCE] = _distance()
    return keys[page.order.key]


def _details(with_details: bool) -> str:
    return f", {DETAIL_COLUMNS}" if with_details else ""
