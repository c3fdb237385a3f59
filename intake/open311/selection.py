"""The SQL of a list: which rows, in which order, from where on. The only place that knows the columns behind the filters.

Each condition is written as an index of `intake.service_requests.models` holds it; tests/intake/open311/test_plans.py looks at
what PostgreSQL makes of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import product
from typing import Any

from georef.distances import metres_per_degree
from intake.open311.cells import DISTRICT, KILOMETRE, MOST_CELLS, Grid, padded
from intake.open311.context import PUBLIC, Audience, City
from intake.open311.filters import Box, Circle, Filters, Span
from intake.open311.paging import DISTANCE, REQUESTED, UPDATED, Page
from intake.open311.search_days import beyond, tsquery_of_days
from intake.open311.searching import tsquery_of

Values = dict[str, Any]

PUBLIC_DESCRIPTION = "r.public_description"
PUBLIC_ADDRESS = "r.public_address"
PUBLIC_STATUS_NOTES = "r.public_status_notes"
# As it is printed: a closed request was last changed when it was closed.
_UPDATED_AT = "COALESCE(r.closed_at, r.updated_at)"
_HAS_PHOTO = "(r.photo_id IS NOT NULL OR r.media_urls <> '[]')"
_WORDS = f"public_search_words({PUBLIC_DESCRIPTION}, {PUBLIC_ADDRESS})"
_WORDS_OF_DAYS = f"public_search_days({PUBLIC_DESCRIPTION}, {PUBLIC_ADDRESS}, r.requested_at)"
# A fence: by its guess of how many rows have a word PostgreSQL would rather look at each row of the days.
_WITH_WORDS = (
    f"(SELECT r.* FROM service_request r WHERE r.is_public AND {_WORDS_OF_DAYS} @@ %(words)s::tsquery OFFSET 0) r"
)
_CLOSED = "(r.life = 'closed')"

_COLUMNS = (
    f"r.folio, r.life, {PUBLIC_STATUS_NOTES}, r.service_code, {PUBLIC_DESCRIPTION}, {{agency}}, r.requested_at, r.updated_at,"
    f" r.closed_at, r.expected_at, {PUBLIC_ADDRESS}, r.address_id, r.zipcode, r.lat, r.lon, r.media_urls->>0,"
    " CASE WHEN r.is_public THEN r.photo_id END,"
    # The originals only of a row without stored public texts.
    " CASE WHEN r.public_text_version IS NULL THEN"
    " ARRAY[r.description, r.address_string, r.status_notes, r.version::text, r.outcome_code] END"
)
DETAIL_COLUMNS = (
    "r.outcome_code, r.channel, r.report_count, r.areas, r.media_urls, r.public_attributes,"
    " CASE WHEN r.public_text_version IS NULL THEN r.attributes END, r.parent_id, r.source, r.source_id, r.paused_at"
)
# All names of the city, read once for a whole list: a join looks each row's up, or compares it with every agency.
_LISTED = _COLUMNS.format(
    agency="(SELECT jsonb_object_agg(a.code, a.name) FROM agency a WHERE a.jurisdiction_id = %(jurisdiction_id)s)"
    " ->> r.agency_code"
)
_SINGLE = _COLUMNS.format(agency="a.name")
_AGENCY = " LEFT JOIN agency a ON a.jurisdiction_id = r.jurisdiction_id AND a.code = r.agency_code"


@dataclass(frozen=True, slots=True)
class Statement:
    """`is_steady`: one plan is good for all its values, so the database may keep it."""

    sql: str
    values: Values
    is_steady: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """Conditions on `service_request r`, with their values.

    `walks`: conditions of which each is an index's own order, newest first, and which together leave out no row that `where` lets
    in; `nearby`: what stands for them where rows are wanted in another order. `words`: to be found beside `where`, by the
    index of words of days where only what is public may be seen and `window` says which days: the times of `where`.
    `claim`: what must be true of the city, or nothing is read; "" for nothing.
    """

    where: str
    values: Values
    claim: str = ""
    walks: tuple[str, ...] = ()
    nearby: str = ""
    words: tuple[str, ...] = ()
    window: Span | None = None
    is_steady: bool = False
    is_public: bool = False

    def and_(self, condition: str, **values: Any) -> "Selection":
        return replace(self, where=f"{self.where} AND {condition}", values=self.values | values)

    def rows(self, page: Page, *, circle: Circle | None, with_details: bool) -> Statement:
        """One row more than the page holds, in the direction of its cursor: columns, id, key of the order, distance, and then
        the details or what `projection.VERSION` names.
        """
        selected = self._from(page, circle)
        is_by_time = page.order.key == REQUESTED
        limits, values = " LIMIT %(limit)s", selected.values | {"limit": page.size + 1}
        if page.offset:
            limits, values = f"{limits} OFFSET %(offset)s", values | {"offset": page.offset}
        order = _order(page, circle)
        has_version = self.is_known_again(circle, with_details)
        out = f"SELECT {_printed(page, circle, with_details)}"
        if self.walks and is_by_time and not self.words:
            # PostgreSQL merges them, each in order, and stops where the page is full.
            walked = " UNION ALL ".join(
                f"(SELECT r.*{', r.ctid AS place, r.xmin AS writer' if has_version else ''} FROM service_request r"
                f" WHERE {selected.where} AND {walk} ORDER BY {order})"
                for walk in self.walks
            )
            found = f"(SELECT r.* FROM ({walked}) r ORDER BY {order}{limits}) r"
            claimed = f" WHERE {self.claim}" if self.claim else ""
            out += ", r.place, r.writer" if has_version else ""
            return Statement(f"{out} FROM {found}{claimed} ORDER BY {order}", values, self.is_steady)
        out += ", r.ctid, r.xmin" if has_version else ""
        source, where, words = selected._filters()
        sql = f"{out} FROM {source} WHERE {self._claimed(where)} ORDER BY {order}{limits}"
        return Statement(sql, values | words, self.is_steady and is_by_time and not self.walks)

    def is_known_again(self, circle: Circle | None, with_details: bool) -> bool:
        """Whether rows come with what tells that one was printed before: without their distance from a reader, without details
        that the clock changes, and not out of a search.
        """
        return circle is None and not with_details and not self.words

    def days(self, page: Page) -> Span | None:
        """Where the rows of a search by words lie that the page may show, if they can be read a few days at a time."""
        if not (self.words and self.window and self.is_public and page.order.key == REQUESTED) or page.offset:
            return None
        if page.cursor is None or not isinstance(page.cursor.key, datetime):
            return self.window
        return beyond(self.window, page.cursor.key, is_newest_first=is_descending(page))

    def rows_of_days(
        self, part: Span, limit: int, page: Page, *, circle: Circle | None, with_details: bool
    ) -> Statement:
        """As `rows`, of a part of `days`."""
        selected = self._from(page, circle).and_(
            "r.requested_at >= %(part_since)s AND r.requested_at < %(part_until)s",
            part_since=part.since,
            part_until=part.until,
        )
        sql = (
            f"SELECT {_printed(page, circle, with_details)} FROM {_WITH_WORDS} WHERE {selected.where}"
            f" ORDER BY {_order(page, circle)} LIMIT %(limit)s"
        )
        values = selected.values | {"limit": limit, "words": tsquery_of_days(self.words, part)}
        return Statement(sql, values, self.is_steady)

    def newest(self, limit: int, *, with_details: bool) -> Statement:
        """The same columns, newest first."""
        sql = (
            f"SELECT {_SINGLE}, r.id, r.requested_at, NULL{_details(with_details)}"
            f" FROM service_request r{_AGENCY} WHERE {self._claimed(self.where)}"
            " ORDER BY r.requested_at DESC, r.id DESC LIMIT %(limit)s"
        )
        return Statement(sql, self.values | {"limit": limit}, self.is_steady)

    def count(self) -> tuple[str, Values]:
        source, where, words = self._filters()
        return f"SELECT count(*) FROM {source} WHERE {where}", self.values | words

    def _claimed(self, where: str) -> str:
        return f"{self.claim} AND {where}" if self.claim else where

    def _filters(self) -> tuple[str, str, Values]:
        """Where rows that come in any order are read from, all conditions on them, and the values of the words."""
        source, parts = "service_request r", [self.where, *([self.nearby] if self.nearby else [])]
        if not self.words:
            return source, " AND ".join(parts), {}
        if self.window and self.is_public:
            return _WITH_WORDS, " AND ".join(parts), {"words": tsquery_of_days(self.words, self.window)}
        return source, " AND ".join([*parts, f"{_WORDS} @@ %(words)s::tsquery"]), {"words": tsquery_of(self.words)}

    def _from(self, page: Page, circle: Circle | None) -> "Selection":
        """With the values of the key, and from the page's cursor on."""
        selected = self if circle is None else replace(self, values=self.values | _grid(circle))
        if page.cursor is None:
            return selected
        return selected.and_(
            f"({_key_of(page, circle)}, r.id) {'<' if is_descending(page) else '>'} (%(cursor_key)s, %(cursor_id)s)",
            cursor_key=page.cursor.key,
            cursor_id=page.cursor.id,
        )


def readable_by(audience: Audience, city: City) -> Selection:
    """What the reader may see of a city."""
    where = f"r.jurisdiction_id = %(jurisdiction_id)s AND {audience.may_read}"
    values = {"jurisdiction_id": city.id, **audience.values, **city.claim_values}
    return Selection(where, values, city.claim, is_public=audience.may_read == PUBLIC.may_read)


def with_folios(base: Selection, folios: Sequence[str]) -> Selection:
    if len(folios) == 1:
        return replace(base, is_steady=True).and_("r.folio = %(folio)s", folio=folios[0])
    return base.and_("r.folio = ANY(%(folios)s)", folios=list(folios))


def filtered(base: Selection, filters: Filters, agency_codes: Sequence[str]) -> Selection:
    """agency_codes: of the agencies that `filters` names."""
    chosen = replace(base, window=filters.requested)
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
        chosen = replace(chosen, words=filters.words) if filters.words else chosen.and_("false")
    chosen = _walked(chosen, filters)
    return replace(chosen, is_steady=_is_steady(chosen, filters))


def _among(base: Selection, column: str, name: str, codes: Sequence[str]) -> Selection:
    # Of one code the index gives the rows in order.
    if len(codes) == 1:
        return base.and_(f"{column} = %({name})s", **{name: codes[0]})
    return base.and_(f"{column} = ANY(%({name})s::text[])", **{name: list(codes)})


def _within(base: Selection, box: Box, name: str) -> Selection:
    # One comparison, where four would let PostgreSQL multiply four guesses and believe in a nearly empty box.
    exact = f"least(r.lon - %({name}_west)s, %({name}_east)s - r.lon, r.lat - %({name}_south)s, %({name}_north)s - r.lat) >= 0"
    edges = {"west": box.west, "east": box.east, "south": box.south, "north": box.north}
    return base.and_(exact, **{f"{name}_{edge}": degrees for edge, degrees in edges.items()})


def _walked(base: Selection, filters: Filters) -> Selection:
    """With the squares that hold what the reader asks for, where an index has them: of one service, or of all together."""
    boxes = [filters.circle.box()] if filters.circle else [filters.box] if filters.box else []
    if not boxes:
        return base
    cells = KILOMETRE.cells_of(boxes[0])
    chosen = base
    if cells is not None:
        nearby = f"{KILOMETRE.number} = ANY(%(cells)s::int[])"
        chosen = replace(base, nearby=nearby, values=base.values | {"cells": cells})
    if not base.is_public:
        return chosen
    ends = [f"{_CLOSED} IS {'TRUE' if filters.status == 'closed' else 'FALSE'}"]
    if filters.status is None:
        ends = [f"{_CLOSED} IS FALSE", f"{_CLOSED} IS TRUE"]
    districts = DISTRICT.cells_of(boxes[0]) if len(filters.service_codes) == 1 else None
    if districts is not None and len(districts) * len(ends) <= MOST_CELLS:
        return _with_walks(chosen, DISTRICT, districts, ends)
    return chosen if cells is None else _with_walks(chosen, KILOMETRE, cells, [])


def _with_walks(base: Selection, grid: Grid, cells: list[int], ends: list[str]) -> Selection:
    numbered = {f"cell_{n}": cell for n, cell in enumerate(padded(cells))}
    squares = [f"{grid.number} = %({name})s::int" for name in numbered]
    walks = tuple(" AND ".join(both) for both in product(squares, ends)) if ends else tuple(squares)
    return replace(base, walks=walks, values=base.values | numbered)


def _is_steady(chosen: Selection, filters: Filters) -> bool:
    """Whether the database would walk the same way whatever the values: by time, or by squares and time.

    Not with filters that few ask for: each of their combinations would be kept as a statement of its own.
    """
    squares = Filters(
        filters.requested, None, filters.service_codes, filters.status, box=filters.box, circle=filters.circle
    )
    plain = Filters(filters.requested, words=filters.words)
    return (
        chosen.is_public
        and filters.requested is not None
        and filters in ((squares, plain) if chosen.walks else (plain,))
    )


def is_descending(page: Page) -> bool:
    """Whether rows are read from the greatest key on: a page before a cursor is read backwards."""
    return page.order.is_descending != (page.cursor is not None and page.cursor.is_backward)


def _order(page: Page, circle: Circle | None) -> str:
    direction = "DESC" if is_descending(page) else "ASC"
    return f"{_key_of(page, circle)} {direction}, r.id {direction}"


def _printed(page: Page, circle: Circle | None, with_details: bool) -> str:
    return f"{_LISTED}, r.id, {_key_of(page, circle)}, {_distance() if circle else 'NULL'}{_details(with_details)}"


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
