"""The clock of a promise: when its steps fall due, and what standing still does to them. Pure.

A clock is its promise, the calendar it was made in and the instant it was made; standing still (`Pause`) is data beside it. All
that is asked is computed from these, so that the order in which pauses are told does not matter. docs/promises-and-clocks.md
says what pauses, reopens and re-routes a clock.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from routing.calendars import Promise, WorkingCalendar

Subject = Literal["resolution", "first_answer", "silence"]
SUBJECTS: tuple[Subject, ...] = ("resolution", "first_answer", "silence")
Told = Literal["agency", "supervisor"]
TOLD: tuple[Told, ...] = ("agency", "supervisor")
_AROUND_THE_CLOCK = ("hours", "days")


@dataclass(frozen=True, slots=True)
class Pause:
    """The clock stands still from `start` to `end`; None: it still does."""

    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One level of a chain: `share` of the term of `of` has passed (1 is the due date, 2 twice the term), and who is told.

    services: the codes it is for; empty is every service that no other step of the chain names.
    """

    code: str
    of: Subject
    share: float
    name: Mapping[str, str]
    tells: tuple[Told, ...] = ("agency",)
    services: frozenset[str] = field(default_factory=frozenset)


DEFAULT_STEPS = (
    Step("near", "resolution", 0.8, {"es": "Por vencer", "en": "Nearly due"}),
    Step("overdue", "resolution", 1.0, {"es": "Vencido", "en": "Overdue"}, ("agency", "supervisor")),
    Step("long_overdue", "resolution", 2.0, {"es": "Muy vencido", "en": "Long overdue"}, ("supervisor",)),
    Step("unanswered", "first_answer", 1.0, {"es": "Sin primera respuesta", "en": "No first answer"}),
    Step("silent", "silence", 1.0, {"es": "En silencio", "en": "Silent"}, ("agency", "supervisor")),
)


def steps_for(chain: Sequence[Step], service_code: str) -> tuple[Step, ...]:
    """The chain of one service: the steps that name it, else those that name none."""
    own = tuple(step for step in chain if service_code in step.services)
    return own or tuple(step for step in chain if not step.services)


@dataclass(frozen=True, slots=True)
class Clock:
    """One promise that runs. `calendar`: as it was when the promise was made."""

    promise: Promise
    calendar: WorkingCalendar
    start: datetime

    def due(self, pauses: Iterable[Pause] = ()) -> datetime:
        """When it falls due, with every pause that has ended."""
        return self.moved(self.calendar.due(self.promise, self.start).at, pauses)

    def at_share(self, share: float, pauses: Iterable[Pause] = ()) -> datetime:
        """When that share of its term has passed: 1 is the due date, 2 as much again."""
        due = self.calendar.due(self.promise, self.start).at
        if share != 1.0:
            term = self.between(self.start, due)
            due = self.later(self.start, term * share) if share < 1.0 else self.later(due, term * (share - 1.0))
        return self.moved(due, pauses)

    def moved(self, at: datetime, pauses: Iterable[Pause]) -> datetime:
        """`at`, later by the time it stood still."""
        return self.later(at, self.stood_still(pauses))

    def stood_still(self, pauses: Iterable[Pause]) -> timedelta:
        """Of the time that counts, how much lay in pauses that have ended; what two of them share counts once."""
        total, until = timedelta(0), self.start
        for start, end in sorted((pause.start, pause.end) for pause in pauses if pause.end is not None):
            begin = max(start, until)
            if end > begin:
                total += self.between(begin, end)
                until = end
        return total

    def between(self, start: datetime, end: datetime) -> timedelta:
        """The time that counts from one instant to another: working time, or all of it for promises in hours or days."""
        if self._runs_always:
            return max(end - start, timedelta(0))
        return self.calendar.worked(start, end)

    def later(self, at: datetime, span: timedelta) -> datetime:
        return at + span if self._runs_always else self.calendar.after(at, span)

    @property
    def _runs_always(self) -> bool:
        return self.promise.unit in _AROUND_THE_CLOCK


@dataclass(frozen=True, slots=True)
class Terms:
    """What a service promises. first_answer: a word of the city to the person; silence: no word for so long."""

    resolution: Promise
    first_answer: Promise | None = None
    silence: Promise | None = None

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "Terms":
        """From `{"resolution": {"amount", "unit"}, …}`. Raises InvalidInput."""
        return cls(
            Promise.parse(raw["resolution"]),
            Promise.parse(raw["first_answer"]) if raw.get("first_answer") else None,
            Promise.parse(raw["silence"]) if raw.get("silence") else None,
        )


@dataclass(frozen=True, slots=True)
class Watched:
    """A request as its clocks see it. made_at: when its promise was made; last_word_at: of the city to the person."""

    terms: Terms
    calendar: WorkingCalendar
    made_at: datetime
    last_word_at: datetime
    is_answered: bool = False
    is_paused: bool = False
    pauses: tuple[Pause, ...] = ()

    def clock(self, subject: Subject) -> Clock | None:
        """The clock of one subject; None when the service promises no such thing, or it is no longer waited for."""
        if subject == "resolution":
            return None if self.is_paused else Clock(self.terms.resolution, self.calendar, self.made_at)
        if subject == "first_answer":
            asked = self.terms.first_answer
            return None if asked is None or self.is_answered else Clock(asked, self.calendar, self.made_at)
        silence = self.terms.silence
        return None if silence is None or self.is_paused else Clock(silence, self.calendar, self.last_word_at)


@dataclass(frozen=True, slots=True)
class Coming:
    """A step with its instant. `key` tells it from the others of its request: a silence may come again after every word."""

    step: Step
    at: datetime
    key: str


def coming(watched: Watched, steps: Iterable[Step], recorded: Iterable[str] = ()) -> list[Coming]:
    """The steps that are still to be recorded, the earliest first."""
    known = frozenset(recorded)
    found: list[Coming] = []
    for step in steps:
        clock = watched.clock(step.of)
        if clock is None:
            continue
        key = f"{step.code}@{watched.last_word_at.astimezone(UTC):%Y%m%dT%H%M%S}" if step.of == "silence" else step.code
        if key not in known:
            # A silence begins with the last word, which ends a pause too: only the way to the end stands still.
            pauses = watched.pauses if step.of == "resolution" else ()
            found.append(Coming(step, clock.at_share(step.share, pauses), key))
    return sorted(found, key=lambda one: (one.at, one.key))
