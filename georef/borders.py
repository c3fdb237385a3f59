"""How far a point is from the nearest border line of a set of areas, in metres."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from georef.distances import metres_per_degree
from georef.points import LonLat

# Long rings are cut into short lines, so that the tree finds a few dozen vertices and not a whole coast.
_VERTICES_PER_LINE = 32


class BorderLines:
    """The rings of the given areas (EPSG:4326, lon-lat), ready to be measured from."""

    def __init__(self, geometries: Sequence[BaseGeometry]) -> None:
        lines: list[BaseGeometry] = []
        bounds = shapely.total_bounds(geometries)
        # The tree works in one flat grid for the whole layer; the distance itself is measured at the point's own latitude.
        self._scale = np.array(metres_per_degree(float((bounds[1] + bounds[3]) / 2)))
        for ring in shapely.get_rings(shapely.get_parts(geometries)):  # a city may have several parts, and an enclave
            coordinates = shapely.get_coordinates(ring)
            for start in range(0, len(coordinates) - 1, _VERTICES_PER_LINE - 1):
                lines.append(shapely.linestrings(coordinates[start : start + _VERTICES_PER_LINE] * self._scale))
        self._lines = np.array(lines)
        self._tree = shapely.STRtree(lines)

    def nearest(self, point: LonLat) -> tuple[float, LonLat]:
        """Metres to the nearest border and the border's point there.

        Flat-grid error: below 0.3 % of the distance in a layer one degree of latitude tall, so that of two borders at nearly the
        same distance either may be named.
        """
        wide, high = self._scale.tolist()
        here = shapely.points((point.lon * wide, point.lat * high))
        line = self._lines[self._tree.nearest(here)]
        (_, (x, y)) = shapely.get_coordinates(shapely.shortest_line(here, line)).tolist()
        lon, lat = x / wide, y / high
        per_lon, per_lat = metres_per_degree(point.lat)
        return math.hypot((lon - point.lon) * per_lon, (lat - point.lat) * per_lat), LonLat(lon, lat)

    def within(
        self, lons: npt.NDArray[np.float64], lats: npt.NDArray[np.float64], metres: float
    ) -> npt.NDArray[np.float64]:
        """Metres from each point to the nearest border, infinite when that is farther than `metres`; in the layer's flat grid."""
        found = np.full(len(lons), np.inf)
        points = shapely.points(lons * self._scale[0], lats * self._scale[1])
        (positions, _), distances = self._tree.query_nearest(
            points, max_distance=metres, return_distance=True, all_matches=False
        )
        found[positions] = distances
        return found
