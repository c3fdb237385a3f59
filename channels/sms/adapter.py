"""SMS over Twilio: what comes in by webhook, what goes out by its REST API. Sources: docs/channels/sms.md."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from channels.errors import DeliveryError
from channels.sms import gsm7
from channels.twilio_api import reading
from channels.twilio_api.account import Account, in_order
from channels.twilio_api.channel import TwilioChannel
from channels.values import OutboundMessage, ProviderMessageId, ProviderRecord
from intake.conversations.values import InboundMedia, InboundMessage, kind_of
from kernel.errors import ForgedWebhook
from kernel.settings import Settings, Sms


class SmsChannel(TwilioChannel):
    """Twilio's Programmable Messaging for one account. Safe to share between threads."""

    name: ClassVar[str] = "sms"
    contact_kind: ClassVar[str] = "phone"

    def __init__(self, sms: Sms, public_base_url: str) -> None:
        self._sms = sms
        super().__init__(Account(self.name, sms, public_base_url))

    @classmethod
    def from_settings(cls, settings: Settings) -> "SmsChannel | None":
        """None when this installation has no Twilio account."""
        return None if settings.sms is None else cls(settings.sms, settings.web.public_base_url)

    # Coming in

    def read(self, parameters: Mapping[str, str], sid: str, received_at: datetime) -> InboundMessage:
        if "From" not in parameters or "To" not in parameters:
            raise ForgedWebhook("Falta un dato que el proveedor siempre manda: {name}.", name="From, To")
        sender, recipient, body = parameters["From"], parameters["To"], parameters.get("Body", "")
        media = tuple(
            InboundMedia(
                kind_of(parameters.get(f"MediaContentType{i}", "")),
                reference=parameters[f"MediaUrl{i}"],
                content_type=parameters.get(f"MediaContentType{i}", ""),
            )
            for i in range(reading.media_count(parameters))
            if f"MediaUrl{i}" in parameters
        )
        return InboundMessage(self.name, sid, sender, recipient, body, received_at=received_at, media=media)

    # Going out

    def prepare(self, message: OutboundMessage) -> tuple[str, int]:
        text = gsm7.economical(message.body) if message.plain_letters else message.body
        size = gsm7.measure(text)
        if not gsm7.plain(text).strip():
            raise DeliveryError("empty", permanent=True)
        # Cutting it could lose the date or the folio; a person should see that it did not go out.
        if size.units > gsm7.UNITS_CAP:
            raise DeliveryError("too_long", permanent=True)
        return text, size.segments

    def send(self, message: OutboundMessage) -> ProviderMessageId:
        text, _ = self.prepare(message)
        form = {"To": message.recipient, "From": message.sender or self._sms.number, "Body": text}
        return self._account.create_message(message, form)

    def look_up(self, message: OutboundMessage, since: datetime) -> list[ProviderRecord]:
        wanted = _comparable(message.body)
        found = [
            record
            for words, record in self._account.messages_to(message.recipient, since)
            if _comparable(words).removeprefix(reading.TRIAL_PREFIX) == wanted
        ]
        return in_order(found, since)


def _comparable(text: str) -> str:
    # Whatever the city's setting was when it was sent, and whatever blanks the provider trimmed.
    return " ".join(gsm7.plain(text).split())
