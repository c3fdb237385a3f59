"""Who is responsible, as a function of values: no session, no clock, no network.

Rules are asked by rank (priority, then service before group before any service, then area before city-wide). The first rank with
a match decides. Several matches in one rank are a tie: the rule whose area is smallest wins, then the first rule code.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from georef.boundaries import Area
from kernel.errors import InvalidInput
from routing.calendars import WorkingCalendar
from routing.values import EVERY_AREA, AgencyFacts, Outcome, Rule

OUTLINE = "jurisdiction"

AreasByLayer = Mapping[str, Sequence[Area]]


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that applies here; `area` is the area that made it apply, None for a city-wide rule."""

    rule: Rule
    area: Area | None


@dataclass(frozen=True, slots=True)
class Choice:
    """The answer without its reasons. `tied` are the other matches of the winner's rank, best first."""

    outcome: Outcome
    agency_code: str | None
    match: Match | None = None
    tied: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class Rank:
    """Rules of one rank that can apply to a service on a day, city-wide ones apart from those tied to areas."""

    rules: tuple[Rule, ...]
    city_wide: tuple[Rule, ...]
    by_area: Mapping[str, Mapping[str, tuple[Rule, ...]]]

    def matches(self, areas: AreasByLayer) -> list[Match]:
        """Every rule that applies, in the order in which ties are broken."""
        found = [Match(rule, None) for rule in self.city_wide]
        for layer_key, rules_of in self.by_area.items():
            seen: set[str] = set()
            for area in areas.get(layer_key, ()):
                for rule in (*rules_of.get(area.code, ()), *rules_of.get(EVERY_AREA, ())):
                    if rule.code not in seen:
                        seen.add(rule.code)
                        found.append(Match(rule, area))
        if len(found) > 1:
            found.sort(key=_tie_order)
        return found


def _tie_order(match: Match) -> tuple[float, str]:
    return (match.area.size if match.area is not None else float("inf"), match.rule.code)


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
    _plans: dict[tuple[str, str, int], tuple[Rank, ...]] = field(default_factory=dict, compare=False, repr=False)
    _edges: tuple[date, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        for name in {self.default_agency_code, *(rule.agency_code for rule in self.rules)}:
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

    def plan(self, service_code: str, service_group: str, on: date) -> tuple[Rank, ...]:
        """The ranks to ask for a service on a day, in order; ranks without a rule are left out."""
        epoch = sum(edge <= on for edge in self._edges)
        key = (service_code, service_group, epoch)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = self._make_plan(service_code, service_group, on)
        return plan

    def _make_plan(self, service_code: str, service_group: str, on: date) -> tuple[Rank, ...]:
        ranks: dict[tuple[int, int, int], list[Rule]] = {}
        for rule in sorted(self.rules, key=lambda rule: (rule.rank, rule.code)):
            if (
                rule.in_force(on)
                and rule.service_code in (None, service_code)
                and rule.service_group in (None, service_group)
            ):
                ranks.setdefault(rule.rank, []).append(rule)
        return tuple(_make_rank(rules) for rules in ranks.values())


def _make_rank(rules: Iterable[Rule]) -> Rank:
    rules = tuple(rules)
    by_area: dict[str, dict[str, tuple[Rule, ...]]] = {}
    for rule in rules:
        if rule.layer_key is not None:
            for code in sorted(rule.area_codes or ()):
                codes = by_area.setdefault(rule.layer_key, {})
                codes[code] = (*codes.get(code, ()), rule)
    return Rank(rules, tuple(rule for rule in rules if rule.layer_key is None), by_area)


def choose(
    book: RuleBook, service_code: str, service_group: str, on: date, areas: AreasByLayer, *, is_outside: bool = False
) -> Choice:
    """The responsible agency for a service at a place on a local day.

    areas: what holds the point, per layer, smallest first; empty when there is no point, so that only city-wide rules apply.
    """
    if is_outside:
        return Choice("outside", None)
    for rank in book.plan(service_code, service_group, on):
        matches = rank.matches(areas)
        if matches:
            winner = matches[0]
            return Choice("assigned", winner.rule.agency_code, winner, tuple(matches[1:]))
    return Choice("default", book.default_agency_code)


def all_matches(book: RuleBook, service_code: str, service_group: str, on: date, areas: AreasByLayer) -> list[Match]:
    """Every rule that applies, in the order in which they would be asked: the first decides, the rest are runners-up."""
    return [match for rank in book.plan(service_code, service_group, on) for match in rank.matches(areas)]
