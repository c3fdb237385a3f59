"""Cells of a thousandth of a degree, as the index `ix_service_request_near` numbers them. Pure."""

import math

from georef.distances import distance_m, metres_per_degree
from georef.points import LonLat

_PER_DEGREE = 1000
_AROUND = 360_000


def cells_around(point: LonLat, radius_m: float) -> list[int]:
    """The cells that a circle may touch, nearest first."""
    per_lon, per_lat = metres_per_degree(point.lat)
    rows, columns = (
        range(math.floor((at - reach) * _PER_DEGREE), math.floor((at + reach) * _PER_DEGREE) + 1)
        for at, reach in ((point.lat, radius_m / per_lat), (point.lon, radius_m / per_lon))
    )
    found = [(_from(point, row, column), row * _AROUND + column) for row in rows for column in columns]
    return [cell for metres, cell in sorted(found) if metres <= radius_m]


def _from(point: LonLat, row: int, column: int) -> float:
    """Metres from the point to the nearest corner or edge of the cell; 0 inside."""
    lat = min(max(point.lat, row / _PER_DEGREE), (row + 1) / _PER_DEGREE)
    lon = min(max(point.lon, column / _PER_DEGREE), (column + 1) / _PER_DEGREE)
    return distance_m(point, LonLat(max(-180, min(180, lon)), max(-90, min(90, lat))))
