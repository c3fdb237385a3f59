"""The small city of `tests.routing.cast` on both sides of a what-if, and requests all over it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from shapely.geometry import box

from routing.whatif.compare import PastRow
from routing.whatif.sides import Side, as_of
from tests.routing.cast import EAST_RULE, NOW, START, WEST_RULE, book, layers, rule

# The border of Oeste and Este moves 0.02 degrees to the east.
MOVED = [("W", "Oeste", box(-99.20, 19.30, -99.13, 19.50)), ("E", "Este", box(-99.13, 19.30, -99.10, 19.50))]
WATER = rule("AGUA", "AGUAS", 10, service_group="agua")


def live() -> Side:
    return as_of(book(WEST_RULE, EAST_RULE, WATER), layers(), START)


def past(number: int, lon: float | None, lat: float | None, service: str = "BACHE", **values: object) -> PastRow:
    given = {
        "id": str(number),
        "folio": f"{number:010}",
        "service_code": service,
        "service_group": "agua" if service == "FUGA" else "calles",
        "lon": lon,
        "lat": lat,
        "at": NOW - timedelta(hours=number),
        "answers": {},
        "agency_code": None,
        "life": "closed",
    }
    return PastRow(**(given | values))  # type: ignore[arg-type]  # complete defaults


def scattered(points: Sequence[tuple[float, float]], at: datetime = NOW) -> list[PastRow]:
    return [past(number, *point, life="new" if number % 3 else "closed", at=at) for number, point in enumerate(points)]
