"""Which version of the rules answers on which day: the highest one whose first day has come."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from routing.bulk import BulkAnswer, BulkRow, decide_many
from routing.decide import RuleBook
from routing.places import Layer


class DatedSet(NamedTuple):
    """A version of the rules and the first local day on which it may answer."""

    version: int
    valid_from: date


def answering(sets: Iterable[DatedSet]) -> list[DatedSet]:
    """Those that answer on some day, by first day. A higher version with an earlier day leaves nothing to those before it."""
    found: list[DatedSet] = []
    for known in sorted(sets, key=lambda known: -known.version):
        if not found or known.valid_from < found[-1].valid_from:
            found.append(known)
    return found[::-1]


@dataclass(frozen=True, slots=True)
class Fallen:
    """A version that cannot decide, why, and the version that decides instead."""

    version: int
    used_version: int
    error: str


@dataclass(frozen=True, slots=True)
class RulesInForce:
    """The books of a jurisdiction, each with its first local day, ascending; at least one.

    fallen: by position, the version whose days an older book has to answer for.
    """

    days: tuple[date, ...]
    books: tuple[RuleBook, ...]
    fallen: Mapping[int, Fallen] = field(default_factory=dict)

    @property
    def newest(self) -> RuleBook:
        """The version that answers last, today's or one that is yet to come."""
        return self.books[-1]

    def on(self, day: date) -> RuleBook:
        """What decides on that day; before the first day the oldest there is."""
        return self.books[self._position(day)]

    def _position(self, day: date) -> int:
        return max(bisect_right(self.days, day) - 1, 0) if len(self.books) > 1 else 0

    def fallen_at(self, instant: datetime) -> Fallen | None:
        """The version that should decide at that instant and cannot."""
        return self.fallen.get(self._position(self.newest.calendar.local_date(instant))) if self.fallen else None

    def at(self, instant: datetime) -> RuleBook:
        """What decides at that instant, by the day it is in the city then."""
        if len(self.books) == 1:
            return self.books[0]
        return self.on(self.newest.calendar.local_date(instant))

    def decide_many(self, layers: Mapping[str, Layer], rows: Sequence[BulkRow]) -> list[BulkAnswer]:
        """`routing.bulk.decide_many`, each row by the version of its local day."""
        if len(self.books) == 1:
            return decide_many(self.books[0], layers, rows)
        positions: dict[int, list[int]] = {}
        books: dict[int, RuleBook] = {}
        for position, row in enumerate(rows):
            book = self.at(row.at)
            books[book.version] = book
            positions.setdefault(book.version, []).append(position)
        found: dict[int, BulkAnswer] = {}
        for version, held in positions.items():
            found.update(
                zip(held, decide_many(books[version], layers, [rows[position] for position in held]), strict=True)
            )
        return [found[position] for position in range(len(rows))]
