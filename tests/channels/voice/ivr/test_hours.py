"""How the hours of the telephone are said, at the ends of a day too."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from channels.voice.ivr import hours
from intake.catalog.cities import City
from routing.calendars import WorkingCalendar

ZONE = "America/Mexico_City"
CITY = City("prueba", "Prueba", ZONE, "es", None, {})
DAYS = ("mon", "tue", "wed", "thu", "fri")


@pytest.mark.parametrize(
    ("block", "at", "spanish", "english"),
    [
        (["09:00", "18:30"], "2026-11-25 10:00", "hoy hasta las 18 y media", "today until 6 30 pm"),
        (["09:00", "18:30"], "2026-11-25 08:00", "hoy de las 9 a las 18 y media", "today from 9 am to 6 30 pm"),
        (["09:00", "24:00"], "2026-11-25 10:00", "hoy hasta la medianoche", "today until midnight"),
        (["09:00", "24:00"], "2026-11-25 08:00", "hoy de las 9 a la medianoche", "today from 9 am to midnight"),
        (["12:00", "20:00"], "2026-11-25 08:00", "hoy de las 12 a las 20", "today from noon to 8 pm"),
        (["20:00", "01:00"], "2026-11-25 21:00", "hasta mañana a la 1", "until tomorrow at 1 am"),
        (["20:00", "00:30"], "2026-11-25 19:00", "hoy de las 20 a las 12 y media de la noche", "today from 8 pm to 12 30 am"),
        (["00:00", "24:00"], "2026-11-25 10:00", "hasta el viernes 27 de noviembre a la medianoche",
         "until Friday 27 November at midnight"),
    ],
)  # fmt: skip
def test_hours_are_said_as_people_say_them(block: list[str], at: str, spanish: str, english: str) -> None:
    calendar = WorkingCalendar({"timezone": ZONE, "hours": {day: [block] for day in DAYS}})
    now = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(ZONE))
    found = hours.at(calendar, now)
    assert found.in_words(CITY, "es", now) == spanish
    assert found.in_words(CITY, "en", now) == english
