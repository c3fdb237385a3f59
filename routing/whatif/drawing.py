"""A layer before and after as path data for two inline SVGs, from the geometries themselves: nothing is loaded from elsewhere."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from georef.boundaries import Area
from georef.distances import metres_per_degree
from routing.places import Layer
from routing.whatif.boundaries import Hole, Overlap, Piece

WIDTH, HEIGHT = 540, 280
_NARROWEST_M = 1_500.0
# Around what changes, so that one sees where it lies.
_SLACK = 1.9
_MOST_DOTS = 140
_MOST_LABELS = 12
_DRAWN_PIECES = 150
# Where a name may go, up or down from the middle of its area, when another one stands there.
_ASIDE = (0, 20, -20, 40, -40)
# Degrees: about ten centimetres, the rounding of two drawings of one line.
_SAME_LINE = 1e-6

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Frame:
    """A window of the city: WIDTH x HEIGHT units around a centre; `per_lon`, `per_lat` are units in a degree."""

    lon: float
    lat: float
    per_lon: float
    per_lat: float

    def xy(self, lon: float, lat: float) -> tuple[float, float]:
        return WIDTH / 2 + (lon - self.lon) * self.per_lon, HEIGHT / 2 - (lat - self.lat) * self.per_lat

    def lonlat(self, x: float, y: float) -> tuple[float, float]:
        return self.lon + (x - WIDTH / 2) / self.per_lon, self.lat - (y - HEIGHT / 2) / self.per_lat

    @property
    def bounds(self) -> Bounds:
        half_lon, half_lat = (WIDTH / 2 + 12) / self.per_lon, (HEIGHT / 2 + 12) / self.per_lat
        return self.lon - half_lon, self.lat - half_lat, self.lon + half_lon, self.lat + half_lat

    @property
    def pixel(self) -> float:
        return 1 / self.per_lat

    def cut(self, geometry: BaseGeometry) -> BaseGeometry:
        return shapely.clip_by_rect(shapely.simplify(geometry, self.pixel * 0.4), *self.bounds)


def draw_layer(
    before: Layer,
    after: Layer,
    *,
    pieces: Sequence[Piece] = (),
    holes: Sequence[Hole] = (),
    overlaps: Sequence[Overlap] = (),
    dots: Sequence[tuple[float, float]] = (),
    outline: Layer | None = None,
    basemap: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The layer, its name, and `before` and `after`: what `intake.whatif.pictures` draws. `dots`: requests that change hands."""
    pieces = pieces[:_DRAWN_PIECES]
    frame = _frame(pieces, holes, overlaps, dots, before, outline)
    ground = _ground(basemap or {}, frame)
    shown = _dots(dots, frame)
    old, new = ({area.code: area for area in layer.index.areas} for layer in (before, after))
    gaining = {piece.to_area.code for piece in pieces[:8] if piece.to_area}
    losing = {piece.from_area.code for piece in pieces[:8] if piece.from_area} - gaining
    shared = {"streets": ground["streets"], "water": ground["water"], "parks": ground["parks"], "dots": shown}
    return {
        "layer": before.key,
        "name": dict(before.name),
        "before": shared
        | {
            "areas": _areas(before.index.areas, frame, gaining, losing),
            "labels": _labels(before.index.areas, frame),
            "edge": _edges(pieces, old, frame, is_old=True),
        },
        "after": shared
        | {
            "areas": _areas(after.index.areas, frame, gaining, losing),
            "labels": _labels(after.index.areas, frame),
            "edge": _edges(pieces, new, frame, is_old=False),
            "old_edge": _edges(pieces, old, frame, is_old=True),
            "pieces": _rings((piece.geometry for piece in pieces), frame),
            "holes": _rings((hole.geometry for hole in holes[:_DRAWN_PIECES]), frame),
            "overlaps": _rings((overlap.geometry for overlap in overlaps[:_DRAWN_PIECES]), frame),
        },
    }


def _frame(
    pieces: Sequence[Piece],
    holes: Sequence[Hole],
    overlaps: Sequence[Overlap],
    dots: Sequence[tuple[float, float]],
    layer: Layer,
    outline: Layer | None,
) -> _Frame:
    """What changes with room around it; the whole city when nothing does, or when it is everywhere."""
    areas = outline.index.areas if outline is not None and outline.index.areas else layer.index.areas
    city = shapely.total_bounds([area.geometry for area in areas])
    # Slivers all over the city are no reason to show the whole of it.
    largest = pieces[0].m2 if pieces else 0.0
    found = [piece.geometry for piece in pieces if piece.m2 > largest / 50]
    places: list[Hole | Overlap] = [*holes[:3], *overlaps[:3]]
    found += [place.geometry for place in places if place.m2 > largest / 50]
    if not found and dots:
        found = [shapely.MultiPoint(dots[:: max(1, len(dots) // 1000)])]
    west, south, east, north = (float(edge) for edge in (shapely.total_bounds(found) if found else city))
    lat = (south + north) / 2
    per_lon, per_lat = metres_per_degree(round(lat, 3))
    slack = _SLACK if found else 1.06
    wide = max((east - west) * per_lon * slack, _NARROWEST_M)
    high = max((north - south) * per_lat * slack, _NARROWEST_M * HEIGHT / WIDTH)
    limit = max((city[2] - city[0]) * per_lon * 1.06 / WIDTH, (city[3] - city[1]) * per_lat * 1.06 / HEIGHT)
    scale = 1 / min(max(wide / WIDTH, high / HEIGHT), limit)
    return _Frame((west + east) / 2, lat, per_lon * scale, per_lat * scale)


def _areas(areas: Sequence[Area], frame: _Frame, gaining: set[str], losing: set[str]) -> list[list[str]]:
    drawn = []
    for area in areas:
        path = _rings([area.geometry], frame)
        if path:
            kind = "hit" if area.code in gaining else "block" if area.code in losing else "land"
            drawn.append([kind, path])
    return drawn


def _rings(geometries: Iterable[BaseGeometry], frame: _Frame) -> str:
    out: list[str] = []
    for geometry in geometries:
        if not _is_near(geometry.bounds, frame.bounds):
            continue
        for part in shapely.get_parts(shapely.get_parts(frame.cut(geometry))):
            if part.geom_type == "Polygon" and not part.is_empty:
                out += [_path(ring.coords, frame, True) for ring in (part.exterior, *part.interiors)]
    return "".join(out)


def _is_near(bounds: Bounds, window: Bounds) -> bool:
    return bounds[0] <= window[2] and bounds[2] >= window[0] and bounds[1] <= window[3] and bounds[3] >= window[1]


def _path(coords: Iterable[Sequence[float]], frame: _Frame, close: bool) -> str:
    points = [frame.xy(at[0], at[1]) for at in coords]
    text = "L".join(f"{x:.1f} {y:.1f}" for x, y in (points[:-1] if close else points))
    return f"M{text}{'Z' if close else ''}" if text else ""


def _lines(geometry: BaseGeometry, frame: _Frame) -> str:
    cut = frame.cut(geometry)
    if cut.is_empty:
        return ""
    lines = [part for part in shapely.get_parts(shapely.get_parts(cut)) if part.geom_type == "LineString"]
    merged = shapely.line_merge(shapely.multilinestrings(lines)) if lines else None
    parts = [] if merged is None else shapely.get_parts(merged)
    return "".join(_path(part.coords, frame, False) for part in parts if part.geom_type == "LineString")


def _edges(pieces: Sequence[Piece], areas: Mapping[str, Area], frame: _Frame, *, is_old: bool) -> str:
    """The border that was, or will be, along the pieces: where they touch the receiving area of then, or what is left."""
    out = []
    for piece in pieces:
        side = piece.to_area if is_old else piece.from_area
        other = areas.get(side.code) if side is not None else None
        if other is not None and _is_near(piece.geometry.bounds, frame.bounds):
            along = shapely.buffer(other.geometry.boundary, _SAME_LINE)
            out.append(_lines(shapely.intersection(piece.geometry.boundary, along), frame))
    return "".join(out)


def _dots(dots: Sequence[tuple[float, float]], frame: _Frame) -> list[list[float]]:
    west, south, east, north = frame.bounds
    inside = [at for at in dots if west <= at[0] <= east and south <= at[1] <= north]
    step = math.ceil(len(inside) / _MOST_DOTS) or 1
    spots = {(round(float(x), 1), round(float(y), 1)) for x, y in (frame.xy(*at) for at in inside[::step])}
    return [[x, y] for x, y in sorted(spots) if 0 <= x <= WIDTH and 0 <= y <= HEIGHT]


def _labels(areas: Sequence[Area], frame: _Frame) -> list[list[Any]]:
    """Names of the areas that have room for theirs, the largest first."""
    found = []
    for area in areas:
        if _is_near(area.geometry.bounds, frame.bounds):
            shown = shapely.clip_by_rect(area.geometry, *frame.bounds)
            if not shown.is_empty and shown.area > 0:
                spot = shown.centroid if shapely.contains(shown, shown.centroid) else shown.representative_point()
                found.append((shown.area * frame.per_lon * frame.per_lat, area.name, shown, *frame.xy(spot.x, spot.y)))
    kept: list[list[Any]] = []
    boxes: list[Bounds] = []
    for room, name, shown, x, middle in sorted(found, key=lambda one: (-one[0], one[1])):
        half = 4.2 * len(name)
        x = min(max(x, half + 4), WIDTH - half - 4)
        if room < 900 or half * 2 > WIDTH / 2:
            continue
        for aside in _ASIDE:
            y = min(max(middle + aside, 14), HEIGHT - 6)
            box = (x - half, y - 13, x + half, y + 5)
            is_inside = not aside or shapely.contains_xy(shown, *frame.lonlat(x, y))
            if is_inside and not any(_is_near(box, other) for other in boxes):
                kept.append([name, round(float(x), 1), round(float(y), 1)])
                boxes.append(box)
                break
        if len(kept) == _MOST_LABELS:
            break
    return kept


def _ground(basemap: Mapping[str, Any], frame: _Frame) -> dict[str, Any]:
    streets = []
    for street in basemap.get("streets", ()):
        if len(street.get("line", ())) > 1:
            path = _lines(shapely.LineString(street["line"]), frame)
            if path:
                streets.append([path, round(1.2 + 0.7 * float(street.get("width", 1)), 1)])
    return {
        "streets": streets,
        **{kind: _rings(_polygons(basemap.get(kind, ())), frame) for kind in ("water", "parks")},
    }


def _polygons(parts: Iterable[Any]) -> Iterable[BaseGeometry]:
    for part in parts:
        rings = (part.get("rings") or [part.get("ring") or []]) if isinstance(part, Mapping) else [part]
        for ring in rings:
            if len(ring) > 2:
                yield shapely.make_valid(shapely.Polygon(ring))
