"""First messages as residents write them, and which half of them nobody may tune on.

`first_messages.csv`: `services`, `intent` and `emergency` list what is accepted, separated by `/`, best first; `-` is none, and a
report without services is one that no service of the demo city takes. `place`: words that the place has to hold, `-` when
there is none, empty where it does not matter.
"""

import csv
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("first_messages.csv")


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
def first_messages() -> tuple[FirstMessage, ...]:
    with _FILE.open(newline="", encoding="utf-8") as file:
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
