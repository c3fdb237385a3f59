"""One leg: who calls whom, how far it is, what was heard and done on it. Its thread performs documents; others reach in."""

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from channels.standin.voice.fetching import NOWHERE, Address
from channels.standin.voice.parties import Input, Party, Script

# The real provider ends every call after four hours.
LONGEST_S = 4 * 3600.0
LETTERS_A_SECOND = 15.0
_MOST_LINES = 5000
OVER = ("completed", "busy", "failed", "no-answer", "canceled")


class HungUp(Exception):
    """The leg is over."""


class Woken(Exception):
    """What was being played is to stop: what it was played for has begun or ended."""


@dataclass(frozen=True)
class Next:
    """The document to go on with: at an address, with what its request tells, or given as it is."""

    address: Address
    extra: Mapping[str, str] = field(default_factory=dict)
    twiml: str = ""


class Left(Exception):
    """<Leave>: out of the queue, on with what follows."""


class Moved(Exception):
    """The leg goes on with another document."""

    def __init__(self, to: Next) -> None:
        super().__init__(to)
        self.to = to


@dataclass(frozen=True)
class Order:
    """How a leg was asked for, and who is told about it. events: of initiated, ringing, answered, completed.

    who: who is told whether a person or a machine has answered.
    """

    first: Next
    fallback: Address = NOWHERE
    status: Address = NOWHERE
    who: Address = NOWHERE
    events: frozenset[str] = frozenset({"completed"})
    timeout_s: float = 60.0
    time_limit_s: float = LONGEST_S


def new_sid(prefix: str) -> str:
    return prefix + secrets.token_hex(16)


class Call:
    """lock: shared by every leg of one exchange; whatever is changed here is changed while it is held.

    speed: seconds of the call in one real second. was_heard: told of each new line, while the lock is held.
    """

    def __init__(
        self, lock: threading.RLock, order: Order, party: Party, *, sender: str, recipient: str, direction: str,
        parent: "Call | None" = None, speed: float = 1.0, label: str = "",
        was_heard: "Callable[[Call, dict[str, Any]], None] | None" = None,
    ) -> None:  # fmt: skip
        self.sid = new_sid("CA")
        self.order, self.party, self.parent, self.label = order, party, parent, label
        self.sender, self.recipient, self.direction = sender, recipient, direction
        self.status = "queued"
        self.created_at = time.time()
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self.error: dict[str, Any] | None = None
        self.documents = 0
        self.sequence = 0
        self.lines: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.is_with_people = False
        self.is_picked_up: bool | None = None
        self.room = ""
        self.done = threading.Event()
        self.changed = threading.Condition(lock)
        self._inputs: deque[Input] = deque()
        self._moved: Next | None = None
        self._end: str | None = None
        self.speed = speed
        self._started = time.monotonic()
        self._skipped_s = 0.0
        self._was_heard = was_heard

    @property
    def is_client(self) -> bool:
        return self.recipient.startswith("client:")

    @property
    def who(self) -> str:
        """Who holds this leg, in the words of transcripts."""
        return "operator" if self.is_client else "caller"

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    # The clock of the call

    def now(self) -> float:
        """Seconds of the call since it was placed."""
        return (time.monotonic() - self._started) * self.speed + self._skipped_s

    def skip(self, seconds: float) -> None:
        with self.changed:
            self._skipped_s += seconds

    # What was heard and done

    def heard_since(self, index: int) -> Sequence[str]:
        return [line["text"] for line in self.lines[index:] if line["who"] != self.who]

    def heard_count(self) -> int:
        return len(self.lines)

    def note(self, who: str, did: str, text: str = "", **more: Any) -> None:
        with self.changed:
            if len(self.lines) < _MOST_LINES:
                line = {"at": round(self.now(), 2), "who": who, "did": did, "text": text} | more
                self.lines.append(line)
                if self._was_heard is not None:
                    self._was_heard(self, line)

    # Reaching in

    def take(self, one: Input) -> None:
        with self.changed:
            self._inputs.append(one)
            self.changed.notify_all()

    def move(self, to: Next) -> None:
        with self.changed:
            self._moved = to
            self.changed.notify_all()

    def end(self, how: str = "completed") -> None:
        """It ends as soon as its thread looks up."""
        with self.changed:
            if self._end is None:
                self._end = how
            self.changed.notify_all()

    @property
    def end_asked(self) -> str | None:
        return self._end

    # What the thread of the leg does

    def check(self) -> None:
        """Raises HungUp, Moved."""
        with self.changed:
            if self._end is not None or self.now() > min(LONGEST_S, self.order.time_limit_s):
                raise HungUp
            if self._moved is not None:
                to, self._moved = self._moved, None
                raise Moved(to)

    def forget_keys(self) -> str:
        """The keys that nobody listened for are lost."""
        with self.changed:
            lost = "".join(one.text for one in self._inputs if one.kind == "dtmf")
            self._inputs.clear()
            return lost

    def wait(
        self, seconds: float | None, accepts: frozenset[str] = frozenset(), until: Callable[[], bool] | None = None
    ) -> Input | None:
        """What the party does within `seconds` of the call; None when it does nothing. Raises HungUp, Moved, Woken."""
        with self.changed:
            deadline = LONGEST_S if seconds is None else self.now() + seconds
            while True:
                self.check()
                if until is not None and until():
                    raise Woken
                if found := self._taken(accepts):
                    return found
                offer = self.party.offer(self, accepts)
                if offer.hang_up:
                    self.note(self.who, "hung up")
                    self.end()
                    continue
                if offer.input is not None:
                    self._inputs.append(offer.input)
                    continue
                left = deadline - self.now()
                if left <= 0:
                    return None
                pause = left if offer.again_s is None else min(left, offer.again_s)
                self.changed.wait(max(pause, 0.001) / self.speed)

    def speak(self, letters: int, accepts: frozenset[str], until: Callable[[], bool] | None) -> Input | None:
        """Lets as much time pass as saying so much takes. A hurried script does not sit through it."""
        seconds = letters / LETTERS_A_SECOND
        if isinstance(self.party, Script) and not self.party.is_patient:
            self.skip(seconds)
            self.check()
            return None
        return self.wait(seconds, accepts, until)

    def _taken(self, accepts: frozenset[str]) -> Input | None:
        while self._inputs:
            one = self._inputs.popleft()
            if one.kind not in accepts:
                self.note(self.who, "pressed" if one.kind == "dtmf" else "said", one.text, unheard=True)
                continue
            if one.kind == "dtmf" and len(one.text) > 1:
                self._inputs.appendleft(Input("dtmf", one.text[1:]))
                one = Input("dtmf", one.text[0])
            return one
        return None

    def row(self) -> dict[str, Any]:
        """All of it, as it is kept and shown."""
        with self.changed:
            return {
                "sid": self.sid,
                "status": self.status,
                "from": self.sender,
                "to": self.recipient,
                "direction": self.direction,
                "parent_call_sid": self.parent.sid if self.parent else None,
                "at": self.created_at,
                "answered_at": self.answered_at,
                "ended_at": self.ended_at,
                "duration": self.seconds,
                "documents": self.documents,
                "error": self.error,
                "label": self.label,
                "sequence": self.sequence,
                "status_url": self.order.status.url,
                "events": sorted(self.order.events),
                "requests": list(self.requests),
                "transcript": list(self.lines),
            }

    @property
    def seconds(self) -> int:
        """How long people were connected, in whole seconds of the call."""
        if self.answered_at is None:
            return 0
        answered = self.answered_at - self.created_at
        ended = (self.ended_at or time.time()) - self.created_at
        return max(0, round((ended - answered) * self.speed + self._skipped_s))
