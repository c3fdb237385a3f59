"""The receipt of a decision: everything it was made from, in JSON that a person's page and a checking program both read.

docs/routing.md describes every key. `routing.checking` decides again from it, also from the first format.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from georef.boundaries import Border
from georef.lines import NearLine
from routing import border_cases
from routing.border_cases import NEAR_BORDER_M, BorderCase, agency
from routing.calendars import Due, Promise
from routing.conditions import answered
from routing.decide import OUTLINE, Choice, Match, RuleBook, agency_of, closeness
from routing.places import Layer, areas_at, may_hold
from routing.situation import Question, Situation, situate
from routing.values import RoutingDecision, Rule

RECEIPT_VERSION = 2
# For who asks whose it is and not by when; the due date says nothing then.
ANY_PROMISE: Mapping[str, Any] = {"amount": 1, "unit": "days"}
# Rules that did not match are listed up to this many; the matching ones always are.
_LISTED_MISSES = 30


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Who serves a point outside ours; 0 metres when its ground holds the point, None when its ground is not known.

    jurisdiction_id: of a city of this installation, None for a neighbour that our city only knows by name and phone.
    """

    jurisdiction_id: str | None
    name: str
    metres: float | None
    phone: str | None = None


def decide(
    book: RuleBook,
    layers: Mapping[str, Layer],
    question: Question,
    elsewhere: Elsewhere | None = None,
    *,
    version: int = RECEIPT_VERSION,
) -> RoutingDecision:
    """The decision with its receipt. `elsewhere` is only read when the point turns out to be outside.

    version: of the receipt; the first format is only made to be compared with one of then. Raises RuleFailed when a rule cannot
    be applied, InvalidInput when something is settled that is not there.
    """
    basis = situate(book, layers, question)
    choice, areas = basis.choice, basis.areas
    due = _due(book, choice, question)
    rule = choice.match.rule if choice.match else None
    return RoutingDecision(
        outcome=choice.outcome,
        agency_code=choice.agency_code,
        agency_name=book.agencies[choice.agency_code].name if choice.agency_code else None,
        rule_code=rule.code if rule else None,
        rule_set_version=book.version,
        areas={key: [{"code": area.code, "name": area.name} for area in held] for key, held in areas.items()},
        due_at=due.at if due else None,
        receipt=_receipt(basis, version, due, elsewhere if choice.outcome == "outside" else None),
        calendar_code=book.agencies[choice.agency_code].calendar_code if choice.agency_code else None,
        calendar=book.calendar_of(choice.agency_code) if choice.agency_code else None,
    )


def still_asked(book: RuleBook, layers: Mapping[str, Layer], question: Question) -> Mapping[str, str]:
    """What of `question.settled` these rules and boundaries would ask about at this place, or leaves it where it can be.

    A reply about a border says nothing about another border: once it has moved away, the point decides again. But a district that
    somebody chose for a vague point counts wherever the point's precision reaches it, nearest neighbour or not.
    """
    known: Mapping[str, str] = {}
    while len(known) < len(question.settled):
        doubt = decide(book, layers, replace(question, settled=known)).receipt["border_case"]
        replies = [reply["settled"] for reply in doubt["replies"]] if doubt else []
        said = next((settled for settled in replies if settled.items() <= question.settled.items()), None)
        if said is None:
            said = _possible(book, layers, question, known)
        if not said:
            break
        known = {**known, **said}
    return known


def _possible(
    book: RuleBook, layers: Mapping[str, Layer], question: Question, known: Mapping[str, str]
) -> Mapping[str, str]:
    """What else was settled, and can be at a point of that precision."""
    if question.point is None:
        return {}
    on, within_m = book.calendar.local_date(question.at), question.precision_m or 0.0
    return {
        key: code
        for key, code in question.settled.items()
        if key not in known and key in layers and may_hold(layers[key], code, question.point, within_m, on)
    }


def _due(book: RuleBook, choice: Choice, question: Question) -> Due | None:
    if choice.agency_code is None:
        return None
    return book.calendar_of(choice.agency_code).due(Promise.parse(question.promise), question.at)


def _receipt(basis: Situation, version: int, due: Due | None, elsewhere: Elsewhere | None) -> dict[str, Any]:
    book, question, choice, point = basis.book, basis.question, basis.choice, basis.question.point
    asked = book.asked(question.service_code, question.service_group, basis.on)
    key = _deciding_layer(basis)
    border = basis.borders[key] if key is not None else None
    considered, second = _considered(basis)
    doubt = border_cases.find(basis) if version > 1 else None
    return {
        "version": version,
        "decided_at": _iso(question.at),
        "local_time": question.at.astimezone(book.calendar.timezone).strftime("%Y-%m-%dT%H:%M"),
        "jurisdiction_id": book.jurisdiction_id,
        "service_code": question.service_code,
        "service_group": question.service_group,
        "point": None if point is None else {"lon": point.lon, "lat": point.lat, "precision_m": question.precision_m},
        # Only what the rules asked for: a receipt is read by more people than the answers are.
        "answers": {code: question.answers[code] for code in asked.attributes if code in question.answers},
        "loads": {code: question.loads[code] for code, _ in asked.limits if code in question.loads},
        "settled": dict(sorted(question.settled.items())),
        "outcome": choice.outcome,
        "agency": agency(book, choice.agency_code),
        "rule": _rule(basis, choice.match) if choice.match else None,
        "rule_set_version": book.version,
        "layers": [_layer(basis, layer) for layer in basis.layers.values()],
        "considered": considered,
        "tie": _tie(choice),
        "runner_up": _runner_up(basis, second, key, border, doubt),
        "border": None
        if border is None
        else {
            "layer": key,
            "metres": round(border.metres, 1),
            "neighbour": {"code": border.neighbour.code, "name": border.neighbour.name} if border.neighbour else None,
        },
        "border_case": border_cases.as_json(basis, doubt) if doubt else None,
        "elsewhere": None
        if elsewhere is None
        else {
            "jurisdiction_id": elsewhere.jurisdiction_id,
            "name": elsewhere.name,
            "metres": None if elsewhere.metres is None else round(elsewhere.metres, 1),
            "phone": elsewhere.phone,
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


def _layer(basis: Situation, layer: Layer) -> dict[str, Any]:
    point, border = basis.question.point, basis.borders.get(layer.key)
    told: dict[str, Any] = {
        "key": layer.key,
        "name": dict(layer.name),
        "kind": layer.kind,
        "areas": [
            {"code": area.code, "name": area.name, "valid_from": area.valid_from.isoformat()}
            | ({"metres": round(area.metres, 1)} if isinstance(area, NearLine) else {})
            for area in basis.areas[layer.key]
        ],
        "border_m": round(border.metres, 1) if border is not None else None,
    }
    if layer.kind == "line":
        near = layer.index.lines(basis.on).nearest(point) if point is not None else None
        told["nearest"] = (
            None if near is None else {"code": near.code, "name": near.name, "metres": round(near.metres, 1)}
        )
    return told


def _rule(basis: Situation, match: Match) -> dict[str, Any]:
    """The winning rule, with the conditions that it had."""
    rule = match.rule
    told: dict[str, Any] = {"code": rule.code, "priority": rule.priority, "reason": dict(rule.reason)}
    if rule.answers is not None:
        told["answers"] = {code: sorted(accepted) for code, accepted in sorted(rule.answers.items())}
    if rule.hours is not None:
        told["hours"] = [hours.as_json() for hours in rule.hours]
    if isinstance(match.area, NearLine):
        told["line"] = {
            "layer": rule.layer_key,
            "code": match.area.code,
            "name": match.area.name,
            "metres": round(match.area.metres, 1),
            "tolerance_m": rule.tolerance_m,
        }
    if rule.capacity is not None:
        told["capacity"] = {
            "agency": agency(basis.book, rule.agency_code),
            "open": basis.question.loads.get(rule.agency_code),
            "limit": rule.capacity.open_limit,
            "is_full": basis.choice.is_full,
        }
    return told


def _tie(choice: Choice) -> dict[str, Any] | None:
    if choice.match is None or not choice.tied:
        return None
    first, second = choice.match, choice.tied[0]
    closest = "nearest_line" if isinstance(first.area, NearLine) else "smallest_area"
    return {
        "rules": [match.rule.code for match in (first, *choice.tied)],
        "broken_by": closest if closeness(first) < closeness(second) else "rule_code",
    }


def _deciding_layer(basis: Situation) -> str | None:
    """The layer whose border matters: the winning rule's, else the nearest one that rules ask about, else the outline."""
    choice, borders = basis.choice, basis.borders
    if choice.match is not None and choice.match.rule.layer_key in borders:
        return choice.match.rule.layer_key
    asked = {layer for rank in basis.plan for layer in rank.by_area}
    nearest = sorted((borders[key].metres, key) for key in asked if key in borders)
    if nearest and choice.outcome != "outside":
        return nearest[0][1]
    return OUTLINE if OUTLINE in borders else None


def _considered(basis: Situation) -> tuple[list[dict[str, Any]], Match | None]:
    """The rules that were tried, in order, and the next match that would give another agency."""
    if basis.choice.outcome == "outside":
        return [], None
    listed: list[dict[str, Any]] = []
    misses = 0
    for rank in basis.plan:
        matches = rank.matches(basis.areas, basis.case)
        matched = {id(match.rule) for match in matches}
        for match in matches:
            listed.append({"rule": match.rule.code, "matched": True, "because": _because(match)})
            if basis.choice.match is not None and agency_of(match.rule, basis.case) != basis.choice.agency_code:
                return listed, match
        for rule in rank.rules:
            if id(rule) not in matched:
                misses += 1
                if misses <= _LISTED_MISSES:
                    listed.append({"rule": rule.code, "matched": False, "because": _because_not(basis, rule)})
    return listed, None


def _because(match: Match) -> str:
    if match.area is None:
        return "city_wide"
    return "near_line" if isinstance(match.area, NearLine) else "in_area"


def _because_not(basis: Situation, rule: Rule) -> str:
    """The first thing that is missing, the place before the conditions."""
    if rule.layer_key is not None:
        if rule.layer_key not in basis.layers:
            return "no_layer"
        if basis.question.point is None:
            return "no_point"
        codes = rule.area_codes or frozenset()
        held = [area for area in basis.areas[rule.layer_key] if area.code in codes or "*" in codes]
        if rule.tolerance_m is not None:
            held = [
                line
                for line in held
                if isinstance(line, NearLine) and (line.is_settled or line.metres <= rule.tolerance_m)
            ]
        if not held:
            return "not_in_area" if rule.tolerance_m is None else "not_near_line"
    if rule.answers is not None and not answered(rule.answers, basis.case.answers):
        return "other_answers"
    return "other_hours"


def _runner_up(
    basis: Situation, second: Match | None, key: str | None, border: Border | None, doubt: BorderCase | None
) -> dict[str, Any] | None:
    """Who it would be otherwise.

    The other side of a border case; else beyond a border that is near; else the rule's own agency, had it room; else the next
    rule's; else across the border, however far.
    """
    book, choice = basis.book, basis.choice
    if doubt is not None and doubt.beyond.choice.agency_code is not None:
        other = doubt.beyond.choice
        return {
            "agency": agency(book, other.agency_code),
            "rule": other.match.rule.code if other.match else None,
            "when": {"kind": doubt.kind, "layer": doubt.layer, "metres": round(doubt.metres, 1)},
        }
    across: dict[str, Any] | None = None
    if border is not None and choice.outcome != "outside" and key not in basis.question.settled:
        there = areas_at(basis.layers, border.beyond, basis.on, book.tolerances(basis.on))
        other = basis.at(there)
        if other.agency_code is not None and other.agency_code != choice.agency_code:
            across = {
                "agency": agency(book, other.agency_code),
                "rule": other.match.rule.code if other.match else None,
                "when": {"kind": "border", "layer": key, "metres": round(border.metres, 1)},
            }
            if border.metres <= basis.margin_m(NEAR_BORDER_M):
                return across
    if choice.is_full and choice.match is not None and choice.match.rule.agency_code != choice.agency_code:
        return {
            "agency": agency(book, choice.match.rule.agency_code),
            "rule": choice.match.rule.code,
            "when": {"kind": "room"},
        }
    if second is not None:
        return {
            "agency": agency(book, agency_of(second.rule, basis.case)),
            "rule": second.rule.code,
            "when": {"kind": "next_rule", "reason": dict(second.rule.reason)},
        }
    return across
