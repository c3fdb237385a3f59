"""The drawing of the fictional cities: made again it is the same, and it holds the hard cases it was made for."""

import json
import runpy
from collections import Counter
from functools import cache
from itertools import combinations
from pathlib import Path

import pytest
from shapely.geometry import Point, shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from georef.distances import distance_m
from georef.points import LonLat
from intake.city_folder.places import read_places
from intake.city_folder.tables import Notes

CITIES = Path(__file__).resolve().parents[3] / "cities"
DRAWN = ("layers/*.geojson", "places.csv", "basemap.json")


@cache
def areas(city: str, layer: str) -> dict[str, tuple[str, BaseGeometry]]:
    features = json.loads((CITIES / city / "layers" / f"{layer}.geojson").read_text())["features"]
    return {f["properties"]["code"]: (f["properties"]["name"], shape(f["geometry"])) for f in features}


def test_drawing_again_gives_the_same_files(tmp_path: Path) -> None:
    runpy.run_path(str(CITIES / "make_geometry.py"))["main"](tmp_path)
    made = [path for city in ("jacaranda", "encinos") for glob in DRAWN for path in (tmp_path / city).glob(glob)]
    assert len(made) > 12
    assert [path.name for path in made if path.read_bytes() != (CITIES / path.relative_to(tmp_path)).read_bytes()] == []


def test_size_and_shape() -> None:
    districts, colonias = areas("jacaranda", "district"), areas("jacaranda", "colonia")
    sizes = sorted(geometry.area for _, geometry in districts.values())
    assert len(districts) >= 8
    assert sizes[-1] > sizes[0] * 5
    assert len(colonias) >= 60
    assert all(geometry.is_valid for _, geometry in (*districts.values(), *colonias.values()))
    assert sum(path.stat().st_size for path in (CITIES / "jacaranda").rglob("*") if path.is_file()) < 1_500_000


def test_districts_cover_the_city_once() -> None:
    for city in ("jacaranda", "encinos"):
        outline = unary_union([geometry for _, geometry in areas(city, "jurisdiction").values()])
        districts = [geometry for _, geometry in areas(city, "district").values()]
        assert unary_union(districts).symmetric_difference(outline).area < outline.area * 1e-5
        overlap = sum(a.intersection(b).area for a, b in combinations(districts, 2))
        assert overlap < outline.area * 1e-5


def test_a_piece_of_the_neighbour_lies_inside() -> None:
    [(_, ours)], [(_, theirs)] = (areas(city, "jurisdiction").values() for city in ("jacaranda", "encinos"))
    pieces = sorted(theirs.geoms, key=lambda piece: piece.area)
    assert len(pieces) == 2
    assert not ours.contains(pieces[0].representative_point())
    assert ours.convex_hull.contains(pieces[0])
    assert ours.intersection(theirs).area < 1e-9
    assert len(areas("jacaranda", "district")["LC"][1].geoms) == 2


def test_colonias_overlap_leave_gaps_and_lie_across_lines() -> None:
    colonias = list(areas("jacaranda", "colonia").values())
    overlaps = sum(a.intersection(b).area > 1e-8 for (_, a), (_, b) in combinations(colonias, 2))
    assert overlaps >= 4
    outline = unary_union([geometry for _, geometry in areas("jacaranda", "jurisdiction").values()])
    assert unary_union([geometry for _, geometry in colonias]).area < outline.area * 0.8
    across = [
        name
        for name, geometry in colonias
        if sum(geometry.intersection(d).area > geometry.area * 0.05 for _, d in areas("jacaranda", "district").values())
        > 1
    ]
    assert {"Los Arcos", "El Crucero", "San Isidro", "La Presa", "Los Tepetates"} <= set(across)
    within = [
        name
        for name, geometry in colonias
        for _, other in colonias
        if other is not geometry and other.geom_type == "Polygon" and len(other.interiors) == 1
        if geometry.within(type(other)(other.exterior))
    ]
    assert {"Unidad Habitacional Tabachines", "Barrio La Candelaria"} <= set(within)


def test_names_that_must_be_told_apart() -> None:
    names = Counter(name for name, _ in areas("jacaranda", "colonia").values())
    assert names["La Joya"] == 4
    assert names["El Mirador"] == 3
    assert {"Sabinos I", "Sabinos II", "Sabinos III"} <= set(names)


def test_a_crossing_38_metres_from_the_border() -> None:
    notes = Notes()
    crossing = next(p for p in read_places(notes, CITIES / "jacaranda") if p.name == "Avenida Sabinos y Niebla")
    assert crossing.context.endswith("Los Sabinos")
    point = Point(crossing.point.lon, crossing.point.lat)
    border = areas("jacaranda", "district")["LV"][1].boundary
    nearest = border.interpolate(border.project(point))
    assert distance_m(crossing.point, LonLat(nearest.x, nearest.y)) == pytest.approx(38, abs=4)


def test_every_place_has_a_name_and_lies_in_a_city() -> None:
    notes = Notes()
    places = read_places(notes, CITIES / "jacaranda")
    assert len(places) >= 150
    assert not notes.problems
    kinds = Counter(place.kind for place in places)
    assert all(kinds[kind] >= 50 for kind in ("street", "crossing", "landmark"))
