"""The moods of the mail server, beside those of the telephone network (switches.py)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from kernel.errors import InvalidInput

# What it does with a mail of the centre. `drop` takes it and hangs up before it says so; the others take nothing.
OUTAGES = ("none", "busy", "down", "refuse", "drop")
AUTO_REPLIES = ("none", "polite", "rude")
_MOST_SLOW_S = 600.0


@dataclass(frozen=True)
class MailSwitches:
    """slow_s: how much later a mail is there. duplicate: what residents write arrives twice. bounce: nothing reaches them.

    auto_reply: residents are on holiday; a polite program says that it is one and answers no other, a rude one answers all.
    mailbox_down: nobody can look into the centre's mailbox.
    """

    slow_s: float = 0.0
    duplicate: bool = False
    bounce: bool = False
    mailbox_down: bool = False
    outage: str = "none"
    auto_reply: str = "none"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def changed(self, values: Mapping[str, Any]) -> "MailSwitches":
        """With the named switches changed. Raises InvalidInput for an unknown name or value."""
        unknown = sorted(set(values) - {field.name for field in fields(self)})
        if unknown:
            raise InvalidInput("No hay tal interruptor: {names}.", names=", ".join(unknown))
        return replace(self, **{name: _read(name, value) for name, value in values.items()})


def _read(name: str, value: Any) -> Any:
    allowed = {"outage": OUTAGES, "auto_reply": AUTO_REPLIES}.get(name)
    if allowed is not None and value in allowed:
        return value
    if name == "slow_s":
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            seconds = -1.0
        if 0 <= seconds <= _MOST_SLOW_S:
            return seconds
    elif allowed is None and str(value).lower() in ("1", "true", "on", "", "0", "false"):
        return str(value).lower() in ("1", "true", "on")
    raise InvalidInput("Ese valor no sirve para {name}.", name=name)
