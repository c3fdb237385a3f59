"""One piece of a layer with its days, and many points as columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, slots=True)
class Area:
    """A polygon or a line, simple or multiple, EPSG:4326, lon-lat, in force from `valid_from` until `valid_to` (exclusive)."""

    code: str
    name: str
    geometry: BaseGeometry
    valid_from: date
    valid_to: date | None = None

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)

    @property
    def size(self) -> float:
        """Square degrees to six digits: only good for ordering, and twins drawn by different hands stay twins."""
        return float(f"{self.geometry.area:.6g}")


class PointColumns:
    """Many points, EPSG:4326, ready to be looked up in any number of layers. Not finite ones are in no area."""

    def __init__(self, lons: npt.ArrayLike, lats: npt.ArrayLike) -> None:
        self.lons = np.asarray(lons, dtype=np.float64)
        self.lats = np.asarray(lats, dtype=np.float64)
        self._order = np.argsort(self.lons)
        self._sorted = self.lons[self._order]
        self._lats = self.lats[self._order]

    def within(self, bounds: Sequence[float]) -> npt.NDArray[np.intp]:
        """Positions of the points in the closed box (west, south, east, north)."""
        west, south, east, north = bounds
        first, last = np.searchsorted(self._sorted, west, "left"), np.searchsorted(self._sorted, east, "right")
        lats = self._lats[first:last]
        return self._order[first:last][(lats >= south) & (lats <= north)]
