"""Many decisions at once: the same answers as one at a time, with boundaries looked up for all points together."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from georef.areas import Area, PointColumns
from georef.boundaries import Snapshot
from georef.lines import LineSnapshot
from routing.calendars import Promise, WorkingCalendar
from routing.conditions import Answer, Case, Hours
from routing.decide import OUTLINE, Asked, Choice, RuleBook, choose
from routing.places import NO_TOLERANCES, Layer, Tolerances
from routing.values import Outcome

_DAY = 24 * 60
_QUARTER = 15 * 60
_EPOCH_DAY = date(1970, 1, 1).toordinal()
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


class BulkAnswer(NamedTuple):
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
    _parts: dict[tuple[str, ...], tuple[int, ...]] = field(default_factory=dict)

    def part(self, layers: tuple[str, ...]) -> tuple[int, ...]:
        """What the place is to rules that ask for these layers only: many places are then the same."""
        known = self._parts.get(layers)
        if known is None:
            held = [self.areas.get(key, ()) for key in layers]
            known = self._parts[layers] = (int(self.is_outside), *(id(areas) for areas in held))
        return known


class _Subject(NamedTuple):
    """What a service asks for on a day. `hours`: for each minute of a week, which of the hours that are asked for hold."""

    asked: Asked
    hours: tuple[int, ...]


def decide_many(
    book: RuleBook, layers: Mapping[str, Layer], rows: Sequence[BulkRow], loads: Mapping[str, int] = _NO_LOADS
) -> list[BulkAnswer]:
    """The answer for every row, in order, by the rules and boundaries of each row's local day.

    loads: open requests by agency, the same for all rows. Raises RuleFailed when a rule cannot be applied.
    """
    book.refuse_wrong_kinds({key: layer.kind for key, layer in layers.items()})
    days, minutes = local_times(book.calendar.timezone, [row.at for row in rows])
    places = _places(book, layers, rows, days)
    subjects: dict[tuple[str, str, date], _Subject] = {}
    chosen: dict[tuple[Hashable, ...], Choice] = {}
    answers: list[BulkAnswer] = []
    for row, day, minute, place in zip(rows, days, minutes, places, strict=True):
        service, group, promise, at, given = row[2:]
        subject = subjects.get((service, group, day))
        if subject is None:
            subject = subjects[service, group, day] = _subject(book, service, group, day)
        asked = subject.asked
        key: tuple[Hashable, ...] = (service, group, day, place.part(asked.layers))
        if asked.hours:
            key += (subject.hours[minute],)
        if asked.attributes:
            key += tuple([_hashable(given.get(code)) for code in asked.attributes])
        choice = chosen.get(key)
        if choice is None:
            case = Case(given, divmod(minute, _DAY), loads)
            choice = chosen[key] = choose(
                book, service, group, day, place.areas, is_outside=place.is_outside, case=case
            )
        agency, due_at = choice.agency_code, None
        if agency is not None and promise is not None:
            due_at = _due_at(book.calendar_of(agency), book.calendar, promise, at, day)
        rule = choice.match.rule.code if choice.match is not None else None
        answers.append(BulkAnswer(choice.outcome, agency, rule, due_at, place.codes, place.areas))
    return answers


def _subject(book: RuleBook, service: str, group: str, day: date) -> _Subject:
    asked = book.asked(service, group, day)
    if not asked.hours:
        return _Subject(asked, ())
    return _Subject(asked, _of_week(asked.hours))


@lru_cache(maxsize=64)
def _of_week(hours: tuple[Hours, ...]) -> tuple[int, ...]:
    return tuple(
        sum(block.holds(*divmod(minute, _DAY)) << number for number, block in enumerate(hours))
        for minute in range(7 * _DAY)
    )


def _hashable(answer: Answer | None) -> Hashable:
    return tuple(answer) if isinstance(answer, list) else answer


def _due_at(calendar: WorkingCalendar, city: WorkingCalendar, promise: Promise, at: datetime, day: date) -> datetime:
    if promise.unit != "working_days" or calendar.timezone is not city.timezone:
        return calendar.due(promise, at).at
    until, later = calendar.steps(int(promise.amount), day)
    for closing, due in until:
        if at < closing:
            return due.at
    return later.at


def local_times(zone: ZoneInfo, instants: Sequence[datetime]) -> tuple[list[date], list[int]]:
    """(local day, minute of the week from Monday 0:00) of every instant."""
    if not instants:
        return [], []
    seconds = np.array([at.timestamp() for at in instants])
    quarters, which = np.unique(np.floor(seconds / _QUARTER).astype(np.int64), return_inverse=True)
    offsets = np.array([_offset(zone, quarter * _QUARTER) for quarter in quarters.tolist()])
    ends = np.array([_offset(zone, quarter * _QUARTER + _QUARTER - 1) for quarter in quarters.tolist()])
    local = np.floor(seconds).astype(np.int64) + offsets[which]
    for position in np.flatnonzero(
        (offsets != ends)[which]
    ).tolist():  # the clocks change within this quarter of an hour
        local[position] = math.floor(seconds[position]) + _offset(zone, seconds[position])
    numbers, of_row = np.unique(local // 86400, return_inverse=True)
    days = [date.fromordinal(number + _EPOCH_DAY) for number in numbers.tolist()]
    minutes = (numbers[of_row] + _EPOCH_DAY - 1) % 7 * _DAY + local % 86400 // 60
    return [days[number] for number in of_row.tolist()], minutes.tolist()


def _offset(zone: ZoneInfo, seconds: float) -> int:
    offset = datetime.fromtimestamp(seconds, zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


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
    alone = _near_lines_of_two_layers(snapshots, [numbers for _, numbers in columns])
    for position, key in enumerate(zip(*(numbers for _, numbers in columns), strict=True)):
        place = None if position in alone else known.get(key)
        if place is None:
            areas = {name: sets[n][number] for n, (name, number) in enumerate(zip(snapshots, key, strict=True))}
            if position in alone:
                lon, lat = float(points.lons[position]), float(points.lats[position])
                areas |= {
                    name: snapshot.near(lon, lat, tolerances[name][-1])
                    for name, snapshot in snapshots.items()
                    if isinstance(snapshot, LineSnapshot) and areas[name]
                }
            codes = {name: tuple(area.code for area in held) for name, held in areas.items()}
            place = _Place(areas, codes, has_outline and not areas[OUTLINE])
            if position not in alone:
                known[key] = place
        found.append(place)
    return found


def _near_lines_of_two_layers(
    snapshots: Mapping[str, Snapshot | LineSnapshot], numbers: Sequence[Sequence[int]]
) -> frozenset[int]:
    """The points that share no surroundings: which line is nearer is told between layers by the metres of each point."""
    of_lines = [
        which
        for which, snapshot in zip(numbers, snapshots.values(), strict=True)
        if isinstance(snapshot, LineSnapshot) and any(which)
    ]
    if len(of_lines) < 2:
        return frozenset()
    return frozenset(np.flatnonzero(np.sum(np.array(of_lines) > 0, axis=0) > 1).tolist())


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
