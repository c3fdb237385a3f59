"""What travels between our code and a provider's adapter. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NewType
from uuid import UUID

from intake.conversations.values import DeliveryReceipt, InboundMessage

ProviderMessageId = NewType("ProviderMessageId", str)


@dataclass(frozen=True)
class Webhook:
    """One call from a provider, before anything in it is believed.

    path and query: as they came, percent-encoding untouched. headers: lower-case names.
    """

    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True)
class OutboundMessage:
    """One message to one person. sender and recipient are addresses of the channel (E.164 for SMS).

    plain_letters: the city lets accents go where that makes the message shorter.
    """

    message_id: UUID
    sender: str | None
    recipient: str
    body: str
    plain_letters: bool = True


@dataclass(frozen=True)
class ProviderRecord:
    """One message the provider says it has."""

    provider_message_id: ProviderMessageId
    status: str
    created_at: datetime | None


@dataclass(frozen=True)
class OptOutSignal:
    """The provider tells that a person stopped (or restarted) our messages by a word it handles itself."""

    channel: str
    sender: str
    recipient: str
    is_granted: bool
    words: str


WebhookEvent = InboundMessage | DeliveryReceipt | OptOutSignal
