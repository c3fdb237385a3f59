"""Checks a receipt by deciding again from what it says. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from georef.points import LonLat
from routing.decide import RuleBook
from routing.receipts import Layer, Question, decide

# What no receipt of an undecided promise holds; the due date is not compared then.
_ANY_PROMISE = {"amount": 1, "unit": "days"}


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
    to see what would be different today. Names and wordings may change without a difference; codes, areas and dates may not.
    """
    point, due = receipt["point"], receipt["due"]
    again = decide(
        book,
        layers,
        Question(
            service_code=receipt["service_code"],
            service_group=receipt["service_group"],
            promise=due["promise"] if due else _ANY_PROMISE,
            point=LonLat(point["lon"], point["lat"]) if point else None,
            precision_m=point["precision_m"] if point else None,
            at=datetime.fromisoformat(receipt["decided_at"]),
        ),
    ).receipt
    then, now = _facts(receipt), _facts(again)
    return Verification(tuple((key, then[key], now[key]) for key in then if then[key] != now[key]))


def _facts(receipt: Mapping[str, Any]) -> dict[str, Any]:
    def code(value: Mapping[str, Any] | None) -> Any:
        return value["code"] if value else None

    second, due = receipt["runner_up"], receipt["due"]
    return {
        "jurisdiction_id": receipt["jurisdiction_id"],
        "rule_set_version": receipt["rule_set_version"],
        "outcome": receipt["outcome"],
        "agency": code(receipt["agency"]),
        "rule": code(receipt["rule"]),
        "areas": {
            layer["key"]: [(area["code"], area["valid_from"]) for area in layer["areas"]] for layer in receipt["layers"]
        },
        "border": (receipt["border"]["layer"], receipt["border"]["metres"]) if receipt["border"] else None,
        "runner_up": (second["agency"]["code"], second["rule"]) if second else None,
        "due": due["at"] if due and receipt["outcome"] != "outside" else None,
    }
