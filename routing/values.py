"""What goes into and comes out of a routing decision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from routing.calendars import WorkingCalendar

from routing.conditions import Capacity, Hours

Outcome = Literal["assigned", "default", "outside"]
Unit = Literal["working_days", "working_hours", "hours", "days"]
LayerKind = Literal["area", "line"]
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
    """service or service group x place x conditions x date -> agency. Lower `priority` is asked first; None matches everything.

    `reason` is the sentence a person reads, by language. In force from `valid_from` (inclusive) to `valid_to` (exclusive).
    The place is areas of a layer, or, with `tolerance_m`, lines of one: the point lies within so many metres of the line.
    `answers`: accepted values by attribute code, each attribute must have one of its own. `hours`: one of them must hold.
    `question`: what to ask, by language, when the point may as well lie on the other side of this rule's border; `{a}` and `{b}`
    become the names of both sides.
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
    answers: Mapping[str, frozenset[str]] | None = None
    hours: tuple[Hours, ...] | None = None
    tolerance_m: float | None = None
    capacity: Capacity | None = None
    question: Mapping[str, str] | None = None

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)

    @property
    def rank(self) -> tuple[int, int, int, int, int]:
        """Order of asking: priority, then the more specific.

        Service before group before any; then more conditions before fewer (each attribute and the hours are one), answers
        before hours; then a line before areas before the whole city.
        """
        subject = 0 if self.service_code is not None else 1 if self.service_group is not None else 2
        by_hour = 0 if self.hours is None else 1
        where = 2 if self.layer_key is None else 1 if self.tolerance_m is None else 0
        return (self.priority, subject, -len(self.answers or ()) - by_hour, by_hour, where)


@dataclass(frozen=True, slots=True)
class RoutingDecision:
    """Who answers and by when. `areas` holds `{"code", "name"}` per layer key; `receipt` is described in docs/routing.md.

    calendar: the agency's, by which `due_at` was counted; None without an agency.
    """

    outcome: Outcome
    agency_code: str | None
    agency_name: str | None
    rule_code: str | None
    rule_set_version: int
    areas: dict[str, list[dict[str, str]]]
    due_at: datetime | None
    receipt: dict[str, Any]
    calendar_code: str | None = None
    calendar: "WorkingCalendar | None" = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class LayerReport:
    """What an import did to a layer. `repaired` and `merged` are codes: invalid polygons, and codes given more than once."""

    key: str
    version: int
    added: int
    changed: int
    closed: int
    unchanged: int
    valid_from: date
    repaired: Sequence[str] = ()
    merged: Sequence[str] = ()

    @property
    def is_changed(self) -> bool:
        return bool(self.added or self.changed or self.closed)
