"""Were the forecasts right? Every day of the past is forecast with what was known on it, then compared with what came. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from routing.forecasts import DAY_S, HALF_LIVES_DAYS, Cases, Level, as_said, forecast, look_up


@dataclass(frozen=True, slots=True)
class Kept:
    """Of one month: requests that came, those that a time was said to, and how many of these ended in it.

    kept: in the time as it is said, in whole hours or days. kept_exactly: in the number behind it. by_level: said at each level.
    """

    month: str
    came: int
    promised: int
    kept: int
    kept_exactly: int
    by_level: Mapping[str, int]

    @property
    def share(self) -> float:
        return self.kept / self.promised if self.promised else 0.0

    @property
    def share_exactly(self) -> float:
        return self.kept_exactly / self.promised if self.promised else 0.0


def backtest(
    cases: Cases,
    month_of: Callable[[float], str],
    *,
    first: float,
    until: float,
    seen_until: float,
    half_lives: Mapping[Level, Sequence[int]] = HALF_LIVES_DAYS,
) -> list[Kept]:
    """One line for each month of the requests from `first` to `until`, then `total`. Only the 80 % is judged: people are told it.

    The forecast of a day is made at its beginning. Left out of what was promised: a request whose time had not passed when the
    record ends (`seen_until`), whether it ended by then or not, and one that was cancelled or a duplicate within it.
    """
    order = np.argsort(cases.opened, kind="stable")
    opened = cases.opened[order]
    came: dict[str, int] = {}
    said: dict[str, list[tuple[float, float, Level]]] = {}
    day = first
    while day < until:
        rows = order[np.searchsorted(opened, day) : np.searchsorted(opened, day + DAY_S)]
        table = forecast(cases, day, half_lives) if len(rows) else {}
        for row in rows.tolist():
            month = month_of(float(cases.opened[row]))
            came[month] = came.get(month, 0) + 1
            area = int(cases.area[row])
            found = look_up(table, cases.services[cases.service[row]], cases.areas[area] if area >= 0 else "")
            if found is None or found.p80 is None:
                continue
            took = float(cases.ended[row] - cases.opened[row])
            limit = as_said(found.p80)
            if cases.opened[row] + limit > seen_until or (took <= limit and not cases.is_answer[row]):
                continue
            said.setdefault(month, []).append((took, found.p80, found.level))
        day += DAY_S
    months = [_kept(month, came[month], said.get(month, [])) for month in sorted(came)]
    everything = [one for month in said.values() for one in month]
    return [*months, _kept("total", sum(came.values()), everything)]


def _kept(month: str, came: int, said: Sequence[tuple[float, float, Level]]) -> Kept:
    levels: dict[str, int] = {}
    for _, _, level in said:
        levels[level] = levels.get(level, 0) + 1
    return Kept(
        month=month,
        came=came,
        promised=len(said),
        kept=sum(took <= as_said(seconds) for took, seconds, _ in said),
        kept_exactly=sum(took <= seconds for took, seconds, _ in said),
        by_level=levels,
    )
