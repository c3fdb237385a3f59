"""Who is responsible, as a function of values: no session, no clock, no network.

Rules are asked by rank (`Rule.rank`). The first rank with a match decides. Several matches in one rank are a tie: the rule whose
area is smallest or whose line is nearest wins, then the first rule code. The order in which rules were written never matters.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from georef.areas import Area
from georef.lines import NearLine
from kernel.errors import InvalidInput
from routing.calendars import WorkingCalendar
from routing.conditions import NOTHING_KNOWN, Case, Hours, RuleFailed, answered
from routing.values import EVERY_AREA, AgencyFacts, LayerKind, Outcome, Rule

OUTLINE = "jurisdiction"

AreasByLayer = Mapping[str, Sequence[Area]]


class Match(NamedTuple):
    """A rule that applies here; `area` is the area or the near line that made it apply, None for a city-wide rule."""

    rule: Rule
    area: Area | None


@dataclass(frozen=True, slots=True)
class Choice:
    """The answer without its reasons. `tied` are the other matches of the winner's rank, best first.

    `is_full`: the winner's agency has all it can take, so that `agency_code` is the rule's fallback.
    """

    outcome: Outcome
    agency_code: str | None
    match: Match | None = None
    tied: tuple[Match, ...] = ()
    is_full: bool = False


@dataclass(frozen=True, slots=True)
class Rank:
    """Rules of one rank that can apply to a service on a day, city-wide ones apart from those tied to areas or lines.

    All rules of a rank are of one kind: city-wide, or of areas, or of lines. Those of every area of a layer also stand under each
    code that other rules name.
    """

    rules: tuple[Rule, ...]
    city_wide: tuple[Rule, ...]
    by_area: Mapping[str, Mapping[str, tuple[Rule, ...]]]
    by_line: Mapping[str, Mapping[str, tuple[Rule, ...]]]
    has_conditions: bool

    def matches(self, areas: AreasByLayer, case: Case = NOTHING_KNOWN) -> list[Match]:
        """Every rule that applies, in the order in which ties are broken. Raises RuleFailed."""
        found = [Match(rule, None) for rule in self.city_wide] if self.city_wide else []
        for layer_key, rules_of in self.by_area.items():
            held = areas.get(layer_key)
            if not held:
                continue
            everywhere = rules_of.get(EVERY_AREA, ())
            if len(held) == 1:
                found += [Match(rule, held[0]) for rule in rules_of.get(held[0].code, everywhere)]
                continue
            seen: set[int] = set()
            for area in held:
                for rule in rules_of.get(area.code, everywhere):
                    if id(rule) not in seen:
                        seen.add(id(rule))
                        found.append(Match(rule, area))
        for layer_key, rules_of in self.by_line.items():
            for line in areas.get(layer_key, ()):
                for rule in rules_of.get(line.code) or rules_of.get(EVERY_AREA, ()):
                    if _is_near(rule, line) and not any(match.rule is rule for match in found):
                        found.append(Match(rule, line))
        if found and self.has_conditions:
            found = [match for match in found if holds(match.rule, case)]
        if len(found) > 1:
            found.sort(key=_tie_order)
        return found


def _is_near(rule: Rule, line: Area) -> bool:
    if not isinstance(line, NearLine):
        raise RuleFailed(rule.code, f"{rule.layer_key}: {line.code}")
    return line.is_settled or (rule.tolerance_m is not None and line.metres <= rule.tolerance_m)


def holds(rule: Rule, case: Case) -> bool:
    """Whether the rule's conditions are met, wherever it is. Raises RuleFailed when that cannot be told."""
    try:
        if rule.answers is not None and not answered(rule.answers, case.answers):
            return False
        if rule.hours is None:
            return True
        return case.clock is not None and any(hours.holds(*case.clock) for hours in rule.hours)
    except Exception as error:
        raise RuleFailed(rule.code, error) from error


def is_full(rule: Rule, case: Case) -> bool:
    """Whether the rule's agency has as much open as the rule lets it have. Raises RuleFailed."""
    if rule.capacity is None:
        return False
    try:
        return bool(case.loads.get(rule.agency_code, 0) >= rule.capacity.open_limit)
    except Exception as error:
        raise RuleFailed(rule.code, error) from error


def agency_of(rule: Rule, case: Case) -> str:
    """Whom the rule names: its agency, or its fallback when that one is full. Raises RuleFailed."""
    if rule.capacity is not None and is_full(rule, case):
        return rule.capacity.fallback_agency_code
    return rule.agency_code


def _tie_order(match: Match) -> tuple[float, str, date, str]:
    return (closeness(match), match.rule.code, match.rule.valid_from, match.rule.agency_code)


def closeness(match: Match) -> float:
    """What breaks a tie, the least first: metres to the line, or the size of the area."""
    area = match.area
    if isinstance(area, NearLine):
        return 0.0 if area.is_settled else area.metres
    return area.size if area is not None else float("inf")


class Asked(NamedTuple):
    """What the rules of a plan want to know: attribute codes, hours, (agency, limit) of capacities, and the layers of places."""

    attributes: tuple[str, ...]
    hours: tuple[Hours, ...]
    limits: tuple[tuple[str, int], ...]
    layers: tuple[str, ...]


class Plan(NamedTuple):
    ranks: tuple[Rank, ...]
    asked: Asked


@dataclass(frozen=True)
class RuleBook:
    """Everything one rule-set version decides with. Plans are worked out once per service and kept.

    Raises InvalidInput when a rule or the default names an agency, or an agency a calendar, that is not there.
    """

    jurisdiction_id: str
    version: int
    default_agency_code: str
    agencies: Mapping[str, AgencyFacts]
    calendars: Mapping[str, WorkingCalendar]
    rules: tuple[Rule, ...]
    _plans: dict[tuple[str, str, int], Plan] = field(default_factory=dict, compare=False, repr=False)
    _edges: tuple[date, ...] = field(init=False, compare=False, repr=False)
    _tolerances: dict[int, Mapping[str, tuple[float, ...]]] = field(default_factory=dict, compare=False, repr=False)
    _right_kinds: set[tuple[tuple[str, str], ...]] = field(default_factory=set, compare=False, repr=False)

    def __post_init__(self) -> None:
        fallbacks = {rule.capacity.fallback_agency_code for rule in self.rules if rule.capacity is not None}
        for name in sorted({self.default_agency_code, *(rule.agency_code for rule in self.rules)} | fallbacks):
            if name not in self.agencies:
                raise InvalidInput("Las reglas nombran una dependencia que no existe: {code}.", code=name)
        for agency in self.agencies.values():
            if agency.calendar_code not in self.calendars:
                raise InvalidInput(
                    "{agency} usa un calendario que no existe: {code}.", agency=agency.code, code=agency.calendar_code
                )
        edges = {rule.valid_from for rule in self.rules} | {rule.valid_to for rule in self.rules if rule.valid_to}
        object.__setattr__(self, "_edges", tuple(sorted(edges)))

    @property
    def calendar(self) -> WorkingCalendar:
        """The default agency's: its time zone says which day it is in the city."""
        return self.calendars[self.agencies[self.default_agency_code].calendar_code]

    def calendar_of(self, agency_code: str) -> WorkingCalendar:
        return self.calendars[self.agencies[agency_code].calendar_code]

    def tolerances(self, on: date) -> Mapping[str, tuple[float, ...]]:
        """By layer of lines, the metres within which rules of that day ask for its lines, ascending."""
        epoch = bisect_right(self._edges, on)
        known = self._tolerances.get(epoch)
        if known is None:
            found: dict[str, set[float]] = {}
            for rule in self.rules:
                if rule.layer_key is not None and rule.tolerance_m is not None and rule.in_force(on):
                    found.setdefault(rule.layer_key, set()).add(float(rule.tolerance_m))
            known = self._tolerances[epoch] = {key: tuple(sorted(metres)) for key, metres in found.items()}
        return known

    def refuse_wrong_kinds(self, kinds: Mapping[str, LayerKind]) -> None:
        """Raises RuleFailed for a rule on a layer of lines without a tolerance, or on a layer of areas with one."""
        key = tuple(kinds.items())
        if key in self._right_kinds:
            return
        for rule in self.rules:
            kind = kinds.get(rule.layer_key) if rule.layer_key is not None else None
            if kind == "line" and rule.tolerance_m is None:
                raise RuleFailed(rule.code, f"tolerance_m ({rule.layer_key})")
            if kind == "area" and rule.tolerance_m is not None:
                raise RuleFailed(rule.code, f"tolerance_m ({rule.layer_key})")
        self._right_kinds.add(key)

    def plan(self, service_code: str, service_group: str, on: date) -> tuple[Rank, ...]:
        """The ranks to ask for a service on a day, in order; ranks without a rule are left out."""
        return self._plan(service_code, service_group, on).ranks

    def asked(self, service_code: str, service_group: str, on: date) -> Asked:
        """What the rules about a service want to know on a day, beside the place."""
        return self._plan(service_code, service_group, on).asked

    def _plan(self, service_code: str, service_group: str, on: date) -> Plan:
        key = (service_code, service_group, bisect_right(self._edges, on))
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._make_plan(service_code, service_group, on)
        return plan

    def _make_plan(self, service_code: str, service_group: str, on: date) -> Plan:
        ranks: dict[tuple[int, ...], list[Rule]] = {}
        for rule in sorted(self.rules, key=lambda rule: (rule.rank, rule.code, rule.valid_from, rule.agency_code)):
            if (
                rule.in_force(on)
                and rule.service_code in (None, service_code)
                and rule.service_group in (None, service_group)
            ):
                ranks.setdefault(rule.rank, []).append(rule)
        return Plan(tuple(_make_rank(rules) for rules in ranks.values()), _asked(ranks.values()))


def _make_rank(rules: Iterable[Rule]) -> Rank:
    rules = tuple(rules)
    by_area: dict[str, dict[str, tuple[Rule, ...]]] = {}
    by_line: dict[str, dict[str, tuple[Rule, ...]]] = {}
    for rule in rules:
        if rule.layer_key is not None:
            by = by_area if rule.tolerance_m is None else by_line
            for code in sorted(rule.area_codes or ()):
                codes = by.setdefault(rule.layer_key, {})
                codes[code] = (*codes.get(code, ()), rule)
    for codes in (*by_area.values(), *by_line.values()):
        everywhere = codes.get(EVERY_AREA, ())
        for code, own in codes.items():
            codes[code] = (*own, *(rule for rule in everywhere if not any(rule is known for known in own)))
    return Rank(
        rules,
        tuple(rule for rule in rules if rule.layer_key is None),
        by_area,
        by_line,
        any(rule.answers is not None or rule.hours is not None for rule in rules),
    )


def _asked(ranks: Iterable[Sequence[Rule]]) -> Asked:
    rules = [rule for rank in ranks for rule in rank]
    return Asked(
        tuple(sorted({code for rule in rules for code in rule.answers or ()})),
        tuple(dict.fromkeys(hours for rule in rules for hours in rule.hours or ())),
        tuple(sorted({(rule.agency_code, rule.capacity.open_limit) for rule in rules if rule.capacity is not None})),
        tuple(sorted({rule.layer_key for rule in rules if rule.layer_key is not None})),
    )


def choose(
    book: RuleBook,
    service_code: str,
    service_group: str,
    on: date,
    areas: AreasByLayer,
    *,
    is_outside: bool = False,
    case: Case = NOTHING_KNOWN,
) -> Choice:
    """The responsible agency for a service at a place on a local day.

    areas: what holds the point, per layer, smallest first, and the lines near it, nearest first (`routing.places`); empty when
    there is no point, so that only city-wide rules apply.
    Raises RuleFailed when a rule that is asked cannot be applied.
    """
    if is_outside:
        return Choice("outside", None)
    for rank in book.plan(service_code, service_group, on):
        matches = rank.matches(areas, case)
        if matches:
            winner = matches[0]
            rule = winner.rule
            if rule.capacity is None:
                return Choice("assigned", rule.agency_code, winner, tuple(matches[1:]))
            agency = agency_of(rule, case)
            return Choice("assigned", agency, winner, tuple(matches[1:]), is_full(rule, case))
    return Choice("default", book.default_agency_code)
