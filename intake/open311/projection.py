"""A row of a list as GeoReport's 17 fields. Core rows in, dicts out: no ORM object is made for a row of a list."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from intake.catalog.definitions import ServiceDefinition, text_in
from intake.media.storage import photo_url
from intake.open311.context import City
from intake.service_requests.lifecycle import open311_status
from intake.service_requests.published import public_code, public_url, texts_of_old_row

# After the columns of the 17 fields: id, key of the order, distance, then the details that were asked for.
ID, KEY, DISTANCE_M, DETAILS = 18, 19, 20, 21
_CODE, _AGENCY, _UPDATED, _ORIGINALS = 3, 5, 7, 17
# Where the details would be, the row's place and who wrote it: with its id, another version after every change.
# The agency's name is another row's.
VERSION = (ID, 21, 22, _AGENCY)
# A list of a thousand is three thousand instants, most of them in few quarters of an hour: calendars are asked once for each.
_QUARTER_S = 900
_QUARTERS_OF_A_DAY = 96
_CLOCK = [f"{minute:02}:{second:02}" for minute in range(60) for second in range(60)]
# In UTC, as the driver gives instants of a database in UTC: within one zone subtracting asks no calendar.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Since 1975 every zone's offset, and every change of it, is a whole number of quarters. In days.
_WHOLE_OFFSETS_FROM = 1826

Row = Sequence[Any]  # the driver's own statement has no column types


def as_georeport(rows: Iterable[Row], city: City) -> list[dict[str, Any]]:
    """One dict for each row, in their order; `distance` beside the 17 fields where the row has one."""
    texts: dict[str, tuple[str, str | None]] = {}
    found = []
    for row in rows:
        code = row[_CODE]
        if code not in texts:
            texts[code] = _texts_of(city, code)
        item = _fields(row, city.zone, *texts[code])
        if row[DISTANCE_M] is not None:
            item["distance"] = round(row[DISTANCE_M], 1)
        found.append(item)
    return found


def last_change(rows: Sequence[Row], city: City) -> datetime | None:
    """Since when the rows are printed as they are: of them and of the names they bear. None where the program's rules decide."""
    if any(row[_ORIGINALS] is not None for row in rows):
        return None
    changed: list[datetime] = [row[_UPDATED] for row in rows]
    return max([city.catalog.changed_at, *changed])


def definition_of(city: City, code: str) -> ServiceDefinition | None:
    """The service, offered or retired."""
    return city.catalog.by_code.get(code) or city.catalog.retired.get(code)


def in_zone(at: datetime, zone: ZoneInfo) -> str:
    """The instant as it is printed: the city's own time, whole seconds, with its offset."""
    since = at - _EPOCH
    days, second = since.days, since.seconds
    if days < _WHOLE_OFFSETS_FROM:
        return at.astimezone(zone).isoformat(timespec="seconds")
    hour, begins, offset = _quarter(days * _QUARTERS_OF_A_DAY + second // _QUARTER_S, zone)
    return f"{hour}{_CLOCK[begins + second % _QUARTER_S]}{offset}"


@lru_cache(maxsize=8192)
def _quarter(quarter: int, zone: ZoneInfo) -> tuple[str, int, str]:
    """Of a quarter of an hour: its local hour (`2026-11-26T05:`), the second of it that it begins with, and the offset."""
    written = datetime.fromtimestamp(quarter * _QUARTER_S, zone).isoformat(timespec="seconds")
    return written[:14], int(written[14:16]) * 60, written[19:]


def _texts_of(city: City, code: str) -> tuple[str, str | None]:
    """The name and the notice of a service."""
    definition = definition_of(city, code)
    if definition is None:
        return code, None
    return text_in(definition.name, city.language), text_in(definition.notice, city.language) or None


def _fields(row: Row, zone: ZoneInfo, name: str, notice: str | None) -> dict[str, Any]:
    (folio, life, notes, code, description, agency, requested_at, updated_at, closed_at, expected_at) = row[:10]
    (address, address_id, zipcode, lat, lon, media_url, photo_id, originals) = row[10:ID]
    if originals is not None:
        description, address, old_notes = texts_of_old_row(*originals)
        notes = old_notes if notes is None else notes
    return {
        "service_request_id": folio,
        "status": open311_status(life),
        "status_notes": notes or None,
        "service_name": name,
        "service_code": code,
        "description": description or None,
        "agency_responsible": agency,
        "service_notice": notice,
        "requested_datetime": in_zone(requested_at, zone),
        # For a closed request this is the time it was closed, whatever was noted later.
        "updated_datetime": in_zone(closed_at or updated_at, zone),
        "expected_datetime": in_zone(expected_at, zone) if expected_at else None,
        "address": address or None,
        "address_id": public_code(address_id) if address_id else None,
        "zipcode": public_code(zipcode) if zipcode else None,
        "lat": lat,
        "long": lon,
        "media_url": (photo_url(photo_id) if photo_id else None) or (public_url(media_url) if media_url else None),
    }
