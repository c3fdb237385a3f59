"""How much of a city its rules cover: a grid of points asked for every service."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import shapely
from shapely.ops import unary_union

from georef.boundaries import Area
from intake.city_folder.values import CityFolder, NamedArea
from routing.calendars import WorkingCalendar
from routing.decide import RuleBook, choose
from routing.values import Rule

_SIDE = 60  # points along the longer side of the outline's box: a few thousand in all
_TODAY = date(2100, 1, 1)  # every edition has begun, and no rule that ends is asked

Held = Mapping[str, Sequence[Area]]


def grid_points(outline: Sequence[NamedArea]) -> list[tuple[float, float]]:
    """Evenly spaced points inside the outline."""
    ground = unary_union([shape for _, _, shape in outline])
    west, south, east, north = ground.bounds
    step = max(east - west, north - south) / _SIDE
    lons, lats = np.meshgrid(np.arange(west + step / 2, east, step), np.arange(south + step / 2, north, step))
    inside = shapely.contains_xy(ground, lons.ravel(), lats.ravel())
    return list(zip(lons.ravel()[inside].tolist(), lats.ravel()[inside].tolist(), strict=True))


def without_rule(
    points: Sequence[tuple[float, float]],
    folder: CityFolder,
    rules: Sequence[Rule],
    areas: Mapping[str, Sequence[NamedArea]],
) -> dict[str, int]:
    """service code -> points that no rule answers for, so that they fall to the default agency; services without any left out.

    Lines cover no ground, and rules with conditions nothing for sure: neither counts.
    """
    book = RuleBook(
        jurisdiction_id=folder.city.id,
        version=0,
        default_agency_code=folder.city.default_agency,
        agencies={agency.code: agency for agency in folder.agencies},
        calendars={code: WorkingCalendar(definition) for code, definition in folder.calendars.items()},
        rules=tuple(rules),
    )
    # Thousands of points lie in a few hundred sets of areas; each set is asked once.
    lines = {layer.key for layer in folder.layers if layer.kind == "line"}
    groups = _groups(points, {key: held for key, held in areas.items() if key not in lines})
    bare = {}
    for service in folder.services:
        misses = sum(
            count
            for held, count in groups
            if choose(book, service.code, service.group_code, _TODAY, held).outcome == "default"
        )
        if misses:
            bare[service.code] = misses
    return bare


def _groups(
    points: Sequence[tuple[float, float]], areas: Mapping[str, Sequence[NamedArea]]
) -> Sequence[tuple[Held, int]]:
    """(what holds a point, how many points it holds)."""
    held: list[list[tuple[str, int]]] = [[] for _ in points]
    located = shapely.points(points)
    for key, entries in areas.items():
        if entries:
            shapes = [shape for _, _, shape in entries]
            for at, which in zip(*shapely.STRtree(shapes).query(located, predicate="intersects"), strict=True):
                held[at].append((key, int(which)))
    groups = []
    for names, count in Counter(tuple(sorted(found)) for found in held).items():
        here: dict[str, list[Area]] = {}
        for key, which in names:
            code, name, shape = areas[key][which]
            here.setdefault(key, []).append(Area(code, name, shape, date(2000, 1, 1)))
        groups.append((here, count))
    return groups
