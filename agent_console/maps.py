"""A small map as shapes for an inline SVG, from the city's own basemap: nothing is loaded from elsewhere. Pure.

Metres are measured on a plane around the point (equirectangular), exact enough over the two kilometres that are drawn.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from georef.points import LonLat

WIDTH, HEIGHT = 440, 170
_METRES_PER_DEGREE = 111_320.0
_NARROWEST_M, _WIDEST_M = 700.0, 3_000.0
_MOST_LABELS = 5


@dataclass(frozen=True)
class Label:
    """A name at a place, in the drawing's units."""

    text: str
    x: float
    y: float
    is_area: bool = False


@dataclass(frozen=True)
class Street:
    """A line `d` (SVG path data), drawn `width` units wide."""

    d: str
    width: float


@dataclass(frozen=True)
class Drawing:
    """Path data and places, in a box of WIDTH x HEIGHT units; the pin is at (x, y). Empty strings draw nothing."""

    x: float
    y: float
    land: str = ""
    hit: str = ""
    water: str = ""
    parks: str = ""
    streets: Sequence[Street] = ()
    border: str = ""
    ruler: tuple[float, float, float, float] | None = None
    radius: float = 0.0
    labels: Sequence[Label] = field(default_factory=tuple)


@dataclass(frozen=True)
class _Frame:
    """The window: centre, units a metre, and the rectangle in degrees with some slack."""

    centre: LonLat
    scale: float

    def xy(self, lon: float, lat: float) -> tuple[float, float]:
        east = (lon - self.centre.lon) * _METRES_PER_DEGREE * math.cos(math.radians(self.centre.lat))
        north = (lat - self.centre.lat) * _METRES_PER_DEGREE
        return WIDTH / 2 + east * self.scale, HEIGHT / 2 - north * self.scale

    @property
    def box(self) -> tuple[float, float, float, float]:
        half_east = (WIDTH / 2 + 20) / self.scale / (_METRES_PER_DEGREE * math.cos(math.radians(self.centre.lat)))
        half_north = (HEIGHT / 2 + 20) / self.scale / _METRES_PER_DEGREE
        return (
            self.centre.lon - half_east,
            self.centre.lat - half_north,
            self.centre.lon + half_east,
            self.centre.lat + half_north,
        )


def draw(
    basemap: Mapping[str, Any],
    point: LonLat,
    *,
    precision_m: float | None = None,
    area: BaseGeometry | None = None,
    border_m: float | None = None,
) -> Drawing:
    """The surroundings of `point`. `area` (EPSG:4326) is tinted and its edge drawn, with a ruler when it is near.

    The window is wide enough to show the border and the margin of error when they fit in three kilometres.
    """
    wanted = max(_NARROWEST_M, 3.2 * (border_m or 0), 3.0 * (precision_m or 0))
    frame = _Frame(point, WIDTH / min(wanted, _WIDEST_M))
    x, y = frame.xy(point.lon, point.lat)
    hit, edge, ruler = _border(area, frame, point)
    streets, names = _streets(basemap.get("streets", []), frame)
    return Drawing(
        x=x,
        y=y,
        land=_rings((ring for part in basemap.get("land", []) for ring in _rings_of(part)), frame),
        hit=hit,
        water=_rings((ring for part in basemap.get("water", []) for ring in _rings_of(part)), frame),
        parks=_rings((ring for part in basemap.get("parks", []) for ring in _rings_of(part)), frame),
        streets=streets,
        border=edge,
        ruler=ruler if border_m is not None and border_m * frame.scale > 8 else None,
        radius=min(WIDTH, (precision_m or 0) * frame.scale),
        labels=_spread([*names, *_area_labels(basemap, frame)], (x, y)),
    )


def _rings_of(part: Any) -> list[Any]:
    """The rings of `{"rings": […]}`, `{"ring": […]}` or a bare ring."""
    if isinstance(part, Mapping):
        return list(part.get("rings") or [part.get("ring") or []])
    return [part]


def _path(points: Iterable[tuple[float, float]], close: bool) -> str:
    text = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f"M{text}{'Z' if close else ''}" if text else ""


def _polygons(geometry: BaseGeometry) -> list[shapely.Polygon]:
    parts = shapely.get_parts(geometry, return_index=False) if not geometry.is_empty else []
    return [part for part in parts if isinstance(part, shapely.Polygon) and not part.is_empty]


def _rings(rings: Iterable[Any], frame: _Frame) -> str:
    """Path data of closed rings, cut to the window."""
    west, south, east, north = frame.box
    out: list[str] = []
    for ring in rings:
        if len(ring) < 3:
            continue
        lons, lats = [at[0] for at in ring], [at[1] for at in ring]
        if max(lons) < west or min(lons) > east or max(lats) < south or min(lats) > north:
            continue
        shape = shapely.clip_by_rect(shapely.make_valid(shapely.Polygon(ring)), *frame.box)
        out += [_path((frame.xy(*at) for at in polygon.exterior.coords), True) for polygon in _polygons(shape)]
    return "".join(out)


def _border(
    area: BaseGeometry | None, frame: _Frame, point: LonLat
) -> tuple[str, str, tuple[float, float, float, float] | None]:
    """The tinted area, its edge, and a line from the point to the nearest place of that edge."""
    if area is None:
        return "", "", None
    inside = shapely.clip_by_rect(area, *frame.box)
    hit = "".join(
        _path((frame.xy(*at) for at in ring.coords), True)
        for polygon in _polygons(inside)
        for ring in (polygon.exterior, *polygon.interiors)
    )
    edge = shapely.clip_by_rect(shapely.boundary(area), *frame.box)
    if edge.is_empty:
        return hit, "", None
    lines = [part for part in shapely.get_parts(shapely.line_merge(edge)) if isinstance(part, shapely.LineString)]
    drawn = "".join(_path((frame.xy(*at) for at in line.coords), False) for line in lines)
    # Nearest on the drawing, where metres are equal in both directions.
    flat = shapely.MultiLineString([[frame.xy(*at) for at in line.coords] for line in lines])
    x, y = frame.xy(point.lon, point.lat)
    nearest = flat.interpolate(flat.project(shapely.Point(x, y))) if len(lines) == 1 else _nearest(flat, x, y)
    return hit, drawn, (x, y, nearest.x, nearest.y)


def _nearest(lines: BaseGeometry, x: float, y: float) -> shapely.Point:
    return shapely.shortest_line(lines, shapely.Point(x, y)).interpolate(0)


def _streets(streets: Iterable[Mapping[str, Any]], frame: _Frame) -> tuple[list[Street], list[Label]]:
    drawn: list[Street] = []
    labels: list[Label] = []
    for street in sorted(streets, key=lambda found: float(found.get("width", 1))):
        if len(street["line"]) < 2:
            continue
        line = shapely.clip_by_rect(shapely.LineString(street["line"]), *frame.box)
        if line.is_empty:
            continue
        width = float(street.get("width", 1))
        for part in shapely.get_parts(line):
            if not isinstance(part, shapely.LineString):
                continue
            drawn.append(Street(_path((frame.xy(*at) for at in part.coords), False), 3.0 + 3.0 * width))
            if part.length * _METRES_PER_DEGREE * frame.scale > 120:
                middle = part.interpolate(0.22, normalized=True)
                x, y = frame.xy(middle.x, middle.y)
                labels.insert(0, Label(street.get("name", ""), x, y + 4))
    return drawn, labels


def _area_labels(basemap: Mapping[str, Any], frame: _Frame) -> list[Label]:
    west, south, east, north = frame.box
    labels: list[Label] = []
    for label in basemap.get("labels", []):
        lon, lat = label["at"]
        if west <= lon <= east and south <= lat <= north:
            x, y = frame.xy(lon, lat)
            labels.append(Label(label["text"].upper(), x, y, is_area=True))
    return labels


def _spread(labels: Iterable[Label], pin: tuple[float, float]) -> list[Label]:
    """The first labels that lie inside, away from the pin, and do not touch each other; each name once."""
    kept: list[Label] = []
    boxes = [(pin[0] - 14, pin[1] - 34, pin[0] + 14, pin[1] + 6)]
    for label in labels:
        half = 3.4 * len(label.text)
        box = (label.x - half, label.y - 12, label.x + half, label.y + 4)
        is_inside = box[0] >= 2 and box[2] <= WIDTH - 2 and box[1] >= 2 and box[3] <= HEIGHT - 2
        if not label.text or not is_inside or any(label.text == other.text for other in kept):
            continue
        if any(box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in boxes):
            continue
        kept.append(label)
        boxes.append(box)
        if len(kept) == _MOST_LABELS:
            break
    return kept
