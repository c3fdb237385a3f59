"""Which areas of a layer hold a point on a day, and how far the next border is."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from threading import Lock
from typing import Literal

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from georef.areas import Area, PointColumns
from georef.borders import BorderLines
from georef.lines import LineSnapshot
from georef.points import LonLat

__all__ = ["Area", "Border", "BoundaryIndex", "PointColumns", "Snapshot"]

# About 150 m a cell in a large city: most cells lie wholly inside one set of areas, and then a look-up is one dict access.
_CELLS_PER_SIDE = 400
# Degrees; far below a centimetre, far above the rounding of a cell's edge.
_CELL_MARGIN = 1e-9
# How far beyond a border the neighbour is asked for: a sliver of a few centimetres between two areas is not a neighbour.
_PROBES_M = (0.5, 2.0, 10.0)


@dataclass(frozen=True, slots=True)
class Border:
    """The nearest border of a layer. `neighbour` is the area beyond it, None where nothing is; `beyond` is a point there."""

    metres: float
    neighbour: Area | None
    beyond: LonLat


_Cell = tuple[tuple[Area, ...], tuple[tuple[int, BaseGeometry], ...], tuple[int, ...]]


class Snapshot:
    """The areas of one layer that are in force together. Safe to share between threads.

    GEOS makes the index of a prepared geometry at its first use, and writes into it whenever another shape than a point is
    compared: two threads at that corrupt memory. So one thread at a time surveys cells, and afterwards only points are compared.
    """

    def __init__(self, areas: Iterable[Area]) -> None:
        # Smallest first, then by code: the order in which several areas at one point are always given.
        self.areas: tuple[Area, ...] = tuple(sorted(areas, key=lambda area: (area.size, area.code)))
        self._geometries = np.array([area.geometry for area in self.areas], dtype=object)
        shapely.prepare(self._geometries)
        self._area_bounds = shapely.bounds(self._geometries)
        self._tree = shapely.STRtree(self._geometries)
        self._cells: dict[tuple[int, int], _Cell] = {}
        if self.areas:
            west, south, east, north = (float(edge) for edge in shapely.total_bounds(self._geometries))
            self._west, self._south = west, south
            self._size = max(east - west, north - south, 1e-6) / _CELLS_PER_SIDE
            self._bounds = (west, south, east, north)
        self._lock = Lock()

    def at(self, lon: float, lat: float) -> tuple[Area, ...]:
        """Every area that holds the point, its border included, smallest first; empty in a gap."""
        if not self.areas:
            return ()
        west, south, east, north = self._bounds
        if not (west <= lon <= east and south <= lat <= north):
            return ()
        key = (int((lon - west) / self._size), int((lat - south) / self._size))
        cell = self._cells.get(key)
        if cell is None:
            with self._lock:
                cell = self._cells[key] = self._survey(key)
        whole, partial, certain = cell
        if not partial:
            return whole
        held = [index for index, geometry in partial if shapely.intersects_xy(geometry, lon, lat)]
        if not held:
            return whole
        return tuple(self.areas[index] for index in sorted([*certain, *held]))

    def _survey(self, key: tuple[int, int]) -> _Cell:
        west, south = self._west + key[0] * self._size, self._south + key[1] * self._size
        box = shapely.box(
            west - _CELL_MARGIN,
            south - _CELL_MARGIN,
            west + self._size + _CELL_MARGIN,
            south + self._size + _CELL_MARGIN,
        )
        near = sorted(int(index) for index in self._tree.query(box))
        certain = tuple(i for i in near if shapely.contains_properly(self._geometries[i], box))
        partial = tuple(
            (i, self._geometries[i]) for i in near if i not in certain and shapely.intersects(self._geometries[i], box)
        )
        for i, geometry in partial:
            _make_ready(geometry, self._area_bounds[i])
        return tuple(self.areas[i] for i in certain), partial, certain

    def at_many(self, points: PointColumns) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """(positions of points, positions in `areas`) of every hit, ordered by point and then smallest area first."""
        hits: list[npt.NDArray[np.intp]] = [np.empty(0, dtype=np.intp)]
        owners: list[npt.NDArray[np.intp]] = [np.empty(0, dtype=np.intp)]
        for number, (geometry, bounds) in enumerate(zip(self._geometries, self._area_bounds.tolist(), strict=True)):
            inside = points.within(bounds)
            if len(inside):
                with self._lock:
                    _make_ready(geometry, bounds)
                inside = inside[shapely.intersects_xy(geometry, points.lons[inside], points.lats[inside])]
                hits.append(inside)
                owners.append(np.full(len(inside), number, dtype=np.intp))
        held, areas = np.concatenate(hits), np.concatenate(owners)
        order = np.lexsort((areas, held))
        return held[order], areas[order]

    def sets_at(self, points: PointColumns) -> tuple[list[tuple[Area, ...]], npt.NDArray[np.intp]]:
        """The distinct sets of areas that hold points, and for every point the number of its set; set 0 is the empty one."""
        held, areas = self.at_many(points)
        sets: list[tuple[Area, ...]] = [(), *((area,) for area in self.areas)]
        numbers = np.zeros(len(points.lons), dtype=np.intp)
        numbers[held] = areas + 1
        known: dict[tuple[int, ...], int] = {}
        for point in np.unique(held[1:][held[1:] == held[:-1]]).tolist():  # overlaps and borders: few
            first, last = np.searchsorted(held, [point, point + 1])
            together = tuple(areas[first:last].tolist())
            if together not in known:
                known[together] = len(sets)
                sets.append(tuple(self.areas[number] for number in together))
            numbers[point] = known[together]
        return sets, numbers

    @cached_property
    def _borders(self) -> BorderLines:
        return BorderLines([area.geometry for area in self.areas])

    def nearest_border(self, point: LonLat) -> Border | None:
        """The nearest border line, or None when the layer has no area.

        The neighbour is looked up a little beyond the border, along the line from the point to it.
        """
        if not self.areas:
            return None
        with self._lock:
            borders = self._borders
        metres, there = borders.nearest(point)
        here = self.at(point.lon, point.lat)
        beyond = there
        for probe_m in _PROBES_M:
            beyond = _extend(point, there, metres, probe_m)
            found = [area for area in self.at(beyond.lon, beyond.lat) if area not in here]
            if found:
                return Border(metres, found[0], beyond)
        return Border(metres, None, beyond)


def _make_ready(geometry: BaseGeometry, bounds: Sequence[float]) -> None:
    """Makes the index that points are compared by; for a point outside the bounds GEOS would not make it."""
    shapely.intersects_xy(geometry, bounds[0], bounds[1])


def _extend(start: LonLat, end: LonLat, length_m: float, by_m: float) -> LonLat:
    # A point on the border itself has no direction: go east, one side is as good as the other.
    if length_m < 1e-6:
        return LonLat(end.lon + by_m / 111_000, end.lat)
    share = by_m / length_m
    return LonLat(end.lon + (end.lon - start.lon) * share, end.lat + (end.lat - start.lat) * share)


class BoundaryIndex:
    """One layer through time: everything it ever had, looked up by point and day.

    kind: areas hold points; lines hold none and are asked for by `lines`.
    """

    def __init__(self, key: str, areas: Sequence[Area], kind: Literal["area", "line"] = "area") -> None:
        self.key = key
        self.kind = kind
        self.areas = tuple(areas)
        edges = {area.valid_from for area in areas} | {area.valid_to for area in areas if area.valid_to is not None}
        self._edges = sorted(edges)
        self._snapshots: dict[int, Snapshot] = {}
        self._lines: dict[int, LineSnapshot] = {}
        self._lock = Lock()

    def in_force(self, on: date) -> Snapshot:
        """The areas of that day, none in a layer of lines; the same object for every day between two changes."""
        epoch = bisect_right(self._edges, on)
        snapshot = self._snapshots.get(epoch)
        if snapshot is None:
            with self._lock:
                snapshot = self._snapshots.get(epoch)
                if snapshot is None:
                    snapshot = Snapshot(self._held(on) if self.kind == "area" else ())
                    self._snapshots[epoch] = snapshot
        return snapshot

    def lines(self, on: date) -> LineSnapshot:
        """The lines of that day, none in a layer of areas; the same object for every day between two changes."""
        epoch = bisect_right(self._edges, on)
        snapshot = self._lines.get(epoch)
        if snapshot is None:
            with self._lock:
                snapshot = self._lines.get(epoch)
                if snapshot is None:
                    snapshot = LineSnapshot(self._held(on) if self.kind == "line" else ())
                    self._lines[epoch] = snapshot
        return snapshot

    def _held(self, on: date) -> Iterable[Area]:
        return (area for area in self.areas if area.in_force(on))

    def at(self, point: LonLat, on: date) -> list[Area]:
        """Every area that holds the point on that day, its border included, smallest first; empty in a gap."""
        return list(self.in_force(on).at(point.lon, point.lat))

    def nearest_border(self, point: LonLat, on: date) -> Border | None:
        """See `Snapshot.nearest_border`."""
        return self.in_force(on).nearest_border(point)
