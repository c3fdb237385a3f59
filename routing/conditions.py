"""What a rule may ask of a report beside its service and its place: the hour, the answers, how much an agency has open."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kernel.errors import AtiendeError, InvalidInput

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60

# One text, or several of a list question.
Answer = str | list[str]


class RuleFailed(AtiendeError):
    """A rule that could not be applied to a report. Never passed over: whoever decides is told, with the rule's code."""

    def __init__(self, rule_code: str, reason: object) -> None:
        super().__init__("La regla {rule} no se pudo aplicar: {reason}.", rule=rule_code, reason=reason)
        self.rule_code = rule_code


@dataclass(frozen=True, slots=True)
class Hours:
    """A time of day on some weekdays (`mon` … `sun`), on the city's clock, in minutes after midnight.

    From `start` (inclusive) to `end` (exclusive). An end at or before the start is on the next day: such a night belongs to the
    weekday it starts on. Raises InvalidInput for a day or an hour that does not exist.
    """

    days: frozenset[str]
    start: int
    end: int

    def __post_init__(self) -> None:
        unknown = sorted(self.days - set(WEEKDAYS))
        if unknown:
            raise InvalidInput("«{day}» no es un día: usa mon, tue, wed, thu, fri, sat, sun.", day=unknown[0])
        if not self.days:
            raise InvalidInput("Un horario necesita al menos un día.", field="hours")
        if not (0 <= self.start < _DAY and 0 <= self.end <= _DAY):
            raise InvalidInput("«{hour}» no es una hora como 09:00.", field="hours", hour=f"{self.start}-{self.end}")

    def holds(self, weekday: int, minute: int) -> bool:
        """Whether the minute of a weekday (0: Monday) lies in it."""
        end = self.end if self.end > self.start else self.end + _DAY
        if self.start <= minute < end and WEEKDAYS[weekday] in self.days:
            return True
        return minute + _DAY < end and WEEKDAYS[weekday - 1] in self.days

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "Hours":
        """From `{"days": ["fri"], "from": "22:00", "to": "06:00"}`; without `days`, every day. Raises InvalidInput."""
        unknown = sorted(set(raw) - {"days", "from", "to"})
        if unknown:
            raise InvalidInput("Un horario tiene days, from y to, no {key}.", field="hours", key=unknown[0])
        days = raw.get("days", WEEKDAYS)
        if not isinstance(days, list | tuple):
            raise InvalidInput("«{day}» no es un día: usa mon, tue, wed, thu, fri, sat, sun.", day=days)
        return cls(frozenset(str(day) for day in days), minute_of(raw.get("from")), minute_of(raw.get("to")))

    def as_json(self) -> dict[str, Any]:
        return {
            "days": [day for day in WEEKDAYS if day in self.days],
            "from": f"{self.start // 60:02}:{self.start % 60:02}",
            "to": f"{self.end // 60:02}:{self.end % 60:02}",
        }


def minute_of(text: Any) -> int:
    """Minutes after midnight of `09:00`; `24:00` ends a day. Raises InvalidInput."""
    hours, colon, minutes = str(text).partition(":")
    if not (
        colon and len(minutes) == 2 and len(hours) <= 2 and (hours + minutes).isascii() and (hours + minutes).isdigit()
    ):
        raise InvalidInput("«{hour}» no es una hora como 09:00.", field="hours", hour=text)
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > _DAY:
        raise InvalidInput("«{hour}» no es una hora como 09:00.", field="hours", hour=text)
    return total


@dataclass(frozen=True, slots=True)
class Capacity:
    """From `open_limit` open requests of the rule's agency on, another agency answers."""

    open_limit: int
    fallback_agency_code: str

    def __post_init__(self) -> None:
        if isinstance(self.open_limit, bool) or not isinstance(self.open_limit, int) or self.open_limit < 1:
            raise InvalidInput("El límite de solicitudes abiertas debe ser un número entero mayor que cero.")


@dataclass(frozen=True, slots=True)
class Case:
    """What the conditions of rules are held against.

    answers: by attribute code, option keys of list questions. clock: (weekday, 0 is Monday; minute of the day) in the city, None
    when the hour is not known: then no rule with hours applies. loads: open requests by agency; one that is not given counts as
    not full.
    """

    answers: Mapping[str, Answer] = field(default_factory=dict)
    clock: tuple[int, int] | None = None
    loads: Mapping[str, int] = field(default_factory=dict)


NOTHING_KNOWN = Case()


def answered(wanted: Mapping[str, frozenset[str]], answers: Mapping[str, Answer]) -> bool:
    """Whether every attribute has one of its accepted answers."""
    for code, accepted in wanted.items():
        given = answers.get(code)
        if given is None:
            return False
        if isinstance(given, str):
            if given not in accepted:
                return False
        elif accepted.isdisjoint(given):
            return False
    return True
