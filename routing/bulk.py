"""Many decisions at once: the same answers as one at a time, with boundaries looked up for all points together."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from georef.areas import Area, PointColumns
from georef.boundaries import Snapshot
from georef.lines import LineSnapshot
from routing.calendars import Promise
from routing.conditions import Answer, Case
from routing.decide import OUTLINE, Asked, Choice, RuleBook, choose
from routing.places import NO_TOLERANCES, Layer, Tolerances
from routing.values import Outcome

_NO_ANSWERS: Mapping[str, Answer] = MappingProxyType({})
_NO_LOADS: Mapping[str, int] = MappingProxyType({})


class BulkRow(NamedTuple):
    """One question: a located point in degrees, a service and its promise (None: no date is asked for), an aware instant.

    answers: to the service's questions, for rules that ask for them.
    """

    lon: float
    lat: float
    service_code: str
    service_group: str
    promise: Promise | None
    at: datetime
    answers: Mapping[str, Answer] = _NO_ANSWERS


@dataclass(frozen=True, slots=True)
class BulkAnswer:
    """Who, by when and by which rule; `area_codes` per layer, smallest area first. No receipt: ask `queries.route` for one.

    `areas`: the same with names; points in the same areas share one object. Lines near the point are among them, nearest first.
    """

    outcome: Outcome
    agency_code: str | None
    rule_code: str | None
    due_at: datetime | None
    area_codes: Mapping[str, tuple[str, ...]]
    areas: Mapping[str, tuple[Area, ...]]


@dataclass(frozen=True, slots=True)
class _Place:
    """A distinct set of areas, shared by all the points that it holds.

    Lines carry the metres of one of those points: the same lines are within the same tolerances of each, in the same order.
    """

    areas: Mapping[str, tuple[Area, ...]]
    codes: Mapping[str, tuple[str, ...]]
    is_outside: bool


def decide_many(
    book: RuleBook, layers: Mapping[str, Layer], rows: Sequence[BulkRow], loads: Mapping[str, int] = _NO_LOADS
) -> list[BulkAnswer]:
    """The answer for every row, in order, by the rules and boundaries of each row's local day.

    loads: open requests by agency, the same for all rows. Raises RuleFailed when a rule cannot be applied.
    """
    book.refuse_wrong_kinds({key: layer.kind for key, layer in layers.items()})
    days = [book.calendar.local_date(row.at) for row in rows]
    places = _places(book, layers, rows, days)
    known_asked: dict[tuple[str, str, date], Asked] = {}
    chosen: dict[tuple[Hashable, ...], tuple[Choice, BulkAnswer]] = {}
    answers: list[BulkAnswer] = []
    for row, day, place in zip(rows, days, places, strict=True):
        subject = (row.service_code, row.service_group, day)
        asked = known_asked.get(subject)
        if asked is None:
            asked = known_asked[subject] = book.asked(*subject)
        case = _NO_CASE
        key: tuple[Hashable, ...] = (*subject, id(place))
        if asked.hours or asked.attributes or asked.limits:
            clock = book.calendar.clock(row.at) if asked.hours else None
            case = Case(row.answers, clock, loads)
            key += _told(asked, case)
        known = chosen.get(key)
        if known is None:
            choice = choose(book, *subject, place.areas, is_outside=place.is_outside, case=case)
            rule_code = choice.match.rule.code if choice.match else None
            answer = BulkAnswer(choice.outcome, choice.agency_code, rule_code, None, place.codes, place.areas)
            known = chosen[key] = (choice, answer)
        choice, answer = known
        if choice.agency_code is not None and row.promise is not None:
            answer = replace(answer, due_at=book.calendar_of(choice.agency_code).due(row.promise, row.at).at)
        answers.append(answer)
    return answers


_NO_CASE = Case()


def _told(asked: Asked, case: Case) -> tuple[Hashable, ...]:
    """What of the case can make a difference to rules that ask for so much."""
    given = [case.answers.get(code) for code in asked.attributes]
    answers = tuple(tuple(answer) if isinstance(answer, list) else answer for answer in given)
    if case.clock is None:
        return (answers,)
    weekday, minute = case.clock
    return (answers, tuple([hours.holds(weekday, minute) for hours in asked.hours]))


_Epoch = tuple[dict[str, Snapshot | LineSnapshot], Tolerances]


def _places(book: RuleBook, layers: Mapping[str, Layer], rows: Sequence[BulkRow], days: Sequence[date]) -> list[_Place]:
    by_epoch: dict[tuple[int, ...], tuple[_Epoch, list[int]]] = {}
    of_day: dict[date, tuple[tuple[int, ...], _Epoch]] = {}
    for position, day in enumerate(days):
        known = of_day.get(day)
        if known is None:
            snapshots = snapshots_on(layers, day)
            tolerances: Tolerances = book.tolerances(day)
            key = (id(tolerances), *(id(snapshot) for snapshot in snapshots.values()))
            known = of_day[day] = (key, (snapshots, tolerances))
        by_epoch.setdefault(known[0], (known[1], []))[1].append(position)
    lons = np.fromiter((row.lon for row in rows), dtype=np.float64, count=len(rows))
    lats = np.fromiter((row.lat for row in rows), dtype=np.float64, count=len(rows))
    found: list[_Place | None] = [None] * len(rows)
    for (snapshots, tolerances), positions in by_epoch.values():
        chosen = np.array(positions, dtype=np.intp)
        located = locate_many(snapshots, PointColumns(lons[chosen], lats[chosen]), tolerances)
        for position, place in zip(positions, located, strict=True):
            found[position] = place
    return [place for place in found if place is not None]


def snapshots_on(layers: Mapping[str, Layer], day: date) -> dict[str, Snapshot | LineSnapshot]:
    """What each layer holds on that day, to be asked for many points."""
    return {
        key: layer.index.lines(day) if layer.kind == "line" else layer.index.in_force(day)
        for key, layer in layers.items()
    }


def locate_many(
    snapshots: Mapping[str, Snapshot | LineSnapshot], points: PointColumns, tolerances: Tolerances = NO_TOLERANCES
) -> list[_Place]:
    """The set of areas and near lines, per layer, around each point; points with the same set share one object.

    tolerances: see `RuleBook.tolerances`. Lines of a layer without one are near no point.
    """
    if not snapshots:
        return [_Place({}, {}, False)] * len(points.lons)
    columns = [_sets(key, snapshot, points, tolerances) for key, snapshot in snapshots.items()]
    sets = [sets for sets, _ in columns]
    outline = snapshots.get(OUTLINE)
    has_outline = isinstance(outline, Snapshot) and bool(outline.areas)
    known: dict[tuple[int, ...], _Place] = {}
    found: list[_Place] = []
    for key in zip(*(numbers for _, numbers in columns), strict=True):
        place = known.get(key)
        if place is None:
            areas = {name: sets[n][number] for n, (name, number) in enumerate(zip(snapshots, key, strict=True))}
            codes = {name: tuple(area.code for area in held) for name, held in areas.items()}
            place = known[key] = _Place(areas, codes, has_outline and not areas[OUTLINE])
        found.append(place)
    return found


def _sets(
    key: str, snapshot: Snapshot | LineSnapshot, points: PointColumns, tolerances: Tolerances
) -> tuple[Sequence[tuple[Area, ...]], Sequence[int]]:
    if isinstance(snapshot, Snapshot):
        sets, numbers = snapshot.sets_at(points)
        return sets, numbers.tolist()
    within = tolerances.get(key)
    if not within:
        return [()], [0] * len(points.lons)
    lines, which = snapshot.sets_near(points, within)
    return lines, which.tolist()
