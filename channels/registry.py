"""The channels there are. Adding one is a folder, one line in `CHANNELS` and a page (docs/channels/adding.md)."""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Protocol

from channels import composing, pacing
from channels.email.adapter import EmailChannel
from channels.sms.adapter import SmsChannel
from channels.telegram.adapter import TelegramChannel
from channels.values import OutboundMessage, ProviderMessageId, ProviderRecord, Webhook, WebhookEvent
from channels.web_chat.adapter import WebChatChannel
from channels.whatsapp.adapter import WhatsappChannel
from intake.conversations import notices, proofs
from kernel.errors import Unavailable
from kernel.settings import Settings


class Channel(Protocol):
    """One way of reaching residents, over one provider. Knows the wire, not the database."""

    name: ClassVar[str]
    # The kind of contact point whose address this channel speaks to.
    contact_kind: ClassVar[str]

    def verify(self, webhook: Webhook) -> None:
        """Raises ForgedWebhook unless the provider signed this call; InvalidInput when it is no call of its kind at all."""

    def parse(self, webhook: Webhook) -> list[WebhookEvent]:
        """What a verified call tells. Unknown parameters are ignored, unknown statuses give nothing."""

    def acknowledge(self, webhook: Webhook) -> tuple[str, str]:
        """The media type and body that make the provider content and silent, once the call was kept."""

    def prepare(self, message: OutboundMessage) -> tuple[str, int]:
        """The text as it will be sent, and how many SMS it costs. Raises DeliveryError when it cannot be sent."""

    def send(self, message: OutboundMessage) -> ProviderMessageId:
        """Hands the message to the provider, once. Raises DeliveryError."""

    def look_up(self, message: OutboundMessage, since: datetime) -> list[ProviderRecord]:
        """Every message of this text to this person that the provider has since then, oldest first.

        Raises DeliveryError when the provider did not give a complete answer.
        """

    def close(self) -> None:
        """Lets connections go."""


CHANNELS: dict[str, Callable[[Settings], Channel | None]] = {
    "sms": SmsChannel.from_settings,
    "email": EmailChannel.from_settings,
    "whatsapp": WhatsappChannel.from_settings,
    "web_chat": WebChatChannel.from_settings,
    "telegram": TelegramChannel.from_settings,
}

_connected: dict[str, Channel] = {}


def connect(settings: Settings) -> None:
    """Called once by a composition root: opens every channel that this installation has an account for."""
    disconnect()
    for name, open_channel in CHANNELS.items():
        channel = open_channel(settings)
        if channel is not None:
            _connected[name] = channel
    composing.configure(_connected)
    pacing.configure(settings.pacing)
    notices.configure({"email": "email"} if "email" in _connected else {})
    reached = {"phone": "sms", "whatsapp": "whatsapp", "email": "email"}
    proofs.configure({kind: name for kind, name in reached.items() if name in _connected}, composing.can_write)


def disconnect() -> None:
    """Lets every channel go."""
    for channel in _connected.values():
        channel.close()
    _connected.clear()


def connected() -> dict[str, Channel]:
    """The channels of this process by name."""
    return dict(_connected)


def channel_named(name: str) -> Channel:
    """Raises Unavailable when this installation has no account for the channel, so that its messages wait."""
    found = _connected.get(name)
    if found is None:
        raise Unavailable("El canal {name} no está conectado en esta instalación.", name=name)
    return found
