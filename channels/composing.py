"""What a person is about to send, looked at while they still can change it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol
from uuid import UUID

from channels import window
from channels.errors import DeliveryError
from channels.reasons import REASONS
from channels.values import LastInbound, OutboundMessage
from intake.catalog.models import Jurisdiction
from kernel.errors import InvalidInput

_NOT_YET = UUID(int=0)


class Preparing(Protocol):
    """Of a channel, what the console may know: it imports no adapter, and with it no vendor's library."""

    def prepare(self, message: OutboundMessage) -> tuple[str, int]:
        """Raises DeliveryError when the message cannot be sent."""


_connected: Mapping[str, Preparing] = {}


def configure(channels: Mapping[str, Preparing]) -> None:
    """Called by the registry whenever it connects or lets go."""
    global _connected
    _connected = channels


def is_connected(channel_name: str) -> bool:
    """Whether residents reach this installation on that channel."""
    return channel_name in _connected


def has_window(channel_name: str) -> bool:
    """Whether the network takes free words for a while only after the person's own."""
    return channel_name == "whatsapp"


def closes_at(channel_name: str, last_inbound_at: datetime | None) -> datetime | None:
    """Until when free words may be sent; None where there is no such end, or nothing that could end."""
    return window.window_closes_at(last_inbound_at) if has_window(channel_name) else None


def can_write(channel: str, *, last_inbound_at: datetime | None, has_template: bool, now: datetime) -> bool:
    """Whether the network takes a text of ours to somebody who wrote last then, of which there may be an approved template."""
    return not has_window(channel) or has_template or window.is_open(last_inbound_at, now)


def names() -> list[str]:
    """The channels of this installation, in the order of the registry."""
    return list(_connected)


def parts(channel_name: str, body: str, city: Jurisdiction) -> int | None:
    """In how many parts the channel sends these words; None where it does not, or not in parts. Raises InvalidInput."""
    channel = _connected.get(channel_name)
    if channel is None or channel_name != "sms":
        return None
    plain_letters = bool(city.settings.get("sms_transliterate", True))
    try:
        return channel.prepare(OutboundMessage(_NOT_YET, None, "", body, plain_letters))[1]
    except DeliveryError as failure:
        raise InvalidInput(REASONS[failure.reason], field="text") from failure


def refuse_unsendable(
    channel_name: str, body: str, city: Jurisdiction, *, last_inbound_at: datetime | None = None
) -> None:
    """Raises InvalidInput for words that the channel cannot send. One that is not connected here takes all: they wait.

    last_inbound_at: when the person wrote last in this thread; some networks take an answer for a while only.
    """
    channel = _connected.get(channel_name)
    if channel is None:
        return
    plain_letters = bool(city.settings.get("sms_transliterate", True))
    last = LastInbound("", last_inbound_at) if last_inbound_at else None
    try:
        channel.prepare(OutboundMessage(_NOT_YET, None, "", body, plain_letters, last_inbound=last))
    except DeliveryError as failure:
        raise InvalidInput(REASONS[failure.reason], field="text") from failure
