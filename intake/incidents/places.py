"""Where an incident is: areas of the city's layers as one shape, and shapes as the city has them."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

import shapely
from shapely.geometry.base import BaseGeometry
from sqlmodel import Session

from kernel.errors import InvalidInput, NotFound
from routing import queries as routing
from routing.decide import OUTLINE
from routing.places import Layer

# The layers that people name places by.
NAMED = ("district", "colonia")
# Of what somebody draws by hand: a line that crosses itself a thousand times is no area, and long to look at.
MOST_CORNERS = 500


class Choice(NamedTuple):
    """One area that may be chosen. value: `layer:code`, as forms send it."""

    layer: str
    code: str
    name: str

    @property
    def value(self) -> str:
        return f"{self.layer}:{self.code}"


def choices(session: Session, jurisdiction_id: str, on: date) -> dict[str, list[Choice]]:
    """The areas in force of each layer that people name places by, in the order of their names."""
    layers = _layers(session, jurisdiction_id)
    return {
        key: sorted(
            (Choice(key, area.code, area.name) for area in layers[key].index.in_force(on).areas),
            key=lambda choice: choice.name.casefold(),
        )
        for key in NAMED
        if key in layers
    }


def shape_of(
    session: Session, jurisdiction_id: str, values: Sequence[str], on: date
) -> tuple[list[dict[str, str]], BaseGeometry | None]:
    """The areas with their names, and their shape together; none chosen is the whole city. Raises InvalidInput."""
    if not values:
        return [], None
    layers = _layers(session, jurisdiction_id)
    chosen, shapes = [], []
    for value in dict.fromkeys(values):
        key, _, code = value.partition(":")
        areas = layers[key].index.in_force(on).areas if key in NAMED and key in layers else ()
        found = [area for area in areas if area.code == code]
        if not found:
            raise InvalidInput("Esa zona ya no existe. Elige otra vez dónde es.", field="area")
        chosen.append({"layer": key, "code": code, "name": found[0].name})
        shapes += [area.geometry for area in found]
    return chosen, shapely.union_all(shapes)


def outline(session: Session, jurisdiction_id: str, on: date) -> BaseGeometry | None:
    """The city's own shape."""
    layers = _layers(session, jurisdiction_id)
    areas = layers[OUTLINE].index.in_force(on).areas if OUTLINE in layers else ()
    return shapely.union_all([area.geometry for area in areas]) if areas else None


def clipped(shape: BaseGeometry, within: BaseGeometry | None) -> BaseGeometry | None:
    """What of the shape is in the city: None when all of the city is. Raises InvalidInput when none of it is."""
    if within is None:
        return shape
    held = shapely.intersection(shape, within)
    polygons = [part for part in shapely.get_parts(shapely.get_parts(held)) if part.geom_type == "Polygon"]
    if not polygons or sum(part.area for part in polygons) <= 0:
        raise InvalidInput("Esa zona no toca la ciudad.", field="area")
    joined: BaseGeometry = shapely.union_all(polygons)
    return None if joined.area >= 0.99 * within.area else joined


def read_polygon(text: str) -> BaseGeometry | None:
    """A polygon as people write it: one corner a line or after a semicolon, latitude and longitude; None for no words.

    Raises InvalidInput.
    """
    corners = [corner for corner in text.replace(";", "\n").splitlines() if corner.strip()]
    if not corners:
        return None
    points = [_corner(corner) for corner in corners]
    if not 3 <= len(points) <= MOST_CORNERS:
        raise InvalidInput(
            "Un polígono tiene de tres a quinientas esquinas, una por línea: latitud, longitud.", field="polygon"
        )
    made: BaseGeometry = shapely.polygons(points)
    return made


def _corner(text: str) -> tuple[float, float]:
    parts = text.replace(",", " ").split()
    try:
        lat, lon = (float(part) for part in parts)
    except ValueError:
        lat, lon = float("nan"), float("nan")
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise InvalidInput(
            "No se entiende la esquina «{corner}». Ejemplo: 19.4326, -99.1332.",
            field="polygon",
            corner=text.strip()[:40],
        )
    return lon, lat


def nowhere() -> InvalidInput:
    """What is said of a form that chose neither the city nor a part of it."""
    return InvalidInput("Elige dónde es: al menos una zona, un polígono o toda la ciudad.", field="area")


def names(areas: Iterable[dict[str, str]], most: int = 3) -> str:
    """`Norte, Sur y 2 más` without a language's words: the names, and how many more."""
    held = [area["name"] for area in areas]
    return ", ".join(held[:most]) + (f" +{len(held) - most}" if len(held) > most else "")


def _layers(session: Session, jurisdiction_id: str) -> dict[str, Layer]:
    try:
        return dict(routing.city(session, jurisdiction_id).layers)
    except NotFound:
        return {}  # a city without rules yet
