"""What is wrong with a set of rules before anybody is routed by it. Pure; every finding names its rules.

Errors refuse a save: a rule about something that does not exist, or one that can never apply. Warnings are shown: rules that
decide against each other by their codes only, rules that others always come before, services that some areas have no rule for.
A rule is only called unreachable when it certainly is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from itertools import combinations
from typing import Literal

from kernel.errors import InvalidInput
from kernel.i18n import translate
from routing.conditions import Hours
from routing.values import EVERY_AREA, LayerKind, Rule

Level = Literal["error", "warning"]
Period = tuple[date, date]
_WEEK = 7 * 24 * 60
# Conflicts are told up to this many: past it, what is wrong is not this rule or that.
_MOST_CONFLICTS = 200
_LISTED_AREAS = 12
# Errors that a refusal lists.
_TOLD = 20


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """A layer as rules may name it. `periods`: the days of each code; None when the layer's file is imported separately."""

    kind: LayerKind = "area"
    periods: Mapping[str, Sequence[Period]] | None = None


@dataclass(frozen=True, slots=True)
class Subjects:
    """What is reported. services: code -> group. attributes: service -> attribute -> option keys, None for free answers."""

    services: Mapping[str, str]
    attributes: Mapping[str, Mapping[str, frozenset[str] | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What rules may speak of. base_layer: the one whose areas are looked through for holes."""

    agencies: frozenset[str]
    services: Mapping[str, str]
    layers: Mapping[str, LayerFacts]
    attributes: Mapping[str, Mapping[str, frozenset[str] | None]] = field(default_factory=dict)
    base_layer: str = "district"


@dataclass(frozen=True, slots=True)
class Finding:
    """`rules` are codes, the one to change first; `text` is a Spanish msgid."""

    level: Level
    kind: str
    rules: tuple[str, ...]
    text: str
    params: Mapping[str, object] = field(default_factory=dict)

    def public_text(self, language: str = "es") -> str:
        return translate(language, self.text, **self.params)


class RulesRefused(InvalidInput):
    """Rules that may not be kept; `findings` are the errors."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("Las reglas tienen errores, y nada cambió:\n{lines}", field="rules")
        self.findings = tuple(findings)

    def public_text(self, language: str = "es") -> str:
        lines = list(dict.fromkeys(_line_of(finding, language) for finding in self.findings))
        told, rest = lines[:_TOLD], len(lines[_TOLD:])
        return translate(language, self.text, lines="\n".join([*told, f"… +{rest}"] if rest else told))


def _line_of(finding: Finding, language: str) -> str:
    return f"{', '.join(finding.rules[:1])}: {finding.public_text(language)}"


def refuse_errors(findings: Sequence[Finding]) -> None:
    """Raises RulesRefused when one of them is an error."""
    errors = [finding for finding in findings if finding.level == "error"]
    if errors:
        raise RulesRefused(errors)


def lint(rules: Sequence[Rule], around: Surroundings) -> list[Finding]:
    """Every finding, errors first, in the order of the rules."""
    ordered = sorted(rules, key=_order)
    found = [finding for rule in ordered for finding in _unknown(rule, around)]
    found += _repeated(ordered)
    found += _never(ordered, around)
    found += _conflicts(ordered)
    found += _unreachable(ordered, around)
    found += _holes(ordered, around)
    return sorted(found, key=lambda finding: finding.level != "error")


def _order(rule: Rule) -> tuple[tuple[int, ...], str, date, str]:
    return (rule.rank, rule.code, rule.valid_from, rule.agency_code)


def _error(kind: str, rule: Rule, text: str, **params: object) -> Finding:
    return Finding("error", kind, (rule.code,), text, params)


def _unknown(rule: Rule, around: Surroundings) -> Iterator[Finding]:
    def say(text: str, **params: object) -> Finding:
        return _error("unknown", rule, text, **params)

    named = [rule.agency_code] + ([rule.capacity.fallback_agency_code] if rule.capacity else [])
    for code in named:
        if code not in around.agencies:
            yield say("No existe la dependencia {agency}.", agency=code)
    if rule.capacity is not None and rule.capacity.fallback_agency_code == rule.agency_code:
        yield _error("fallback", rule, "La dependencia que releva es la misma que está llena.")
    if rule.service_code is not None and rule.service_code not in around.services:
        yield say("No existe el servicio {service}.", service=rule.service_code)
    if rule.service_group is not None and rule.service_group not in around.services.values():
        yield say("No existe el grupo {group}.", group=rule.service_group)
    yield from _unknown_places(rule, around)
    yield from _unknown_answers(rule, around)


def _unknown_places(rule: Rule, around: Surroundings) -> Iterator[Finding]:
    def say(text: str, **params: object) -> Finding:
        return _error("unknown", rule, text, **params)

    if rule.layer_key is None:
        if rule.tolerance_m is not None:
            yield say("Los metros de tolerancia son de una capa de líneas: falta layer.")
        return
    layer = around.layers.get(rule.layer_key)
    if layer is None:
        yield say("No existe la capa {layer}.", layer=rule.layer_key)
        return
    if layer.kind == "line" and rule.tolerance_m is None:
        yield _error(
            "kind", rule, "La capa {layer} es de líneas: di a cuántos metros (tolerance_m).", layer=rule.layer_key
        )
    if layer.kind == "area" and rule.tolerance_m is not None:
        yield _error("kind", rule, "La capa {layer} es de zonas: no lleva tolerance_m.", layer=rule.layer_key)
    if layer.periods is not None:
        for code in sorted((rule.area_codes or frozenset()) - set(layer.periods) - {EVERY_AREA}):
            yield say("La capa {layer} no tiene la zona {area}.", layer=rule.layer_key, area=code)


def _unknown_answers(rule: Rule, around: Surroundings) -> Iterator[Finding]:
    if rule.answers is None or not around.attributes:
        return
    asked = [around.attributes.get(code, {}) for code, _ in _subjects(rule, around)]
    for code, accepted in sorted(rule.answers.items()):
        options = [attributes[code] for attributes in asked if code in attributes]
        if not options:
            yield _error("unknown", rule, "Ningún servicio de la regla pregunta {attribute}.", attribute=code)
            continue
        if any(keys is None for keys in options):
            continue
        for value in sorted(accepted - frozenset(key for keys in options for key in keys or ())):
            yield _error("unknown", rule, "{attribute} no tiene la respuesta {answer}.", attribute=code, answer=value)


def _subjects(rule: Rule, around: Surroundings) -> list[tuple[str, str]]:
    return [
        (code, group)
        for code, group in around.services.items()
        if rule.service_code in (None, code) and rule.service_group in (None, group)
    ]


def _repeated(rules: Sequence[Rule]) -> Iterator[Finding]:
    by_code: dict[str, list[Rule]] = {}
    for rule in rules:
        by_code.setdefault(rule.code, []).append(rule)
    for code, same in by_code.items():
        if any(_days_meet(first, second) for first, second in combinations(same, 2)):
            yield _error("repeated", same[0], "Dos reglas tienen la clave {code} en los mismos días.", code=code)


def _days_meet(first: Rule, second: Rule) -> bool:
    return max(first.valid_from, second.valid_from) < min(_end(first), _end(second))


def _end(rule: Rule) -> date:
    return rule.valid_to or date.max


def _never(rules: Sequence[Rule], around: Surroundings) -> Iterator[Finding]:
    for rule in rules:
        if _end(rule) <= rule.valid_from:
            yield _error("never", rule, "La regla termina antes de empezar.")
        elif rule.hours == () or any(not accepted for accepted in (rule.answers or {}).values()):
            yield _error("never", rule, "La regla tiene una condición que nada cumple.")
        elif rule.layer_key is not None and not rule.area_codes:
            yield _error("never", rule, "La regla no nombra ninguna zona de su capa.")
        elif (
            rule.layer_key is not None
            and rule.layer_key in around.layers
            and (periods := around.layers[rule.layer_key].periods) is not None
        ):
            codes = set(periods) if EVERY_AREA in (rule.area_codes or ()) else set(rule.area_codes or ()) & set(periods)
            held = [period for code in codes for period in periods[code]]
            if codes and not any(max(rule.valid_from, start) < min(_end(rule), end) for start, end in held):
                yield Finding(
                    "warning", "never", (rule.code,), "Ninguna de sus zonas está en vigor en los días de la regla."
                )


def _conflicts(rules: Sequence[Rule]) -> Iterator[Finding]:
    """Rules of one rank that may meet at one place, name different agencies, and are told apart by their codes only."""
    meeting: dict[tuple[object, ...], list[Rule]] = {}
    for rule in rules:
        for code in rule.area_codes or (None,):
            meeting.setdefault((rule.rank, rule.service_code, rule.service_group, rule.layer_key, code), []).append(
                rule
            )
    told: set[tuple[int, int]] = set()
    for key, group in meeting.items():
        everywhere = meeting.get((*key[:-1], EVERY_AREA), []) if key[-1] not in (None, EVERY_AREA) else []
        for first, second in _pairs(group, everywhere):
            if (id(first), id(second)) in told or not _differ(first, second):
                continue
            if _days_meet(first, second) and _may_hold_together(first, second):
                told.add((id(first), id(second)))
                yield Finding(
                    "warning",
                    "conflict",
                    (second.code, first.code),
                    "{second} ({loser}) y {first} ({winner}) valen igual: gana {first} solo por su clave.",
                    {
                        "first": first.code,
                        "second": second.code,
                        "winner": first.agency_code,
                        "loser": second.agency_code,
                    },
                )
                if len(told) >= _MOST_CONFLICTS:
                    return


def _pairs(group: Sequence[Rule], everywhere: Sequence[Rule]) -> Iterator[tuple[Rule, Rule]]:
    yield from combinations(group, 2)
    for first in group:
        for second in everywhere:
            if first is not second:
                yield (first, second) if _order(first) < _order(second) else (second, first)


def _differ(first: Rule, second: Rule) -> bool:
    return (first.agency_code, first.capacity) != (second.agency_code, second.capacity)


def _may_hold_together(first: Rule, second: Rule) -> bool:
    # An answer to a list question may be several values: only a question with one answer keeps two rules apart, and that is
    # not known here. Values that have nothing in common are taken for different answers.
    for code, accepted in (first.answers or {}).items():
        other = (second.answers or {}).get(code)
        if other is not None and accepted.isdisjoint(other):
            return False
    return bool(_minutes(first.hours) & _minutes(second.hours))


@lru_cache(maxsize=512)
def _minutes(hours: tuple[Hours, ...] | None) -> int:
    """The minutes of a week in which the hours hold, as bits."""
    if hours is None:
        return (1 << _WEEK) - 1
    bits = 0
    for block in hours:
        length = (block.end if block.end > block.start else block.end + 24 * 60) - block.start
        for number in range(7):
            if block.days and _DAYS[number] in block.days:
                span = ((1 << length) - 1) << (number * 24 * 60 + block.start)
                bits |= (span & ((1 << _WEEK) - 1)) | (span >> _WEEK)
    return bits


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _unreachable(rules: Sequence[Rule], around: Surroundings) -> Iterator[Finding]:
    """Rules that are never the first to apply: on each of their days and in each of their areas another one is before them."""
    at: dict[tuple[str | None, str | None], list[tuple[int, Rule]]] = {}
    for number, rule in enumerate(rules):
        for code in rule.area_codes or (None,) if rule.layer_key is not None else (None,):
            at.setdefault((rule.layer_key, code), []).append((number, rule))
    for number, rule in enumerate(rules):
        if _end(rule) <= rule.valid_from:
            continue
        places = sorted(rule.area_codes or ()) if rule.layer_key is not None else [None]
        before: dict[str, None] = {}
        for code in places:
            keys = dict.fromkeys([(rule.layer_key, code), (rule.layer_key, EVERY_AREA), (None, None)])
            covering = [
                other
                for key in keys
                for position, other in at.get(key, ())
                if position < number and _covers(other, rule, around)
            ]
            if not _fill(rule, covering):
                break
            before |= dict.fromkeys(other.code for other in covering)
        else:
            if places:
                yield Finding(
                    "warning",
                    "unreachable",
                    (rule.code, *before),
                    "Nunca decide: siempre se adelanta {others}.",
                    {"others": ", ".join(before)},
                )


def _covers(other: Rule, rule: Rule, around: Surroundings) -> bool:
    """Whether `other` applies wherever `rule` does, days and areas aside."""
    if other.service_code not in (None, rule.service_code):
        return False
    group = rule.service_group if rule.service_group is not None else around.services.get(rule.service_code or "")
    if other.service_group is not None and other.service_group != group:
        return False
    if other.tolerance_m is not None and (rule.tolerance_m is None or other.tolerance_m < rule.tolerance_m):
        return False
    if other.tolerance_m is None and rule.tolerance_m is not None and other.layer_key is not None:
        return False
    for code, accepted in (other.answers or {}).items():
        mine = (rule.answers or {}).get(code)
        if mine is None or not mine <= accepted:
            return False
    return other.hours is None or not _minutes(rule.hours) & ~_minutes(other.hours)


def _fill(rule: Rule, covering: Iterable[Rule]) -> bool:
    """Whether the days of `covering` leave none of the rule's own."""
    day, end = rule.valid_from, _end(rule)
    for other in sorted(covering, key=lambda other: other.valid_from):
        if other.valid_from > day:
            return False
        day = max(day, _end(other))
        if day >= end:
            return True
    return False


def _holes(rules: Sequence[Rule], around: Surroundings) -> Iterator[Finding]:
    """Areas of the base layer where a service has no rule without conditions, as far as layers alone can tell."""
    base = around.layers.get(around.base_layer)
    if base is None or base.periods is None:
        return
    newest = max((start for periods in base.periods.values() for start, _ in periods), default=date.min)
    today = max(newest, *(rule.valid_from for rule in rules)) if rules else newest
    codes = {code for code, periods in base.periods.items() if any(start <= today < end for start, end in periods)}
    sure = [rule for rule in rules if rule.answers is None and rule.hours is None and rule.in_force(today)]
    for service, group in around.services.items():
        mine = [rule for rule in sure if rule.service_code in (None, service) and rule.service_group in (None, group)]
        if any(rule.layer_key is None for rule in mine):
            continue
        # A rule on all of another layer may well cover everything; a map tells that, a list of codes does not.
        if any(
            rule.layer_key != around.base_layer and rule.tolerance_m is None and EVERY_AREA in (rule.area_codes or ())
            for rule in mine
        ):
            continue
        held = {code for rule in mine if rule.layer_key == around.base_layer for code in rule.area_codes or ()}
        if EVERY_AREA in held or not codes - held:
            continue
        missing = sorted(codes - held)
        shown = ", ".join(missing[:_LISTED_AREAS]) + (", …" if len(missing) > _LISTED_AREAS else "")
        yield Finding(
            "warning",
            "hole",
            (),
            "{service} solo tiene la dependencia general en: {areas}.",
            {"service": service, "areas": shown},
        )
