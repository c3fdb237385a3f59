"""A rule set as one JSON value and back: what a version is kept as, and what its digest is made from."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Protocol

import orjson

from kernel.errors import InvalidInput
from routing.calendars import WorkingCalendar
from routing.conditions import Capacity, Hours
from routing.decide import RuleBook
from routing.values import AgencyFacts, Rule


class _Known(Protocol):
    is_active: bool


def digest(content: Any) -> str:
    """What the same content always gives, whatever the order of its keys."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def checked(rules: Iterable[Rule], default_agency_code: str, agencies: Mapping[str, _Known]) -> list[Rule]:
    """The rules, when somebody could apply them. Raises InvalidInput: an agency that is not there or no longer active, a place
    that is half said, an end before the beginning, a code given twice.
    """
    wanted = list(rules)
    for code in sorted({default_agency_code, *(rule.agency_code for rule in wanted)}):
        if code not in agencies or not agencies[code].is_active:
            raise InvalidInput("Las reglas nombran una dependencia que no existe: {code}.", code=code)
    for rule in wanted:
        if (rule.layer_key is None) != (rule.area_codes is None) or rule.area_codes == frozenset():
            raise InvalidInput("La regla {code} debe nombrar una capa y sus zonas, o ninguna.", code=rule.code)
        if rule.valid_to is not None and rule.valid_to <= rule.valid_from:
            raise InvalidInput("La regla {code} termina antes de empezar.", code=rule.code)
    if len({(rule.code, rule.valid_from) for rule in wanted}) < len(wanted):
        raise InvalidInput("Dos reglas tienen la misma clave y la misma fecha de inicio.")
    return wanted


def rules_part(kept: Mapping[str, Any]) -> dict[str, Any]:
    """What of a content a person writes: the rest are agencies and calendars."""
    return {
        "default_agency_code": kept["default_agency_code"],
        "rules": kept["rules"],
        "tests": kept.get("tests", []),
    }


def rule_content(rule: Rule) -> dict[str, Any]:
    """A rule as plain JSON, sorted, without what it does not use, so that the same rule always has the same bytes."""
    kept: dict[str, Any] = {
        "code": rule.code,
        "priority": rule.priority,
        "agency_code": rule.agency_code,
        "reason": dict(rule.reason),
        "valid_from": rule.valid_from.isoformat(),
        "valid_to": rule.valid_to.isoformat() if rule.valid_to else None,
        "service_code": rule.service_code,
        "service_group": rule.service_group,
        "layer_key": rule.layer_key,
        "area_codes": None if rule.area_codes is None else sorted(rule.area_codes),
    }
    if rule.answers is not None:
        kept["answers"] = {code: sorted(accepted) for code, accepted in sorted(rule.answers.items())}
    if rule.hours is not None:
        kept["hours"] = [hours.as_json() for hours in rule.hours]
    if rule.tolerance_m is not None:
        kept["tolerance_m"] = rule.tolerance_m
    if rule.capacity is not None:
        kept["capacity"] = asdict(rule.capacity)
    if rule.question is not None:
        kept["question"] = dict(rule.question)
    return kept


def content(
    default_agency_code: str,
    rules: Iterable[Rule],
    agencies: Iterable[AgencyFacts],
    calendars: Mapping[str, Mapping[str, Any]],
    tests: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The whole rule set as plain JSON, rules by code and first day; a calendar that no agency uses is not part of it."""
    agencies = list(agencies)
    used = {agency.calendar_code for agency in agencies}
    return {
        "default_agency_code": default_agency_code,
        "rules": [rule_content(rule) for rule in sorted(rules, key=lambda rule: (rule.code, rule.valid_from))],
        "agencies": [asdict(agency) for agency in agencies],
        "calendars": {code: dict(definition) for code, definition in calendars.items() if code in used},
        "tests": [dict(test) for test in tests],
    }


def book_of(jurisdiction_id: str, version: int, kept: Mapping[str, Any]) -> RuleBook:
    """The rule book of a content. Raises InvalidInput when it names an agency or a calendar it does not hold."""
    return RuleBook(
        jurisdiction_id=jurisdiction_id,
        version=version,
        default_agency_code=kept["default_agency_code"],
        agencies={agency["code"]: AgencyFacts(**agency) for agency in kept["agencies"]},
        calendars={code: WorkingCalendar(definition) for code, definition in kept["calendars"].items()},
        rules=tuple(rules_of(kept)),
    )


def rules_of(kept: Mapping[str, Any]) -> list[Rule]:
    """The rules of a content, by code and first day."""
    return [_rule(rule) for rule in kept["rules"]]


def _rule(kept: Mapping[str, Any]) -> Rule:
    answers, hours, capacity = kept.get("answers"), kept.get("hours"), kept.get("capacity")
    return Rule(
        **{
            **kept,
            "valid_from": date.fromisoformat(kept["valid_from"]),
            "valid_to": date.fromisoformat(kept["valid_to"]) if kept["valid_to"] else None,
            "area_codes": None if kept["area_codes"] is None else frozenset(kept["area_codes"]),
            "answers": None if answers is None else {code: frozenset(given) for code, given in answers.items()},
            "hours": None if hours is None else tuple(Hours.parse(block) for block in hours),
            "capacity": None if capacity is None else Capacity(**capacity),
        }
    )


@dataclass(frozen=True, slots=True)
class SetChanges:
    """What one content says otherwise than another: codes of rules and tests, in order; a rule with several dates counts once.

    tests_removed: also those of which only the code is left, on a test that asks for something else.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    tests_removed: tuple[str, ...]
    default_agency_code: str | None

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed or self.tests_removed or self.default_agency_code)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> SetChanges:
    """From one set's content to another's. `default_agency_code`: the new one, None when it stays."""
    old, new = _by_code(before["rules"]), _by_code(after["rules"])
    default = after["default_agency_code"]
    return SetChanges(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(code for code in new.keys() & old.keys() if new[code] != old[code])),
        removed=tuple(sorted(old.keys() - new.keys())),
        tests_removed=tests_removed(before, after),
        default_agency_code=None if default == before["default_agency_code"] else default,
    )


def tests_removed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """As in `SetChanges`; asked also of a set whose rules cannot be read."""
    kept = list(after.get("tests", ()))
    return tuple(sorted(test["code"] for test in before.get("tests", ()) if test not in kept))


def _by_code(rules: Iterable[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for rule in sorted(rules, key=lambda rule: (rule["code"], rule["valid_from"])):
        found.setdefault(rule["code"], []).append(rule)
    return found
