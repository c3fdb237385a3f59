"""Instants as they are printed: the quick way and the calendar's way are the same, in every zone and at every hour."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.open311.projection import in_zone

ZONES = ["America/Mexico_City", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "UTC"]


@given(st.integers(-2_200_000_000, 4_700_000_000), st.sampled_from(ZONES))
def test_both_ways_agree(seconds: int, name: str) -> None:
    zone, at = ZoneInfo(name), datetime.fromtimestamp(seconds, UTC)
    assert in_zone(at, zone) == at.astimezone(zone).isoformat(timespec="seconds")


@pytest.mark.parametrize("name", ZONES)
def test_around_every_change_of_a_year(name: str) -> None:
    zone, at = ZoneInfo(name), datetime(2021, 1, 1, tzinfo=UTC)
    while at.year == 2021:
        for second in (-1, 0, 1):
            one = at + timedelta(seconds=second)
            assert in_zone(one, zone) == one.astimezone(zone).isoformat(timespec="seconds")
        at += timedelta(minutes=30)


def test_fractions_are_cut_and_not_rounded() -> None:
    at = datetime(2026, 11, 19, 23, 59, 59, 999_999, tzinfo=UTC)
    assert in_zone(at, ZoneInfo("America/Mexico_City")) == "2026-11-19T17:59:59-06:00"
