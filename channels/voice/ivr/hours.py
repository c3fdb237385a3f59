"""When people answer the telephone of a city, and how its hours are said. Pure but for reading the calendar."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlmodel import Session

from channels.voice.ivr.wording import part
from intake.catalog.cities import City
from kernel.dates import day_in_words
from kernel.errors import InvalidInput
from routing import queries as routing
from routing.calendars import WorkingCalendar

_log = structlog.get_logger(__name__)
_LOOKS_AHEAD_DAYS = 60
_ALWAYS: dict[str, Any] = {
    "hours": {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
}
_read: dict[str, tuple[Mapping[str, Any], WorkingCalendar]] = {}


@dataclass(frozen=True, slots=True)
class Hours:
    """is_open: people answer now. until: when they stop; opens_at: when they begin again, of a line that is closed."""

    is_open: bool
    until: datetime | None = None
    opens_at: datetime | None = None

    def in_words(self, city: City, language: str, now: datetime) -> str:
        """`mañana de 9 a 18 horas`, as part of a sentence: when they answer next."""
        if self.is_open and self.until is None:
            return part(language, "hours_always")
        zone = city.timezone
        if self.is_open:
            assert self.until is not None
            until = _clock(self.until, city, language)
            # Midnight is the end of the day before it.
            last = self.until - timedelta(microseconds=1)
            days = (_day(last, zone) - _day(now, zone)).days
            if days in (0, 1):
                return part(language, "hours_until" if days == 0 else "hours_until_tomorrow", until=until)
            day = day_in_words(last, zone, language, now=now)
            return part(language, "hours_until_day", day=day, until=until)
        if self.opens_at is None or self.until is None:
            return part(language, "hours_always")
        times = {"from_": _clock(self.opens_at, city, language), "until": _clock(self.until, city, language)}
        days = (_day(self.opens_at, zone) - _day(now, zone)).days
        if days in (0, 1):
            return part(language, "hours_today" if days == 0 else "hours_tomorrow", **times)
        return part(language, "hours_day", day=day_in_words(self.opens_at, zone, language, now=now), **times)


def hours_of(session: Session, city: City, now: datetime) -> Hours:
    """As `[voice] calendar` of the city says; always open where it names none, or one that there is not."""
    code = (city.settings.get("voice") or {}).get("calendar")
    definition = routing.calendar_definitions(session, city.id).get(code) if code else None
    if definition is None:
        if code:  # the folder is checked, but the calendar may be gone since
            _log.error("voice_calendar_missing", city=city.id, calendar=code)
        return Hours(is_open=True)
    kept = _read.get(city.id)
    if kept is None or kept[0] != definition:
        try:
            kept = _read[city.id] = (definition, WorkingCalendar({"timezone": city.timezone, **definition}))
        except InvalidInput as problem:
            _log.error("voice_calendar_unreadable", city=city.id, why=str(problem))
            kept = _read[city.id] = (definition, WorkingCalendar({"timezone": city.timezone, **_ALWAYS}))
    return at(kept[1], now)


def at(calendar: WorkingCalendar, now: datetime) -> Hours:
    """Whether somebody answers at that instant, until when, and else from when. Blocks that meet are one."""
    today = calendar.local_date(now)
    blocks: list[tuple[datetime, datetime]] = []
    for n in range(-1, _LOOKS_AHEAD_DAYS):
        for start, end in calendar.blocks(today + timedelta(days=n)):
            if blocks and blocks[-1][1] >= start:
                blocks[-1] = (blocks[-1][0], max(blocks[-1][1], end))
            else:
                blocks.append((start, end))
    for start, end in blocks:
        if start <= now < end:
            lasts = end - now > timedelta(days=_LOOKS_AHEAD_DAYS - 2)
            return Hours(is_open=True, until=None if lasts else end)
        if start > now:
            return Hours(is_open=False, until=end, opens_at=start)
    return Hours(is_open=False)


def _day(at_: datetime, zone: str) -> date:
    return at_.astimezone(ZoneInfo(zone)).date()


def _clock(at_: datetime, city: City, language: str) -> str:
    local = at_.astimezone(ZoneInfo(city.timezone))
    if language == "en":
        if (local.hour, local.minute) in ((0, 0), (12, 0)):
            return "midnight" if local.hour == 0 else "noon"
        minutes = f" {local.minute:02d}" if local.minute else ""
        return f"{local.hour % 12 or 12}{minutes} {'am' if local.hour < 12 else 'pm'}"
    minutes = "" if local.minute == 0 else " y media" if local.minute == 30 else f" con {local.minute}"
    if local.hour == 0:
        return f"las 12{minutes} de la noche" if minutes else "la medianoche"
    return f"las {local.hour}{minutes}" if local.hour != 1 else f"la 1{minutes}"
