"""Recorded rows of real cities with their real boundaries, as the tests and the benchmark of routing use them.

A row is `(lon, lat, code)`: a point and the code of the area on record. Sources: ../shared/data and its README.
"""

import csv
import gzip
import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from georef import shapes
from georef.boundaries import Area, BoundaryIndex
from georef.names import fold
from georef.points import LonLat
from georef.readers import read_features
from routing.calendars import WorkingCalendar
from routing.decide import OUTLINE, RuleBook
from routing.learning import PastCase
from routing.places import Layer
from routing.values import EVERY_AREA, AgencyFacts, Rule
from tests.factories import CALENDAR, both

THEN = date(2000, 1, 1)
# About 8 % of Boston's rows were put on the City Hall, with the districts of somewhere else.
_CITY_HALL = ("42.3594", "-71.0587")
_BOROUGHS = {"MANHATTAN": 1, "BRONX": 2, "BROOKLYN": 3, "QUEENS": 4, "STATEN ISLAND": 5}

Row = tuple[LonLat, str]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A layer and the rows that say in which of its areas they were filed. `floor`: what plain containment reaches."""

    name: str
    layer: Layer
    rows: list[Row]
    floor: float


def read_csv(path: Path) -> list[dict[str, str]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def read_layer(path: Path, key: str, code: str) -> Layer:
    areas = [
        Area(_code(fields[code]), _code(fields[code]), shapes.clean(geometry, code=str(fields[code])).geometry, THEN)
        for fields, geometry in read_features(path)
    ]
    return Layer(key, both(key), BoundaryIndex(key, areas))


def _code(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) else str(value)


def recorded(data: Path) -> Iterator[Recorded]:
    """Every layer that rows on record can be compared with."""
    boston = [row for row in read_csv(data / "boston_311_2011.csv.gz") if _point_text(row) != _CITY_HALL]
    yield Recorded(
        "NYC community board",
        read_layer(data / "nyc_community_districts.geojson.gz", "board", "BoroCD"),
        [
            (point, f"{_BOROUGHS[found[2]]}{int(found[1]):02}")
            for row in read_csv(data / "nyc_311_requests.csv.gz")
            if (found := re.fullmatch(r"(\d+) (.+)", row["community_board"].strip())) and int(found[1])
            if (point := _point(row)) is not None
        ],
        0.985,
    )
    yield Recorded(
        "Boston police district",
        read_layer(data / "boston_police_districts.geojson.gz", "police", "DISTRICT"),
        [(point, row["police_district"]) for row in boston if row["police_district"] and (point := _point(row))],
        0.996,
    )
    yield Recorded(
        "Boston ward",
        read_layer(data / "boston_wards.geojson", "ward", "WARD"),
        [
            (point, str(int(number[0])))
            for row in boston
            if (number := re.search(r"\d+", row["ward"])) and (point := _point(row))
        ],
        0.993,
    )
    boroughs = read_layer(data / "cdmx_alcaldias.geojson", "district", "NOMGEO")
    named = {fold(area.code): area.code for area in boroughs.index.areas}
    yield Recorded(
        "Mexico City water, alcaldía",
        boroughs,
        [
            (
                LonLat(float(row["longitud"]), float(row["latitud"])),
                named.get(fold(row["alcaldia_catalogo"]), row["alcaldia_catalogo"]),
            )
            for row in read_csv(data / "cdmx_sacmex_reportes_agua_2022.csv")
        ],
        0.993,
    )


def _point_text(row: dict[str, str]) -> tuple[str, str]:
    return row["latitude"], row["longitude"]


def _point(row: dict[str, str]) -> LonLat | None:
    return LonLat(float(row["longitude"]), float(row["latitude"])) if row["longitude"] and row["latitude"] else None


def book_of(layer: Layer) -> RuleBook:
    """Every area of the layer is its own agency's."""
    codes = [area.code for area in layer.index.areas]
    rules = tuple(
        Rule(code, 10, code, both("zona"), THEN, layer_key=layer.key, area_codes=frozenset([code])) for code in codes
    )
    agencies = {code: AgencyFacts(code, code) for code in (*codes, "MESA")}
    return RuleBook("real", 1, "MESA", agencies, {"default": WorkingCalendar(CALENDAR)}, rules)


def outlined(layer: Layer) -> dict[str, Layer]:
    """The layer, with its union as the city's outline."""
    import shapely

    whole = shapely.union_all([area.geometry for area in layer.index.areas])
    outline = BoundaryIndex(OUTLINE, [Area(EVERY_AREA, "Ciudad", whole, THEN)])
    return {OUTLINE: Layer(OUTLINE, both("ciudad"), outline), layer.key: layer}


def cases(data: Path, city: str) -> tuple[list[PastCase], list[PastCase]]:
    """(cases to learn from, cases held back) of "nyc" or "boston": seven of ten by a hash of their number, and the rest."""
    kept: tuple[list[PastCase], list[PastCase]] = ([], [])
    for number, case in _nyc(data) if city == "nyc" else _boston(data):
        kept[int(hashlib.sha256(number.encode()).hexdigest(), 16) % 10 >= 7].append(case)
    return kept


def _nyc(data: Path) -> Iterator[tuple[str, PastCase]]:
    for row in read_csv(data / "nyc_311_requests.csv.gz"):
        day = row["created_date"]
        on = date.fromisoformat(day[:10]) if day[4] == "-" else datetime.strptime(day[:10], "%m/%d/%Y").date()  # noqa: DTZ007 - a day
        answers = {key: row[key] for key in ("descriptor", "location_type") if row[key]}
        areas = {"borough": row["borough"]} if row["borough"] else {}
        yield row["unique_key"], PastCase(row["complaint_type"], row["agency"], on, areas, answers)


def _boston(data: Path) -> Iterator[tuple[str, PastCase]]:
    for row in read_csv(data / "boston_311_2011.csv.gz"):
        areas = {"police": row["police_district"]} if row["police_district"] else {}
        answers = {"case_title": row["case_title"]}
        on = date.fromisoformat(row["open_dt"][:10])
        yield row["case_enquiry_id"], PastCase(row["type"], row["department"], on, areas, answers)
