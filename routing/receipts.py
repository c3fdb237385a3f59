"""The receipt of a decision: everything it was made from, in JSON that a person's page and a checking program both read.

`build` writes it, `verify` decides again from it. docs/routing.md describes every key.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from georef.boundaries import Area, Border, BoundaryIndex
from georef.points import LonLat
from routing.calendars import Due, Promise
from routing.conditions import Answer, Case
from routing.decide import OUTLINE, AreasByLayer, Choice, Match, RuleBook, choose
from routing.values import LayerKind, RoutingDecision, Rule

RECEIPT_VERSION = 1
# A border closer than this is always worth a word, however exact the point claims to be.
NEAR_BORDER_M = 50.0
# Rules that did not match are listed up to this many; the matching ones always are.
_LISTED_MISSES = 30


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of a jurisdiction, with its name by language: areas that hold points, or lines that run near them."""

    key: str
    name: Mapping[str, str]
    index: BoundaryIndex
    kind: LayerKind = "area"


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

    def case(self, clock: tuple[int, int]) -> Case:
        return Case(self.answers, clock, self.loads)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Another jurisdiction near or around a point outside ours; 0 metres when it holds the point."""

    jurisdiction_id: str
    name: str
    metres: float


def areas_at(layers: Mapping[str, Layer], point: LonLat | None, on: date) -> dict[str, tuple[Area, ...]]:
    """What holds the point, per layer; nothing without a point."""
    if point is None:
        return dict.fromkeys(layers, ())
    return {key: layer.index.in_force(on).at(point.lon, point.lat) for key, layer in layers.items()}


def is_outside(layers: Mapping[str, Layer], areas: AreasByLayer, on: date) -> bool:
    """Whether a located point is out of the city. A city without an outline in force that day holds every point."""
    outline = layers.get(OUTLINE)
    return outline is not None and not areas[OUTLINE] and bool(outline.index.in_force(on).areas)


def decide(
    book: RuleBook, layers: Mapping[str, Layer], question: Question, elsewhere: Elsewhere | None = None
) -> RoutingDecision:
    """The decision with its receipt. `elsewhere` is only read when the point turns out to be outside."""
    on = book.calendar.local_date(question.at)
    areas = areas_at(layers, question.point, on)
    outside = question.point is not None and is_outside(layers, areas, on)
    case = question.case(book.calendar.clock(question.at))
    choice = choose(book, question.service_code, question.service_group, on, areas, is_outside=outside, case=case)
    due = _due(book, choice, question)
    receipt = _build(book, layers, question, on, areas, choice, due, elsewhere if outside else None)
    rule = choice.match.rule if choice.match else None
    return RoutingDecision(
        outcome=choice.outcome,
        agency_code=choice.agency_code,
        agency_name=book.agencies[choice.agency_code].name if choice.agency_code else None,
        rule_code=rule.code if rule else None,
        rule_set_version=book.version,
        areas={key: [{"code": area.code, "name": area.name} for area in held] for key, held in areas.items()},
        due_at=due.at if due else None,
        receipt=receipt,
    )


def _due(book: RuleBook, choice: Choice, question: Question) -> Due | None:
    if choice.agency_code is None:
        return None
    return book.calendar_of(choice.agency_code).due(Promise.parse(question.promise), question.at)


def _build(
    book: RuleBook,
    layers: Mapping[str, Layer],
    question: Question,
    on: date,
    areas: AreasByLayer,
    choice: Choice,
    due: Due | None,
    elsewhere: Elsewhere | None,
) -> dict[str, Any]:
    point = question.point
    borders: dict[str, Border] = {}
    if point is not None:
        for layer in layers.values():
            near = layer.index.nearest_border(point, on)
            if near is not None:
                borders[layer.key] = near
    plan = book.plan(question.service_code, question.service_group, on)
    key = _deciding_layer(choice, [layer for rank in plan for layer in rank.by_area], borders)
    border = borders[key] if key is not None else None
    considered, second = _considered(book, question, on, areas, choice)
    runner_up = _runner_up(book, layers, question, on, choice, second, key, border)
    return {
        "version": RECEIPT_VERSION,
        "decided_at": _iso(question.at),
        "jurisdiction_id": book.jurisdiction_id,
        "service_code": question.service_code,
        "service_group": question.service_group,
        "point": None if point is None else {"lon": point.lon, "lat": point.lat, "precision_m": question.precision_m},
        "outcome": choice.outcome,
        "agency": _agency(book, choice.agency_code),
        "rule": _rule(choice.match.rule) if choice.match else None,
        "rule_set_version": book.version,
        "layers": [
            {
                "key": layer.key,
                "name": dict(layer.name),
                "areas": [
                    {"code": area.code, "name": area.name, "valid_from": area.valid_from.isoformat()}
                    for area in areas[layer.key]
                ],
                "border_m": round(borders[layer.key].metres, 1) if layer.key in borders else None,
            }
            for layer in layers.values()
        ],
        "considered": considered,
        "tie": _tie(choice),
        "runner_up": runner_up,
        "border": None
        if border is None
        else {
            "layer": key,
            "metres": round(border.metres, 1),
            "neighbour": {"code": border.neighbour.code, "name": border.neighbour.name} if border.neighbour else None,
        },
        "elsewhere": None
        if elsewhere is None
        else {
            "jurisdiction_id": elsewhere.jurisdiction_id,
            "name": elsewhere.name,
            "metres": round(elsewhere.metres, 1),
        },
        "due": None
        if due is None or choice.agency_code is None
        else {
            "at": _iso(due.at),
            "promise": dict(question.promise),
            "calendar": book.agencies[choice.agency_code].calendar_code,
            "first_counted_day": due.first_counted_day.isoformat() if due.first_counted_day else None,
        },
    }


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _agency(book: RuleBook, code: str | None) -> dict[str, str] | None:
    return None if code is None else {"code": code, "name": book.agencies[code].name}


def _rule(rule: Rule) -> dict[str, Any]:
    return {"code": rule.code, "priority": rule.priority, "reason": dict(rule.reason)}


def _tie(choice: Choice) -> dict[str, Any] | None:
    if choice.match is None or not choice.tied:
        return None
    first, second = choice.match, choice.tied[0]
    by_size = first.area is not None and (second.area is None or first.area.size < second.area.size)
    return {
        "rules": [match.rule.code for match in (first, *choice.tied)],
        "broken_by": "smallest_area" if by_size else "rule_code",
    }


def _deciding_layer(choice: Choice, asked: list[str], borders: Mapping[str, Border]) -> str | None:
    """The layer whose border matters: the winning rule's, else the nearest one that rules ask about, else the outline."""
    if choice.match is not None and choice.match.rule.layer_key in borders:
        return choice.match.rule.layer_key
    nearest = sorted((borders[key].metres, key) for key in set(asked) if key in borders)
    if nearest and choice.outcome != "outside":
        return nearest[0][1]
    return OUTLINE if OUTLINE in borders else None


def _considered(
    book: RuleBook, question: Question, on: date, areas: AreasByLayer, choice: Choice
) -> tuple[list[dict[str, Any]], Match | None]:
    """The rules that were tried, in order, and the next match that would give another agency."""
    if choice.outcome == "outside":
        return [], None
    listed: list[dict[str, Any]] = []
    misses = 0
    for rank in book.plan(question.service_code, question.service_group, on):
        matches = rank.matches(areas, question.case(book.calendar.clock(question.at)))
        matched = {match.rule.code: match for match in matches}
        for rule in [match.rule for match in matches] + [rule for rule in rank.rules if rule.code not in matched]:
            match = matched.get(rule.code)
            if match is None:
                misses += 1
                if misses <= _LISTED_MISSES:
                    because = "no_point" if question.point is None else "not_in_area"
                    listed.append({"rule": rule.code, "matched": False, "because": because})
                continue
            listed.append(
                {"rule": rule.code, "matched": True, "because": "city_wide" if match.area is None else "in_area"}
            )
            if choice.match is not None and rule.agency_code != choice.agency_code:
                return listed, match
    return listed, None


def _runner_up(
    book: RuleBook,
    layers: Mapping[str, Layer],
    question: Question,
    on: date,
    choice: Choice,
    second: Match | None,
    key: str | None,
    border: Border | None,
) -> dict[str, Any] | None:
    """Who it would be otherwise: across a border the point may well be beyond, else by the next rule, else across the border."""
    across: dict[str, Any] | None = None
    if border is not None and choice.outcome != "outside":
        areas = areas_at(layers, border.beyond, on)
        other = choose(
            book,
            question.service_code,
            question.service_group,
            on,
            areas,
            is_outside=is_outside(layers, areas, on),
            case=question.case(book.calendar.clock(question.at)),
        )
        if other.agency_code is not None and other.agency_code != choice.agency_code:
            across = {
                "agency": _agency(book, other.agency_code),
                "rule": other.match.rule.code if other.match else None,
                "when": {"kind": "border", "layer": key, "metres": round(border.metres, 1)},
            }
            if border.metres <= max(question.precision_m or 0.0, NEAR_BORDER_M):
                return across
    if second is not None:
        return {
            "agency": _agency(book, second.rule.agency_code),
            "rule": second.rule.code,
            "when": {"kind": "next_rule", "reason": dict(second.rule.reason)},
        }
    return across
