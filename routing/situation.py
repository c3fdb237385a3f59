"""What a decision is made from, put together once: the question, the day, what is at the place, and what comes of it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any

from georef.boundaries import Border
from georef.points import LonLat
from routing.conditions import Answer, Case
from routing.decide import AreasByLayer, Choice, Rank, RuleBook, choose
from routing.places import Layer, areas_at, is_outside, settle


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a service, its promise (`{"amount", "unit"}`), a point (None: only words), its precision, an instant.

    answers: to the service's questions, by attribute code. loads: open requests by agency, given when the rules ask for them
    (`RuleBook.asked`). settled: what a person said about a border, by layer: the code that holds the point, "" for none.
    """

    service_code: str
    service_group: str
    promise: Mapping[str, Any]
    point: LonLat | None
    precision_m: float | None
    at: datetime
    answers: Mapping[str, Answer] = field(default_factory=dict)
    loads: Mapping[str, int] = field(default_factory=dict)
    settled: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Situation:
    """One decision with everything it was made from. `borders`: the nearest one of each layer of areas."""

    book: RuleBook
    layers: Mapping[str, Layer]
    question: Question
    on: date
    case: Case
    areas: AreasByLayer
    borders: Mapping[str, Border]

    @cached_property
    def choice(self) -> Choice:
        return self.at(self.areas)

    @property
    def plan(self) -> Sequence[Rank]:
        return self.book.plan(self.question.service_code, self.question.service_group, self.on)

    def at(self, areas: AreasByLayer) -> Choice:
        """What would be decided if these areas held the point."""
        asked = self.question
        outside = asked.point is not None and is_outside(self.layers, areas, self.on)
        return choose(
            self.book, asked.service_code, asked.service_group, self.on, areas, is_outside=outside, case=self.case
        )

    def if_settled(self, settled: Mapping[str, str]) -> Choice:
        return self.at(settle(self.layers, self.areas, settled, self.question.point, self.on))

    def margin_m(self, least_m: float) -> float:
        return max(self.question.precision_m or 0.0, least_m)

    def ranks(self) -> Sequence[Rank]:
        """The ranks that had a say: up to the one that decided."""
        if self.choice.match is None:
            return self.plan
        last = self.choice.match.rule.rank
        return [rank for rank in self.plan if rank.rules[0].rank <= last]


def situate(book: RuleBook, layers: Mapping[str, Layer], question: Question) -> Situation:
    """Raises RuleFailed when a rule cannot be applied, InvalidInput when something is settled that is not there."""
    on = book.calendar.local_date(question.at)
    book.refuse_wrong_kinds({key: layer.kind for key, layer in layers.items()})
    areas = areas_at(layers, question.point, on, book.tolerances(on))
    if question.settled:
        areas = settle(layers, areas, question.settled, question.point, on)
    case = Case(question.answers, book.calendar.clock(question.at), question.loads)
    return Situation(book, layers, question, on, case, areas, _borders(layers, question.point, on))


def _borders(layers: Mapping[str, Layer], point: LonLat | None, on: date) -> dict[str, Border]:
    if point is None:
        return {}
    near = {key: layer.index.nearest_border(point, on) for key, layer in layers.items() if layer.kind == "area"}
    return {key: border for key, border in near.items() if border is not None}
