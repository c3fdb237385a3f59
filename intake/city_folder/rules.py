"""Reads `rules.toml`. A row may stand for several rules: one for each service, or one for each area."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from intake.city_folder.tables import Notes, Table, read_toml
from intake.city_folder.values import EVERY_AREA, NamedArea
from routing.values import Rule

FILE = "rules.toml"
_KEYS = (
    "code", "priority", "service", "services", "group", "layer", "areas", "agency", "agency_by_area", "valid_from",
    "valid_to", "reason",
)  # fmt: skip
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
        )
        if by_area:
            for area, agency in by_area.items():
                yield replace(base, code=f"{full_code}-{area}", agency_code=str(agency), area_codes=frozenset([area]))
        else:
            yield base


def name_areas(rules: Sequence[Rule], areas: Mapping[str, Sequence[NamedArea]]) -> list[Rule]:
    """`rules` with every `*` written out as the codes that the layer has in any of its editions."""
    named = []
    for rule in rules:
        if rule.layer_key is not None and rule.area_codes is not None and EVERY_AREA in rule.area_codes:
            rule = replace(rule, area_codes=frozenset(code for code, _, _ in areas.get(rule.layer_key, ())))
        named.append(rule)
    return named
