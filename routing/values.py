"""What goes into and comes out of a routing decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

Outcome = Literal["assigned", "default", "outside"]
Unit = Literal["working_days", "working_hours", "hours", "days"]
# As an area code: every area of the layer, also one that is imported later.
EVERY_AREA = "*"
UNITS: tuple[Unit, ...] = ("working_days", "working_hours", "hours", "days")


@dataclass(frozen=True, slots=True)
class AgencyFacts:
    """An agency as the rules know it; `calendar_code` names the calendar its promises are counted in."""

    code: str
    name: str
    short_name: str = ""
    calendar_code: str = "default"
    contact: Mapping[str, Any] = field(default_factory=dict)
    is_active: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """service or service group x area x date -> agency. Lower `priority` is asked first; a None field matches everything.

    `reason` is the sentence a person reads, by language. In force from `valid_from` (inclusive) to `valid_to` (exclusive).
    """

    code: str
    priority: int
    agency_code: str
    reason: Mapping[str, str]
    valid_from: date
    valid_to: date | None = None
    service_code: str | None = None
    service_group: str | None = None
    layer_key: str | None = None
    area_codes: frozenset[str] | None = None

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)

    @property
    def rank(self) -> tuple[int, int, int]:
        """Order of asking: priority, then the more specific: service before group before any, area before city-wide."""
        subject = 0 if self.service_code is not None else 1 if self.service_group is not None else 2
        return (self.priority, subject, 0 if self.layer_key is not None else 1)


@dataclass(frozen=True, slots=True)
class RoutingDecision:
    """Who answers and by when. `areas` holds `{"code", "name"}` per layer key; `receipt` is described in docs/routing.md."""

    outcome: Outcome
    agency_code: str | None
    agency_name: str | None
    rule_code: str | None
    rule_set_version: int
    areas: dict[str, list[dict[str, str]]]
    due_at: datetime | None
    receipt: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LayerReport:
    """What an import did to a layer. `repaired` and `merged` are codes: invalid polygons, and codes given more than once."""

    key: str
    version: int
    added: int
    changed: int
    closed: int
    unchanged: int
    repaired: Sequence[str] = ()
    merged: Sequence[str] = ()

    @property
    def is_changed(self) -> bool:
        return bool(self.added or self.changed or self.closed)
