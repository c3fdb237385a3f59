"""A stretch of a text that the public does not read, and how sure the rules are of it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

HIDDEN = "[…]"
Kind = Literal["email", "phone", "url", "plate", "id", "card", "name"]
# From here on nobody needs to look.
SURE = 0.9


@dataclass(frozen=True, slots=True)
class Mark:
    """`text[start:end]` is hidden. `why` names the rule; below SURE a person should look."""

    start: int
    end: int
    kind: Kind
    score: float = 1.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Masked:
    """The text for everybody, and what was hidden in the original, in order and apart from one another."""

    text: str
    marks: tuple[Mark, ...] = ()


def merged(marks: Iterable[Mark]) -> list[Mark]:
    """The marks in order; those that overlap become one, as sure as the surer of them."""
    kept: list[Mark] = []
    for mark in sorted(marks, key=lambda mark: (mark.start, -mark.end)):
        if kept and mark.start < kept[-1].end:
            surer = max(kept[-1], mark, key=lambda either: either.score)
            kept[-1] = replace(surer, start=kept[-1].start, end=max(kept[-1].end, mark.end))
        else:
            kept.append(mark)
    return kept


def without(text: str, marks: Iterable[Mark]) -> str:
    """The text with HIDDEN in place of each mark; `marks` as `merged` gives them."""
    shown: list[str] = []
    at = 0
    for mark in marks:
        shown += (text[at : mark.start], HIDDEN)
        at = mark.end
    return "".join((*shown, text[at:]))
