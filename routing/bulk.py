"""Many decisions at once: the same answers as one at a time, with boundaries looked up for all points together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

import numpy as np

from georef.boundaries import Area, PointColumns, Snapshot
from routing.calendars import Promise
from routing.decide import OUTLINE, Choice, RuleBook, choose
from routing.receipts import Layer
from routing.values import Outcome


class BulkRow(NamedTuple):
    """One question: a located point in degrees, a service and its promise (None: no date is asked for), an aware instant."""

    lon: float
    lat: float
    service_code: str
    service_group: str
    promise: Promise | None
    at: datetime


@dataclass(frozen=True, slots=True)
class BulkAnswer:
    """Who, by when and by which rule; `area_codes` per layer, smallest area first. No receipt: ask `queries.route` for one.

    `areas`: the same with names; points in the same areas share one object.
    """

    outcome: Outcome
    agency_code: str | None
    rule_code: str | None
    due_at: datetime | None
    area_codes: Mapping[str, tuple[str, ...]]
    areas: Mapping[str, tuple[Area, ...]]


@dataclass(frozen=True, slots=True)
class _Place:
    """A distinct set of areas, shared by all the points that it holds."""

    areas: Mapping[str, tuple[Area, ...]]
    codes: Mapping[str, tuple[str, ...]]
    is_outside: bool


def decide_many(book: RuleBook, layers: Mapping[str, Layer], rows: Sequence[BulkRow]) -> list[BulkAnswer]:
    """The answer for every row, in order, by the rules and boundaries of each row's local day."""
    days = [book.calendar.local_date(row.at) for row in rows]
    places = _places(layers, rows, days)
    chosen: dict[tuple[str, str, int, date], tuple[Choice, BulkAnswer]] = {}
    answers: list[BulkAnswer] = []
    for row, day, place in zip(rows, days, places, strict=True):
        key = (row.service_code, row.service_group, id(place), day)
        known = chosen.get(key)
        if known is None:
            choice = choose(book, row.service_code, row.service_group, day, place.areas, is_outside=place.is_outside)
            rule_code = choice.match.rule.code if choice.match else None
            answer = BulkAnswer(choice.outcome, choice.agency_code, rule_code, None, place.codes, place.areas)
            known = chosen[key] = (choice, answer)
        choice, answer = known
        if choice.agency_code is not None and row.promise is not None:
            answer = replace(answer, due_at=book.calendar_of(choice.agency_code).due(row.promise, row.at).at)
        answers.append(answer)
    return answers


def _places(layers: Mapping[str, Layer], rows: Sequence[BulkRow], days: Sequence[date]) -> list[_Place]:
    by_epoch: dict[tuple[int, ...], tuple[dict[str, Snapshot], list[int]]] = {}
    of_day: dict[date, tuple[tuple[int, ...], dict[str, Snapshot]]] = {}
    for position, day in enumerate(days):
        known = of_day.get(day)
        if known is None:
            snapshots = {key: layer.index.in_force(day) for key, layer in layers.items()}
            known = of_day[day] = (tuple(id(snapshot) for snapshot in snapshots.values()), snapshots)
        by_epoch.setdefault(known[0], (known[1], []))[1].append(position)
    lons = np.fromiter((row.lon for row in rows), dtype=np.float64, count=len(rows))
    lats = np.fromiter((row.lat for row in rows), dtype=np.float64, count=len(rows))
    found: list[_Place | None] = [None] * len(rows)
    for snapshots, positions in by_epoch.values():
        chosen = np.array(positions, dtype=np.intp)
        for position, place in zip(
            positions, locate_many(snapshots, PointColumns(lons[chosen], lats[chosen])), strict=True
        ):
            found[position] = place
    return [place for place in found if place is not None]


def locate_many(snapshots: Mapping[str, Snapshot], points: PointColumns) -> list[_Place]:
    """The set of areas, per layer, around each point; points with the same set share one object."""
    if not snapshots:
        return [_Place({}, {}, False)] * len(points.lons)
    columns = [snapshot.sets_at(points) for snapshot in snapshots.values()]
    sets = [sets for sets, _ in columns]
    outline = snapshots.get(OUTLINE)
    has_outline = outline is not None and bool(outline.areas)
    known: dict[tuple[int, ...], _Place] = {}
    found: list[_Place] = []
    for key in zip(*(numbers.tolist() for _, numbers in columns), strict=True):
        place = known.get(key)
        if place is None:
            areas = {name: sets[n][number] for n, (name, number) in enumerate(zip(snapshots, key, strict=True))}
            codes = {name: tuple(area.code for area in held) for name, held in areas.items()}
            place = known[key] = _Place(areas, codes, has_outline and not areas[OUTLINE])
        found.append(place)
    return found
