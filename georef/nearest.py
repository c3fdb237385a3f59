"""The named place next to a point: how people say where they are."""

from collections.abc import Collection, Sequence

import numpy as np

from georef.distances import metres_per_degree
from georef.places import Place
from georef.points import LonLat


class NearestPlaces:
    """The places of some kinds of a city by where they are; read-only, safe to share between threads."""

    def __init__(self, places: Sequence[Place], kinds: Collection[str]) -> None:
        self._places = [place for place in places if place.kind in kinds]
        self._lons = np.array([place.point.lon for place in self._places])
        self._lats = np.array([place.point.lat for place in self._places])

    def to(self, point: LonLat, within_m: float) -> Place | None:
        """The nearest one, None when none is within `within_m` metres."""
        if not self._places:
            return None
        per_lon, per_lat = metres_per_degree(point.lat)
        away = np.hypot((self._lons - point.lon) * per_lon, (self._lats - point.lat) * per_lat)
        nearest = int(away.argmin())
        return self._places[nearest] if away[nearest] <= within_m else None
