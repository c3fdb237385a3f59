from datetime import UTC, datetime

import pytest

from kernel.dates import day_in_words, moment_in_words

CITY = "America/Mexico_City"
NOW = datetime(2026, 11, 21, 16, 0, tzinfo=UTC)  # Saturday, 10:00 in the city


@pytest.mark.parametrize(
    ("at", "spanish", "english"),
    [
        (datetime(2026, 11, 21, 15, 50, tzinfo=UTC), "Hoy, 9:50", "Today, 9:50"),
        # 03:00 UTC on the 21st is still the evening of the 20th in the city.
        (datetime(2026, 11, 21, 3, 0, tzinfo=UTC), "Ayer, 21:00", "Yesterday, 21:00"),
        (datetime(2026, 11, 19, 19, 0, tzinfo=UTC), "Jueves 19, 13:00", "Thursday 19, 13:00"),
        (datetime(2026, 8, 27, 14, 15, tzinfo=UTC), "27 de agosto, 8:15", "27 August, 8:15"),
        (datetime(2025, 8, 27, 14, 15, tzinfo=UTC), "27 de agosto de 2025, 8:15", "27 August 2025, 8:15"),
        (datetime(2026, 11, 22, 16, 0, tzinfo=UTC), "22 de noviembre, 10:00", "22 November, 10:00"),
    ],
)
def test_a_moment_is_said_as_seen_from_now(at: datetime, spanish: str, english: str) -> None:
    assert moment_in_words(at, CITY, "es", now=NOW) == spanish
    assert moment_in_words(at, CITY, "en", now=NOW) == english


def test_a_day_carries_its_year_only_when_it_is_another() -> None:
    assert day_in_words(datetime(2026, 11, 27, 20, 0, tzinfo=UTC), CITY, "es", now=NOW) == "viernes 27 de noviembre"
    assert day_in_words(datetime(2027, 1, 5, 20, 0, tzinfo=UTC), CITY, "es", now=NOW) == "martes 5 de enero de 2027"
    assert day_in_words(datetime(2027, 1, 5, 20, 0, tzinfo=UTC), CITY, "en", now=NOW) == "Tuesday 5 January 2027"
