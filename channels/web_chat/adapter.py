"""The chat as a channel. Nothing leaves the installation: what is accepted is there for the visitor's page."""

import hmac
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from channels.errors import DeliveryError
from channels.values import OutboundMessage, ProviderMessageId, ProviderRecord, Webhook, WebhookEvent
from channels.web_chat import calls
from intake.conversations.values import DeliveryReceipt
from kernel.errors import ForgedWebhook
from kernel.settings import Settings

MOST_LETTERS = 16_000
_SEEN = ("delivered", "read")


class WebChatChannel:
    """The chat of one installation. Holds nothing but a key."""

    name: ClassVar[str] = calls.CHANNEL
    contact_kind: ClassVar[str] = "web_chat"

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def from_settings(cls, settings: Settings) -> "WebChatChannel | None":
        """None where the chat is switched off."""
        return cls(settings.secrets.session_key) if settings.web_chat.enabled else None

    def close(self) -> None:
        """Nothing is open."""

    def verify(self, webhook: Webhook) -> None:
        """Checks the signature that our own pages put on each message."""
        given = webhook.headers.get(calls.SIGNATURE, "")
        wanted = calls.signature(self._key, webhook.path, webhook.query, webhook.body)
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise ForgedWebhook("La firma de este mensaje no corresponde.")

    def parse(self, webhook: Webhook) -> list[WebhookEvent]:
        values = calls.values_of(webhook)
        if not webhook.path.rstrip("/").endswith("/status"):
            return [calls.read(values, webhook.received_at)]
        told, status = values.get("message"), values.get("status")
        if not isinstance(told, str) or status not in _SEEN:
            return []
        return [DeliveryReceipt(self.name, told, None, status)]

    def acknowledge(self, webhook: Webhook) -> tuple[str, str]:
        return "application/json", "{}"

    def prepare(self, message: OutboundMessage) -> tuple[str, int]:
        if not message.body.strip():
            raise DeliveryError("empty", permanent=True)
        if len(message.body) > MOST_LETTERS:
            raise DeliveryError("too_long", permanent=True)
        return message.body, 0

    def send(self, message: OutboundMessage) -> ProviderMessageId:
        """Certain: the page shows what is accepted, and accepting is what the caller writes down next."""
        self.prepare(message)
        return provider_id(message.message_id)

    def look_up(self, message: OutboundMessage, since: datetime) -> list[ProviderRecord]:
        """None: a message that is not accepted was shown to nobody, so that accepting it again shows it once."""
        return []


def provider_id(message_id: UUID) -> ProviderMessageId:
    """What one of our messages is called on this channel."""
    return ProviderMessageId(f"out-{message_id.hex}")
