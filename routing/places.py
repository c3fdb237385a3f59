"""What is at a point: the areas that hold it and the lines that run by it, per layer, and what a person settled about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import shapely
from shapely.geometry.base import BaseGeometry

from georef.areas import Area
from georef.borders import BorderLines
from georef.boundaries import BoundaryIndex
from georef.lines import near_line
from georef.points import LonLat
from kernel.errors import InvalidInput
from routing.decide import OUTLINE, AreasByLayer
from routing.values import LayerKind

# Metres within which each layer's lines count, ascending; as `RuleBook.tolerances` gives them.
Tolerances = Mapping[str, Sequence[float]]
NO_TOLERANCES: Tolerances = {}


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of a jurisdiction, with its name by language: areas that hold points, or lines that run near them."""

    key: str
    name: Mapping[str, str]
    index: BoundaryIndex

    @property
    def kind(self) -> LayerKind:
        return self.index.kind


def areas_at(
    layers: Mapping[str, Layer], point: LonLat | None, on: date, tolerances: Tolerances = NO_TOLERANCES
) -> dict[str, tuple[Area, ...]]:
    """What holds the point, per layer, and which lines come near enough; nothing without a point.

    Lines that no rule asks for (no tolerance) are near no point.
    """
    if point is None:
        return dict.fromkeys(layers, ())
    found: dict[str, tuple[Area, ...]] = {}
    for key, layer in layers.items():
        index = layer.index
        if index.kind == "area":
            found[key] = index.in_force(on).at(point.lon, point.lat)
        else:
            within = tolerances.get(key)
            found[key] = index.lines(on).near(point.lon, point.lat, within[-1]) if within else ()
    return found


def settle(
    layers: Mapping[str, Layer], areas: AreasByLayer, settled: Mapping[str, str], point: LonLat | None, on: date
) -> dict[str, tuple[Area, ...]]:
    """`areas` with each settled layer holding exactly the code that a person named, or nothing for "".

    Raises InvalidInput for a layer or a code that is not there on that day, and without a point: then nothing is near.
    """
    found: dict[str, tuple[Area, ...]] = {key: tuple(held) for key, held in areas.items()}
    for key, code in settled.items():
        layer = layers.get(key)
        if layer is None or point is None:
            raise InvalidInput("No hay nada que aclarar de la capa {layer}.", field="settled", layer=key)
        if not code:
            found[key] = ()
            continue
        known = layer.index.lines(on).lines if layer.kind == "line" else layer.index.in_force(on).areas
        area = next((area for area in known if area.code == code), None)
        if area is None:
            raise InvalidInput("La capa {layer} no tiene {code}.", field="settled", layer=key, code=code)
        if layer.kind == "line":
            area = near_line(area, layer.index.lines(on).metres_to(point, code), is_settled=True)
        found[key] = (area,)
    return found


def still_there(layers: Mapping[str, Layer], settled: Mapping[str, str], on: date) -> Mapping[str, str]:
    """`settled` when all that it names is there on that day, else nothing: boundaries may change while a person replies."""
    for key, code in settled.items():
        layer = layers.get(key)
        if layer is None:
            return {}
        known = layer.index.lines(on).lines if layer.kind == "line" else layer.index.in_force(on).areas
        if code and not any(area.code == code for area in known):
            return {}
    return settled


def may_hold(layer: Layer, code: str, point: LonLat, within_m: float, on: date) -> bool:
    """Whether an area in force holds the point, or comes within so many metres of it. No line ever does."""
    if layer.kind == "line":
        return False
    area = next((area for area in layer.index.in_force(on).areas if area.code == code), None)
    if area is None:
        return False
    return area in layer.index.at(point, on) or (
        within_m > 0 and BorderLines([area.geometry]).nearest(point)[0] <= within_m
    )


def is_outside(layers: Mapping[str, Layer], areas: AreasByLayer, on: date) -> bool:
    """Whether a located point is out of the city. A city without an outline in force that day holds every point."""
    outline = layers.get(OUTLINE)
    return outline is not None and not areas[OUTLINE] and bool(outline.index.in_force(on).areas)


def refuse_elsewhere(outline: Layer | None, key: str, geometries: Sequence[BaseGeometry]) -> None:
    """Raises InvalidInput for a layer that lies wholly outside the city: another place, or another coordinate system."""
    if key == OUTLINE or outline is None or not outline.index.areas or not geometries:
        return
    west, south, east, north = shapely.total_bounds(geometries)
    box = shapely.box(west, south, east, north)
    if not any(shapely.intersects(box, area.geometry) for area in outline.index.areas):
        raise InvalidInput(
            "La capa «{layer}» no toca la ciudad: va de {west}, {south} a {east}, {north}. Revisa sus coordenadas.",
            field="layer",
            layer=key,
            west=round(float(west), 4),
            south=round(float(south), 4),
            east=round(float(east), 4),
            north=round(float(north), 4),
        )
