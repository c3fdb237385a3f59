import re

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from agent_console.maps import HEIGHT, WIDTH, Road, draw
from georef.points import LonLat

HERE = LonLat(-99.15, 19.42)
BASEMAP = {
    "land": [{"rings": [[[-99.2, 19.3], [-99.1, 19.3], [-99.1, 19.5], [-99.2, 19.5]]]}],
    "streets": [
        {"name": "Avenida Sabinos", "width": 3, "line": [[-99.2, 19.4204], [-99.1, 19.4206]]},
        {"name": "Lejos", "width": 3, "line": [[-98.2, 19.4204], [-98.1, 19.4206]]},
    ],
    "water": [],
    "parks": [{"name": "Parque", "rings": [[[-99.152, 19.418], [-99.148, 19.418], [-99.15, 19.419]]]}],
    "labels": [{"text": "Norte", "at": [-99.148, 19.4195]}, {"text": "Lejos", "at": [-98, 19]}],
}
NUMBERS = re.compile(r"-?\d+\.\d")


def test_the_pin_is_in_the_middle_and_what_is_far_is_not_drawn() -> None:
    drawing = draw(BASEMAP, HERE)
    assert (drawing.x, drawing.y) == (WIDTH / 2, HEIGHT / 2)
    assert len(drawing.streets) == 1
    assert {label.text for label in drawing.labels} == {"Avenida Sabinos", "NORTE"}
    assert drawing.parks.startswith("M")


def test_the_ruler_measures_the_border_where_it_is_drawn() -> None:
    # The western edge of this area is 200 m west of the point.
    metres = 200.0
    edge = HERE.lon - metres / (111_320 * 0.9431)
    drawing = draw(BASEMAP, HERE, area=box(edge, 19.3, -99.1, 19.5), border_m=metres)
    assert drawing.ruler
    x1, y1, x2, y2 = drawing.ruler
    assert (x1, y1) == (WIDTH / 2, HEIGHT / 2)
    assert y2 == pytest.approx(y1, abs=0.5)
    assert (x1 - x2) / WIDTH * 700 == pytest.approx(metres, rel=0.01)
    assert drawing.border


AXIS = shapely.LineString([(-99.2, HERE.lat), (-99.1, HERE.lat)])


def test_a_road_is_as_wide_as_it_counts_and_the_ruler_ends_at_its_edge() -> None:
    # Eight metres north of the axis: ten to the nearer edge, which lies upwards, behind the pin.
    point = LonLat(HERE.lon, HERE.lat + 8 / 111_320)
    drawing = draw(BASEMAP, point, area=box(-99.2, 19.3, -99.1, 19.5), border_m=10.0, road=Road(AXIS, 18.0))
    scale = WIDTH / 320
    assert drawing.owns_road
    ys = [float(y) for y in re.findall(r"-?\d+\.\d+ (-?\d+\.\d+)", drawing.road)]
    assert max(ys) - min(ys) == pytest.approx(36 * scale, rel=0.01)
    assert drawing.ruler
    x1, y1, x2, y2 = drawing.ruler
    assert x1 == x2 == pytest.approx(WIDTH / 2 + 20, abs=0.1), "beside the pin"
    assert y1 - y2 == pytest.approx(10 * scale, rel=0.01)
    assert y2 == pytest.approx(min(ys), abs=0.2)
    assert drawing.said
    assert (drawing.said.text, drawing.metres) == ("10 m", 10)
    assert drawing.said.x > x2


def test_a_road_beside_the_point_does_not_own_it() -> None:
    point = LonLat(HERE.lon, HERE.lat + 40 / 111_320)
    drawing = draw(BASEMAP, point, border_m=22.0, road=Road(AXIS, 18.0, is_owner=False))
    assert drawing.road
    assert not drawing.owns_road
    assert drawing.ruler
    assert drawing.ruler[3] > drawing.ruler[1], "down to the road"


def test_a_road_that_is_not_near_is_not_drawn() -> None:
    drawing = draw(BASEMAP, LonLat(HERE.lon, 19.49), border_m=10.0, road=Road(AXIS, 18.0))
    assert (drawing.road, drawing.ruler, drawing.said) == ("", None, None)


def test_a_far_border_is_not_pretended_to_be_near() -> None:
    drawing = draw(BASEMAP, HERE, area=box(-100, 19, -98, 20), border_m=50_000)
    assert drawing.border == ""
    assert drawing.ruler is None
    assert drawing.hit


def test_a_hole_in_the_area_stays_a_hole() -> None:
    area = box(-99.2, 19.3, -99.1, 19.5) - box(-99.151, 19.419, -99.149, 19.4195)
    assert draw(BASEMAP, HERE, area=area, border_m=60).hit.count("M") == 2


@given(
    st.floats(-99.2, -99.1),
    st.floats(19.3, 19.5),
    st.one_of(st.none(), st.floats(0, 1e6)),
    st.one_of(st.none(), st.floats(0, 1e6)),
)
def test_anything_can_be_drawn_inside_its_frame(
    lon: float, lat: float, precision_m: float | None, border_m: float | None
) -> None:
    area = shapely.Point(-99.15, 19.4).buffer(0.03)
    drawing = draw(BASEMAP, LonLat(lon, lat), precision_m=precision_m, area=area, border_m=border_m)
    for d in (drawing.land, drawing.hit, drawing.parks, drawing.border, *(street.d for street in drawing.streets)):
        assert all(-60 <= float(number) <= WIDTH + 60 for number in NUMBERS.findall(d))
    for label in drawing.labels:
        assert 0 <= label.x <= WIDTH
        assert 0 <= label.y <= HEIGHT


@pytest.mark.parametrize("basemap", [{}, {"streets": [{"name": "x", "line": [[0, 0]]}], "parks": [{"ring": []}]}])
def test_a_city_without_a_basemap_still_gets_a_pin(basemap: dict[str, object]) -> None:
    assert draw(basemap, HERE).x == WIDTH / 2


def test_a_border_to_the_north_is_in_the_window_too() -> None:
    lat = HERE.lat + 500 / 111_320
    drawing = draw(BASEMAP, HERE, area=box(-99.3, 19.2, -99.0, lat), area_name="Sector 4", border_m=500.0)
    assert drawing.ruler
    assert 0 <= drawing.ruler[3] < HEIGHT / 2
    assert (drawing.metres, drawing.area) == (500, "Sector 4")


def test_a_far_border_is_told_in_kilometres() -> None:
    metres = 1_272.0
    edge = HERE.lon - metres / (111_320 * 0.9431)
    drawing = draw(BASEMAP, HERE, area=box(edge, 19.2, -99.0, 19.6), border_m=metres)
    assert drawing.said
    assert drawing.said.text == "1.3 km"
