"""The network's moods, switched on by a visitor or a test: slow, twice, out of order, lost, down."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from kernel.errors import InvalidInput

# What the provider does when we ask it to send. `down` and `busy` take nothing; the other two take it and do not say so.
OUTAGES = ("none", "busy", "down", "error_after", "timeout_after")
# What happens to who asks for an attachment: `late` comes at the third try, `stray` leads to a host that nobody announced.
MEDIA = ("ok", "late", "gone", "stray")
_MAX_DELAY_S = 600.0
_TRUE, _FALSE = ("1", "true", "on", "yes"), ("", "0", "false", "off", "no")


@dataclass(frozen=True)
class Switches:
    """delay_s: how much later everything arrives. lose: reports of what became of a message never arrive.

    lose_inbound: nor does what residents write; it stays in the log of the network.
    phone_off: the resident's phone takes nothing. stop_words: STOP and START are handled by the network itself.
    window_closed: WhatsApp takes nothing but templates, as if a day had passed. unread: nobody reads what arrives.
    """

    delay_s: float = 0.0
    duplicate: bool = False
    reorder: bool = False
    lose: bool = False
    lose_inbound: bool = False
    phone_off: bool = False
    stop_words: bool = False
    outage: str = "none"
    window_closed: bool = False
    unread: bool = False
    media: str = "ok"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def changed(self, values: Mapping[str, Any]) -> "Switches":
        """With the named switches changed. Raises InvalidInput for an unknown name or value."""
        known = {field.name for field in fields(self)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise InvalidInput("No hay tal interruptor: {names}.", names=", ".join(unknown))
        return replace(self, **{name: _read(name, value) for name, value in values.items()})


def _read(name: str, value: Any) -> Any:
    if (name == "outage" and value in OUTAGES) or (name == "media" and value in MEDIA):
        return value
    if name == "delay_s":
        try:
            seconds = float(value)
        except (TypeError, ValueError):
            seconds = -1.0
        if 0 <= seconds <= _MAX_DELAY_S:
            return seconds
    elif name not in ("outage", "media"):
        word = str(value).lower()
        if word in _TRUE + _FALSE:
            return word in _TRUE
    raise InvalidInput("Ese valor no sirve para {name}.", name=name)
