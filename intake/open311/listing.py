"""Lists of requests: from a query to rows, and from rows to what is printed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlmodel import Session

from intake.open311 import selection
from intake.open311.context import Audience, City, confirm
from intake.open311.details import Details, add_details, read_details
from intake.open311.extensions import EXTENSIONS, without
from intake.open311.filters import Circle, Span, is_true, read_filters
from intake.open311.formats import Written
from intake.open311.forms import Fields
from intake.open311.paging import MAX_ROWS, Page, links, read_cursor, read_page
from intake.open311.projection import ID, KEY, Row, as_georeport, last_change
from intake.open311.search_days import read_by_days
from intake.open311.searching import words_of
from intake.open311.selection import Selection, Statement, is_descending
from intake.open311.written import written
from kernel import clock, db
from kernel.statements import Rows

ROOT = "service_requests"
_FOLIO = re.compile("[0-9]{10}")
_STANDARD = ("jurisdiction_id", "service_code", "start_date", "end_date", "status", "locale")
_AGENCIES = "SELECT code, name, short_name FROM agency WHERE jurisdiction_id = %(jurisdiction_id)s"


@dataclass(frozen=True, slots=True)
class Listing:
    """The items of a list, and the headers that tell of the rest of it.

    `changed_at`: since when the items read as they do; None where nothing dates them.
    """

    items: list[dict[str, Any]] | Written
    headers: Mapping[str, str] = field(default_factory=dict)
    changed_at: datetime | None = None


def by_filters(
    session: Session, city: City, audience: Audience, query: Fields, *, fmt: str, wants_count: bool = False
) -> Listing:
    """The page that the query asks for. wants_count: totals too, also if the query does not say so. Raises InvalidInput.

    fmt: what it will be printed in, if it is known already.
    """
    known = without(query, city.extensions_off)
    cursor = read_cursor(known)
    now = cursor.now if cursor is not None else clock.now()
    filters = read_filters(known, city.zone, now=now)
    page = read_page(known, filters, cursor)
    asked = read_details(known)
    codes = _agency_codes(session, city, filters.agencies) if filters.agencies else []
    chosen = selection.filtered(selection.readable_by(audience, city), filters, codes)
    rows = _rows(session, city, chosen, page, filters.circle, bool(asked))
    has_more = len(rows) > page.size
    numbers = range(min(len(rows), page.size))
    if cursor is not None and cursor.is_backward:
        numbers = numbers[::-1]
    headers: dict[str, str] = {}
    if "paging" not in city.extensions_off:
        ends = [rows[number] for number in (*numbers[:1], *numbers[-1:])]
        places = [(row[KEY], row[ID]) for row in ends]
        headers["link"] = links(_kept(known), page, places, has_more=has_more, now=now)
    if "count" not in city.extensions_off and (wants_count or is_true(known, "count")):
        headers |= _totals(session, chosen, page)
    if isinstance(rows, Rows):
        return Listing(written(ROOT, rows, numbers, city, fmt), headers)
    return Listing(_printed(session, city, asked, [rows[number] for number in numbers]), headers)


def by_ids(session: Session, city: City, audience: Audience, ids: Sequence[str], query: Fields) -> Listing:
    """The requests that the reader may see with these ids, newest first; others are passed over. query: what to print of each."""
    folios = [one for one in ids if _FOLIO.fullmatch(one)][:MAX_ROWS]
    if not folios:
        confirm(session, city)
        return Listing([])
    asked = read_details(without(query, city.extensions_off))
    chosen = selection.with_folios(selection.readable_by(audience, city), folios)
    rows = _read(session, chosen.newest(MAX_ROWS, with_details=bool(asked)))
    confirm(session, city, rows)
    # What is asked for beyond the 17 fields changes with the clock as well: a promise is broken by waiting.
    changed_at = None if asked else last_change(rows, city)
    return Listing(_printed(session, city, asked, rows), changed_at=changed_at)


def prefers_count(prefer: str | None) -> bool:
    """Whether a `Prefer` header asks for totals: `count=exact`."""
    return prefer is not None and any(part.strip().lower() == "count=exact" for part in re.split("[,;]", prefer))


def _rows(
    session: Session, city: City, chosen: Selection, page: Page, circle: Circle | None, with_details: bool
) -> list[Row] | Rows:
    """One row more than the page holds, in the direction of its cursor; as Rows where they may have been written before."""
    days = chosen.days(page)
    if days is None:
        statement = chosen.rows(page, circle=circle, with_details=with_details)
        fetch = db.fetch_rows if chosen.is_known_again(circle, with_details) else db.fetch
        found = fetch(session, statement.sql, statement.values, prepare=statement.is_steady)
        confirm(session, city, found)
        return found
    # Several statements, of which any may find nothing.
    confirm(session, city)

    def read(part: Span, limit: int) -> list[Row]:
        return _read(session, chosen.rows_of_days(part, limit, page, circle=circle, with_details=with_details))

    return read_by_days(days, is_newest_first=is_descending(page), wanted=page.size + 1, read=read)


def _read(session: Session, statement: Statement) -> list[Row]:
    return db.fetch(session, statement.sql, statement.values, prepare=statement.is_steady)


def _printed(session: Session, city: City, asked: Details, rows: Sequence[Row]) -> list[dict[str, Any]]:
    items = as_georeport(rows, city)
    if asked and rows:
        add_details(session, city, asked, rows, items, clock.now())
    return items


def _agency_codes(session: Session, city: City, asked: Sequence[str]) -> list[str]:
    """The codes of the agencies with these codes or names; names without regard to accents and case."""
    rows: Any = session.connection().exec_driver_sql(_AGENCIES, {"jurisdiction_id": city.id})
    names = {words_of(one) for one in asked}
    return [row[0] for row in rows if row[0] in asked or names & {words_of(row[1]), words_of(row[2])}]


def _kept(query: Fields) -> list[tuple[str, str]]:
    """The parameters that make a list what it is: what nobody reads, and any key, stays out of its links."""
    ours = {name for extension in EXTENSIONS.values() for name in extension.parameters} - {"page", "cursor"}
    return [pair for pair in query.pairs if pair[1].strip() and (pair[0] in ours or pair[0] in _STANDARD)]


def _totals(session: Session, chosen: Selection, page: Page) -> dict[str, str]:
    sql, values = chosen.count()
    total: int = session.connection().exec_driver_sql(sql, values).scalar_one()
    return {"x-total-count": str(total), "x-total-pages": str(-(-total // page.size)), "x-page-size": str(page.size)}
