"""A small city of values: what decisions are tried on without a database.

       -99.20   -99.15   -99.10      colonia Roma (C1) lies across the border of Oeste and Este; Parque (P) overlaps with it.
19.50    +--------+--------+
         |   W    |   E    |         north strip from 19.48 on: only district, no colonia
19.30    +--------+--------+
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from shapely.geometry import LineString, box

from georef.boundaries import Area, BoundaryIndex
from georef.distances import metres_per_degree
from georef.points import LonLat
from routing.calendars import WorkingCalendar
from routing.decide import RuleBook
from routing.places import Layer
from routing.situation import Question
from routing.values import AgencyFacts, Rule
from tests.factories import CALENDAR, both

START = date(2024, 1, 1)
NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)
AGENCIES = ("AGUAS", "ALC-E", "ALC-W", "MESA", "OBRAS", "PARQUES")

OUTLINE = Area("CITY", "Ciudad", box(-99.20, 19.30, -99.10, 19.50), START)
WEST = Area("W", "Oeste", box(-99.20, 19.30, -99.15, 19.50), START)
EAST = Area("E", "Este", box(-99.15, 19.30, -99.10, 19.50), START)
ROMA = Area("C1", "Roma", box(-99.17, 19.38, -99.13, 19.42), START)
PARK = Area("P", "Parque", box(-99.16, 19.39, -99.14, 19.41), START)


def layers(extra: Mapping[str, Iterable[Area]] | None = None) -> dict[str, Layer]:
    areas: dict[str, Iterable[Area]] = {
        "jurisdiction": [OUTLINE],
        "district": [WEST, EAST],
        "colonia": [ROMA, PARK],
        **(extra or {}),
    }
    return {key: Layer(key, both(key.capitalize()), BoundaryIndex(key, list(held))) for key, held in areas.items()}


def rule(code: str, agency: str, priority: int = 100, **values: Any) -> Rule:
    if "area_codes" in values:
        values["area_codes"] = frozenset(values["area_codes"])
    values.setdefault("valid_from", START)
    return Rule(
        code=code, priority=priority, agency_code=agency, reason=both(f"Por {code}", f"Because of {code}"), **values
    )


WEST_RULE = rule("W-1", "ALC-W", layer_key="district", area_codes=["W"])
EAST_RULE = rule("E-1", "ALC-E", layer_key="district", area_codes=["E"])


def book(*rules: Rule, version: int = 7) -> RuleBook:
    return RuleBook(
        jurisdiction_id="ciudad.example",
        version=version,
        default_agency_code="MESA",
        agencies={code: AgencyFacts(code, f"Dependencia {code}") for code in AGENCIES},
        calendars={"default": WorkingCalendar(CALENDAR)},
        rules=rules,
    )


def question(
    point: tuple[float, float] | None, service: str = "BACHE", group: str = "calles", **values: Any
) -> Question:
    defaults: dict[str, Any] = {"promise": {"amount": 5, "unit": "working_days"}, "precision_m": 12.0, "at": NOW}
    return Question(service, group, point=LonLat(*point) if point else None, **(defaults | values))


def road(code: str, *points: tuple[float, float], start: date = START, end: date | None = None) -> Area:
    return Area(code, f"Avenida {code}", LineString(points), start, end)


# Along the middle of Oeste and across into Este; and across it, on the border of both.
AVENUE = road("AV", (-99.20, 19.45), (-99.10, 19.45))
CROSS = road("CR", (-99.175, 19.30), (-99.175, 19.50))


def line_layer(*lines: Area, key: str = "road") -> dict[str, Layer]:
    return {key: Layer(key, both("Vía primaria", "Primary road"), BoundaryIndex(key, lines, "line"))}


def metres_north(lat: float, metres: float) -> float:
    """The latitude so many metres north."""
    return lat + metres / metres_per_degree(lat)[1]
