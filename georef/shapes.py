"""Makes geometries of layers fit to be looked up: valid, flat, polygons only or lines only, in one canonical form."""

from collections.abc import Iterable
from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry

from kernel.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Shape:
    """Valid polygons, or lines, without heights, in canonical order, so that equal areas have equal bytes."""

    geometry: BaseGeometry
    was_repaired: bool


def clean(geometry: BaseGeometry | None, *, code: str) -> Shape:
    """Repairs a self-crossing polygon and normalises it. Raises InvalidInput when no area is left or it is not in degrees."""
    if geometry is None or shapely.is_missing(geometry) or geometry.is_empty:
        raise InvalidInput("La zona {code} no tiene geometría.", code=code)
    flat = shapely.force_2d(geometry)
    was_valid = bool(shapely.is_valid(flat))
    polygons = _polygons(flat if was_valid else shapely.make_valid(flat))
    if not polygons:
        raise InvalidInput("La zona {code} no es un polígono.", code=code)
    _refuse_metres(polygons, code)
    merged = polygons[0] if len(polygons) == 1 else shapely.multipolygons(polygons)
    if not shapely.is_valid(merged):
        merged = shapely.union_all(polygons)
    return Shape(shapely.normalize(merged), not was_valid)


def is_line(geometry: BaseGeometry | None) -> bool:
    return geometry is not None and geometry.geom_type in ("LineString", "LinearRing", "MultiLineString")


def clean_line(geometry: BaseGeometry | None, *, code: str) -> Shape:
    """Normalises a line or a bundle of lines. Raises InvalidInput when it has no length or is not in degrees."""
    if geometry is None or shapely.is_missing(geometry) or geometry.is_empty:
        raise InvalidInput("La línea {code} no tiene geometría.", code=code)
    parts = shapely.get_parts(shapely.force_2d(geometry))
    lines = [part for part in parts if is_line(part) and part.length > 0]
    if not lines:
        raise InvalidInput("{code} no es una línea.", code=code)
    _refuse_metres(lines, code)
    return Shape(shapely.normalize(lines[0] if len(lines) == 1 else shapely.multilinestrings(lines)), False)


def _refuse_metres(parts: list[BaseGeometry], code: str) -> None:
    west, south, east, north = shapely.total_bounds(parts)
    if not (west >= -180 and east <= 180 and south >= -90 and north <= 90):
        raise InvalidInput(
            "La zona {code} no está en grados de longitud y latitud (WGS84): {west}, {south}.",
            code=code,
            west=float(west),
            south=float(south),
        )


def merge(shapes: list[Shape]) -> Shape:
    """One area, or one line, given in several pieces."""
    if len(shapes) == 1:
        return shapes[0]
    if is_line(shapes[0].geometry):
        parts = [part for shape in shapes for part in shapely.get_parts(shape.geometry)]
        return Shape(shapely.normalize(shapely.multilinestrings(parts)), False)
    union = shapely.union_all([shape.geometry for shape in shapes])
    return Shape(shapely.normalize(union), any(shape.was_repaired for shape in shapes))


def _polygons(geometry: BaseGeometry) -> list[BaseGeometry]:
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return [part for part in parts if part.geom_type == "Polygon" and part.area > 0]


def by_code(
    areas: Iterable[tuple[str, str, BaseGeometry]], *, are_lines: bool
) -> tuple[dict[str, str], dict[str, list[Shape]]]:
    """(names, clean pieces) by code, of (code, name, geometry). Raises InvalidInput for an empty set or code, and as `clean`."""
    names: dict[str, str] = {}
    pieces: dict[str, list[Shape]] = {}
    for code, name, geometry in areas:
        code = str(code).strip()
        if not code:
            raise InvalidInput("Una zona no tiene clave.", field="code")
        pieces.setdefault(code, []).append((clean_line if are_lines else clean)(geometry, code=code))
        names.setdefault(code, str(name).strip() or code)
    if not pieces:
        raise InvalidInput("La capa no tiene ninguna zona.")
    return names, pieces
