"""A small map as shapes for an inline SVG, from the city's own basemap: nothing is loaded from elsewhere. Pure.

Metres are measured on a plane around the point (equirectangular), exact enough over the two kilometres that are drawn.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from georef.distances import in_words
from georef.points import LonLat

WIDTH, HEIGHT = 440, 170
_METRES_PER_DEGREE = 111_320.0
_NARROWEST_M, _WIDEST_M = 700.0, 3_000.0
# A road is eighteen metres to each side: seen from nearer.
_ROAD_M = 320.0
_MOST_LABELS = 5
# Units to the right of the pin.
_ASIDE = 20.0


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
class Road:
    """A line of a layer of lines (EPSG:4326), and the metres to each side of its axis that count as on it."""

    line: BaseGeometry
    tolerance_m: float
    is_owner: bool = True
    name: str = ""


@dataclass(frozen=True)
class Drawing:
    """Path data and places, in a box of WIDTH x HEIGHT units; the pin is at (x, y). Empty strings draw nothing.

    `metres`: what the ruler measures, to the border of the area or to the edge of the road; None without either. `said`: that,
    written beside the ruler. `area`, `road_name`: what the tinted area and the drawn road are called, for the legend.
    """

    x: float
    y: float
    land: str = ""
    hit: str = ""
    water: str = ""
    parks: str = ""
    streets: Sequence[Street] = ()
    border: str = ""
    road: str = ""
    axis: str = ""
    owns_road: bool = False
    metres: int | None = None
    said: Label | None = None
    ruler: tuple[float, float, float, float] | None = None
    radius: float = 0.0
    area: str = ""
    road_name: str = ""
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
    area_name: str = "",
    border_m: float | None = None,
    road: Road | None = None,
) -> Drawing:
    """The surroundings of `point`. `area` (EPSG:4326) is tinted and its edge drawn, with a ruler when it is near.

    With a `road` the ruler goes to its edge, and `border_m` are the metres to there. The window is wide enough to show what
    the ruler measures and the margin of error when they fit in three kilometres.
    """
    wanted = max(_ROAD_M if road else _NARROWEST_M, 3.2 * (border_m or 0), 3.0 * (precision_m or 0))
    frame = _Frame(point, WIDTH / min(wanted, _WIDEST_M))
    hit, edge, ruler = _border(area, frame, point)
    if border_m and area is not None and road is None and not edge:
        # Up and down the window is narrower: the border lies there.
        frame = _Frame(point, WIDTH / min(max(2.3 * border_m * WIDTH / HEIGHT, _NARROWEST_M), _WIDEST_M))
        hit, edge, ruler = _border(area, frame, point)
    x, y = frame.xy(point.lon, point.lat)
    band, axis = "", ""
    if road is not None:
        band, axis, ruler = _along(road, frame, point)
    streets, names = _streets(basemap.get("streets", []), frame)
    metres = round(border_m) if border_m is not None and ruler else None
    shown = _beside_the_pin(ruler) if border_m is not None and ruler and border_m * frame.scale > 8 else None
    said = _said(shown, metres) if shown and metres is not None else None
    return Drawing(
        x=x,
        y=y,
        land=_rings((ring for part in basemap.get("land", []) for ring in _rings_of(part)), frame),
        hit=hit,
        water=_rings((ring for part in basemap.get("water", []) for ring in _rings_of(part)), frame),
        parks=_rings((ring for part in basemap.get("parks", []) for ring in _rings_of(part)), frame),
        streets=streets,
        border=edge,
        road=band,
        axis=axis,
        owns_road=road is not None and road.is_owner,
        metres=metres,
        said=said,
        ruler=shown,
        radius=min(WIDTH, (precision_m or 0) * frame.scale),
        area=area_name if hit else "",
        road_name=road.name if road is not None and band else "",
        labels=_spread([*names, *_area_labels(basemap, frame)], (x, y), said),
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


def _along(road: Road, frame: _Frame, point: LonLat) -> tuple[str, str, tuple[float, float, float, float] | None]:
    """The road as wide as it counts, its axis, and a line from the point to the nearest place of its edge."""
    half = max(road.tolerance_m * frame.scale, 1.0)
    west, south, east, north = frame.box
    # Cut further out than it is wide, so that no end of the band shows.
    lon, lat = (east - west) * half / WIDTH, (north - south) * half / HEIGHT
    inside = shapely.clip_by_rect(road.line, west - lon, south - lat, east + lon, north + lat)
    lines = [part for part in shapely.get_parts(inside) if isinstance(part, shapely.LineString) and not part.is_empty]
    if not lines:
        return "", "", None
    flat = shapely.MultiLineString([[frame.xy(*at) for at in line.coords] for line in lines])
    band = shapely.buffer(flat, half, cap_style="flat")
    drawn = "".join(
        _path(ring.coords, True) for polygon in _polygons(band) for ring in (polygon.exterior, *polygon.interiors)
    )
    axis = "".join(_path(line.coords, False) for line in shapely.get_parts(flat))
    x, y = frame.xy(point.lon, point.lat)
    # Only the long sides of the band: its ends are where the drawing stops, not the road.
    sides = shapely.difference(shapely.boundary(band), shapely.buffer(shapely.boundary(flat), half + 0.1))
    nearest = _nearest(sides, x, y) if not sides.is_empty else None
    return drawn, axis, None if nearest is None else (x, y, nearest.x, nearest.y)


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


def _beside_the_pin(ruler: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """The pin stands above its point and would hide what is measured upwards: that is drawn next to it, equally long."""
    x1, y1, x2, y2 = ruler
    length = math.hypot(x2 - x1, y2 - y1)
    if length == 0 or y2 > y1 - 0.8 * length or length > 60:
        return ruler
    right, down = -(y2 - y1) / length * _ASIDE, (x2 - x1) / length * _ASIDE
    return x1 + right, y1 + down, x2 + right, y2 + down


def _said(ruler: tuple[float, float, float, float], metres: int) -> Label:
    x1, y1, x2, y2 = ruler
    x, y, text = (x1 + x2) / 2, (y1 + y2) / 2, in_words(metres)
    if abs(x2 - x1) > abs(y2 - y1):
        return Label(text, x, y + 16)
    return Label(text, x + 8 + 3.4 * len(text), y + 4)


def _spread(labels: Iterable[Label], pin: tuple[float, float], said: Label | None = None) -> list[Label]:
    """The first labels that lie inside, away from the pin, and do not touch each other; each name once."""
    kept: list[Label] = []
    boxes = [(pin[0] - 14, pin[1] - 34, pin[0] + 14, pin[1] + 6), *([_box(said)] if said else [])]
    for label in labels:
        box = _box(label)
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


def _box(label: Label) -> tuple[float, float, float, float]:
    half = 3.4 * len(label.text)
    return label.x - half, label.y - 12, label.x + half, label.y + 4
