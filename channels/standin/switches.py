"""The network's moods, switched on by a visitor or a test: slow, twice, out of order, lost, down."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar, Self

from kernel.errors import InvalidInput

# What the provider does when we ask it to send. `down` and `busy` take nothing; the other two take it and do not say so.
OUTAGES = ("none", "busy", "down", "error_after", "timeout_after")
# What happens to who asks for an attachment: `late` comes at the third try, `stray` leads to a host that nobody announced.
MEDIA = ("ok", "late", "gone", "stray")
_MAX_DELAY_S = 600.0
_TRUE, _FALSE = ("1", "true", "on", "yes"), ("", "0", "false", "off", "no")


@dataclass(frozen=True)
class Moods:
    """What every network has. delay_s: how much later what it tells arrives. lose: what became of things is never told."""

    # Of what is one of several words, which.
    WORDS: ClassVar[Mapping[str, Sequence[str]]] = {"outage": OUTAGES}

    delay_s: float = 0.0
    duplicate: bool = False
    reorder: bool = False
    lose: bool = False
    outage: str = "none"

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def changed(self, values: Mapping[str, Any]) -> Self:
        """With the named switches changed. Raises InvalidInput for an unknown name or value."""
        unknown = sorted(set(values) - {field.name for field in fields(self)})
        if unknown:
            raise InvalidInput("No hay tal interruptor: {names}.", names=", ".join(unknown))
        return replace(self, **{name: self._read(name, value) for name, value in values.items()})

    def _read(self, name: str, value: Any) -> Any:
        if name in self.WORDS:
            if value in self.WORDS[name]:
                return value
        elif name == "delay_s":
            try:
                seconds = float(value)
            except (TypeError, ValueError):
                seconds = -1.0
            if 0 <= seconds <= _MAX_DELAY_S:
                return seconds
        elif (word := str(value).lower()) in _TRUE + _FALSE:
            return word in _TRUE
        raise InvalidInput("Ese valor no sirve para {name}.", name=name)


@dataclass(frozen=True)
class Switches(Moods):
    """Those of networks of messages. lose_inbound: what residents write never arrives either; it stays in the network's log.

    phone_off: the resident's phone takes nothing. stop_words: STOP and START are handled by the network itself.
    window_closed: WhatsApp takes nothing but templates, as if a day had passed. unread: nobody reads what arrives.
    """

    WORDS: ClassVar[Mapping[str, Sequence[str]]] = {**Moods.WORDS, "media": MEDIA}

    lose_inbound: bool = False
    phone_off: bool = False
    stop_words: bool = False
    window_closed: bool = False
    unread: bool = False
    media: str = "ok"
