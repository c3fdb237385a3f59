"""The squares of a map that indexes of requests are kept by, newest first in each. Pure.

A box is read by the few squares it touches: of each only as many rows as the page still needs. Columns are those of
`service_request r`; the numbers here are those of its indexes.
"""

import math
from dataclasses import dataclass

from intake.open311.filters import Box

# A box of more squares holds so much of a city that walking its newest requests finds a page sooner.
MOST_CELLS = 16
# Statements for four, nine and sixteen squares serve all: what is left over stays empty. Each is planned once a connection.
_SIZES = (4, 9, MOST_CELLS)


@dataclass(frozen=True, slots=True)
class Grid:
    """`per_degree` squares to a degree each way, numbered row by row."""

    per_degree: int

    @property
    def number(self) -> str:
        """The number of a row's square, as the index writes it."""
        return f"(floor(r.lat * {self.per_degree})::int * {self.around} + floor(r.lon * {self.per_degree})::int)"

    @property
    def around(self) -> int:
        return 360 * self.per_degree

    def cells_of(self, box: Box) -> list[int] | None:
        """The squares that the box touches; None when they are too many to be of use."""
        south, north = (math.floor(lat * self.per_degree) for lat in (box.south, box.north))
        west, east = (math.floor(lon * self.per_degree) for lon in (box.west, box.east))
        if (north - south + 1) * (east - west + 1) > MOST_CELLS:
            return None
        return [lat * self.around + lon for lat in range(south, north + 1) for lon in range(west, east + 1)]


# About a kilometre, and four and a half: the second for the requests of one service, which are so much fewer.
KILOMETRE = Grid(100)
DISTRICT = Grid(25)


def padded(cells: list[int]) -> list[int | None]:
    """The squares, and as many times none as make one of the sizes that statements come in."""
    size = next(size for size in _SIZES if size >= len(cells))
    return [*cells, *[None] * (size - len(cells))]
