"""When it is more than usual: what must always hold, and what real months of two cities say."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from math import exp, factorial
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.incidents.detecting import (
    FEWEST_WEEKS,
    FLOOR,
    WEEKS,
    Burst,
    Sighting,
    chance_of,
    find_bursts,
    usual_of,
    windows,
)
from tests.factories import NOW

counts = st.dictionaries(st.tuples(st.integers(1, WEEKS), st.integers(-1, 1)), st.integers(0, 40))


def seen(people: int, *, topic: str = "agua", area: str = "S", past: int = 1) -> list[Sighting]:
    return [Sighting(topic, area, 0, 0, people)] + [
        Sighting(topic, area, week, beside, past) for week in range(1, WEEKS + 1) for beside in (-1, 0, 1)
    ]


@given(st.integers(0, 60), st.floats(0.5, 40))
def test_the_chance_is_the_one_of_the_textbook(people: int, usual: float) -> None:
    below = sum(usual**n * exp(-usual) / factorial(n) for n in range(people))
    assert chance_of(people, usual) == pytest.approx(1 - below, abs=1e-9)
    assert 0 <= chance_of(people, usual) <= 1


@given(st.integers(0, 400), st.floats(0.5, 40), st.floats(0, 10))
def test_more_contacts_or_fewer_usual_ones_are_never_less_of_a_surprise(people: int, usual: float, more: float) -> None:
    assert chance_of(people + 1, usual) <= chance_of(people, usual) + 1e-12
    assert chance_of(people, usual) <= chance_of(people, usual + more) + 1e-12


@given(counts)
def test_a_storm_in_one_past_week_makes_no_storm_usual(held: dict[tuple[int, int], int]) -> None:
    without = {key: people for key, people in held.items() if key[0] != 3}
    stormy = without | {(3, beside): 500 for beside in (-1, 0, 1)}
    assert usual_of(stormy, WEEKS) <= max(0.5, max(without.values(), default=0))


@given(st.integers(0, 300), st.integers(0, 30), st.integers(1, 5))
def test_what_is_a_burst_stays_one_with_more_and_few_are_never_one(people: int, past: int, more: int) -> None:
    found = find_bursts(seen(people, past=past), weeks=WEEKS)
    if people < FLOOR:
        assert found == []
    if found:
        assert find_bursts(seen(people + more, past=past), weeks=WEEKS)


@given(st.permutations(seen(40) + seen(3, topic="luz") + seen(9, area="N")))
def test_the_order_of_what_was_seen_does_not_matter(sightings: list[Sighting]) -> None:
    assert find_bursts(sightings, weeks=WEEKS) == find_bursts(sorted(sightings, key=repr), weeks=WEEKS)


def test_a_burst_says_what_it_rests_on() -> None:
    (burst,) = find_bursts(seen(30) + seen(2, area="N"), weeks=WEEKS)
    assert (burst.topic, burst.areas, burst.people, burst.usual) == ("agua", ("S",), 30, 1.0)
    assert burst.to_json()["cells"][0]["people"] == 30
    assert burst.chance < 1e-20


def test_what_is_everywhere_is_the_whole_city_s() -> None:
    everywhere = [one for area in "ABCDEFGHIJ" for one in seen(6, area=area, past=0)]
    (burst,) = find_bursts(everywhere, weeks=WEEKS)
    assert (burst.areas, burst.people) == ((), 60)


def test_of_several_areas_with_most_of_it_those_are_named() -> None:
    some = [one for area in "AB" for one in seen(30, area=area, past=0)] + seen(3, area="C", past=0)
    (burst,) = find_bursts(some, weeks=WEEKS)
    assert (sorted(burst.areas), burst.people) == (["A", "B"], 60)


def test_without_a_past_nothing_is_unusual() -> None:
    assert find_bursts(seen(100), weeks=FEWEST_WEEKS - 1) == []


def test_a_busy_hour_that_is_always_busy_is_none() -> None:
    assert find_bursts(seen(60, past=50), weeks=WEEKS) == []


def test_the_hours_looked_at_are_this_one_and_three_of_each_week() -> None:
    now = NOW
    held = windows(now)
    assert len(held) == 1 + 3 * WEEKS
    assert held[0] == (0, 0, now - timedelta(hours=1), now)
    assert (1, 0, now - timedelta(weeks=1, hours=1), now - timedelta(weeks=1)) in held


class Row(NamedTuple):
    at: datetime
    topic: str
    area: str


def boston(folder: Path) -> Iterator[Row]:
    with gzip.open(folder / "boston_311_2011.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            # What the city's own people enter comes in lists, hundreds within an hour.
            if row["source"] != "Employee Generated":
                yield Row(datetime.fromisoformat(row["open_dt"]), row["reason"], row["police_district"])


def replay(rows: list[Row]) -> list[tuple[datetime, Burst]]:
    """What would have been proposed, looking once every hour."""
    by_hour: dict[datetime, dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        by_hour[row.at.replace(minute=0, second=0)][row.topic, row.area] += 1
    first, last = min(by_hour), max(by_hour)
    found, now = [], first
    while now <= last:
        now += timedelta(hours=1)
        sightings = [
            Sighting(topic, area, week, beside, people)
            for week, beside, start, _ in windows(now)
            if start in by_hour
            for (topic, area), people in by_hour[start].items()
        ]
        found += [(now, burst) for burst in find_bursts(sightings, weeks=(now - first).days // 7)]
    return found


@pytest.mark.shared_data
def test_half_a_year_of_boston_finds_the_hurricane_and_little_else(shared_data: Path) -> None:
    found = replay(list(boston(shared_data)))
    trees = [(at, burst) for at, burst in found if burst.topic == "Trees"]
    # Hurricane Irene came on the morning of Sunday, 28 August 2011: proposed at eleven, for the whole city.
    assert trees[0][0].isoformat() == "2011-08-28T11:00:00"
    assert trees[0][1].areas == ()
    assert {at.date().isoformat() for at, _ in trees} <= {"2011-08-28", "2011-08-29", "2011-08-30"}
    # Twenty-three weeks were looked at, an hour at a time: on ten days there was anything to propose.
    assert len({at.date() for at, _ in found}) <= 10
