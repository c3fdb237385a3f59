"""Requests of a period as `routing.whatif` asks about them, oldest first: as one stream, or a page at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session

from intake.catalog import queries as catalog
from kernel.errors import InvalidInput
from routing.whatif.compare import PastRow

_COLUMNS = (
    "SELECT id::text, folio, service_code, lon, lat, requested_at, attributes, agency_code, life, precision_m"
    " FROM service_request WHERE jurisdiction_id = %(city)s"
)
_PERIOD = f"{_COLUMNS} AND requested_at >= %(since)s AND requested_at < %(until)s"
_STREAM = f"{_PERIOD} ORDER BY requested_at, id"
_PAGE = (
    f"{_PERIOD} AND (requested_at, id) > (%(after_at)s, %(after_id)s::uuid) ORDER BY requested_at, id LIMIT %(limit)s"
)
_OPEN_PAGE = (
    f"{_COLUMNS} AND life <> 'closed' AND requested_at < %(until)s"
    " AND (requested_at, id) > (%(after_at)s, %(after_id)s::uuid) ORDER BY requested_at, id LIMIT %(limit)s"
)
_COUNT = (
    "SELECT count(*) FROM service_request"
    " WHERE jurisdiction_id = %(city)s AND requested_at >= %(since)s AND requested_at < %(until)s"
)
# In the order in which they were said: of several about one request the last is kept.
_REPLIES = (
    "SELECT service_request_id::text, receipt -> 'settled' FROM routing_decision"
    " WHERE service_request_id = ANY(%(ids)s::uuid[]) AND (receipt -> 'settled') <> '{}' ORDER BY at, id"
)
_LONG_AGO = datetime(1900, 1, 1, tzinfo=UTC)
_FIRST_ID = "00000000-0000-0000-0000-000000000000"
# Each row is copied several times on its way; this many are far from filling a small machine.
BATCH = 20_000
_USUAL_DAYS = 90
NO_REPLY: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Period:
    """Local days, the last one included."""

    first: date
    last: date

    def bounds(self, zone: ZoneInfo) -> dict[str, datetime]:
        return {
            "since": datetime.combine(self.first, time.min, zone),
            "until": datetime.combine(self.last + timedelta(days=1), time.min, zone),
        }

    @staticmethod
    def parse(first: str | None, last: str | None, today: date) -> "Period":
        """From two days as people write them in ISO; until today, and ninety days of it, by default. Raises InvalidInput."""
        until = _day(last, "to") or today
        since = _day(first, "from") or until - timedelta(days=_USUAL_DAYS)
        if since > until:
            raise InvalidInput(
                "El periodo termina antes de empezar: {first} a {last}.", field="from", first=since, last=until
            )
        return Period(since, until)


def _day(text: str | None, field: str) -> date | None:
    if not text or not text.strip():
        return None
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput("«{day}» no es una fecha como 2026-03-01.", field=field, day=text.strip()[:40]) from None
    # Before the calendar of today, and where a day more would be no day.
    if not 1900 <= found.year <= 9000:
        raise InvalidInput("«{day}» no es una fecha como 2026-03-01.", field=field, day=text.strip()[:40])
    return found


def groups(session: Session, jurisdiction_id: str) -> dict[str, str]:
    """Service code -> group, of services that are no longer offered too."""
    known = catalog.catalog(session, jurisdiction_id)
    return {code: service.group_code for code, service in {**known.retired, **known.by_code}.items()}


def count(session: Session, jurisdiction_id: str, period: Period, zone: ZoneInfo) -> int:
    bound = {"city": jurisdiction_id, **period.bounds(zone)}
    return int(session.connection().exec_driver_sql(_COUNT, bound).scalar_one())


def stream(
    session: Session, jurisdiction_id: str, period: Period, zone: ZoneInfo, group_of: Mapping[str, str]
) -> Iterator[list[PastRow]]:
    """Every request of the period in batches, as one statement saw them; the server keeps those that were not fetched yet."""
    bound = {"city": jurisdiction_id, **period.bounds(zone)}
    options = {"stream_results": True, "max_row_buffer": BATCH}
    rows = session.connection().exec_driver_sql(_STREAM, bound, execution_options=options)
    for batch in rows.partitions(BATCH):
        yield _rows(session, batch, group_of)


def page(
    session: Session,
    jurisdiction_id: str,
    period: Period,
    zone: ZoneInfo,
    group_of: Mapping[str, str],
    *,
    after: tuple[datetime, str] | None,
    limit: int = BATCH,
) -> list[PastRow]:
    """The next requests behind `after` (time and id of the last one seen)."""
    bounds = period.bounds(zone)
    after_at, after_id = after or (bounds["since"] - timedelta(microseconds=1), _FIRST_ID)
    bound = {"city": jurisdiction_id, **bounds, "after_at": after_at, "after_id": after_id, "limit": limit}
    return _rows(session, session.connection().exec_driver_sql(_PAGE, bound).all(), group_of)


def open_page(
    session: Session,
    jurisdiction_id: str,
    until: datetime,
    group_of: Mapping[str, str],
    *,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[PastRow]:
    """The next requests that are still open and were made before `until`."""
    after_at, after_id = after or (_LONG_AGO, _FIRST_ID)
    bound = {"city": jurisdiction_id, "until": until, "after_at": after_at, "after_id": after_id, "limit": limit}
    return _rows(session, session.connection().exec_driver_sql(_OPEN_PAGE, bound).all(), group_of)


def _rows(session: Session, found: Sequence[Any], group_of: Mapping[str, str]) -> list[PastRow]:
    replies: dict[str, Mapping[str, str]] = dict(
        session.connection().exec_driver_sql(_REPLIES, {"ids": [row[0] for row in found]}).all()
    )
    return [
        PastRow(
            request_id, folio, service, group_of.get(service, ""), lon, lat, at, answers, agency, life, precision_m,
            replies.get(request_id, NO_REPLY),
        )
        for request_id, folio, service, lon, lat, at, answers, agency, life, precision_m in found
    ]  # fmt: skip
