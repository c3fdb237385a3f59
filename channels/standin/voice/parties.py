"""Who is at the other end of a leg: a script that acts by itself, or somebody at a page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from kernel.errors import InvalidInput

_KEYS = frozenset("0123456789*#")
_MOST_STEPS, _MOST_LETTERS, _LONGEST_WAIT_S = 200, 2000, 3600.0
# How long somebody who has nothing more to do stays on while nobody asks anything.
_STAYS_S = 60.0
_KINDS = ("say", "press", "wait", "hear", "hangup")
_LISTENS_FOR = {"say": "speech", "press": "dtmf"}


@dataclass(frozen=True)
class Input:
    """Keys pressed (kind `dtmf`) or words said (`speech`)."""

    kind: str
    text: str
    confidence: float = 0.92


@dataclass(frozen=True)
class Offer:
    """What a party does now. again_s: ask again after so many seconds of the call; None: only when something changes."""

    input: Input | None = None
    hang_up: bool = False
    again_s: float | None = None


class Ear(Protocol):
    """What a party hears of its call."""

    @property
    def is_with_people(self) -> bool: ...
    def now(self) -> float: ...
    def heard_since(self, index: int) -> Sequence[str]: ...
    def heard_count(self) -> int: ...


class Party(Protocol):
    def offer(self, ear: Ear, accepts: frozenset[str]) -> Offer:
        """What it does while `accepts` is listened for; called again and again."""

    def is_hurried(self, accepts: frozenset[str]) -> bool:
        """Whether it needs not hear to the end what is being said or, where it can act at once, played."""


class Live:
    """Somebody at a page: what they do comes by itself."""

    def offer(self, ear: Ear, accepts: frozenset[str]) -> Offer:
        return Offer()

    def is_hurried(self, accepts: frozenset[str]) -> bool:
        return False


@dataclass(frozen=True)
class Step:
    """kind: say, press, wait, hear or hangup. seconds: how long to wait, or to listen at most."""

    kind: str
    text: str = ""
    seconds: float = 0.0
    confidence: float = 0.92


class Script:
    """Does one thing after another: speaks and presses as soon as that is listened for, and hangs up after the last."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self._next = 0
        self._since: float | None = None
        self._heard = 0

    def offer(self, ear: Ear, accepts: frozenset[str]) -> Offer:
        if self._since is None:
            self._since, self._heard = ear.now(), 0
        while self._next < len(self._steps):
            step = self._steps[self._next]
            if step.kind == "hangup":
                return Offer(hang_up=True)
            if step.kind in _LISTENS_FOR:
                if _LISTENS_FOR[step.kind] not in accepts:
                    return Offer()
                self._advance(ear)
                return Offer(Input(_LISTENS_FOR[step.kind], step.text, step.confidence))
            left = self._since + step.seconds - ear.now()
            sought = step.text.casefold()
            has_heard = step.kind == "hear" and any(sought in text.casefold() for text in ear.heard_since(self._heard))
            if left > 0 and not has_heard:
                return Offer(again_s=left)
            self._advance(ear)
        if accepts or ear.is_with_people:
            return Offer(hang_up=True)
        left = self._since + _STAYS_S - ear.now()
        return Offer(again_s=left) if left > 0 else Offer(hang_up=True)

    def is_hurried(self, accepts: frozenset[str]) -> bool:
        if self._next >= len(self._steps):
            return True
        kind = self._steps[self._next].kind
        return kind == "hangup" or (kind in _LISTENS_FOR and _LISTENS_FOR[kind] in accepts)

    @property
    def is_patient(self) -> bool:
        """Whether it lets time pass now."""
        return self._next < len(self._steps) and self._steps[self._next].kind in ("wait", "hear")

    def _advance(self, ear: Ear) -> None:
        self._next += 1
        self._since, self._heard = ear.now(), ear.heard_count()


def steps_from(script: Any) -> list[Step]:
    """script: a list, or its JSON in a field of a form. Raises InvalidInput, naming the step that cannot be read."""
    if isinstance(script, str):
        try:
            script = json.loads(script)
        except ValueError:
            script = None
    if not isinstance(script, list) or len(script) > _MOST_STEPS:
        raise InvalidInput("El guion es una lista de hasta {most} pasos.", most=_MOST_STEPS)
    return [_step(number, told) for number, told in enumerate(script, start=1)]


def _step(number: int, told: Any) -> Step:
    kinds = [kind for kind in _KINDS if isinstance(told, Mapping) and kind in told]
    if not kinds:
        raise InvalidInput(
            "El paso {number} del guion no dice qué hacer: say, press, wait, hear o hangup.", number=number
        )
    # `hear` may say how long it listens; everything else is one thing at a time.
    if len(kinds) > 1 and kinds != ["wait", "hear"]:
        raise InvalidInput(
            "El paso {number} del guion dice dos cosas: {kinds}. Cada una va en su propio paso.",
            number=number,
            kinds=", ".join(kinds),
        )
    kind = kinds[-1]
    wrong = InvalidInput("El paso {number} del guion no se entiende.", number=number)
    is_number = isinstance(told[kind], int) and not isinstance(told[kind], bool)
    if kind in ("say", "hear", "press") and not (isinstance(told[kind], str) or (is_number and kind != "hear")):
        raise wrong
    if kind == "hangup" and told[kind] is False:
        raise wrong
    try:
        seconds = float(told.get("wait", 60.0 if kind == "hear" else 0.0))
        confidence = float(told.get("confidence", 0.92))
    except (TypeError, ValueError):
        raise wrong from None
    if not 0 <= seconds <= _LONGEST_WAIT_S or not 0 <= confidence <= 1:
        raise wrong
    text = "" if kind in ("wait", "hangup") else str(told[kind])
    if kind == "press" and not (text and set(text) <= _KEYS):
        raise wrong
    if kind in ("say", "hear") and not text.strip():
        raise wrong
    if len(text) > _MOST_LETTERS:
        raise wrong
    return Step(kind, text, seconds, confidence)
