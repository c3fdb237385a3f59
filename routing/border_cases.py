"""Places that may as well be somebody else's: who that is, and the one question whose reply settles it. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from georef.areas import Area
from georef.lines import NearLine
from kernel.i18n import LANGUAGES, translate
from routing.decide import OUTLINE, Choice, Match, RuleBook, agency_of, closeness
from routing.places import areas_at
from routing.situation import Situation
from routing.values import EVERY_AREA, Rule

# A border closer than this is always worth a word, however exact the point claims to be.
NEAR_BORDER_M = 50.0
# A line's tolerance is sure but for this share of it: of 12 m, from 6 to 18 m from the axis.
_SHARE_OF_TOLERANCE = 0.5
_SIDES = re.compile(r"(\{[ab]\})")


@dataclass(frozen=True, slots=True)
class Reply:
    """One of two replies: what it settles (`Question.settled`), and what is decided then."""

    settled: Mapping[str, str]
    choice: Choice


@dataclass(frozen=True, slots=True)
class BorderCase:
    """`kind`: across a `border` of areas, on or off a `line`, or `two_owners` that both claim the place.

    `metres`: how far the point is from where the answer changes; `within_m`: up to where that counts as near.
    """

    kind: str
    layer: str
    metres: float
    within_m: float
    here: Reply
    beyond: Reply


@dataclass(frozen=True, slots=True)
class _Doubt:
    kind: str
    layer: str
    metres: float
    within_m: float
    here: Mapping[str, str]
    beyond: Mapping[str, str]


def find(situation: Situation) -> BorderCase | None:
    """The nearest way in which the place may be another agency's, or None when there is none near enough."""
    doubts = [*_across_borders(situation), *_along_lines(situation), *_between_owners(situation)]
    doubts.sort(key=lambda doubt: (doubt.metres, doubt.layer != OUTLINE, doubt.kind, doubt.layer, *doubt.here.items()))
    for doubt in doubts:
        here, beyond = situation.if_settled(doubt.here), situation.if_settled(doubt.beyond)
        if _whose(here) == _whose(situation.choice) != _whose(beyond):
            return BorderCase(
                doubt.kind,
                doubt.layer,
                doubt.metres,
                doubt.within_m,
                Reply(doubt.here, here),
                Reply(doubt.beyond, beyond),
            )
    return None


def _whose(choice: Choice) -> tuple[str | None, bool]:
    return choice.agency_code, choice.outcome == "outside"


def _across_borders(situation: Situation) -> Iterator[_Doubt]:
    asked = {key for rank in situation.plan for key in rank.by_area if key in situation.layers}
    if OUTLINE in situation.borders:
        asked.add(OUTLINE)
    near = {key for rank in situation.ranks() for key in rank.by_area} | {OUTLINE}
    within_m = situation.margin_m(NEAR_BORDER_M)
    for key in sorted(near & set(situation.borders) - set(situation.question.settled)):
        border = situation.borders[key]
        if border.metres > within_m:
            continue
        there = areas_at(situation.layers, border.beyond, situation.on)
        # One step may cross the borders of several layers; the reply settles them together.
        moved = [
            other
            for other in sorted(asked - set(situation.question.settled))
            if _codes(there[other]) != _codes(situation.areas[other])
        ]
        if key in moved:
            yield _Doubt(
                "border",
                key,
                border.metres,
                within_m,
                {other: _first(situation.areas[other]) for other in moved},
                {other: _first(there[other]) for other in moved},
            )


def _codes(held: Sequence[Area]) -> list[str]:
    return [area.code for area in held]


def _first(held: Sequence[Area]) -> str:
    return held[0].code if held else ""


def _along_lines(situation: Situation) -> Iterator[_Doubt]:
    point = situation.question.point
    if point is None:
        return
    asked: dict[tuple[str, float], list[Rule]] = {}
    for rank in situation.ranks():
        for rule in rank.rules:
            if rule.layer_key is not None and rule.layer_key in situation.layers and rule.tolerance_m is not None:
                asked.setdefault((rule.layer_key, rule.tolerance_m), []).append(rule)
    for (key, tolerance_m), rules in asked.items():
        if key in situation.question.settled:
            continue
        within_m = situation.margin_m(tolerance_m * _SHARE_OF_TOLERANCE)
        for line in situation.layers[key].index.lines(situation.on).around(point, tolerance_m + within_m):
            metres = abs(line.metres - tolerance_m)
            if metres <= within_m and any(_names(rule, line) for rule in rules):
                on, off = {key: line.code}, {key: ""}
                here, beyond = (on, off) if line.metres <= tolerance_m else (off, on)
                yield _Doubt("line", key, metres, within_m, here, beyond)


def _names(rule: Rule, line: Area) -> bool:
    codes = rule.area_codes or frozenset()
    return line.code in codes or EVERY_AREA in codes


def _between_owners(situation: Situation) -> Iterator[_Doubt]:
    winner = situation.choice.match
    if winner is None or winner.area is None or winner.rule.layer_key is None:
        return
    for other in situation.choice.tied:
        is_same = other.rule.layer_key == winner.rule.layer_key
        if other.area is None or (is_same and other.area.code == winner.area.code):
            continue
        if agency_of(other.rule, situation.case) == situation.choice.agency_code:
            continue
        metres, within_m = _lead(situation, winner, other)
        mine, yours = winner.rule.layer_key, str(other.rule.layer_key)
        if metres <= within_m and not {mine, yours} & set(situation.question.settled):
            here, beyond = {mine: winner.area.code}, {yours: other.area.code}
            yield _Doubt("two_owners", mine, metres, within_m, {yours: ""} | here, {mine: ""} | beyond)


def _lead(situation: Situation, winner: Match, other: Match) -> tuple[float, float]:
    """How many metres nearer the winner is, and up to where that is no sure lead. Areas both hold the point: no lead."""
    if not isinstance(winner.area, NearLine):
        return 0.0, 0.0
    tolerance_m = max(winner.rule.tolerance_m or 0.0, other.rule.tolerance_m or 0.0)
    return closeness(other) - closeness(winner), situation.margin_m(tolerance_m * _SHARE_OF_TOLERANCE)


def as_json(situation: Situation, found: BorderCase) -> dict[str, Any]:
    """The border case as receipts keep it, with its question in every language; the named side is asked about first."""
    replies = [(found.here, True), (found.beyond, False)]
    if not _code(found, found.here):
        replies.reverse()
    names = [_reply_name(situation, found, reply) for reply, _ in replies]
    return {
        "kind": found.kind,
        "layer": found.layer,
        "metres": round(found.metres, 1),
        "within_m": round(found.within_m, 1),
        "question": _question(situation, found, [reply for reply, _ in replies], names),
        "replies": [
            {
                "name": name,
                "settled": dict(sorted(reply.settled.items())),
                "is_current": is_current,
                "outcome": reply.choice.outcome,
                "agency": agency(situation.book, reply.choice.agency_code),
                "rule": reply.choice.match.rule.code if reply.choice.match else None,
            }
            for (reply, is_current), name in zip(replies, names, strict=True)
        ],
    }


def agency(book: RuleBook, code: str | None) -> dict[str, str] | None:
    return None if code is None else {"code": code, "name": book.agencies[code].name}


def _code(found: BorderCase, reply: Reply) -> str:
    """What the reply puts the place in: of the layer in doubt, else of the other owner's layer."""
    return reply.settled.get(found.layer, "") or next((code for code in reply.settled.values() if code), "")


def _reply_name(situation: Situation, found: BorderCase, reply: Reply) -> dict[str, str]:
    names = {}
    key = found.layer if reply.settled.get(found.layer) or found.kind != "two_owners" else _other_layer(found)
    code = reply.settled.get(key, "")
    if code:
        layer = situation.layers[key]
        known = layer.index.lines(situation.on).lines or layer.index.in_force(situation.on).areas
        name = next(area.name for area in known if area.code == code)
        return dict.fromkeys(LANGUAGES, name)
    for language in LANGUAGES:

        def say(msgid: str, language: str = language) -> str:
            return translate(language, msgid)

        names[language] = say("La calle lateral") if found.kind == "line" else say("Fuera de ahí")
    return names


def _other_layer(found: BorderCase) -> str:
    return next((key for key in found.beyond.settled if key != found.layer), found.layer)


def _question(
    situation: Situation, found: BorderCase, replies: Sequence[Reply], names: Sequence[Mapping[str, str]]
) -> dict[str, str]:
    rules = [reply.choice.match.rule for reply in replies if reply.choice.match is not None]
    own = [rule for rule in rules if rule.question and rule.layer_key in {*found.here.settled, *found.beyond.settled}]
    wording = min(own, key=lambda rule: (rule.rank, rule.code)).question if own else None
    asked = {}
    for language in LANGUAGES:
        sides = {"{a}": names[0][language], "{b}": names[1][language]}
        template = (wording or {}).get(language) or (wording or {}).get("es")
        if template is None:
            template = _default_question(found, replies[1], language)
        asked[language] = "".join(sides.get(piece, piece) for piece in _SIDES.split(template))
    return asked


def _default_question(found: BorderCase, second: Reply, language: str) -> str:
    def say(msgid: str) -> str:
        # The names of places are filled in afterwards: they may hold braces of their own.
        return translate(language, msgid, a="{a}", b="{b}")

    if second.settled.get(found.layer) or found.kind == "two_owners":
        return say("¿Está en {a} o en {b}?")
    return say("¿Está en {a} o en la calle lateral?") if found.kind == "line" else say("¿Está en {a} o fuera de ahí?")
