"""What a list call asks for, as values. Pure: no database, and `now` is a parameter."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from georef.distances import metres_per_degree
from georef.points import LonLat
from intake.open311 import searching
from intake.open311.forms import Fields
from intake.service_requests.instants import read_instant
from kernel.errors import InvalidInput

MAX_SPAN = timedelta(days=90)
MAX_RADIUS_M = 10_000.0
_MAX_WORDS = 10
_MAX_LISTED = 1000
_STATUSES = ("open", "closed")
_SECOND = timedelta(seconds=1)
_SEPARATOR = re.compile("[,;]")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,20}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})")
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})


@dataclass(frozen=True, slots=True)
class Span:
    """`since` inclusive, `until` exclusive."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Box:
    """Degrees, WGS84; the edges belong to it."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Circle:
    """Metres around a point, on the flat grid of `georef.distances` at its latitude."""

    centre: LonLat
    radius_m: float

    def box(self) -> Box:
        """The smallest box that holds it, and a hair more: a float must not lose what lies on the edge."""
        per_lon, per_lat = metres_per_degree(self.centre.lat)
        high = self.radius_m / per_lat + 1e-9
        wide = min(self.radius_m / max(per_lon, 1.0), 360.0) + 1e-9
        lon, lat = self.centre.lon, self.centre.lat
        return Box(lon - wide, lat - high, lon + wide, lat + high)


@dataclass(frozen=True, slots=True)
class Filters:
    """None and empty filter nothing. `requested` and `updated` are about the times as they are printed."""

    requested: Span | None = None
    updated: Span | None = None
    service_codes: tuple[str, ...] = ()
    status: str | None = None
    agencies: tuple[str, ...] = ()
    has_photo: bool | None = None
    box: Box | None = None
    circle: Circle | None = None
    words: tuple[str, ...] | None = None


def read_filters(query: Fields, zone: ZoneInfo, *, now: datetime) -> Filters:
    """The filters of a list call. Raises InvalidInput naming the parameter.

    Bounds are inclusive and compare whole seconds, as they are printed. A span over 90 days is cut at its older end, unless only
    the start was given: then it is the 90 days from there. Who asks by the last change only gets requests of any age.
    """
    updated = _updated(query, zone, now)
    has_dates = query.one("start_date") is not None or query.one("end_date") is not None
    requested = None
    if has_dates or updated is None:
        requested = Span(*read_bounds(query, zone, now=now, default_span=MAX_SPAN))
    return Filters(
        requested=requested,
        updated=updated,
        service_codes=tuple(query.listed("service_code"))[:_MAX_LISTED],
        status=_status(query),
        agencies=_agencies(query),
        has_photo=_claim(query, "has_photo"),
        box=_box(query),
        circle=_circle(query),
        words=_words(query),
    )


def read_bounds(
    query: Fields,
    zone: ZoneInfo,
    *,
    now: datetime,
    default_span: timedelta,
    names: tuple[str, str] = ("start_date", "end_date"),
) -> tuple[datetime, datetime]:
    """The start (inclusive) and end (exclusive) of what the two parameters ask for. Raises InvalidInput."""
    start, end = (_instant(query, name, zone) for name in names)
    if start is None:
        end = end or now
        start = end - default_span
    elif end is None:
        end = max(start, min(now, start + MAX_SPAN))
    return _ceiling(max(start, end - MAX_SPAN)), _floor(end) + _SECOND


def is_true(query: Fields, name: str) -> bool:
    """Whether a switch is on. Any other word leaves it off: other servers know other words for it."""
    return (query.one(name) or "").strip().lower() in _TRUE


def read_count(query: Fields, name: str, default: int, most: int) -> int:
    """A whole number from 1, at most `most`. Raises InvalidInput."""
    value = query.one(name)
    if value is None:
        return default
    plain = value.strip()
    if not (plain.isascii() and plain.isdigit() and len(plain) <= 9 and int(plain) >= 1):
        raise InvalidInput("{name} debe ser un número entero desde 1.", field=name, name=name)
    return min(int(plain), most)


def _updated(query: Fields, zone: ZoneInfo, now: datetime) -> Span | None:
    names = ("updated_after", "updated_before")
    if all(query.one(name) is None for name in names):
        return None
    return Span(*read_bounds(query, zone, now=now, default_span=MAX_SPAN, names=names))


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


def _floor(at: datetime) -> datetime:
    return at.replace(microsecond=0)


def _ceiling(at: datetime) -> datetime:
    return at if at.microsecond == 0 else _floor(at) + _SECOND


def _status(query: Fields) -> str | None:
    asked = query.listed("status")
    for status in asked:
        if status not in _STATUSES:
            raise InvalidInput("status debe ser open o closed.", field="status")
    return asked[0] if len(asked) == 1 else None


def _agencies(query: Fields) -> tuple[str, ...]:
    """Codes and names; a name may hold a comma itself, so each value also stands whole."""
    whole = [value.strip() for value in query.all("agency_responsible")]
    return tuple(dict.fromkeys([*query.listed("agency_responsible"), *whole]))[:_MAX_LISTED]


def _claim(query: Fields, name: str) -> bool | None:
    value = query.one(name)
    if value is None:
        return None
    said = value.strip().lower()
    if said not in _TRUE | _FALSE:
        raise InvalidInput("{name} debe ser true o false.", field=name, name=name)
    return said in _TRUE


def _box(query: Fields) -> Box | None:
    value = query.one("bbox")
    if value is None:
        return None
    numbers = [_decimal(part) for part in _SEPARATOR.split(value)]
    if len(numbers) != 4 or None in numbers:
        raise InvalidInput("bbox debe ser cuatro números: lon1,lat1,lon2,lat2.", field="bbox")
    lon1, lat1, lon2, lat2 = (number or 0.0 for number in numbers)
    corners = (LonLat(lon1, lat1), LonLat(lon2, lat2))
    lons, lats = sorted(corner.lon for corner in corners), sorted(corner.lat for corner in corners)
    return Box(lons[0], lats[0], lons[1], lats[1])


def _circle(query: Fields) -> Circle | None:
    names = ("lat", "long", "radius")
    given = {name: value for name in names if (value := query.one(name)) is not None}
    if not given:
        return None
    missing = [name for name in names if name not in given]
    if missing:
        raise InvalidInput("{name} required: lat, long y radius van juntos.", field=missing[0], name=missing[0])
    numbers = {name: _decimal(value) for name, value in given.items()}
    for name, number in numbers.items():
        if number is None:
            raise InvalidInput("{name} debe ser un número con punto decimal.", field=name, name=name)
    lat, lon, radius_m = (numbers[name] or 0.0 for name in names)
    if not 0 < radius_m <= MAX_RADIUS_M:
        raise InvalidInput(
            "radius debe ser de más de 0 y hasta {limit} metros.", field="radius", limit=round(MAX_RADIUS_M)
        )
    return Circle(LonLat(lon, lat), radius_m)


def _decimal(text: str) -> float | None:
    plain = text.strip()
    if not _DECIMAL.fullmatch(plain):
        return None
    number = float(plain)
    return number if math.isfinite(number) else None


def _words(query: Fields) -> tuple[str, ...] | None:
    """The words of `q`, also spelt `search`. Words of a script that is not searched find nothing, so the tuple may be empty."""
    asked = [value for name in ("q", "search") for value in query.all(name)]
    return searching.words_of(" ".join(asked))[:_MAX_WORDS] if asked else None
