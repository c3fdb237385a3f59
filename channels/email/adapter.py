"""E-mail as a channel: what was fetched is read, what goes out is handed to an SMTP server. Nobody calls us here."""

from datetime import UTC, datetime
from typing import ClassVar

from channels.email import bounces, reading, writing
from channels.email.mailbox import Mailbox, MailboxError
from channels.email.reading import OurSide
from channels.email.submission import Submission
from channels.errors import DeliveryError
from channels.values import OutboundMessage, ProviderMessageId, ProviderRecord, Webhook, WebhookEvent
from kernel import clock
from kernel.errors import ForgedWebhook
from kernel.settings import Email, Settings

_LONGEST = 100_000


class EmailChannel:
    """One mailbox and the server that takes its mail. Safe to share between threads: it holds no connection."""

    name: ClassVar[str] = "email"
    contact_kind: ClassVar[str] = "email"

    def __init__(self, email: Email) -> None:
        self.settings = email
        others = [address.strip() for address in email.other_addresses.split(",") if address.strip()]
        self.ours = OurSide(tuple(one.lower() for one in (email.address, *others)), email.trusted_host)

    @classmethod
    def from_settings(cls, settings: Settings) -> "EmailChannel | None":
        """None when this installation has no mailbox."""
        return None if settings.email is None else cls(settings.email)

    def close(self) -> None:
        """There is nothing to let go."""

    # Coming in

    def verify(self, webhook: Webhook) -> None:
        raise ForgedWebhook("El correo se recoge de su buzón; por aquí no entra.")

    def parse(self, webhook: Webhook) -> list[WebhookEvent]:
        return list(reading.read(webhook.body, self.ours, webhook.received_at))

    def recipient_of(self, webhook: Webhook) -> str | None:
        return reading.recipient_of(webhook.body, self.ours)

    def acknowledge(self, webhook: Webhook) -> tuple[str, str]:
        return "text/plain", ""

    # Going out

    def prepare(self, message: OutboundMessage) -> tuple[str, int]:
        if not message.body.strip():
            raise DeliveryError("empty", permanent=True)
        if len(message.body) > _LONGEST:
            raise DeliveryError("too_long", permanent=True)
        return writing.text_of(message), 1

    def send(self, message: OutboundMessage) -> ProviderMessageId:
        self.prepare(message)
        address = self._sender(message)
        if any(letter in message.recipient for letter in "\r\n<> ") or "@" not in message.recipient:
            raise DeliveryError("not_a_mail_address", permanent=True)
        plus = self.settings.plus_addresses
        mail = writing.compose(message, address, self.ours.domain, now=clock.now(), plus_addresses=plus)
        Submission(self.settings).send(mail, address, message.recipient)
        return self._id(message)

    def look_up(self, message: OutboundMessage, since: datetime) -> list[ProviderRecord]:
        if not self.settings.sent_folder:
            raise DeliveryError("no_answer", uncertain=True)
        wanted = self._id(message)
        try:
            with Mailbox(self.settings, self.settings.sent_folder) as box:
                found = box.with_id(wanted)
        except MailboxError as error:
            raise DeliveryError("provider_down") from error
        return [ProviderRecord(wanted, "sent", since.astimezone(UTC)) for _ in found[:1]]

    def _sender(self, message: OutboundMessage) -> str:
        return message.sender or self.settings.address

    def _id(self, message: OutboundMessage) -> ProviderMessageId:
        return ProviderMessageId(bounces.message_id(message.message_id, self.ours.domain))
