"""Reads `rules.toml`. A row may stand for several rules: one for each service, or one for each area."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from intake.city_folder.tables import Notes, Table, read_toml
from intake.city_folder.values import EVERY_AREA, NamedArea
from kernel.errors import InvalidInput
from routing.conditions import Capacity, Hours
from routing.values import Rule

FILE = "rules.toml"
_KEYS = (
    "code", "priority", "service", "services", "group", "layer", "areas", "agency", "agency_by_area", "valid_from",
    "valid_to", "reason", "answers", "hours", "tolerance_m", "capacity", "question",
)  # fmt: skip
# Nobody stands further from the axis of the widest road.
_WIDEST_M = 200
_ALWAYS = date(2000, 1, 1)


def read_rules(notes: Notes, path: Path) -> Sequence[Rule]:
    """The rules, with codes made unique: `VIAL-1` for two services is `VIAL-1-BACHE` and `VIAL-1-RAMPA`."""
    top = Table(notes, FILE, "", read_toml(notes, path, FILE), ("rule",))
    found: list[Rule] = []
    for index, raw in enumerate(top.rows("rule")):
        found += _expand(Table(notes, FILE, f"rule[{index}]", raw, _KEYS))
    return found


def rules_text(path: Path) -> str:
    """The file as it is written, for a person to go on from; empty without one."""
    file = path / FILE
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def _expand(table: Table) -> Iterator[Rule]:
    code, priority = table.text("code"), table.number("priority")
    reason = table.texts("reason")
    start = table.day("valid_from", _ALWAYS)
    end = table.raw.get("valid_to")
    if end is not None and (not isinstance(end, date) or end <= start):
        table.wrong("valid_to", "La regla termina antes de empezar.")
        return
    services = table.words("services")
    subjects: list[tuple[str, str | None]] = [(f"{code}-{service}", service) for service in services]
    if not subjects:
        subjects = [(code, table.text("service", required=False) or None)]
    group = table.text("group", required=False) or None
    if group and subjects[0][1]:
        table.wrong("group", "Una regla es de un servicio o de un grupo, no de los dos.")
    layer, areas = table.text("layer", required=False) or None, table.words("areas")
    by_area = table.table("agency_by_area")
    if (layer is None) == bool(areas or by_area):
        table.wrong("layer", "Una regla con zonas dice la capa (layer) y las zonas (areas o agency_by_area).")
        return
    answers, hours, capacity = _answers(table), _hours(table), _capacity(table)
    tolerance_m = table.metres("tolerance_m", most=_WIDEST_M)
    if tolerance_m is not None and layer is None:
        table.wrong("tolerance_m", "Los metros de tolerancia son de una capa de líneas: falta layer.")
    question = table.texts("question", required=False) or None
    for full_code, service in subjects:
        base = Rule(
            code=full_code,
            priority=priority,
            agency_code="" if by_area else table.text("agency"),
            reason=reason,
            valid_from=start,
            valid_to=end,
            service_code=service,
            service_group=group,
            layer_key=layer,
            area_codes=frozenset(areas) if areas else None,
            answers=answers,
            hours=hours,
            tolerance_m=tolerance_m,
            capacity=capacity,
            question=question,
        )
        if by_area:
            for area, agency in by_area.items():
                yield replace(base, code=f"{full_code}-{area}", agency_code=str(agency), area_codes=frozenset([area]))
        else:
            yield base


def _answers(table: Table) -> Mapping[str, frozenset[str]] | None:
    """`answers = { TAMANO = ["grande"] }`."""
    found = {}
    for code, accepted in table.table("answers").items():
        if not isinstance(accepted, list) or not accepted or not all(isinstance(value, str) for value in accepted):
            table.wrong(f"answers.{code}", "Las respuestas de {code} son una lista de textos.", code=code)
            continue
        found[code] = frozenset(accepted)
    return found or None


def _hours(table: Table) -> tuple[Hours, ...] | None:
    """`hours = [{ days = ["fri"], from = "22:00", to = "06:00" }]`."""
    found = []
    for number, raw in enumerate(table.rows("hours")):
        try:
            found.append(Hours.parse(raw))
        except InvalidInput as error:
            table.wrong(f"hours[{number}]", "{reason}", reason=error.public_text())
    return tuple(found) or None


def _capacity(table: Table) -> Capacity | None:
    """`capacity = { open_limit = 400, agency = "OBRAS" }`."""
    raw = table.table("capacity")
    if not raw:
        return None
    inner = Table(table.notes, table.file, f"{table.where}.capacity", raw, ("open_limit", "agency"))
    limit, agency = inner.number("open_limit"), inner.text("agency")
    if limit < 1:
        inner.wrong("open_limit", "El límite de solicitudes abiertas debe ser un número entero mayor que cero.")
        return None
    return Capacity(limit, agency)


def name_areas(rules: Sequence[Rule], areas: Mapping[str, Sequence[NamedArea]]) -> list[Rule]:
    """`rules` with every `*` written out as the codes that the layer has in any of its editions."""
    named = []
    for rule in rules:
        if rule.layer_key is not None and rule.area_codes is not None and EVERY_AREA in rule.area_codes:
            rule = replace(rule, area_codes=frozenset(code for code, _, _ in areas.get(rule.layer_key, ())))
        named.append(rule)
    return named
