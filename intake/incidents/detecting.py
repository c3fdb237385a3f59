"""Is this more than usual? Counts of new contacts by topic and area against their own past at the same hour of the week. Pure.

The usual is the mean of the last weeks at this hour, and half as much of the hours beside it, without the fullest week: one
storm is no usual Thursday. It is a burst when there are many (a floor and a ratio: contacts come in clumps, so that chance alone
proves little) and when chance would do it less than once in a year of looking.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from math import exp, lgamma, log
from typing import Any

WINDOW = timedelta(hours=1)
WEEKS = 8
FEWEST_WEEKS = 3
# Distinct people, so that one who writes twenty times is one; `[guards]` of a city's folder says otherwise.
FLOOR = 15
RATIO = 3.0
# Of all that is looked at in a year, once: looked at every five minutes, but an hour at a time.
FALSE_ALARMS_PER_LOOK = 1 / (24 * 365)
# Nobody knows that something never happens.
LEAST_USUAL = 0.5
# The burst is the whole city's when the areas that burst by themselves hold less of it than this.
MOST_OF_IT = 0.8


@dataclass(frozen=True, slots=True)
class Bar:
    """What a burst has at least: so many people in the hour, and so many times the usual."""

    people: int = FLOOR
    times: float = RATIO


USUAL_BAR = Bar()


@dataclass(frozen=True, slots=True)
class Sighting:
    """New contacts about a topic in an area ("" is not known where): how many people in the hour that ended `hours_ago`."""

    topic: str
    area: str
    weeks_ago: int
    hour_beside: int
    people: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One topic in one area (None: the whole city) now, beside what is usual at this hour; chance: of so many or more."""

    topic: str
    area: str | None
    people: int
    usual: float
    chance: float


@dataclass(frozen=True, slots=True)
class Burst:
    """More than usual about a topic, in these areas (none: the whole city). cells: what it rests on, for people to read."""

    topic: str
    areas: tuple[str, ...]
    people: int
    usual: float
    chance: float
    weeks: int
    cells: tuple[Cell, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"cells": [asdict(cell) for cell in self.cells], "areas": list(self.areas)}


def windows(now: datetime) -> list[tuple[int, int, datetime, datetime]]:
    """(weeks ago, hours beside, from, until) of every hour that is looked at; (0, 0) is the present one."""
    present = [(0, 0, now - WINDOW, now)]
    return present + [
        (week, beside, then - WINDOW, then)
        for week in range(1, WEEKS + 1)
        for beside in (-1, 0, 1)
        for then in (now - timedelta(weeks=week) + beside * WINDOW,)
    ]


def find_bursts(sightings: Iterable[Sighting], *, weeks: int, bar: Bar = USUAL_BAR) -> list[Burst]:
    """The bursts of now, the least likely first. weeks: since when there is anything to compare with; too few find none."""
    weeks = min(weeks, WEEKS)
    if weeks < FEWEST_WEEKS:
        return []
    counts: dict[tuple[str, str | None], dict[tuple[int, int], int]] = defaultdict(lambda: defaultdict(int))
    for seen in sightings:
        if seen.weeks_ago <= weeks:
            for area in {seen.area or None, None}:
                counts[seen.topic, area][seen.weeks_ago, seen.hour_beside] += seen.people
    looked_at = max(1, sum(1 for held in counts.values() if held.get((0, 0))))
    bound = FALSE_ALARMS_PER_LOOK / looked_at
    cells: dict[str, list[Cell]] = defaultdict(list)
    for (topic, area), held in counts.items():
        cell = judge(topic, area, held, weeks)
        if is_burst(cell, bound, bar):
            cells[topic].append(cell)
    found = [_gathered(topic, held, counts[topic, None][0, 0], weeks) for topic, held in cells.items()]
    return sorted(found, key=lambda burst: (burst.chance, burst.topic))


def judge(topic: str, area: str | None, counts: Mapping[tuple[int, int], int], weeks: int) -> Cell:
    people, usual = counts.get((0, 0), 0), usual_of(counts, weeks)
    return Cell(topic, area, people, round(usual, 2), chance_of(people, usual))


def usual_of(counts: Mapping[tuple[int, int], int], weeks: int) -> float:
    """Contacts in such an hour: the mean of the weeks without the fullest."""
    by_week = sorted(
        (counts.get((week, 0), 0) + (counts.get((week, -1), 0) + counts.get((week, 1), 0)) / 2) / 2
        for week in range(1, weeks + 1)
    )
    kept = by_week[:-1] if len(by_week) > 1 else by_week
    return max(LEAST_USUAL, sum(kept) / len(kept)) if kept else LEAST_USUAL


def is_burst(cell: Cell, bound: float, bar: Bar = USUAL_BAR) -> bool:
    return cell.people >= bar.people and cell.people >= bar.times * cell.usual and cell.chance <= bound


def chance_of(people: int, usual: float) -> float:
    """P(X >= people) where `usual` are expected, by Poisson."""
    if people <= 0:
        return 1.0
    if people <= usual:
        # The long side: one less what is below.
        return max(0.0, 1.0 - sum(_exactly(n, usual) for n in range(people)))
    term = total = _exactly(people, usual)
    number = people
    while term > total * 1e-17 and term > 0:
        number += 1
        term *= usual / number
        total += term
    return min(1.0, total)


def _exactly(number: int, usual: float) -> float:
    return exp(number * log(usual) - usual - lgamma(number + 1))


def _gathered(topic: str, cells: Sequence[Cell], in_city: int, weeks: int) -> Burst:
    """One burst of a topic: the areas that burst, or the whole city where they are only a part of it."""
    whole = next((cell for cell in cells if cell.area is None), None)
    parts = sorted((cell for cell in cells if cell.area is not None), key=lambda cell: cell.chance)
    held = sum(cell.people for cell in parts)
    if whole is not None and (not parts or held < MOST_OF_IT * in_city):
        return Burst(topic, (), whole.people, whole.usual, whole.chance, weeks, (whole, *parts))
    names = tuple(cell.area for cell in parts if cell.area is not None)
    usual = round(sum(cell.usual for cell in parts), 2)
    return Burst(topic, names, held, usual, min(cell.chance for cell in parts), weeks, tuple(parts))
