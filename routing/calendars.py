"""Working calendars: which days and hours an agency works, and when a promise made now falls due.

A definition, as city folders and the database hold it:

    {"timezone": "America/Mexico_City",
     "holidays": {"country": "MX", "subdiv": null},
     "hours": {"mon": [["09:00", "14:00"], ["16:00", "19:00"]], "fri": [["22:00", "02:00"]]},
     "closed": ["2026-07-21/2026-08-01", "2026-12-24"], "open": ["2026-11-28"]}

A block that ends at or before its start runs past midnight and belongs to the day it starts on; "24:00" ends a day. `open` wins
over `closed` and holidays; a day in `open` without hours of its own works the hours of the first weekday that has some.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kernel.errors import InvalidInput
from routing.conditions import WEEKDAYS, minute_of
from routing.spans import Spans
from routing.values import UNITS, Unit

_DAY = timedelta(days=1)
# A calendar that stays closed this long is a mistake, not a holiday.
_LONGEST_CLOSURE = 800
# Working time is counted through in stretches of days, worked out once.
_COUNTED_DAYS = 400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Block = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Promise:
    """How long the city gives itself: an amount above 0 of a unit."""

    amount: float
    unit: Unit

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise InvalidInput("La unidad del plazo debe ser una de: {units}.", units=", ".join(UNITS))
        if isinstance(self.amount, bool) or not isinstance(self.amount, int | float) or not 0 < self.amount <= 10_000:
            raise InvalidInput("El plazo debe ser un número mayor que cero.")
        if self.unit == "working_days" and self.amount != int(self.amount):
            raise InvalidInput("Un plazo en días hábiles debe ser un número entero.")

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "Promise":
        """Raises InvalidInput for an unknown unit or an amount that is not above 0."""
        return cls(raw.get("amount", 0), cast(Unit, raw.get("unit")))


@dataclass(frozen=True, slots=True)
class Due:
    """When a promise falls due (UTC), and the first day that counted (None when the clock runs day and night)."""

    at: datetime
    first_counted_day: date | None


Steps = tuple[tuple[tuple[datetime, Due], ...], Due]


@cache
def _holidays(country: str, subdiv: str | None, year: int) -> frozenset[date]:
    import holidays  # 0.3 s, and only for calendars that name a country

    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdiv, years=year))
    except (NotImplementedError, KeyError) as error:
        raise InvalidInput("No conocemos los días festivos de {country}.", country=country) from error


def _days(entries: Any, field: str) -> frozenset[date]:
    days: set[date] = set()
    for entry in entries or ():
        first, _, last = str(entry).partition("/")
        try:
            start, end = date.fromisoformat(first), date.fromisoformat(last or first)
        except ValueError as error:
            raise InvalidInput("«{entry}» no es una fecha ni un rango de fechas.", field=field, entry=entry) from error
        if end < start or (end - start).days > _LONGEST_CLOSURE:
            raise InvalidInput("El rango de fechas «{entry}» no es válido.", field=field, entry=entry)
        days.update(start + _DAY * n for n in range((end - start).days + 1))
    return frozenset(days)


def _blocks(raw: Any) -> tuple[tuple[int, int], ...]:
    """(first minute, last minute) of each block, counted from midnight; past 1440 on the next day."""
    blocks = []
    for pair in raw or ():
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise InvalidInput("Cada horario es un par de horas, como 09:00 y 18:00.", field="hours")
        start, end = minute_of(pair[0]), minute_of(pair[1])
        blocks.append((start, end if end > start else end + 24 * 60))
    blocks.sort()
    for (_, end), (start, _) in pairwise(blocks):
        if start < end:
            raise InvalidInput("Dos horarios del mismo día se enciman.", field="hours")
    if blocks and blocks[-1][1] - 24 * 60 > blocks[0][0]:
        raise InvalidInput("Un horario que pasa de medianoche se encima con el siguiente día.", field="hours")
    return tuple(blocks)


class WorkingCalendar:
    """Days and hours of work in one time zone. Safe to share between threads; every day is worked out once.

    Raises InvalidInput when the definition is wrong.
    """

    def __init__(self, definition: Mapping[str, Any]) -> None:
        try:
            self.timezone = ZoneInfo(str(definition.get("timezone") or "UTC"))
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise InvalidInput("No existe la zona horaria «{name}».", name=definition.get("timezone")) from error
        hours = definition.get("hours") or {}
        unknown = sorted(set(hours) - set(WEEKDAYS))
        if unknown:
            raise InvalidInput("«{day}» no es un día: usa mon, tue, wed, thu, fri, sat, sun.", day=unknown[0])
        self._hours = tuple(_blocks(hours.get(day)) for day in WEEKDAYS)
        usual = next((blocks for blocks in self._hours if blocks), None)
        if usual is None:
            raise InvalidInput("El calendario no tiene ningún horario de trabajo.", field="hours")
        self._usual = usual
        named = definition.get("holidays") or {}
        self._country, self._subdiv = named.get("country"), named.get("subdiv")
        if self._country:
            _holidays(self._country, self._subdiv, 2026)
        self._closed = _days(definition.get("closed"), "closed")
        self._open = _days(definition.get("open"), "open")
        self._worked: dict[date, tuple[Block, ...]] = {}
        self._counted: dict[tuple[date, int], Due] = {}
        self._spans: tuple[date, date, Spans] | None = None
        self._steps: dict[tuple[date, int], Steps] = {}

    def is_working_day(self, day: date) -> bool:
        return bool(self.blocks(day))

    def blocks(self, day: date) -> tuple[Block, ...]:
        """The blocks that start on `day`, in order, as UTC instants; empty on a closed day."""
        known = self._worked.get(day)
        if known is None:
            known = self._worked[day] = tuple(
                (self._instant(day, start), self._instant(day, end)) for start, end in self._minutes_of(day)
            )
        return known

    def _minutes_of(self, day: date) -> tuple[tuple[int, int], ...]:
        usual = self._hours[day.weekday()]
        if day in self._open:
            return usual or self._usual
        if not usual or day in self._closed:
            return ()
        if self._country and day in _holidays(self._country, self._subdiv, day.year):
            return ()
        return usual

    def _instant(self, day: date, minutes: int) -> datetime:
        days, rest = divmod(minutes, 24 * 60)
        local = datetime.combine(day + _DAY * days, time(rest // 60, rest % 60), tzinfo=self.timezone)
        return local.astimezone(UTC)

    def local_date(self, at: datetime) -> date:
        return at.astimezone(self.timezone).date()

    def clock(self, at: datetime) -> tuple[int, int]:
        """(weekday, 0 is Monday; minute of the day) on the wall clock."""
        local = at.astimezone(self.timezone)
        return local.weekday(), local.hour * 60 + local.minute

    def _next_working_day(self, day: date) -> date:
        for n in range(1, _LONGEST_CLOSURE + 1):
            if self.blocks(day + _DAY * n):
                return day + _DAY * n
        raise InvalidInput("El calendario no tiene días de trabajo después del {day}.", day=day.isoformat())

    def received_on(self, at: datetime) -> date:
        """The working day something that arrives at `at` counts as received: that day until closing time, else the next one."""
        day = self.local_date(at)
        for candidate in (day - _DAY, day):  # yesterday's shift may still be open after midnight
            blocks = self.blocks(candidate)
            if blocks and at < blocks[-1][1] and (candidate == day or at >= blocks[0][0]):
                return candidate
        return self._next_working_day(day)

    def due(self, promise: Promise, at: datetime) -> Due:
        """When `promise`, made at `at` (aware), falls due.

        working_days: at closing time of the Nth working day after the day it counts as received (`received_on`).
        working_hours: that many hours of work later. hours: on the clock. days: the same local time that many days later.
        """
        if promise.unit == "hours":
            return Due(at.astimezone(UTC) + timedelta(hours=promise.amount), None)
        if promise.unit == "days":
            local = at.astimezone(self.timezone) + timedelta(days=promise.amount)
            return Due(local.astimezone(UTC), None)
        if promise.unit == "working_days":
            until, later = self.steps(int(promise.amount), self.local_date(at))
            for closing, due in until:
                if at < closing:
                    return due
            return later
        return self._after_hours(at.astimezone(UTC), timedelta(hours=promise.amount))

    def steps(self, count: int, day: date) -> "Steps":
        """What `due` answers for `count` working days at any instant of a local day.

        What holds before which instant, in order, and what holds afterwards.
        """
        known = self._steps.get((day, count))
        if known is None:
            closings = [(candidate, self.blocks(candidate)) for candidate in (day - _DAY, day)]
            until = tuple(
                (blocks[-1][1], self._after_days(candidate, count)) for candidate, blocks in closings if blocks
            )
            later = self._after_days(self._next_working_day(day), count)
            known = self._steps[day, count] = (until, later)
        return known

    def _after_days(self, received: date, count: int) -> Due:
        known = self._counted.get((received, count))
        if known is None:
            first = day = self._next_working_day(received)
            for _ in range(count - 1):
                day = self._next_working_day(day)
            known = self._counted[received, count] = Due(self.blocks(day)[-1][1], first)
        return known

    def _after_hours(self, at: datetime, left: timedelta) -> Due:
        day = self.local_date(at) - _DAY
        first: date | None = None
        idle = 0
        while True:
            worked = False
            for start, end in self.blocks(day):
                start = max(start, at)
                if start >= end:
                    continue
                worked = True
                first = first or day
                if end - start >= left:
                    return Due(start + left, first)
                left -= end - start
                at = end  # a night shift may reach into the next day's hours: no hour counts twice
            idle = 0 if worked else idle + 1
            if idle > _LONGEST_CLOSURE:
                raise InvalidInput("El calendario no tiene días de trabajo después del {day}.", day=day.isoformat())
            day += _DAY

    def worked(self, start: datetime, end: datetime) -> timedelta:
        """The working time from `start` to `end`; hours that two shifts share count once. Nothing when `end` is not later."""
        if end <= start:
            return timedelta(0)
        spans = self._over(start, end)
        return (spans.before(_number(end)) - spans.before(_number(start))) * _MICROSECOND

    def after(self, at: datetime, work: timedelta) -> datetime:
        """The first instant with that much working time since `at` (UTC); `at` itself for none."""
        if work <= timedelta(0):
            return at.astimezone(UTC)
        ahead = _DAY * _COUNTED_DAYS
        while True:
            spans = self._over(at, at + ahead)
            reached = spans.reached(spans.before(_number(at)) + work // _MICROSECOND)
            if reached is not None:
                return _EPOCH + reached * _MICROSECOND
            if ahead > _DAY * _COUNTED_DAYS and not self.worked(at + ahead - _DAY * _LONGEST_CLOSURE, at + ahead):
                raise InvalidInput(
                    "El calendario no tiene días de trabajo después del {day}.", day=at.date().isoformat()
                )
            ahead *= 2

    def _over(self, start: datetime, end: datetime) -> Spans:
        """Spans that hold every working block around these instants."""
        first, last = self.local_date(start) - _DAY * 2, self.local_date(end) + _DAY
        known = self._spans
        if known is not None:
            if known[0] <= first and last <= known[1]:
                return known[2]
            # Whoever reads a history asks for a day more each time: then all of it would be counted anew each time.
            more = _DAY * _COUNTED_DAYS
            first = min(first - more, known[0]) if first < known[0] else known[0]
            last = max(last + more, known[1]) if last > known[1] else known[1]
        else:
            last = max(last, first + _DAY * _COUNTED_DAYS)
        blocks = (block for n in range((last - first).days + 1) for block in self.blocks(first + _DAY * n))
        spans = Spans((_number(block[0]), _number(block[1])) for block in blocks)
        self._spans = (first, last, spans)
        return spans


def _number(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND
