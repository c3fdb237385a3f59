"""The telephone network's moods: what it tells late, twice, out of order or never, and how its REST fails."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from kernel.errors import InvalidInput

# As for messages: `busy` and `down` take nothing, the other two do it and do not say so.
OUTAGES = ("none", "busy", "down", "error_after", "timeout_after")
# What a phone does that nobody holds.
ANSWERS = ("no-answer", "busy", "failed", "completed")
_MAX_DELAY_S = 600.0
_TRUE, _FALSE = ("1", "true", "on", "yes"), ("", "0", "false", "off", "no")


@dataclass(frozen=True)
class Switches:
    """delay_s, duplicate, reorder, lose: of what is told about calls, conferences and recordings; documents are always asked for.

    nobody: how a call ends that the centre makes to a phone that nobody holds.
    """

    delay_s: float = 0.0
    duplicate: bool = False
    reorder: bool = False
    lose: bool = False
    outage: str = "none"
    nobody: str = "no-answer"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def changed(self, values: Mapping[str, Any]) -> "Switches":
        """With the named switches changed. Raises InvalidInput for an unknown name or value."""
        unknown = sorted(set(values) - {field.name for field in fields(self)})
        if unknown:
            raise InvalidInput("No hay tal interruptor: {names}.", names=", ".join(unknown))
        return replace(self, **{name: _read(name, value) for name, value in values.items()})


def _read(name: str, value: Any) -> Any:
    if (name == "outage" and value in OUTAGES) or (name == "nobody" and value in ANSWERS):
        return value
    if name == "delay_s":
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            seconds = -1.0
        if 0 <= seconds <= _MAX_DELAY_S:
            return seconds
    elif name not in ("outage", "nobody"):
        word = str(value).lower()
        if word in _TRUE + _FALSE:
            return word in _TRUE
    raise InvalidInput("Ese valor no sirve para {name}.", name=name)
