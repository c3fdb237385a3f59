"""What travels between our code and a provider's adapter. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType
from uuid import UUID

from intake.conversations.values import Choice, DeliveryReceipt, InboundMessage

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
class LastInbound:
    """What the person wrote last in this thread."""

    provider_message_id: str
    at: datetime
    subject: str = ""


@dataclass(frozen=True)
class ApprovedTemplate:
    """One of our texts as the network approved it. reference: its id there; variables: which parameters fill it, in its order."""

    reference: str
    variables: tuple[str, ...] = ()


@dataclass(frozen=True)
class OutboundMessage:
    """One message to one person. sender and recipient are addresses of the channel (E.164 for SMS).

    plain_letters: the city lets accents go where that makes the message shorter. body is whole by itself, its options
    numbered; a channel with buttons sends `prompt` and `choices` instead. asks_place: a shared place would answer it.
    template: which of our texts this is, and template_params what fills it, for networks that take only approved ones;
    approved: what the city has for it on this channel. service_request_folio: ten digits, where it is about one request.
    author_kind: dialogue, notice, proof or agent.
    """

    message_id: UUID
    sender: str | None
    recipient: str
    body: str
    plain_letters: bool = True
    prompt: str | None = None
    choices: tuple[Choice, ...] = ()
    asks_place: bool = False
    language: str = "es"
    last_inbound: LastInbound | None = None
    template: str | None = None
    template_params: Mapping[str, str] = field(default_factory=dict)
    approved: ApprovedTemplate | None = None
    service_request_folio: str | None = None
    city_name: str = ""
    author_kind: str = "dialogue"


@dataclass(frozen=True)
class ProviderRecord:
    """One message the provider says it has."""

    provider_message_id: ProviderMessageId
    status: str
    created_at: datetime | None


@dataclass(frozen=True)
class OptOutSignal:
    """The provider tells that a person stopped (or restarted) our messages by a word or a switch that it handles itself.

    provider_id: of the telling, where it comes without a message; told twice, it counts once.
    """

    channel: str
    sender: str
    recipient: str
    is_granted: bool
    words: str
    sender_kind: str = "sender"
    provider_id: str | None = None


WebhookEvent = InboundMessage | DeliveryReceipt | OptOutSignal
