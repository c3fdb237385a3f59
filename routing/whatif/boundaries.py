"""Two editions of one layer as geometry: where they differ, what nobody holds, what two hold. EPSG:4326, lon-lat; areas in m²."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from georef.boundaries import Area
from georef.distances import metres_per_degree
from routing.bulk import BulkRow, decide_many
from routing.places import Layer
from routing.whatif.sides import Side
from routing.whatif.tally import NOBODY

# Less than this is the rounding of two drawings, not a place.
SMALLEST_M2 = 1.0
# A layer that covers this share of the city is meant to cover all of it: a place without an area is then a hole. Roads do not.
_TILING = 0.9
# The owners of pieces are asked for every service; beyond this many only the geometry is told.
_ASKED_PIECES = 2_000


@dataclass(frozen=True, slots=True)
class Piece:
    """Land that goes from one area to another; None where no area held it, or will.

    before, after: agencies for the service that most often moves there, NOBODY where nobody answers, the same when none moves.
    services: how many services change hands there. requests: those of the period that change hands there.
    """

    layer: str
    geometry: BaseGeometry
    m2: float
    from_area: Area | None
    to_area: Area | None
    before: str = NOBODY
    after: str = NOBODY
    services: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True)
class Hole:
    """Land inside the outline that no area of the layer holds."""

    layer: str
    geometry: BaseGeometry
    m2: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """Land that two areas hold."""

    layer: str
    geometry: BaseGeometry
    m2: float
    first: Area
    second: Area


def square_metres(geometry: BaseGeometry) -> float:
    """The area of a geometry in degrees, measured on a flat grid at its own latitude."""
    if geometry.is_empty:
        return 0.0
    per_lon, per_lat = metres_per_degree(round(float((geometry.bounds[1] + geometry.bounds[3]) / 2), 3))
    return float(geometry.area) * per_lon * per_lat


def differences(before: Layer, after: Layer) -> list[Piece]:
    """What changes hands between two editions, largest first. Land whose area keeps its code is no difference."""
    old = {area.code: area for area in before.index.areas}
    new = {area.code: area for area in after.index.areas}
    lost = _apart(old, new)
    gained = _apart(new, old)
    pieces: list[Piece] = []
    codes, shapes = list(gained), np.array(list(gained.values()), dtype=object)
    tree = shapely.STRtree(shapes)
    for code, geometry in lost.items():
        for number in sorted(int(n) for n in tree.query(geometry, predicate="intersects")):
            pieces += _pieces(before.key, shapely.intersection(geometry, shapes[number]), old[code], new[codes[number]])
    everything_gained, everything_lost = _union(gained.values()), _union(lost.values())
    for code, geometry in lost.items():
        pieces += _pieces(before.key, shapely.difference(geometry, everything_gained), old[code], None)
    for code, geometry in gained.items():
        pieces += _pieces(before.key, shapely.difference(geometry, everything_lost), None, new[code])
    return sorted(pieces, key=lambda piece: (-piece.m2, *piece.geometry.bounds))


def _apart(these: Mapping[str, Area], those: Mapping[str, Area]) -> dict[str, BaseGeometry]:
    """By code, the part of each area that its namesake in the other edition does not hold; whole areas without one."""
    found: dict[str, BaseGeometry] = {}
    for code, area in these.items():
        other = those.get(code)
        if other is not None and shapely.equals_exact(area.geometry, other.geometry, normalize=True):
            continue
        rest = area.geometry if other is None else shapely.difference(area.geometry, other.geometry)
        if square_metres(rest) > SMALLEST_M2:
            found[code] = rest
    return found


def _union(geometries: Iterable[BaseGeometry]) -> BaseGeometry:
    return shapely.union_all(list(geometries))


def _pieces(key: str, geometry: BaseGeometry, from_area: Area | None, to_area: Area | None) -> list[Piece]:
    return [Piece(key, polygon, m2, from_area, to_area) for polygon, m2 in polygons_of(geometry)]


def polygons_of(geometry: BaseGeometry) -> list[tuple[BaseGeometry, float]]:
    """The polygons of a geometry that are larger than a square metre, with their size."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    sized = [(part, square_metres(part)) for part in parts if part.geom_type == "Polygon"]
    return [(part, m2) for part, m2 in sized if m2 > SMALLEST_M2]


def tiles(layer: Layer, outline: Layer | None) -> bool:
    """Whether the layer is meant to cover the whole city, as districts are and parks are not."""
    if outline is None or not outline.index.areas:
        return False
    city = float(sum(area.geometry.area for area in outline.index.areas))
    return float(sum(area.geometry.area for area in layer.index.areas)) >= _TILING * city


def holes(layer: Layer, outline: Layer | None) -> list[Hole]:
    """What the city's outline holds and no area of the layer does, largest first; nothing can be said without an outline."""
    if outline is None or not outline.index.areas or not layer.index.areas:
        return []
    city = _union(area.geometry for area in outline.index.areas)
    rest = shapely.difference(city, _union(area.geometry for area in layer.index.areas))
    return sorted((Hole(layer.key, part, m2) for part, m2 in polygons_of(rest)), key=lambda hole: -hole.m2)


def overlaps(layer: Layer) -> list[Overlap]:
    """What two areas of the layer hold, by pair, largest first."""
    areas = layer.index.areas
    geometries = np.array([area.geometry for area in areas], dtype=object)
    tree = shapely.STRtree(geometries)
    firsts, seconds = tree.query(geometries, predicate="intersects")
    found: list[Overlap] = []
    for first, second in zip(firsts.tolist(), seconds.tolist(), strict=True):
        if first < second:
            shared = shapely.intersection(geometries[first], geometries[second])
            kept = polygons_of(shared)
            if kept:
                whole = kept[0][0] if len(kept) == 1 else shapely.multipolygons([part for part, _ in kept])
                found.append(Overlap(layer.key, whole, sum(m2 for _, m2 in kept), areas[first], areas[second]))
    return sorted(found, key=lambda overlap: (-overlap.m2, overlap.first.code, overlap.second.code))


def with_owners(
    pieces: Sequence[Piece], before: Side, after: Side, services: Sequence[tuple[str, str]], at: datetime
) -> list[Piece]:
    """The pieces with the agencies that answer there, asked at a point inside each for every (service, group)."""
    asked = list(pieces[:_ASKED_PIECES])
    if not asked or not services:
        return list(pieces)
    inside = [piece.geometry.representative_point() for piece in asked]
    rows = [BulkRow(at_.x, at_.y, code, group, None, at) for at_ in inside for code, group in services]
    old = [answer.agency_code or NOBODY for answer in decide_many(before.book, before.layers, rows)]
    new = [answer.agency_code or NOBODY for answer in decide_many(after.book, after.layers, rows)]
    owned: list[Piece] = []
    for number, piece in enumerate(asked):
        here = slice(number * len(services), (number + 1) * len(services))
        pairs = Counter(zip(old[here], new[here], strict=True))
        moving = Counter({pair: count for pair, count in pairs.items() if pair[0] != pair[1]})
        chosen = min((moving or pairs).items(), key=lambda item: (-item[1], item[0]))[0]
        owned.append(replace(piece, before=chosen[0], after=chosen[1], services=sum(moving.values())))
    return owned + list(pieces[_ASKED_PIECES:])


def with_requests(pieces: Sequence[Piece], points: Sequence[tuple[float, float]]) -> list[Piece]:
    """The pieces with how many of the points (lon, lat) lie in each."""
    if not pieces or not points:
        return list(pieces)
    tree = shapely.STRtree([piece.geometry for piece in pieces])
    _, held = tree.query(shapely.points(np.array(points)), predicate="intersects")
    counts = np.bincount(held, minlength=len(pieces)).tolist()
    return [replace(piece, requests=count) for piece, count in zip(pieces, counts, strict=True)]
