"""Stretches of time to be counted through: how much lies before an instant, where so much is reached. Whole microseconds."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate


class Spans:
    """Stretches in order of their starts; what several of them share counts once."""

    def __init__(self, stretches: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for given, end in stretches:
            start = max(given, self._ends[-1]) if self._ends else given
            if start < end:
                self._starts.append(start)
                self._ends.append(end)
        sizes = [end - start for start, end in zip(self._starts, self._ends, strict=True)]
        self._through = list(accumulate(sizes))

    @property
    def total(self) -> int:
        return self._through[-1] if self._through else 0

    def before(self, at: int) -> int:
        """How much of them lies before `at`."""
        place = bisect_right(self._starts, at) - 1
        if place < 0:
            return 0
        return self._through[place] - max(0, self._ends[place] - at)

    def reached(self, amount: int) -> int | None:
        """The first instant with `amount` (above 0) before it; None when there is not so much."""
        place = bisect_left(self._through, amount)
        return None if place == len(self._through) else self._ends[place] - (self._through[place] - amount)
