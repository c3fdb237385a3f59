"""What channels hand to conversations: a message that came in, and what became of one that went out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class InboundMessage:
    """One message as a channel read it. sender, recipient: addresses as received; media: one dict for each attachment."""

    channel: str
    provider_message_id: str
    sender: str
    recipient: str
    body: str
    received_at: datetime
    media: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class DeliveryReceipt:
    """What a provider says became of a message. client_ref: our message's id as the provider gives it back, when it does.

    status: accepted, sent, delivered, read, undelivered or failed.
    """

    channel: str
    provider_message_id: str
    client_ref: str | None
    status: str
    error_code: str | None = None
