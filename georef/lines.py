"""Which lines of a layer run near a point on a day, and at how many metres.

Lines are cut into short pieces, each measured on a flat grid of its own latitude: within 0.01 % of the geodesic. One point and
many points go through the same cells and the same arithmetic, so that both ways give the same metres to the last bit.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock

import numpy as np
import numpy.typing as npt
import shapely

from georef.areas import Area, PointColumns
from georef.distances import metres_per_degree
from georef.points import LonLat

# Pieces are at most this long, and cells this wide, so that a cell holds the few pieces of the streets that cross there.
_PIECE_M = 150.0
# Nobody looks further for a line. What is looked for within the first two has cells of its own that are kept.
_LOOKS_M = (60.0, 960.0)
_FURTHER_LOOKS_M = (3_840.0, 20_000.0)
# So many pieces are measured together sooner than one by one.
_MANY_PIECES = 96
# A cell keeps what comes a little nearer than the reach asked for: no rounding of a box may lose a piece.
_SLACK = 1.001

_Floats = npt.NDArray[np.float64]
_Numbers = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class NearLine(Area):
    """A line near a point. `is_settled`: a person said that the place is on it, however far it was measured."""

    metres: float = 0.0
    is_settled: bool = False


def near_line(line: Area, metres: float, *, is_settled: bool = False) -> NearLine:
    return NearLine(line.code, line.name, line.geometry, line.valid_from, line.valid_to, metres, is_settled)


class LineSnapshot:
    """The lines of one layer that are in force together. Safe to share between threads."""

    def __init__(self, lines: Iterable[Area]) -> None:
        self.lines: tuple[Area, ...] = tuple(sorted(lines, key=lambda line: line.code))
        self._pieces = _Pieces([line.geometry for line in self.lines])
        self._grids: dict[float, _Grid] = {}
        self._lock = Lock()

    def near(self, lon: float, lat: float, reach_m: float) -> tuple[NearLine, ...]:
        """Every line within `reach_m` metres, nearest first, then by code. Quick for a reach that is asked again and again."""
        found = self._grid(reach_m).near(lon, lat)
        if not found:
            return ()
        return tuple(near_line(self.lines[number], metres) for metres, number in found)

    def near_many(self, points: PointColumns, reach_m: float) -> tuple[_Numbers, _Numbers, _Floats]:
        """(positions of points, positions in `lines`, metres) within `reach_m`, ordered by point, then as `near` orders."""
        return self._grid(reach_m).near_many(points)

    def sets_near(
        self, points: PointColumns, tolerances_m: Sequence[float]
    ) -> tuple[list[tuple[NearLine, ...]], _Numbers]:
        """The distinct surroundings of points, and for every point the number of its own; 0 is no line within the last tolerance.

        tolerances_m: ascending. Two points share surroundings when the same lines come within the same tolerances in the same
        order; the metres given are those of one of them.
        """
        held, lines, metres = self.near_many(points, tolerances_m[-1])
        sets: list[tuple[NearLine, ...]] = [()]
        numbers = np.zeros(len(points.lons), dtype=np.intp)
        if not len(held):
            return sets, numbers
        bands = np.searchsorted(np.asarray(tolerances_m), metres, "left")
        first = np.flatnonzero(np.concatenate(([True], held[1:] != held[:-1])))
        counts = np.diff(np.concatenate((first, [len(held)])))
        alone = first[counts == 1]
        _, example, which = np.unique(
            lines[alone] * len(tolerances_m) + bands[alone], return_index=True, return_inverse=True
        )
        sets += [(near_line(self.lines[lines[at]], float(metres[at])),) for at in alone[example].tolist()]
        numbers[held[alone]] = which + 1
        known: dict[tuple[tuple[int, int, bool], ...], int] = {}
        for start, count in zip(first[counts > 1].tolist(), counts[counts > 1].tolist(), strict=True):
            near = range(start, start + count)
            # Lines at the very same distance are a tie of rules, and must stay one.
            key = tuple((int(lines[n]), int(bands[n]), n > start and metres[n] == metres[n - 1]) for n in near)
            if key not in known:
                known[key] = len(sets)
                sets.append(tuple(near_line(self.lines[lines[n]], float(metres[n])) for n in near))
            numbers[held[start]] = known[key]
        return sets, numbers

    def around(self, point: LonLat, reach_m: float) -> tuple[NearLine, ...]:
        """As `near`, for any reach: no cells are made for this one."""
        for look_m in _LOOKS_M:
            if reach_m <= look_m:
                near = self._grid(look_m).near(point.lon, point.lat)
                return tuple(near_line(self.lines[number], metres) for metres, number in near if metres <= reach_m)
        return tuple(near_line(self.lines[number], metres) for metres, number in self._pieces.around(point, reach_m))

    def nearest(self, point: LonLat) -> NearLine | None:
        """The nearest line within 20 km."""
        if not self.lines:
            return None
        for reach_m in (*_LOOKS_M, *_FURTHER_LOOKS_M):
            if reach_m in _LOOKS_M:
                found = self._grid(reach_m).near(point.lon, point.lat)
            else:
                found = self._pieces.around(point, reach_m)
            if found:
                return near_line(self.lines[found[0][1]], found[0][0])
        return None

    def metres_to(self, point: LonLat, code: str) -> float:
        """Metres to one line; raises KeyError for a code that is not there."""
        number = next((number for number, line in enumerate(self.lines) if line.code == code), None)
        if number is None:
            raise KeyError(code)
        pieces = np.flatnonzero(self._pieces.owner == number)
        return float(self._pieces.metres(pieces, point.lon, point.lat).min())

    def _grid(self, reach_m: float) -> "_Grid":
        grid = self._grids.get(reach_m)
        if grid is None:
            with self._lock:
                grid = self._grids.get(reach_m) or _Grid(self._pieces, reach_m)
                self._grids[reach_m] = grid
        return grid


class _Pieces:
    """Straight pieces of every line, as columns: start in degrees, the way to the end in metres, metres in a degree there."""

    def __init__(self, geometries: Sequence[shapely.Geometry]) -> None:
        starts: list[_Floats] = []
        ends: list[_Floats] = []
        owners: list[_Numbers] = []
        for number, geometry in enumerate(geometries):
            for part in shapely.get_parts(shapely.get_parts(geometry)):
                coordinates = shapely.get_coordinates(part)
                from_, to = _cut(coordinates[:-1], coordinates[1:])
                starts.append(from_)
                ends.append(to)
                owners.append(np.full(len(from_), number, dtype=np.intp))
        start = np.concatenate(starts) if starts else np.empty((0, 2))
        end = np.concatenate(ends) if ends else np.empty((0, 2))
        self.owner = np.concatenate(owners) if owners else np.empty(0, dtype=np.intp)
        middle = (start[:, 1] + end[:, 1]) / 2
        scale = np.array([metres_per_degree(float(lat)) for lat in middle.tolist()]).reshape(-1, 2)
        self.lon, self.lat = start[:, 0], start[:, 1]
        self.per_lon, self.per_lat = scale[:, 0], scale[:, 1]
        self.dx = (end[:, 0] - start[:, 0]) * self.per_lon
        self.dy = (end[:, 1] - start[:, 1]) * self.per_lat
        self.square = self.dx * self.dx + self.dy * self.dy
        self.west, self.east = np.minimum(start[:, 0], end[:, 0]), np.maximum(start[:, 0], end[:, 0])
        self.south, self.north = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])

    def metres(self, pieces: _Numbers, lons: _Floats | float, lats: _Floats | float) -> _Floats:
        """From each point to its piece. `_Grid.near` is the same arithmetic for one point."""
        px = (lons - self.lon[pieces]) * self.per_lon[pieces]
        py = (lats - self.lat[pieces]) * self.per_lat[pieces]
        dx, dy = self.dx[pieces], self.dy[pieces]
        along = (px * dx + py * dy) / self.square[pieces]
        along = np.minimum(np.maximum(along, 0.0), 1.0)
        ex, ey = px - along * dx, py - along * dy
        return np.asarray(np.sqrt(ex * ex + ey * ey), dtype=np.float64)

    @cached_property
    def _tree(self) -> shapely.STRtree:
        return shapely.STRtree(shapely.box(self.west, self.south, self.east, self.north))

    def around(self, point: LonLat, reach_m: float) -> list[tuple[float, int]]:
        """(metres, line) within reach, nearest first, then by line."""
        per_lon, per_lat = metres_per_degree(min(max(point.lat, -89.0), 89.0))
        wide, high = reach_m * 1.05 / per_lon, reach_m * 1.05 / per_lat
        box = shapely.box(point.lon - wide, point.lat - high, point.lon + wide, point.lat + high)
        pieces = np.sort(np.asarray(self._tree.query(box), dtype=np.intp))
        return _nearest_first(self, pieces, point.lon, point.lat, reach_m)


def _nearest_first(among: _Pieces, pieces: _Numbers, lon: float, lat: float, reach_m: float) -> list[tuple[float, int]]:
    metres = among.metres(pieces, lon, lat)
    within = metres <= reach_m
    best: dict[int, float] = {}
    for number, distance in zip(among.owner[pieces[within]].tolist(), metres[within].tolist(), strict=True):
        if distance < best.get(number, math.inf):
            best[number] = distance
    return sorted((distance, number) for number, distance in best.items())


def _cut(start: _Floats, end: _Floats) -> tuple[_Floats, _Floats]:
    """The straight parts of a line, none longer than a piece may be and none without length."""
    scale = np.array([metres_per_degree(float(lat)) for lat in ((start[:, 1] + end[:, 1]) / 2).tolist()]).reshape(-1, 2)
    length = np.hypot(*((end - start) * scale).T)
    parts = np.ceil(length / _PIECE_M).astype(np.intp)
    start, way, parts = start[parts > 0], (end - start)[parts > 0], parts[parts > 0]
    which = np.repeat(np.arange(len(parts)), parts)
    step = np.arange(len(which)) - np.repeat(np.cumsum(parts) - parts, parts)
    share = 1.0 / parts[which]
    from_ = start[which] + way[which] * (step * share)[:, None]
    to = start[which] + way[which] * ((step + 1) * share)[:, None]
    return from_, to


_PieceRow = tuple[float, float, float, float, float, float, float, int]


class _Grid:
    """Cells with the pieces that come within `reach_m` of any point in them."""

    def __init__(self, pieces: _Pieces, reach_m: float) -> None:
        self._pieces, self._reach_m = pieces, reach_m
        self._rows: dict[int, tuple[_PieceRow, ...]] = {}
        count = len(pieces.lon)
        self._is_empty = count == 0
        if self._is_empty:
            return
        wide, high = reach_m * _SLACK / pieces.per_lon, reach_m * _SLACK / pieces.per_lat
        west, east = pieces.west - wide, pieces.east + wide
        south, north = pieces.south - high, pieces.north + high
        self._west, self._south = float(west.min()), float(south.min())
        self._east, self._north = float(east.max()), float(north.max())
        cell_m = max(_PIECE_M, reach_m)
        self._wide = float(cell_m / pieces.per_lon.max())
        self._high = float(cell_m / pieces.per_lat.max())
        self._column = int((self._north - self._south) / self._high) + 2
        # One cell more to each side than the box touches: a point at a cell's edge is rounded either way.
        first_x = np.maximum(((west - self._west) / self._wide - 1e-6).astype(np.intp), 0)
        first_y = np.maximum(((south - self._south) / self._high - 1e-6).astype(np.intp), 0)
        columns = ((east - self._west) / self._wide + 1e-6).astype(np.intp) - first_x + 1
        rows = ((north - self._south) / self._high + 1e-6).astype(np.intp) - first_y + 1
        cells = columns * rows
        which = np.repeat(np.arange(count, dtype=np.intp), cells)
        step = np.arange(len(which)) - np.repeat(np.cumsum(cells) - cells, cells)
        keys = (first_x[which] + step // rows[which]) * self._column + first_y[which] + step % rows[which]
        order = np.lexsort((which, keys))
        self._held = which[order]
        self._keys, self._starts = np.unique(keys[order], return_index=True)
        self._ends = np.append(self._starts[1:], len(order))
        self._places = {key: place for place, key in enumerate(self._keys.tolist())}

    def near(self, lon: float, lat: float) -> list[tuple[float, int]]:
        """(metres, line) within reach, nearest first, then by line."""
        if self._is_empty or not (self._west <= lon <= self._east and self._south <= lat <= self._north):
            return []
        key = int((lon - self._west) / self._wide) * self._column + int((lat - self._south) / self._high)
        place = self._places.get(key)
        if place is None:
            return []
        if self._ends[place] - self._starts[place] > _MANY_PIECES:
            pieces = self._held[self._starts[place] : self._ends[place]]
            return _nearest_first(self._pieces, pieces, lon, lat, self._reach_m)
        rows = self._rows.get(place)
        if rows is None:
            rows = self._rows[place] = self._read(place)
        best: dict[int, float] = {}
        for start_lon, start_lat, per_lon, per_lat, dx, dy, square, number in rows:
            px, py = (lon - start_lon) * per_lon, (lat - start_lat) * per_lat
            along = (px * dx + py * dy) / square
            along = 0.0 if along < 0.0 else 1.0 if along > 1.0 else along
            ex, ey = px - along * dx, py - along * dy
            metres = math.sqrt(ex * ex + ey * ey)
            if metres <= self._reach_m and metres < best.get(number, math.inf):
                best[number] = metres
        if len(best) < 2:
            return [(metres, number) for number, metres in best.items()]
        return sorted((metres, number) for number, metres in best.items())

    def _read(self, place: int) -> tuple[_PieceRow, ...]:
        pieces, held = self._pieces, self._held[self._starts[place] : self._ends[place]]
        columns = (
            pieces.lon, pieces.lat, pieces.per_lon, pieces.per_lat, pieces.dx, pieces.dy, pieces.square, pieces.owner,
        )  # fmt: skip
        return tuple(zip(*(column[held].tolist() for column in columns), strict=True))

    def near_many(self, points: PointColumns) -> tuple[_Numbers, _Numbers, _Floats]:
        """See `LineSnapshot.near_many`."""
        none = np.empty(0, dtype=np.intp)
        if self._is_empty:
            return none, none, np.empty(0)
        inside = np.sort(points.within((self._west, self._south, self._east, self._north)))
        lons, lats = points.lons[inside], points.lats[inside]
        keys = ((lons - self._west) / self._wide).astype(np.intp) * self._column
        keys += ((lats - self._south) / self._high).astype(np.intp)
        place = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        met = np.flatnonzero(self._keys[place] == keys)
        place = place[met]
        counts = self._ends[place] - self._starts[place]
        who = np.repeat(met, counts)
        step = np.arange(len(who)) - np.repeat(np.cumsum(counts) - counts, counts)
        pieces = self._held[np.repeat(self._starts[place], counts) + step]
        metres = self._pieces.metres(pieces, lons[who], lats[who])
        within = metres <= self._reach_m
        who, numbers, metres = who[within], self._pieces.owner[pieces[within]], metres[within]
        order = np.lexsort((metres, numbers, who))
        who, numbers, metres = who[order], numbers[order], metres[order]
        is_first = np.ones(len(who), dtype=bool)
        is_first[1:] = (who[1:] != who[:-1]) | (numbers[1:] != numbers[:-1])
        who, numbers, metres = who[is_first], numbers[is_first], metres[is_first]
        order = np.lexsort((numbers, metres, who))
        return inside[who[order]], numbers[order], metres[order]
