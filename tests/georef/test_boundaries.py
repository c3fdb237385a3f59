"""Look-ups against the obvious way to do them, on shapes that are hard on purpose."""

from datetime import date

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely.geometry import Polygon, box

from georef.boundaries import Area, BoundaryIndex, PointColumns, Snapshot
from georef.distances import distance_m
from georef.points import LonLat

THEN = date(2024, 1, 1)
ON = date(2026, 11, 19)

# Two districts with a shared border, an enclave, an overlap with the enclave, a gap, and a far island of the west one.
WEST = Area("W", "Oeste", shapely.union_all([box(-99.2, 19.3, -99.15, 19.5), box(-99.02, 19.3, -99.0, 19.32)]), THEN)
EAST = Area("E", "Este", box(-99.15, 19.3, -99.1, 19.5).difference(box(-99.13, 19.4, -99.12, 19.41)), THEN)
ENCLAVE = Area("X", "Enclave", box(-99.13, 19.4, -99.12, 19.41), THEN)
OVERLAP = Area("O", "Encimada", box(-99.125, 19.405, -99.115, 19.415), THEN)
SLANTED = Area("T", "Triángulo", Polygon([(-99.1, 19.3), (-99.05, 19.5), (-99.1, 19.5)]), THEN)
AREAS = (WEST, EAST, ENCLAVE, OVERLAP, SLANTED)
SNAPSHOT = Snapshot(AREAS)


def naive(lon: float, lat: float) -> list[str]:
    held = [area for area in AREAS if area.geometry.intersects(shapely.Point(lon, lat))]
    return [area.code for area in sorted(held, key=lambda area: (area.size, area.code))]


longitudes = st.one_of(st.floats(-99.25, -98.95), st.sampled_from([-99.2, -99.15, -99.13, -99.12, -99.1, -99.125]))
latitudes = st.one_of(st.floats(19.25, 19.55), st.sampled_from([19.3, 19.4, 19.41, 19.405, 19.5]))


@given(lon=longitudes, lat=latitudes)
@settings(max_examples=400)
def test_single_look_ups_agree_with_asking_every_polygon(lon: float, lat: float) -> None:
    assert [area.code for area in SNAPSHOT.at(lon, lat)] == naive(lon, lat)


@given(points=st.lists(st.tuples(longitudes, latitudes), max_size=60))
@settings(max_examples=60)
def test_bulk_look_ups_agree_with_single_ones(points: list[tuple[float, float]]) -> None:
    columns = PointColumns([lon for lon, _ in points], [lat for _, lat in points])
    sets, numbers = SNAPSHOT.sets_at(columns)
    assert [sets[number] for number in numbers] == [SNAPSHOT.at(lon, lat) for lon, lat in points]


def test_points_that_are_not_numbers_are_nowhere() -> None:
    sets, numbers = SNAPSHOT.sets_at(PointColumns([np.nan, -99.17, np.inf], [19.4, 19.4, 19.4]))
    assert [len(sets[number]) for number in numbers] == [0, 1, 0]


def test_a_shared_border_gives_both_areas_smallest_first() -> None:
    assert [area.code for area in SNAPSHOT.at(-99.15, 19.35)] == ["E", "W"]
    assert [area.code for area in SNAPSHOT.at(-99.123, 19.407)] == ["O", "X"]


def test_areas_of_the_same_size_come_in_the_order_of_their_codes() -> None:
    left, right = Area("B", "b", box(0, 0, 1, 1), THEN), Area("A", "a", box(1, 0, 2, 1), THEN)
    assert [area.code for area in Snapshot([left, right]).at(1, 0.5)] == ["A", "B"]


def test_the_day_decides_which_areas_are_in_force() -> None:
    change = date(2027, 1, 1)
    index = BoundaryIndex(
        "district", [Area("OLD", "Antes", box(0, 0, 1, 1), THEN, change), Area("NEW", "Ahora", box(0, 0, 1, 1), change)]
    )
    point = LonLat(0.5, 0.5)
    days = (date(2023, 12, 31), THEN, date(2026, 12, 31), change, date(2040, 1, 1))
    assert [[area.code for area in index.at(point, day)] for day in days] == [[], ["OLD"], ["OLD"], ["NEW"], ["NEW"]]
    assert index.in_force(THEN) is index.in_force(date(2025, 6, 1))


def test_an_empty_layer_holds_nothing_and_has_no_border() -> None:
    index = BoundaryIndex("district", [])
    assert index.at(LonLat(0, 0), ON) == []
    assert index.nearest_border(LonLat(0, 0), ON) is None


@pytest.mark.parametrize(
    ("lon", "lat", "metres", "neighbour"),
    [
        (-99.151, 19.35, 104.9, "E"),  # just west of the shared border
        (-99.125, 19.4, 0.0, "E"),  # on the enclave's southern border
        (-99.19, 19.4, 1049.2, None),  # nearest is the outer border: nobody beyond
    ],
)
def test_the_nearest_border_says_how_far_and_who_is_beyond(
    lon: float, lat: float, metres: float, neighbour: str | None
) -> None:
    border = SNAPSHOT.nearest_border(LonLat(lon, lat))
    assert border is not None
    assert border.metres == pytest.approx(metres, rel=0.01, abs=0.5)
    if metres:
        assert (border.neighbour.code if border.neighbour else None) == neighbour


def test_a_sliver_between_two_areas_is_not_their_neighbour() -> None:
    west, east = Area("W", "w", box(0, 0, 1, 1), THEN), Area("E", "e", box(1.000002, 0, 2, 1), THEN)
    border = Snapshot([west, east]).nearest_border(LonLat(0.999, 0.5))
    assert border is not None
    assert border.neighbour == east


@given(lon=st.floats(-99.19, -99.05), lat=st.floats(19.31, 19.49))
@settings(max_examples=100)
def test_border_metres_agree_with_the_geodesic(lon: float, lat: float) -> None:
    border = SNAPSHOT.nearest_border(LonLat(lon, lat))
    assert border is not None
    geod, here = Geod(ellps="WGS84"), shapely.Point(lon, lat)
    true = float("inf")
    for area in AREAS:
        dense = shapely.get_coordinates(shapely.segmentize(area.geometry, 0.0005))
        near = dense[np.argsort(np.hypot(dense[:, 0] - here.x, dense[:, 1] - here.y))[:40]]
        distances = geod.inv(np.full(len(near), lon), np.full(len(near), lat), near[:, 0], near[:, 1])[2]
        true = min(true, float(np.min(distances)))
    assert border.metres <= true * 1.004 + 0.01
    assert border.metres >= true * 0.996 - 30  # the dense ring has a vertex every 50 m


@given(
    a=st.tuples(st.floats(-99.3, -98.9), st.floats(19.0, 19.6)),
    b=st.tuples(st.floats(-99.3, -98.9), st.floats(19.0, 19.6)),
)
@settings(max_examples=100)
def test_distances_agree_with_the_geodesic(a: tuple[float, float], b: tuple[float, float]) -> None:
    true = Geod(ellps="WGS84").inv(*a, *b)[2]
    assert distance_m(LonLat(*a), LonLat(*b)) == pytest.approx(true, rel=0.001, abs=0.001)
