"""Lines near points: against the geodesic, one by one against many at once, and whatever the order of the lines."""

from datetime import date

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from georef import shapes
from georef.areas import Area, PointColumns
from georef.boundaries import BoundaryIndex
from georef.lines import LineSnapshot
from georef.points import LonLat
from kernel.errors import InvalidInput

START = date(2024, 1, 1)


def line(code: str, *points: tuple[float, float], start: date = START, end: date | None = None) -> Area:
    return Area(code, code.lower(), shapely.LineString(points), start, end)


AVENUE = line("A", (-99.20, 19.40), (-99.15, 19.402), (-99.10, 19.40))
CROSSING = line("B", (-99.15, 19.30), (-99.15, 19.402), (-99.16, 19.50))


def test_a_line_is_near_within_its_reach_only() -> None:
    lines = LineSnapshot([CROSSING, AVENUE])
    (found,) = lines.near(-99.12, 19.40089, 25.0)
    assert (found.code, found.name) == ("A", "a")
    assert found.metres == pytest.approx(10.0, abs=0.3)
    assert lines.near(-99.12, 19.40089, found.metres) == (found,)
    assert lines.near(-99.12, 19.40089, found.metres - 1e-6) == ()
    assert lines.near(-99.12, 19.45, 25.0) == ()
    assert lines.near(-98.0, 19.4, 25.0) == ()


def test_the_nearest_comes_first_and_a_shared_corner_is_a_tie_told_by_the_code() -> None:
    lines = LineSnapshot([CROSSING, AVENUE])
    here = lines.near(-99.15, 19.402, 30.0)
    assert [(near.code, near.metres) for near in here] == [("A", 0.0), ("B", 0.0)]
    assert [near.code for near in lines.near(-99.1501, 19.4015, 60.0)] == ["B", "A"]


def test_the_nearest_line_is_found_however_far() -> None:
    lines = LineSnapshot([AVENUE])
    far = lines.nearest(LonLat(-99.15, 19.45))
    assert far is not None
    assert far.metres == pytest.approx(5313, rel=0.002)
    assert lines.nearest(LonLat(-99.15, 20.5)) is None
    assert LineSnapshot([]).nearest(LonLat(-99.15, 19.4)) is None
    assert LineSnapshot([]).near(-99.15, 19.4, 10.0) == ()


def test_lines_have_days_and_hold_no_point() -> None:
    new = line("N", (-99.2, 19.41), (-99.1, 19.41), start=date(2026, 3, 1))
    index = BoundaryIndex("road", [AVENUE, new], "line")
    assert [found.code for found in index.lines(date(2026, 2, 28)).lines] == ["A"]
    assert [found.code for found in index.lines(date(2026, 3, 1)).lines] == ["A", "N"]
    assert index.at(LonLat(-99.2, 19.40), date(2026, 3, 1)) == []
    assert index.nearest_border(LonLat(-99.2, 19.40), date(2026, 3, 1)) is None
    assert BoundaryIndex("district", [AVENUE]).lines(date(2026, 3, 1)).lines == ()


def geodesic_m(point: tuple[float, float], geometry: shapely.Geometry) -> float:
    """Metres to the densified line, by the geodesic."""
    from pyproj import Geod

    vertices = shapely.get_coordinates(shapely.segmentize(geometry, 0.00001))
    near = np.argsort(np.hypot(vertices[:, 0] - point[0], vertices[:, 1] - point[1]))[:400]
    count = len(near)
    _, _, metres = Geod(ellps="WGS84").inv([point[0]] * count, [point[1]] * count, *vertices[near].T)
    return float(np.min(metres))


@pytest.mark.parametrize("point", [(-99.17, 19.4013), (-99.12, 19.4008), (-99.1502, 19.35), (-99.19, 19.4)])
def test_metres_are_those_of_the_geodesic(point: tuple[float, float]) -> None:
    for near in LineSnapshot([AVENUE, CROSSING]).near(*point, 400.0):
        assert near.metres == pytest.approx(geodesic_m(point, near.geometry), abs=0.6)


corners = st.tuples(st.floats(-99.16, -99.14), st.floats(19.39, 19.41))
paths = st.lists(st.lists(corners, min_size=2, max_size=5, unique=True), min_size=1, max_size=6)


@given(paths, st.lists(corners, min_size=1, max_size=30), st.sampled_from([3.0, 12.0, 80.0, 700.0]), st.randoms())
@settings(max_examples=150)
def test_one_by_one_and_many_at_once_give_the_same_metres(
    drawn: list[list[tuple[float, float]]],
    points: list[tuple[float, float]],
    reach_m: float,
    chance: "st.randoms",  # type: ignore[valid-type]
) -> None:
    areas = [line(f"L{number}", *path) for number, path in enumerate(drawn)]
    areas = [area for area in areas if area.geometry.length > 1e-9]
    points = points + [area.geometry.coords[0] for area in areas]
    shuffled = list(areas)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    lines, again = LineSnapshot(areas), LineSnapshot(shuffled)
    columns = PointColumns(*np.array(points).T)
    held, numbers, metres = lines.near_many(columns, reach_m)
    many: dict[int, list[tuple[str, float]]] = {}
    for at, number, far in zip(held.tolist(), numbers.tolist(), metres.tolist(), strict=True):
        many.setdefault(at, []).append((lines.lines[number].code, far))
    sets, which = lines.sets_near(columns, [reach_m / 2, reach_m])
    for at, point in enumerate(points):
        one = [(near.code, near.metres) for near in lines.near(*point, reach_m)]
        assert one == many.get(at, [])
        assert one == [(near.code, near.metres) for near in again.near(*point, reach_m)]
        assert one == [(near.code, near.metres) for near in lines.around(LonLat(*point), reach_m)]
        shared = sets[which[at]]
        assert [near.code for near in shared] == [code for code, _ in one]
        assert [near.metres <= reach_m / 2 for near in shared] == [far <= reach_m / 2 for _, far in one]
        exact = {area.code: area.geometry.distance(shapely.Point(point)) for area in areas}
        for code, degrees in exact.items():
            if degrees * 112_000 < reach_m * 0.9:
                assert code in dict(one)


def test_lines_are_cleaned_and_polygons_are_none() -> None:
    bundle = shapely.MultiLineString([[(0, 0), (1, 1)], [(2, 2), (3, 3)]])
    assert shapes.clean_line(bundle, code="A").geometry.geom_type == "MultiLineString"
    assert shapes.clean_line(shapely.LineString([(0, 0, 5), (1, 1, 5)]), code="A").geometry.has_z is False
    merged = shapes.merge([shapes.clean_line(part, code="A") for part in bundle.geoms])
    assert merged == shapes.clean_line(bundle, code="A")
    for wrong in (None, shapely.LineString(), shapely.box(0, 0, 1, 1), shapely.LineString([(0, 0), (0, 0)])):
        with pytest.raises(InvalidInput):
            shapes.clean_line(wrong, code="A")
    with pytest.raises(InvalidInput, match="grados"):
        shapes.clean_line(shapely.LineString([(0, 0), (500, 500)]), code="A")
