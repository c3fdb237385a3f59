"""Corners that a phone of the demo may share, and the small map that it picks them on."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

WIDTH, HEIGHT = 300, 220
_MOST = 60
_EDGE = 14
# Dots on the map are far enough apart for a finger; the list has the rest.
_APART = 28
# Of an outline, every so many points: the map is three hundred pixels wide.
_EACH = 3


@dataclass(frozen=True)
class Corner:
    name: str
    lon: float
    lat: float

    @property
    def value(self) -> str:
        return f"{self.lon},{self.lat},{self.name}"


@dataclass(frozen=True)
class Dot:
    """A corner on the map, in its pixels."""

    corner: Corner
    x: float
    y: float


@dataclass(frozen=True)
class CityMap:
    """corners: all that can be shared, by name; dots: those on the map; outline: the city's districts, as an SVG path."""

    corners: Sequence[Corner] = ()
    dots: Sequence[Dot] = ()
    outline: str = ""
    width: int = WIDTH
    height: int = HEIGHT


@cache
def city_map(places: Path | None) -> CityMap:
    """From a city folder's `places.csv` and the districts beside it; empty without them."""
    if places is None or not places.exists():
        return CityMap()
    with places.open(encoding="utf-8", newline="") as file:
        found = [
            Corner(row["name"], float(row["lon"]), float(row["lat"]))
            for row in csv.DictReader(file)
            if row.get("kind") == "crossing"
        ]
    if not found:
        return CityMap()
    # Spread over the whole list, which follows the streets.
    chosen = sorted(found[:: max(1, len(found) // _MOST)][:_MOST], key=lambda corner: corner.name)
    rings = list(_rings(places.parent / "layers" / "district.geojson"))
    frame = _Frame([(one.lon, one.lat) for one in chosen] + [point for ring in rings for point in ring])
    outline = "".join(
        "M" + "L".join("{:.1f} {:.1f}".format(*frame.at(*point)) for point in ring) + "Z" for ring in rings
    )
    dots: list[Dot] = []
    for corner in chosen:
        x, y = frame.at(corner.lon, corner.lat)
        if all(max(abs(x - dot.x), abs(y - dot.y)) >= _APART for dot in dots):
            dots.append(Dot(corner, x, y))
    return CityMap(tuple(chosen), tuple(dots), outline)


class _Frame:
    """From degrees to pixels: all points, with an edge around them."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        self._west, self._north = min(lon for lon, _ in points), max(lat for _, lat in points)
        self._across = max(max(lon for lon, _ in points) - self._west, 1e-9)
        self._down = max(self._north - min(lat for _, lat in points), 1e-9)

    def at(self, lon: float, lat: float) -> tuple[float, float]:
        x = _EDGE + (lon - self._west) / self._across * (WIDTH - 2 * _EDGE)
        y = _EDGE + (self._north - lat) / self._down * (HEIGHT - 2 * _EDGE)
        return round(x, 1), round(y, 1)


def _rings(path: Path) -> Iterator[list[tuple[float, float]]]:
    """The outer edges of the areas in a GeoJSON file; none when there is no such file."""
    if not path.exists():
        return
    for feature in json.loads(path.read_text(encoding="utf-8"))["features"]:
        shape: dict[str, Any] = feature["geometry"]
        polygons = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
        for polygon in polygons:
            edge = polygon[0]
            yield [(float(lon), float(lat)) for lon, lat, *_ in edge[:: _EACH if len(edge) > 4 * _EACH else 1]]
