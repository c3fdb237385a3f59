"""What is said about waiting: known curves, and laws that hold for any past."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.forecasts import DAY_S, LEAST_CASES, as_said, columns, forecast, in_whole_units, look_up

Row = tuple[str, str | None, str, float, float | None, bool]
NOW = 400 * DAY_S


def row(
    opened_days_ago: float, took_days: float | None, service: str = "BACHE", area: str | None = "N", answer: bool = True
) -> Row:
    opened = NOW - opened_days_ago * DAY_S
    return (service, area, "calles", opened, None if took_days is None else opened + took_days * DAY_S, answer)


def steady(days: list[float], count: int = 200, service: str = "BACHE", area: str | None = "N") -> list[Row]:
    """`count` requests of the last 40 days that took these times in turn."""
    return [row(1 + 39 * n / count, days[n % len(days)], service, area) for n in range(count)]


def test_eight_of_ten() -> None:
    found = forecast(columns(steady([n / 10 for n in range(1, 101)], count=2000)), NOW)["BACHE", ""]
    told = [one / DAY_S for one in (found.p50, found.p80, found.p90) if one is not None]
    assert told == pytest.approx([5, 8, 9], abs=0.25)
    assert (found.level, found.sample, found.window_days, found.reason) == ("service", 2000, 40, "")


def test_open_requests_count_as_longer_than_they_are() -> None:
    """Half of the requests are never closed: a count of closed ones alone would say that all end within a day."""
    rows = [row(5 + n / 20, 1 if n % 2 else None) for n in range(400)]
    found = forecast(columns(rows), NOW)["BACHE", ""]
    assert found.p80 is None
    assert found.reason == "slow"
    assert found.p50 is None or found.p50 >= DAY_S


def test_a_duplicate_says_only_that_it_took_no_less() -> None:
    rows = [*steady([4.0]), *(row(1 + n / 10, 0.01, answer=False) for n in range(200))]
    found = forecast(columns(rows), NOW)["BACHE", ""]
    assert found.p50 == pytest.approx(4 * DAY_S)


def test_what_happened_lately_weighs_more() -> None:
    before = [row(60 + n / 10, 1) for n in range(400)]
    lately = [row(8 + n / 20, 6) for n in range(200)]
    found = forecast(columns([*before, *lately]), NOW)["BACHE", ""]
    assert found.p80 == pytest.approx(6 * DAY_S)


def test_an_area_has_its_own_numbers_and_falls_back_to_the_city() -> None:
    rows = [*steady([2.0], area="N"), *steady([5.0], area="S", count=400), *steady([5.0], area="E", count=5)]
    table = forecast(columns(rows), NOW)
    of = {area: look_up(table, "BACHE", area) for area in ("N", "S", "E", "nowhere")}
    assert {area: (one.level, one.p80 and round(one.p80 / DAY_S)) for area, one in of.items() if one} == {
        "N": ("service_area", 2),
        "S": ("service_area", 5),
        "E": ("service", 5),
        "nowhere": ("service", 5),
    }
    assert look_up(table, "NUNCA", "N") is None


def test_a_rare_service_is_told_by_its_group() -> None:
    table = forecast(columns([*steady([3.0]), *steady([3.0], count=4, service="TOPE")]), NOW)
    assert (table["TOPE", ""].level, table["TOPE", ""].p80) == ("group", pytest.approx(3 * DAY_S))


def test_a_group_never_speaks_for_a_service_known_to_be_slow() -> None:
    slow = [row(1 + n / 5, None, service="BANQUETA") for n in range(100)]
    found = forecast(columns([*steady([1.0], count=2000), *slow]), NOW)["BANQUETA", ""]
    assert (found.p80, found.reason) == (None, "slow")


def test_too_few_say_nothing() -> None:
    found = forecast(columns(steady([1.0], count=LEAST_CASES - 1)), NOW)["BACHE", ""]
    assert (found.p80, found.reason, found.sample) == (None, "few", LEAST_CASES - 1)
    assert forecast(columns([]), NOW) == {}


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, (1, "hours")),
        (3_601, (2, "hours")),
        (47.5 * 3_600, (48, "hours")),
        (2 * DAY_S, (2, "days")),
        (2 * DAY_S + 1, (3, "days")),
    ],
)
def test_it_is_said_in_whole_units_never_less(seconds: float, said: tuple[int, str]) -> None:
    assert in_whole_units(seconds) == said
    assert as_said(seconds) >= seconds


pasts = st.lists(
    st.builds(
        row,
        st.floats(0.01, 300),
        st.one_of(st.none(), st.floats(0, 200)),
        st.sampled_from(["BACHE", "FUGA"]),
        st.sampled_from(["N", "S", None]),
        st.booleans(),
    ),
    min_size=1,
    max_size=120,
)


@settings(max_examples=60)
@given(pasts, st.integers(0, 10_000))
def test_the_order_of_the_rows_is_nothing(rows: list[Row], seed: int) -> None:
    shuffled = rows[:]
    random.Random(seed).shuffle(shuffled)
    one, other = forecast(columns(rows), NOW), forecast(columns(shuffled), NOW)
    assert {key: (f.level, f.sample, f.reason) for key, f in one.items()} == {
        key: (f.level, f.sample, f.reason) for key, f in other.items()
    }
    for key, found in one.items():
        assert (found.p80 is None) == (other[key].p80 is None)
        assert found.p80 is None or found.p80 == pytest.approx(other[key].p80)


@settings(max_examples=60)
@given(pasts, pasts, st.floats(1, 250))
def test_nothing_that_came_later_is_known(rows: list[Row], later: list[Row], days_ago: float) -> None:
    """Other requests opened after the cut, and whatever became of the open ones after it, change no number of that day."""
    cut = NOW - days_ago * DAY_S
    before = [one for one in rows if one[3] < cut]
    as_it_was = [one if one[4] is not None and one[4] <= cut else (*one[:4], None, one[5]) for one in before]
    afterwards = [one for one in later if one[3] >= cut]
    assert forecast(columns(as_it_was), cut) == forecast(columns([*before, *afterwards]), cut)


@settings(max_examples=60)
@given(pasts)
def test_shares_come_in_order(rows: list[Row]) -> None:
    for found in forecast(columns(rows), NOW).values():
        known = [one for one in (found.p50, found.p80, found.p90) if one is not None]
        assert known == sorted(known)
        assert (found.p80 is None) == bool(found.reason)


def test_a_world_that_does_not_change_is_told_right() -> None:
    rng = np.random.default_rng(8)
    took = rng.lognormal(1.0, 0.8, 6000)
    rows = [row(float(ago), float(days)) for ago, days in zip(rng.uniform(0.1, 120, 6000), took, strict=True)]
    found = forecast(columns(rows), NOW)["BACHE", ""]
    assert found.p80 is not None
    assert (took * DAY_S <= found.p80).mean() == pytest.approx(0.8, abs=0.025)
