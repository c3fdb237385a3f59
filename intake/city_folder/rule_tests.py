"""Reads `rule_tests.toml`: examples that the rules must get right (docs/add-a-city.md)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from intake.city_folder.tables import Notes, Table, read_toml
from routing.rule_tests import RuleTest

FILE = "rule_tests.toml"
_KEYS = ("code", "lon", "lat", "service", "answers", "at", "expects", "note", "source")


def read_tests(notes: Notes, path: Path, groups: Mapping[str, str], timezone: str) -> Sequence[RuleTest]:
    """The tests of the folder; none when it has no such file. `groups`: group by service code."""
    top = Table(notes, FILE, "", read_toml(notes, path, FILE, required=False), ("test",))
    zone = ZoneInfo(timezone)
    found: dict[str, RuleTest] = {}
    for index, raw in enumerate(top.rows("test")):
        table = Table(notes, FILE, f"test[{index}]", raw, _KEYS)
        test = _test(table, groups, zone)
        if test.code in found:
            table.wrong("code", "La clave {code} está repetida.", code=test.code)
        found[test.code] = test
    return list(found.values())


def _test(table: Table, groups: Mapping[str, str], zone: ZoneInfo) -> RuleTest:
    service = table.text("service")
    if service and service not in groups:
        table.wrong("service", "No existe el servicio {code}.", code=service)
    lon, lat = _degrees(table, "lon", 180), _degrees(table, "lat", 90)
    if (lon is None) != (lat is None):
        table.wrong("lon", "Un punto tiene lon y lat; una prueba sin lugar no tiene ninguno.")
    return RuleTest(
        code=table.text("code"),
        service_code=service,
        service_group=groups.get(service, ""),
        expects=table.text("expects"),
        lon=lon,
        lat=lat,
        answers=table.table("answers"),
        at=_instant(table, zone),
        note=table.text("note", required=False),
        source=table.text("source", required=False),
    )


def _degrees(table: Table, key: str, limit: int) -> float | None:
    value: Any = table.raw.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -limit <= value <= limit:
        table.wrong(key, "{key} debe ser {kind}.", key=key, kind="un número de grados")
        return None
    return float(value)


def _instant(table: Table, zone: ZoneInfo) -> datetime | None:
    """A time without a zone is the city's; a day is its noon."""
    value: Any = table.raw.get("at")
    if value is None:
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone)
    if isinstance(value, date):
        return datetime.combine(value, time(12), zone)
    table.wrong("at", "{key} debe ser {kind}.", key="at", kind="una fecha como 2026-03-01")
    return None
