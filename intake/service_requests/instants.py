"""Reading the instants that programs send: ISO 8601, as strictly as it can be and as leniently as clients need. Pure."""

import re
from datetime import UTC, datetime, tzinfo

_ISO = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:[Tt ](?P<time>\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?)(?P<zone> ?[Zz]| ?[+-]\d{2}(?::?\d{2})?| \d{2}:\d{2})?)?",
    re.ASCII,
)
# Nothing a city knows is older or later; the bounds keep every sum with a zone or a span inside the calendar.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def read_instant(text: str, zone: tzinfo) -> datetime:
    """The instant, with the zone it was given in. Without one it is `zone`'s time; a date alone is its midnight.

    `2026-11-21T10:00:00 00:00` is read as `+00:00`: an unencoded plus sign arrives as a blank. Instants before EARLIEST or after
    LATEST become those. Raises ValueError.
    """
    found = _ISO.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    offset = (found["zone"] or "").strip().upper()
    if offset[:1].isdigit():
        offset = "+" + offset
    moment = datetime.fromisoformat(
        found["date"] + ("T" + found["time"].replace(",", ".") if found["time"] else "") + offset.replace("Z", "+00:00")
    )
    if moment.year < EARLIEST.year:
        return EARLIEST
    if moment.year >= LATEST.year:
        return LATEST
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
