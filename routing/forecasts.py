"""How long requests like this one take, from how long the last ones took. Pure: columns in, a table out.

The curve of a cell (service and area, service, or group) is the Kaplan-Meier estimate, so that a request that is still open says
"longer than this" instead of nothing. Each request weighs half as much for every half-life since it was opened. At any age that
is the same as weighting each closing by how long ago it happened: the curve tells how fast work ends now, tail included.
docs/promises-and-clocks.md says why, docs/benchmarks.md how well it holds.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Level = Literal["service_area", "service", "group"]
Reason = Literal["", "few", "slow"]

# Cases, as many equal ones would say as much; below this a number is chance.
LEAST_CASES = 30
# What comes first is asked first. Older rows are for services that few people ask for.
HALF_LIVES_DAYS: Mapping[Level, tuple[int, ...]] = {"service_area": (14,), "service": (14, 45, 180), "group": (14, 180)}
# After six half-lives what is left of a case is one part in sixty-four: the window that readers are told of.
WINDOW_HALF_LIVES = 6
LONGEST_WINDOW_DAYS = WINDOW_HALF_LIVES * max(max(lives) for lives in HALF_LIVES_DAYS.values())
DAY_S = 86_400.0
_HOUR_S = 3_600.0
_IN_HOURS_BELOW_S = 2 * DAY_S

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Cases:
    """Past requests of residents as columns of one length. opened, ended: seconds of one clock; ended is NaN while open.

    Work that staff found themselves is not among them: it ends sooner, and nobody waits for it.

    is_answer: the end was an answer of the city; otherwise (a duplicate, cancelled) it only says that it took no less.
    service, area and group number into the lists of codes; area -1 is unknown.
    """

    services: Sequence[str]
    areas: Sequence[str]
    groups: Sequence[str]
    service: Ints
    area: Ints
    group: Ints
    opened: Floats
    ended: Floats
    is_answer: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.opened)


@dataclass(frozen=True, slots=True)
class Forecast:
    """p50, p80, p90: seconds in which that share ends. sample: cases of the last `window_days`.

    Without p80 there is nothing to say, and `reason` tells why: too `few` cases, or so `slow` that fewer than 8 of 10 have ended
    in all the time that was watched.
    """

    level: Level
    p50: float | None
    p80: float | None
    p90: float | None
    sample: int
    window_days: int
    reason: Reason = ""


Table = dict[tuple[str, str], Forecast]


def look_up(table: Mapping[tuple[str, str], Forecast], service: str, area: str) -> Forecast | None:
    """What holds for a service in an area: its own numbers, else those of the whole city; None for an unknown service."""
    return table.get((service, area)) or table.get((service, ""))


def forecast(cases: Cases, at: float, half_lives: Mapping[Level, Sequence[int]] = HALF_LIVES_DAYS) -> Table:
    """The numbers at instant `at`, by (service, area): area "" for each service, and each area that has enough of its own.

    Reads nothing that was not known then: later requests do not count, later endings are still open. half_lives: days, for each
    level, in the order of asking.
    """
    known = _known(cases, at)
    if known is None:
        return {}
    table: Table = {}
    by_group = known.curves(known.group, "group", half_lives["group"])
    by_service = known.curves(known.service, "service", half_lives["service"])
    for number in np.unique(known.service).tolist():
        found = by_service[number]
        if found.reason == "few":
            wider = by_group[int(known.group[known.service == number][-1])]
            # A group may speak for a service that is rare, never for one that is known to be slower than the rest of it.
            found = wider if not wider.reason else found
        table[cases.services[number], ""] = found
    cells = known.service * (len(cases.areas) + 1) + known.area + 1
    for cell, found in known.curves(cells, "service_area", half_lives["service_area"]).items():
        number, area = divmod(cell, len(cases.areas) + 1)
        if area and not found.reason:
            table[cases.services[number], cases.areas[area - 1]] = found
    return table


@dataclass(frozen=True)
class _Known:
    service: Ints
    area: Ints
    group: Ints
    age: Floats
    duration: Floats
    is_end: NDArray[np.bool_]

    def curves(self, key: Ints, level: Level, half_lives: Sequence[int]) -> dict[int, Forecast]:
        """The forecast of each key, by the first half-life that has enough cases."""
        order = np.argsort(key, kind="stable")
        numbers, first = np.unique(key[order], return_index=True)
        last = np.append(first[1:], len(key))
        found: dict[int, Forecast] = {}
        for number, begin, end in zip(numbers.tolist(), first.tolist(), last.tolist(), strict=True):
            rows = order[begin:end]
            found[number] = self._forecast(rows, level, half_lives)
        return found

    def _forecast(self, rows: Ints, level: Level, half_lives: Sequence[int]) -> Forecast:
        age = self.age[rows]
        for half_life in half_lives:
            weight = 0.5 ** (age / (half_life * DAY_S))
            size = weight.sum() ** 2 / (weight**2).sum() if weight.any() else 0.0
            if size >= LEAST_CASES:
                break
        window = min(half_life * WINDOW_HALF_LIVES, max(1, math.ceil(float(age.max()) / DAY_S)))
        sample = int((age <= window * DAY_S).sum())
        if size < LEAST_CASES:
            return Forecast(level, None, None, None, sample, window, "few")
        half, most, nearly_all = _quantiles(self.duration[rows], self.is_end[rows], weight, size)
        return Forecast(level, half, most, nearly_all, sample, window, "slow" if most is None else "")


def _known(cases: Cases, at: float) -> _Known | None:
    rows = np.flatnonzero(cases.opened < at)
    if not len(rows):
        return None
    opened, ended = cases.opened[rows], cases.ended[rows]
    has_ended = ended <= at  # NaN is not
    duration = np.maximum(np.where(has_ended, ended, at) - opened, 0.0)
    is_end = has_ended & cases.is_answer[rows]
    return _Known(cases.service[rows], cases.area[rows], cases.group[rows], at - opened, duration, is_end)


def _quantiles(
    duration: Floats, is_end: NDArray[np.bool_], weight: Floats, size: float
) -> tuple[float | None, float | None, float | None]:
    """Where the curve passes 50, 80 and 90 %; None where it does not come so far."""
    order = np.argsort(duration, kind="stable")
    duration, weight, is_end = duration[order], weight[order], is_end[order]
    at_risk = weight[::-1].cumsum()[::-1]
    times, first = np.unique(duration, return_index=True)
    ends = np.add.reduceat(weight * is_end, first)
    still_open = np.cumprod(1.0 - np.minimum(ends / at_risk[first], 1.0))

    def passes(share: float) -> float | None:
        # One more case than were seen: the share of a small sample lies a little too low.
        wanted = min(share * (1.0 + 1.0 / size), 0.999)
        place = int(np.searchsorted(-still_open, -(1.0 - wanted) - 1e-12))
        return float(times[place]) if place < len(times) else None

    return passes(0.5), passes(0.8), passes(0.9)


def in_whole_units(seconds: float) -> tuple[int, Literal["hours", "days"]]:
    """As it is said: whole hours below two days, else whole days, rounded up, so that what is said is never less."""
    if seconds < _IN_HOURS_BELOW_S - 1:
        return max(1, math.ceil(seconds / _HOUR_S)), "hours"
    return math.ceil(seconds / DAY_S), "days"


def as_said(seconds: float) -> float:
    """The seconds of `in_whole_units`."""
    count, unit = in_whole_units(seconds)
    return count * (_HOUR_S if unit == "hours" else DAY_S)


def columns(rows: Sequence[tuple[str, str | None, str, float, float | None, bool]]) -> Cases:
    """Cases from rows of (service, area, group, opened, ended, is_answer)."""
    services: dict[str, int] = {}
    areas: dict[str, int] = {}
    groups: dict[str, int] = {}

    def number(codes: dict[str, int], code: Any) -> int:
        return codes.setdefault(code, len(codes))

    return Cases(
        service=np.array([number(services, row[0]) for row in rows], dtype=np.int64),
        area=np.array([number(areas, row[1]) if row[1] else -1 for row in rows], dtype=np.int64),
        group=np.array([number(groups, row[2]) for row in rows], dtype=np.int64),
        opened=np.array([row[3] for row in rows], dtype=np.float64),
        ended=np.array([math.nan if row[4] is None else row[4] for row in rows], dtype=np.float64),
        is_answer=np.array([row[5] for row in rows], dtype=np.bool_),
        services=list(services),
        areas=list(areas),
        groups=list(groups),
    )
