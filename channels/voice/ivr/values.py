"""What is heard of a caller, and what they are told. Values only."""

from dataclasses import dataclass
from typing import Any, Literal

How = Literal["nothing", "keys", "speech", "again", "back"]
Expects = Literal["open", "choice", "place", "number", "several", "moment", "words", "digits"]


@dataclass(frozen=True, slots=True)
class Heard:
    """What the caller did. text: keys (`0-9*#`) or words; confidence: 0 to 1 as the recogniser says, None when it does not.

    how: `again` when it is us who failed to answer, and it is not known what they did; `back` when they come out of a room in
    which nobody was with them.
    """

    how: How
    text: str = ""
    confidence: float | None = None


NOTHING = Heard("nothing")


@dataclass(frozen=True, slots=True)
class Said:
    """Words for a voice, in its language."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Ask:
    """What the caller may do, also while we speak. digits: how many keys end it; None: as many as they like, until `#`.

    listens: they may speak too; hints: what they may say.
    """

    digits: int | None = 1
    listens: bool = True
    timeout_s: int = 6
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One document. What comes after the words: an answer (`ask`), music and then the next document (`music`), a message after
    the tone (`record`), or the end of the call (none of them). told: said first, and to its end: nothing that they do cuts it
    short."""

    says: tuple[Said, ...]
    ask: Ask | None = None
    music: bool = False
    record: bool = False
    told: tuple[Said, ...] = ()

    def to_json(self) -> dict[str, Any]:
        ask = self.ask
        return {
            "says": [[said.text, said.language] for said in self.says],
            "ask": [ask.digits, ask.listens, ask.timeout_s, list(ask.hints)] if ask else None,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Page":
        ask = values["ask"]
        return cls(
            tuple(Said(text, language) for text, language in values["says"]),
            Ask(ask[0], ask[1], ask[2], tuple(ask[3])) if ask else None,
        )
