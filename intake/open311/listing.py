"""Lists of requests: which rows, in which order, and each row as GeoReport's 17 fields.

Core rows in, dicts out: no ORM object is made for a row of a list.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row
from sqlmodel import Session

from intake.catalog.definitions import text_in
from intake.media.storage import photo_url
from intake.open311.context import Audience, City
from intake.open311.forms import Fields
from intake.service_requests.instants import read_instant
from intake.service_requests.lifecycle import open311_status
from intake.service_requests.published import public_code, public_url, texts_of_old_row
from kernel import clock
from kernel.errors import InvalidInput

MAX_SPAN = timedelta(days=90)
MAX_ROWS = 1000
_STATUSES = ("open", "closed")
_FOLIO = re.compile("[0-9]{10}")
_SECOND = timedelta(seconds=1)

_COLUMNS = (
    "SELECT r.folio, r.life, r.public_status_notes, r.service_code, r.public_description, a.name AS agency, r.requested_at,"
    " r.updated_at, r.closed_at, r.expected_at, r.public_address, r.address_id, r.zipcode, r.lat, r.lon,"
    # The originals only of a row without stored public texts.
    " r.media_urls->>0 AS media_url, CASE WHEN r.is_public THEN r.photo_id END AS photo_id,"
    " CASE WHEN r.public_text_version IS NULL THEN"
    " ARRAY[r.description, r.address_string, r.status_notes, r.version::text, r.outcome_code] END"
    " FROM service_request r LEFT JOIN agency a ON a.jurisdiction_id = r.jurisdiction_id AND a.code = r.agency_code"
    " WHERE r.jurisdiction_id = %(jurisdiction_id)s AND "
)
_NEWEST_FIRST = " ORDER BY r.requested_at DESC, r.id DESC LIMIT %(limit)s"


@dataclass(frozen=True, slots=True)
class Window:
    """What a list call asks for. `since` inclusive, `until` exclusive; None filters nothing."""

    since: datetime
    until: datetime
    service_codes: Sequence[str] | None
    status: str | None
    limit: int = MAX_ROWS
    offset: int = 0


def read_window(query: Fields, zone: ZoneInfo, *, now: datetime | None = None) -> Window:
    """The window of a query. Raises InvalidInput naming the parameter.

    Bounds are inclusive and compare whole seconds, as they are printed. A span over 90 days is cut at its older end, unless only
    the start was given: then it is the 90 days from there.
    """
    since, until = read_bounds(query, zone, now=now or clock.now(), default_span=MAX_SPAN)
    statuses = query.listed("status")
    for status in statuses:
        if status not in _STATUSES:
            raise InvalidInput("status debe ser open o closed.", field="status")
    size = read_count(query, "page_size", MAX_ROWS, MAX_ROWS)
    page = read_count(query, "page", 1, 1_000_000)
    return Window(
        since=since,
        until=until,
        service_codes=query.listed("service_code") or None,
        status=statuses[0] if len(statuses) == 1 else None,
        limit=size,
        offset=(page - 1) * size,
    )


def read_bounds(query: Fields, zone: ZoneInfo, *, now: datetime, default_span: timedelta) -> tuple[datetime, datetime]:
    """The start (inclusive) and end (exclusive) of what `start_date` and `end_date` ask for. Raises InvalidInput."""
    start = _instant(query, "start_date", zone)
    end = _instant(query, "end_date", zone)
    if start is None:
        end = end or now
        start = end - default_span
    elif end is None:
        end = max(start, min(now, start + MAX_SPAN))
    return _ceiling(max(start, end - MAX_SPAN)), _floor(end) + _SECOND


def _instant(query: Fields, name: str, zone: ZoneInfo) -> datetime | None:
    value = query.one(name)
    if value is None:
        return None
    try:
        return read_instant(value, zone).astimezone(UTC)
    except ValueError:
        raise InvalidInput(
            "{name} debe ser una fecha ISO 8601, como 2026-11-21T18:00:00-06:00.", field=name, name=name
        ) from None


def read_count(query: Fields, name: str, default: int, most: int) -> int:
    value = query.one(name)
    if value is None:
        return default
    plain = value.strip()
    if not (plain.isascii() and plain.isdigit() and 1 <= len(plain) <= 9 and int(plain) >= 1):
        raise InvalidInput("{name} debe ser un número entero desde 1.", field=name, name=name)
    return min(int(plain), most)


def _floor(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _ceiling(at: datetime) -> datetime:
    return at if at.microsecond == 0 else _floor(at) + _SECOND


def by_window(session: Session, city: City, audience: Audience, window: Window) -> list[dict[str, Any]]:
    """The newest requests of the window, newest first."""
    sql = " AND r.requested_at >= %(since)s AND r.requested_at < %(until)s"
    values: dict[str, Any] = {"since": window.since, "until": window.until}
    if window.status is not None:
        sql += " AND r.life = 'closed'" if window.status == "closed" else " AND r.life <> 'closed'"
    if window.service_codes is not None:
        sql += " AND r.service_code = ANY(%(service_codes)s)"
        values["service_codes"] = list(window.service_codes)
    values |= {"limit": window.limit, "offset": window.offset}
    return _rows(session, city, audience, sql + _NEWEST_FIRST + " OFFSET %(offset)s", values)


def by_ids(session: Session, city: City, audience: Audience, ids: Sequence[str]) -> list[dict[str, Any]]:
    """The requests that the reader may see with these ids, newest first; unknown ids are passed over."""
    folios = [one for one in ids if _FOLIO.fullmatch(one)][:MAX_ROWS]
    if not folios:
        return []
    sql = " AND r.folio = ANY(%(folios)s)" + _NEWEST_FIRST
    return _rows(session, city, audience, sql, {"folios": folios, "limit": MAX_ROWS})


def _rows(
    session: Session, city: City, audience: Audience, conditions: str, values: dict[str, Any]
) -> list[dict[str, Any]]:
    # The driver's own statement: nothing to compile, and all rows at once.
    sql = _COLUMNS + audience.may_read + conditions
    values = {"jurisdiction_id": city.id, **audience.values, **values}
    found = session.connection().exec_driver_sql(sql, values).all()
    texts = {code: _texts_of(city, code) for code in {row[3] for row in found}}
    return [_as_georeport(row, city.zone, texts) for row in found]


def _texts_of(city: City, code: str) -> tuple[str, str | None]:
    """The name and the notice of a service, offered or retired."""
    definition = city.catalog.by_code.get(code) or city.catalog.retired.get(code)
    if definition is None:
        return code, None
    return text_in(definition.name, city.language), text_in(definition.notice, city.language) or None


def _as_georeport(row: Row[Any], zone: ZoneInfo, texts: dict[str, tuple[str, str | None]]) -> dict[str, Any]:
    columns: Sequence[Any] = row  # the driver's own statement has no column types
    (folio, life, notes, code, description, agency, requested_at, updated_at, closed_at, expected_at) = columns[:10]
    address, address_id, zipcode, lat, lon, media_url, photo_id, originals = columns[10:]
    if originals is not None:
        description, address, old_notes = texts_of_old_row(*originals)
        notes = old_notes if notes is None else notes
    name, notice = texts[code]
    return {
        "service_request_id": folio,
        "status": open311_status(life),
        "status_notes": notes or None,
        "service_name": name,
        "service_code": code,
        "description": description or None,
        "agency_responsible": agency,
        "service_notice": notice,
        "requested_datetime": requested_at.astimezone(zone).isoformat(timespec="seconds"),
        # For a closed request this is the time it was closed, whatever was noted later.
        "updated_datetime": (closed_at or updated_at).astimezone(zone).isoformat(timespec="seconds"),
        "expected_datetime": expected_at.astimezone(zone).isoformat(timespec="seconds") if expected_at else None,
        "address": address or None,
        "address_id": public_code(address_id),
        "zipcode": public_code(zipcode),
        "lat": lat,
        "long": lon,
        "media_url": (photo_url(photo_id) if photo_id else None) or public_url(media_url),
    }
