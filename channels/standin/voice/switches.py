"""The telephone network's moods: what it tells late, twice, out of order or never, and how its REST fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from channels.standin.switches import Moods

# What a phone does that nobody holds.
ANSWERS = ("no-answer", "busy", "failed", "completed")


@dataclass(frozen=True)
class Switches(Moods):
    """Of what is told about calls, conferences and recordings; documents are always asked for.

    nobody: how a call ends that the centre makes to a phone that nobody holds. end_first: of somebody who hangs up after a
    message, the centre hears first that the call is over, and then of the message.
    """

    WORDS: ClassVar[Mapping[str, Sequence[str]]] = {**Moods.WORDS, "nobody": ANSWERS}

    nobody: str = "no-answer"
    end_first: bool = False
