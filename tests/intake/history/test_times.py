from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.history.times import Clock, TwiceOrNever, reader

NEW_YORK = ZoneInfo("America/New_York")
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1))  # noqa: DTZ001  # local times


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("iso", "2025-06-11T14:23:00", "2025-06-11T18:23:00+00:00"),
        ("iso", "2025-06-11 14:23:00.500", "2025-06-11T18:23:00.500000+00:00"),
        ("iso", "2025-06-11T14:23:00+02:00", "2025-06-11T12:23:00+00:00"),
        ("%m/%d/%Y %I:%M:%S %p", "06/11/2025 02:23:00 PM", "2025-06-11T18:23:00+00:00"),
        ("%m/%d/%Y %I:%M:%S %p", "06/11/2025 12:23:00 AM", "2025-06-11T04:23:00+00:00"),
        ("%d.%m.%Y", "11.06.2025", "2025-06-11T04:00:00+00:00"),
        ("%d %b %Y %H:%M", "11 Jun 2025 14:23", "2025-06-11T18:23:00+00:00"),
        ("%Y-%m-%dT%H:%M:%S%z", "2025-06-11T14:23:00+0000", "2025-06-11T14:23:00+00:00"),
    ],
)
def test_formats(pattern: str, text: str, expected: str) -> None:
    assert Clock([pattern], NEW_YORK).read(text).isoformat() == expected


@pytest.mark.parametrize("text", ["2025-02-30", "2025-13-01", "ayer", " ", "0", "99/99/2025", "2025-06-11T25:00"])
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S|\s"):
        Clock(["iso", "%m/%d/%Y"], NEW_YORK).read(text)


def test_an_hour_of_twelve_must_be_one() -> None:
    for text in ("01/01/2025 13:00 PM", "01/01/2025 00:00 AM"):
        with pytest.raises(ValueError, match="2025"):
            reader("%m/%d/%Y %I:%M %p")(text)


def test_the_second_format_is_tried() -> None:
    clock = Clock(["iso", "%m/%d/%Y %H:%M"], NEW_YORK)
    assert clock.read("06/11/2025 14:23") == clock.read("2025-06-11T14:23")


@pytest.mark.parametrize(
    ("local", "earlier", "later"),
    [
        ("2025-11-02T01:30:00", "2025-11-02T05:30:00+00:00", "2025-11-02T06:30:00+00:00"),  # twice
        ("2025-03-09T02:30:00", "2025-03-09T06:30:00+00:00", "2025-03-09T07:30:00+00:00"),  # never
    ],
)
def test_times_that_happened_twice_or_never(local: str, earlier: str, later: str) -> None:
    for rule, expected in (("earlier", earlier), ("later", later)):
        clock = Clock(["iso"], NEW_YORK, rule)  # type: ignore[arg-type]  # one of the three
        assert clock.read(local).isoformat() == expected
        assert clock.shifted == 1
        assert clock.read("2025-11-02T03:30:00") == datetime(2025, 11, 2, 8, 30, tzinfo=UTC)
        assert clock.shifted == 1
    with pytest.raises(TwiceOrNever):
        Clock(["iso"], NEW_YORK, "reject").read(local)


@given(MOMENTS)
def test_the_quick_way_agrees_with_the_zone(local: datetime) -> None:
    read = Clock(["iso"], NEW_YORK).read(local.isoformat())
    candidates = {local.replace(tzinfo=NEW_YORK, fold=fold).astimezone(UTC) for fold in (0, 1)}
    assert read == min(candidates)


@given(MOMENTS)
def test_the_quick_reader_agrees_with_strptime(moment: datetime) -> None:
    for pattern in ("%Y-%m-%d %H:%M:%S", "%d/%m/%Y", "%m/%d/%Y %I:%M %p"):
        text = moment.strftime(pattern)
        assert reader(pattern)(text) == datetime.strptime(text, pattern)  # noqa: DTZ007
    assert timedelta(0) == moment - reader("iso")(moment.isoformat())
