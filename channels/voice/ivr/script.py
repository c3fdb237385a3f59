"""What the machine remembers of one call between two documents. Kept as JSON on the call; unreadable memory is no memory."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

STAGES = (
    "menu", "tell", "folio", "dialogue", "services", "street", "streets", "cross", "crosses", "reported", "told", "danger",
    "proof", "code", "closed", "waiting", "callback", "callback_number", "callback_check", "voicemail", "over",
)  # fmt: skip


@dataclass
class Script:
    """stage: what the newest document asked. misses: answers in a row that led nowhere; documents: how many there were; failures:
    how many of them we could not give at first. expects: how keys are read in the dialogue.

    page: the newest document, for who wants to hear it again; held: one that waits behind a warning, with its stage. options:
    labels and what they stand for, where keys choose from a list of ours; offset: the first one that was read out.
    folio: of which they want to know and are not told; codes: how many were asked for, code_tries: wrong ones typed for the last.
    is_promised: a person looks at what they said, they were told.
    warned: of which dangers they were warned. waited_from: since when they are in the line (ISO).
    """

    stage: str = "menu"
    misses: int = 0
    documents: int = 0
    failures: int = 0
    expects: str = "open"
    page: dict[str, Any] = field(default_factory=dict)
    held: dict[str, Any] = field(default_factory=dict)
    options: list[list[str]] = field(default_factory=list)
    offset: int = 0
    street: str = ""
    warned: list[str] = field(default_factory=list)
    no_messages: bool = False
    is_consent_told: bool = False
    reported: list[str] = field(default_factory=list)
    waits: int = 0
    number: str = ""
    is_called_back: bool = False
    is_promised: bool = False
    folio: str = ""
    codes: int = 0
    code_tries: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Script":
        """The script that `to_json` wrote; a fresh one when these are not such values."""
        try:
            script = cls(**values)
        except TypeError:
            return cls()
        return script if script.stage in STAGES else cls()
