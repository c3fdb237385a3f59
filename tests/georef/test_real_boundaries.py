"""The real Mexico City: official polygons with their real defects, real points, real names. Nothing of it is committed."""

import csv
from datetime import date
from pathlib import Path

import pytest
import shapely

from georef import shapes
from georef.boundaries import Area, PointColumns, Snapshot
from georef.distances import distance_m
from georef.gazetteer import Gazetteer, Place
from georef.names import fold
from georef.points import LonLat
from georef.readers import read_areas

pytestmark = pytest.mark.shared_data
THEN = date(2020, 1, 1)
# One report of seven hundred lies outside the city; the data's README says so.
AGREEMENT = 0.99


def layer(path: Path, code: str, name: str) -> Snapshot:
    areas = read_areas(path, code_field=code, name_field=name)
    return Snapshot(Area(key, label, shapes.clean(geometry, code=key).geometry, THEN) for key, label, geometry in areas)


@pytest.fixture
def boroughs(shared_data: Path) -> Snapshot:
    return layer(shared_data / "cdmx_alcaldias.geojson", "CVEGEO", "NOMGEO")


def water_reports(shared_data: Path) -> list[dict[str, str]]:
    with (shared_data / "cdmx_sacmex_reportes_agua_2022.csv").open(encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_water_reports_fall_in_the_borough_on_record(shared_data: Path, boroughs: Snapshot) -> None:
    rows = water_reports(shared_data)
    held = [boroughs.at(float(row["longitud"]), float(row["latitud"])) for row in rows]
    agree = sum(
        fold(row["alcaldia_catalogo"]) in {fold(area.name) for area in areas}
        for row, areas in zip(rows, held, strict=True)
    )
    assert agree / len(rows) >= AGREEMENT
    outside = [row["alcaldia_catalogo"] for row, areas in zip(rows, held, strict=True) if not areas]
    assert len(outside) <= 3


def test_every_vertex_of_every_border_belongs_to_somebody_and_bulk_agrees(boroughs: Snapshot) -> None:
    vertices = shapely.get_coordinates([area.geometry for area in boroughs.areas])[::37]
    sets, numbers = boroughs.sets_at(PointColumns(vertices[:, 0], vertices[:, 1]))
    several = 0
    for (lon, lat), number in zip(vertices.tolist(), numbers.tolist(), strict=True):
        held = boroughs.at(lon, lat)
        assert held == sets[number]
        assert held, (lon, lat)
        border = boroughs.nearest_border(LonLat(lon, lat))
        assert border is not None
        assert border.metres < 0.01
        several += len(held) > 1
    assert several > len(vertices) / 3  # borders inside the city have two sides


def test_both_sides_of_a_borough_border_name_each_other(boroughs: Snapshot) -> None:
    checked = 0
    for area in boroughs.areas:
        ring = shapely.get_coordinates(area.geometry)
        for lon, lat in ring[::101].tolist():
            here = LonLat(lon + 0.00005, lat + 0.00003)  # some six metres off the border
            held = boroughs.at(here.lon, here.lat)
            border = boroughs.nearest_border(here)
            assert border is not None
            assert border.metres <= 7
            if held and border.neighbour is not None:
                assert border.neighbour not in held
                assert border.neighbour in boroughs.at(border.beyond.lon, border.beyond.lat)
                checked += 1
    assert checked > 100


def test_colonias_overlap_and_leave_gaps_and_both_are_answers(shared_data: Path, boroughs: Snapshot) -> None:
    colonias = layer(shared_data / "cdmx_colonias_iecm.geojson.gz", "cve_ut", "colonia")
    assert len(colonias.areas) == 1814
    assert all(area.geometry.is_valid for area in colonias.areas)
    points = [(float(row["longitud"]), float(row["latitud"])) for row in water_reports(shared_data)]
    sizes = [len(colonias.at(lon, lat)) for lon, lat in points]
    assert sizes.count(1) / len(sizes) > 0.95
    by_code = {area.code: area for area in colonias.areas}
    shared = shapely.intersection(by_code["07-163"].geometry, by_code["07-196"].geometry).representative_point()
    assert {"07-163", "07-196"} <= {area.code for area in colonias.at(shared.x, shared.y)}
    ajusco = (-99.20, 19.20)
    assert [area.name for area in boroughs.at(*ajusco)] == ["Tlalpan"]
    assert colonias.at(*ajusco) == ()


def test_flooded_corners_are_placed_in_the_right_part_of_the_city(shared_data: Path) -> None:
    places = [
        Place("colonia", name.title(), LonLat(point.x, point.y), 600.0)
        for _, name, geometry in read_areas(
            shared_data / "cdmx_colonias_iecm.geojson.gz", code_field="cve_ut", name_field="colonia"
        )
        for point in [geometry.representative_point()]
    ]
    with (shared_data / "cdmx_metro_stations.csv").open(encoding="utf-8-sig") as file:
        places += [
            Place("landmark", f"Metro {row['nombre']}", LonLat(float(row["lon"]), float(row["lat"])), 80.0)
            for row in csv.DictReader(file)
        ]
    gazetteer = Gazetteer(places)
    with (shared_data / "cdmx_encharcamientos_2017_2018.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    sure, right = 0, 0
    for row in rows:
        found = gazetteer.search(f"{row['calle_y_nu']}, COL. {row['colonia']}")
        if found and found[0].score >= 85:
            sure += 1
            right += distance_m(found[0].point, LonLat(float(row["lon"]), float(row["lat"]))) <= 2500
    assert sure / len(rows) >= 0.4
    assert right / sure >= 0.85
