"""How many places and decisions a second one core makes, in a generated city and in the real one where its files are.

Printed, never asserted: wall-clock time on a shared machine proves nothing. Run with `make bench`.
"""

import statistics
import time
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
import shapely

from georef import shapes
from georef.areas import Area, PointColumns
from georef.boundaries import BoundaryIndex
from georef.gazetteer import Gazetteer, Place
from georef.points import LonLat
from georef.readers import read_areas
from routing.bulk import BulkRow, decide_many, locate_many, snapshots_on
from routing.calendars import Promise, WorkingCalendar
from routing.conditions import Capacity, Case, Hours
from routing.decide import RuleBook, choose
from routing.places import Layer, areas_at, is_outside
from routing.receipts import decide
from routing.situation import Question
from routing.values import AgencyFacts, Rule
from tests.benchmarks.report import report
from tests.conftest import SHARED_DATA
from tests.factories import CALENDAR, both

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]
THEN, ON, AT = date(2020, 1, 1), date(2026, 11, 19), datetime(2026, 11, 19, 19, tzinfo=UTC)
POINTS = 200_000
PROMISE = {"amount": 5, "unit": "working_days"}
ROUNDS = 3


def _layer(key: str, areas: Iterable[tuple[str, str, shapely.Geometry]]) -> Layer:
    held = [Area(code, name, shapes.clean(geometry, code=code).geometry, THEN) for code, name, geometry in areas]
    return Layer(key, both(key), BoundaryIndex(key, held))


def generated() -> dict[str, Layer]:
    """1,800 colonias as Voronoi cells with wiggly sides, joined to 16 districts and an outline."""
    rng = np.random.default_rng(8311)
    seeds = shapely.multipoints(rng.uniform((-99.35, 19.05), (-98.95, 19.6), (1800, 2)))
    frame = shapely.box(-99.36, 19.04, -98.94, 19.61)
    cells = [
        shapely.segmentize(cell, 0.0005) for cell in shapely.get_parts(shapely.voronoi_polygons(seeds, extend_to=frame))
    ]
    cells = [cell.intersection(frame) for cell in cells]
    colonias = [(f"{number:04}", f"Colonia {number}", cell) for number, cell in enumerate(cells)]
    groups: dict[str, list[shapely.Geometry]] = {}
    for cell in cells:
        centre = cell.centroid
        groups.setdefault(f"{int((centre.x + 99.36) / 0.1051):}{int((centre.y - 19.04) / 0.1426):}", []).append(cell)
    districts = [(code, f"Distrito {code}", shapely.union_all(held)) for code, held in sorted(groups.items())]
    return {
        "jurisdiction": _layer("jurisdiction", [("C", "Ciudad", shapely.union_all(cells))]),
        "district": _layer("district", districts),
        "colonia": _layer("colonia", colonias),
    }


def mexico_city() -> dict[str, Layer]:
    if not SHARED_DATA.is_dir():
        pytest.skip("needs ../shared/data")
    files = {
        "jurisdiction": ("cdmx_outline.geojson", "CVE_ENT", "name"),
        "district": ("cdmx_alcaldias.geojson", "CVEGEO", "NOMGEO"),
        "colonia": ("cdmx_colonias_iecm.geojson.gz", "cve_ut", "colonia"),
    }
    return {
        key: _layer(key, read_areas(SHARED_DATA / file, code_field=code, name_field=name))
        for key, (file, code, name) in files.items()
    }


def _roads(layers: dict[str, Layer]) -> Layer:
    """Sixty roads with bends across the city and along it, every few hundred metres a vertex: about 1,500 km."""
    west, south, east, north = shapely.total_bounds([area.geometry for area in layers["jurisdiction"].index.areas])
    rng = np.random.default_rng(7)
    roads = []
    for number, share in enumerate(np.linspace(0.02, 0.98, 30).tolist()):
        along = np.linspace(0, 1, 150)
        sway = np.cumsum(rng.normal(0, 0.0004, 150))
        across = np.column_stack((west + along * (east - west), south + share * (north - south) + sway))
        up = np.column_stack((west + share * (east - west) + sway, south + along * (north - south)))
        roads += [(f"EO-{number}", across), (f"NS-{number}", up)]
    lines = [Area(code, f"Eje {code}", shapely.LineString(path), THEN) for code, path in roads]
    return Layer("road", both("Vía primaria"), BoundaryIndex("road", lines, "line"))


def _rate(count: int, work: Callable[[], object]) -> int:
    """Median of a few rounds, after one that warms up, in things a second of processor time."""
    work()
    spent = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return round(count / statistics.median(spent))


@pytest.mark.parametrize("make", [generated, mexico_city])
def test_routing_rates(make: Callable[[], dict[str, Layer]], capsys: pytest.CaptureFixture[str]) -> None:
    layers = make()
    districts = layers["district"].index.areas
    agencies = {code: AgencyFacts(code, code) for code in (*(area.code for area in districts), "AGUAS", "MESA")}
    rules = [
        Rule(
            f"R-{area.code}",
            100,
            area.code,
            both("zona"),
            THEN,
            layer_key="district",
            area_codes=frozenset([area.code]),
        )
        for area in districts
    ]
    rules.append(Rule("AGUA", 10, "AGUAS", both("agua"), THEN, service_group="agua"))
    book = RuleBook("ciudad", 1, "MESA", agencies, {"default": WorkingCalendar(CALENDAR)}, tuple(rules))
    full_layers = layers | {"road": _roads(layers)}
    every = frozenset("*")
    night = Hours.parse({"from": "22:00", "to": "06:00"})
    conditional = [
        Rule("VIAL", 30, "AGUAS", both("vía"), THEN, layer_key="road", area_codes=every, tolerance_m=18.0),
        Rule(
            "CANAL", 40, "MESA", both("vía"), THEN, layer_key="road", area_codes=frozenset(["EO-3"]), tolerance_m=40.0
        ),
        Rule("GRANDE", 50, "AGUAS", both("tamaño"), THEN, answers={"TAMANO": frozenset(["grande"])}),
        Rule("NOCHE", 60, "MESA", both("noche"), THEN, hours=(night,), capacity=Capacity(500, "AGUAS")),
    ]
    full = RuleBook("ciudad", 1, "MESA", agencies, {"default": WorkingCalendar(CALENDAR)}, (*rules, *conditional))
    rng = np.random.default_rng(1)
    colonias = layers["colonia"].index.areas
    centres = np.array([area.geometry.representative_point().coords[0] for area in colonias])
    points = centres[rng.integers(0, len(centres), POINTS)] + rng.normal(0, 0.003, (POINTS, 2))
    pairs = points.tolist()
    promise = Promise.parse(PROMISE)
    snapshots = {key: layer.index.in_force(ON) for key, layer in layers.items()}
    rows = [BulkRow(lon, lat, "BACHE", "calles", promise, AT) for lon, lat in pairs[:100_000]]
    sizes = [{"TAMANO": size} for size in ("chico", "mediano", "grande")]
    instants = [AT + timedelta(minutes=37 * number) for number in range(200)]
    full_rows = [row._replace(answers=sizes[number % 3], at=instants[number % 200]) for number, row in enumerate(rows)]
    loads = {"AGUAS": 20, "MESA": 600}
    gazetteer = Gazetteer(
        Place("colonia", area.name, LonLat(*centre), 500) for area, centre in zip(colonias, centres, strict=True)
    )

    def choose_all() -> None:
        for lon, lat in pairs[:50_000]:
            areas = areas_at(layers, LonLat(lon, lat), ON)
            choice = choose(book, "BACHE", "calles", ON, areas, is_outside=is_outside(layers, areas, ON))
            if choice.agency_code:
                book.calendar_of(choice.agency_code).due(promise, AT)

    def choose_all_full() -> None:
        for number, (lon, lat) in enumerate(pairs[:50_000]):
            at = instants[number % 200]
            on = full.calendar.local_date(at)
            areas = areas_at(full_layers, LonLat(lon, lat), on, full.tolerances(on))
            case = Case(sizes[number % 3], full.calendar.clock(at), loads)
            outside = is_outside(full_layers, areas, on)
            choice = choose(full, "BACHE", "calles", on, areas, is_outside=outside, case=case)
            if choice.agency_code:
                full.calendar_of(choice.agency_code).due(promise, at)

    def with_receipts() -> None:
        for lon, lat in pairs[:2000]:
            decide(book, layers, Question("BACHE", "calles", PROMISE, LonLat(lon, lat), 20.0, AT))

    def with_full_receipts() -> None:
        for number, (lon, lat) in enumerate(pairs[:2000]):
            asked = Question("BACHE", "calles", PROMISE, LonLat(lon, lat), 20.0, AT, sizes[number % 3], loads)
            decide(full, full_layers, asked)

    def near_lines() -> None:
        snapshots_on(full_layers, ON)["road"].sets_near(PointColumns(*points.T), (18.0, 40.0))  # type: ignore[union-attr]

    rates = {
        "points in 3 layers, in bulk": _rate(
            POINTS, lambda: [s.sets_at(PointColumns(*points.T)) for s in snapshots.values()]
        ),
        "points to places, in bulk": _rate(POINTS, lambda: locate_many(snapshots, PointColumns(*points.T))),
        "rows decided with due date, in bulk": _rate(len(rows), lambda: decide_many(book, layers, rows)),
        "single decisions with due date": _rate(50_000, choose_all),
        "single decisions with receipt and borders": _rate(2000, with_receipts),
        "points near 60 roads, in bulk": _rate(POINTS, near_lines),
        "lines and conditions: rows decided, in bulk": _rate(
            len(rows), lambda: decide_many(full, full_layers, full_rows, loads)
        ),
        "lines and conditions: single decisions": _rate(50_000, choose_all_full),
        "lines and conditions: receipts": _rate(2000, with_full_receipts),
        "names looked up": _rate(50, lambda: [gazetteer.search(f"calle 5, col. {a.name}") for a in colonias[:50]]),
    }
    with capsys.disabled():
        report(
            f"routing-{make.__name__}",
            [
                f"{make.__name__}: per second of one core, median of {ROUNDS}",
                *(f"  {what:<45}{rate:>12,}" for what, rate in rates.items()),
            ],
        )
