"""Local times of old registers as instants: several formats, one zone, and a rule for the hours that happen twice or never."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

Ambiguous = Literal["earlier", "later", "reject"]
_NUMERIC = {"Y": r"\d{4}", "m": r"\d\d?", "d": r"\d\d?", "H": r"\d\d?", "M": r"\d\d?", "S": r"\d\d?"}
_HALF_DAYS = {"I": r"\d\d?", "p": r"[AaPp]\.?[Mm]\.?"}


class TwiceOrNever(ValueError):
    """A local time that happened twice, or in the hour that was skipped, where the map says to reject it."""


class Clock:
    """Reads the times of one file. `shifted`: how many were twice or never, and taken by the rule."""

    def __init__(self, formats: Sequence[str], zone: tzinfo, ambiguous: Ambiguous = "earlier") -> None:
        *self._firsts, self._last = [reader(one) for one in formats]
        self._zone, self._ambiguous = zone, ambiguous
        # Of each day an hour of its own and the same instant in UTC; None where clocks were changed.
        self._days: dict[int, tuple[datetime, datetime] | None] = {}
        self.shifted = 0

    def read(self, text: str) -> datetime:
        """The instant in UTC. Raises ValueError for what is no time in any of the formats, TwiceOrNever."""
        for read in self._firsts:
            try:
                return self._instant(read(text))
            except TwiceOrNever:
                raise
            except (ValueError, OverflowError):
                continue
        try:
            return self._instant(self._last(text))
        except OverflowError as error:
            raise ValueError(text) from error

    def _instant(self, moment: datetime) -> datetime:
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        number = moment.toordinal()
        day = self._days.get(number)
        if day is None:
            if number not in self._days:
                day = self._days[number] = self._day(moment)
            if day is None:
                return self._by_rule(moment)
        local, instant = day
        return instant + (moment - local)

    def _day(self, moment: datetime) -> tuple[datetime, datetime] | None:
        offset = self._offset_all_day(moment)
        return None if offset is None else (moment, (moment - offset).replace(tzinfo=UTC))

    def _offset_all_day(self, moment: datetime) -> timedelta | None:
        """The one offset of a day on which no clock was changed."""
        start = moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=self._zone)
        offsets = {(start + timedelta(hours=h)).replace(fold=fold).utcoffset() for h in range(25) for fold in (0, 1)}
        return offsets.pop() if len(offsets) == 1 else None

    def _by_rule(self, moment: datetime) -> datetime:
        first, second = (moment.replace(tzinfo=self._zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() == second.utcoffset():
            return first.astimezone(UTC)
        if self._ambiguous == "reject":
            raise TwiceOrNever(moment.isoformat())
        self.shifted += 1
        instants = sorted((first.astimezone(UTC), second.astimezone(UTC)))
        return instants[0 if self._ambiguous == "earlier" else 1]


def reader(pattern: str) -> Callable[[str], datetime]:
    """A function that reads one format: `iso`, or a strptime format (those of digits alone ten times as fast)."""
    if pattern == "iso":
        return datetime.fromisoformat
    names = re.findall(r"%(.)", pattern)
    known = _NUMERIC | _HALF_DAYS
    is_plain = set(names) <= known.keys() and len(set(names)) == len(names) and {"Y", "m", "d"} <= set(names)
    if not is_plain or ("I" in names) != ("p" in names) or {"I", "H"} <= set(names):
        return lambda text: datetime.strptime(text, pattern)  # noqa: DTZ007  # local; the caller knows the zone
    parts = re.split(r"%(.)", pattern)
    source = "".join(
        f"(?P<{part}>{known[part]})" if place % 2 else re.escape(part).replace(r"\ ", r"\s+")
        for place, part in enumerate(parts)
    )
    match = re.compile(source, re.ASCII).fullmatch

    def read(text: str) -> datetime:
        found = match(text)
        if found is None:
            raise ValueError(text)
        groups = found.groupdict("0")
        hour = int(groups.get("H", "0"))
        if "I" in groups:
            twelve = int(groups["I"])
            if not 1 <= twelve <= 12:
                raise ValueError(text)
            hour = twelve % 12 + (12 if groups["p"][0] in "Pp" else 0)
        return datetime(  # noqa: DTZ001  # local; the caller knows the zone
            int(groups["Y"]),
            int(groups["m"]),
            int(groups["d"]),
            hour,
            int(groups.get("M", "0")),
            int(groups.get("S", "0")),
        )

    return read
