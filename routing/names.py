"""Areas of boundary layers as places that people name."""

import math
from collections.abc import Mapping, Sequence

from georef.distances import metres_per_degree
from georef.gazetteer import Place
from georef.names import fold
from georef.points import LonLat
from routing.places import Layer


def area_places(places: Sequence[Place], layers: Mapping[str, Layer]) -> list[Place]:
    """The areas in force without an end whose name is not among `places` yet, each at a point inside it.

    precision_m is the radius of a circle as large as the area; the context of a smaller area is its district.
    """
    known = {(place.kind, fold(place.name)) for place in places}
    found: list[Place] = []
    for key, layer in layers.items():
        for area in layer.index.areas:
            if area.valid_to is not None or (key, fold(area.name)) in known:
                continue
            inside = area.geometry.representative_point()
            point = LonLat(inside.x, inside.y)
            per_lon, per_lat = metres_per_degree(point.lat)
            radius_m = (area.geometry.area * per_lon * per_lat / math.pi) ** 0.5
            around = (
                layers["district"].index.at(point, area.valid_from)
                if key != "district" and "district" in layers
                else []
            )
            found.append(Place(key, area.name, point, round(radius_m), (), around[0].name if around else ""))
    return found
