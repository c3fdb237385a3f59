"""First messages as residents write them, and which of them nobody may tune on.

`first_messages.csv` was written before anything was tuned: one half of it is held back. `first_messages_later.csv` was written
afterwards, in rounds; what each round scored when it was first tried is told in docs/understanding.md.

`services`, `intent` and `emergency` list what is accepted, separated by `/`, best first; `-` is none, and a report without
services is one that no service of the demo city takes. `place`: words that the place has to hold, `-` when there is none, empty
where it does not matter.
"""

import csv
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from intake.conversations.dialogue.understanding import OFFERED, Understanding
from intake.conversations.dialogue.words import plain

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class FirstMessage:
    text: str
    language: str
    intents: tuple[str, ...]
    services: tuple[str, ...]
    emergencies: tuple[str, ...]
    place: str

    @property
    def is_held_back(self) -> bool:
        """By a hash of the text, so that a message written later falls where chance puts it."""
        return hashlib.sha256(self.text.encode()).digest()[0] % 2 == 1


@cache
def first_messages(name: str = "first_messages") -> tuple[FirstMessage, ...]:
    with (_FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return tuple(
            FirstMessage(
                row["text"],
                row["language"],
                _accepted(row["intent"]),
                _accepted(row["services"]),
                _accepted(row["emergency"]),
                row["place"],
            )
            for row in csv.DictReader(file)
        )


def _accepted(cell: str) -> tuple[str, ...]:
    return tuple("" if one == "-" else one for one in cell.split("/")) if cell else ("",)


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares from 0 to 1 of the messages to which each question applies. sure: taken without asking; wrong: of these."""

    messages: int
    reports: int
    first: float
    offered: float
    sure: float
    wrong: float
    intent: float
    emergency: float
    language: float
    place: float


def measured(messages: Iterable[FirstMessage], read: Callable[[str], Understanding]) -> Figures:
    pairs = [(message, read(message.text)) for message in messages]
    reports = [(message, understood) for message, understood in pairs if message.services[0]]
    sure = [pair for pair in reports if pair[1].matter and pair[1].matter.is_sure]
    placed = [pair for pair in pairs if pair[0].place]
    return Figures(
        len(pairs),
        len(reports),
        _share(bool(set(_codes(understood)[:1]) & set(message.services)) for message, understood in reports),
        _share(bool(set(_codes(understood)) & set(message.services)) for message, understood in reports),
        _share(bool(understood.matter and understood.matter.is_sure) for _, understood in reports),
        _share(not set(_codes(understood)[:1]) & set(message.services) for message, understood in sure),
        _share(understood.intent in message.intents for message, understood in pairs),
        _share(
            (understood.emergency.kind if understood.emergency else "") in one.emergencies for one, understood in pairs
        ),
        _share((understood.language or message.language) == message.language for message, understood in pairs),
        _share(_is_placed(message, understood) for message, understood in placed),
    )


def _codes(understood: Understanding) -> list[str]:
    return [match.definition.code for match in understood.services[:OFFERED]]


def _is_placed(message: FirstMessage, understood: Understanding) -> bool:
    if message.place == "-":
        return understood.place is None
    return understood.place is not None and set(message.place.split()) <= set(plain(understood.place).split())


def _share(answers: Iterable[bool]) -> float:
    known = list(answers)
    return sum(known) / len(known) if known else 0.0
