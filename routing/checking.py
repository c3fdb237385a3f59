"""Checks a receipt by deciding again from what it says. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from georef.points import LonLat
from kernel.errors import InvalidInput
from routing.decide import RuleBook
from routing.places import Layer
from routing.receipts import ANY_PROMISE, Elsewhere, decide
from routing.situation import Question

_FIRST_KEYS = (
    "version", "decided_at", "jurisdiction_id", "service_code", "service_group", "point", "outcome", "agency", "rule",
    "rule_set_version", "layers", "considered", "tie", "runner_up", "border", "elsewhere", "due",
)  # fmt: skip
_FIRST_LAYER_KEYS = ("key", "name", "areas", "border_m")


@dataclass(frozen=True, slots=True)
class Verification:
    """`holds`: the same rules and boundaries give the same answer. `differences`: what differs, as (key, receipt, now)."""

    differences: tuple[tuple[str, Any, Any], ...]

    @property
    def holds(self) -> bool:
        return not self.differences


def verify(receipt: Mapping[str, Any], book: RuleBook, layers: Mapping[str, Layer]) -> Verification:
    """Whether `receipt` is what `book` and `layers` decide.

    Give the book of the receipt's own `rule_set_version` (`queries.rule_book`) to check the decision of that day, or the newest
    to see what would be different today: answers that the rules of then did not ask for are not known. Names and wordings may
    change without a difference; codes, areas and dates may not. Raises RuleFailed when a rule of the book cannot be applied.
    """
    try:
        again = replay(receipt, book, layers)
    except InvalidInput:
        return Verification((("settled", receipt["settled"], None),))
    then, now = _facts(receipt), _facts(again)
    return Verification(tuple((key, then[key], now[key]) for key in then if then[key] != now[key]))


def replay(receipt: Mapping[str, Any], book: RuleBook, layers: Mapping[str, Layer]) -> dict[str, Any]:
    """The receipt that the same question gets from `book` and `layers`, in the format of the given one.

    With the rules and layers of then it is the same receipt, key for key. Raises RuleFailed when a rule cannot be applied,
    InvalidInput when something was settled that is no longer there.
    """
    point, due, other = receipt["point"], receipt["due"], receipt["elsewhere"]
    question = Question(
        service_code=receipt["service_code"],
        service_group=receipt["service_group"],
        promise=due["promise"] if due else ANY_PROMISE,
        point=LonLat(point["lon"], point["lat"]) if point else None,
        precision_m=point["precision_m"] if point else None,
        at=datetime.fromisoformat(receipt["decided_at"]),
        answers=receipt.get("answers", {}),
        loads=receipt.get("loads", {}),
        settled=receipt.get("settled", {}),
    )
    elsewhere = Elsewhere(**other) if other else None
    again = decide(book, layers, question, elsewhere, version=receipt["version"]).receipt
    if "instead_of" in receipt and receipt["rule_set_version"] == book.version:
        again["instead_of"] = receipt["instead_of"]  # why another version did not decide is known from then only
    return _in_first_format(again) if receipt["version"] == 1 else again


def _in_first_format(receipt: Mapping[str, Any]) -> dict[str, Any]:
    known = {key: receipt[key] for key in _FIRST_KEYS}
    known["layers"] = [{key: layer[key] for key in _FIRST_LAYER_KEYS} for layer in receipt["layers"]]
    if receipt["elsewhere"]:
        known["elsewhere"] = {key: receipt["elsewhere"][key] for key in ("jurisdiction_id", "name", "metres")}
    return known | ({"instead_of": receipt["instead_of"]} if "instead_of" in receipt else {})


def _facts(receipt: Mapping[str, Any]) -> dict[str, Any]:
    def code(value: Mapping[str, Any] | None) -> Any:
        return value["code"] if value else None

    second, due = receipt["runner_up"], receipt["due"]
    facts = {
        "jurisdiction_id": receipt["jurisdiction_id"],
        "rule_set_version": receipt["rule_set_version"],
        "outcome": receipt["outcome"],
        "agency": code(receipt["agency"]),
        "rule": code(receipt["rule"]),
        "areas": {
            layer["key"]: [(area["code"], area["valid_from"], area.get("metres")) for area in layer["areas"]]
            for layer in receipt["layers"]
        },
        "border": (receipt["border"]["layer"], receipt["border"]["metres"]) if receipt["border"] else None,
        "runner_up": (second["agency"]["code"], second["rule"]) if second else None,
        "due": due["at"] if due and receipt["outcome"] != "outside" else None,
    }
    if receipt["version"] == 1:
        return facts
    doubt, rule = receipt["border_case"], receipt["rule"] or {}
    return facts | {
        "conditions": {key: rule.get(key) for key in ("answers", "hours", "capacity", "line")},
        "border_case": None
        if doubt is None
        else (doubt["kind"], doubt["layer"], doubt["metres"], *map(_reply_facts, doubt["replies"])),
    }


def _reply_facts(reply: Mapping[str, Any]) -> tuple[Any, ...]:
    return (
        sorted(reply["settled"].items()),
        reply["outcome"],
        reply["agency"] and reply["agency"]["code"],
        reply["rule"],
    )
