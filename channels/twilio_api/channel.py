"""What the channels over Twilio have in common: how calls are checked and read, and how attachments are fetched."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import ClassVar

from channels.media_fetching import Opening
from channels.twilio_api import reading
from channels.twilio_api.account import Account
from channels.values import Webhook, WebhookEvent
from intake.conversations.values import InboundMessage
from kernel.errors import AtiendeError


class TwilioChannel(ABC):
    """One account. Safe to share between threads."""

    name: ClassVar[str]
    contact_kind: ClassVar[str]

    def __init__(self, account: Account) -> None:
        self._account = account

    def close(self) -> None:
        self._account.close()

    def verify(self, webhook: Webhook) -> None:
        self._account.verify(webhook)

    def parse(self, webhook: Webhook) -> list[WebhookEvent]:
        parameters = reading.parameters_of(webhook)
        sid = reading.required(parameters, "MessageSid", "SmsSid")
        if reading.is_report(webhook):
            return [*reading.receipt(self.name, sid, parameters, webhook.query)]
        message = self.read(parameters, sid, webhook.received_at)
        opt_out = reading.opt_out(
            self.name, message.sender, message.recipient, parameters, sender_kind=message.sender_kind
        )
        return [message, *opt_out]

    def recipient_of(self, webhook: Webhook) -> str | None:
        try:
            return reading.parameters_of(webhook).get("To", "").rpartition(":")[2] or None
        except AtiendeError:
            return None

    @abstractmethod
    def read(self, parameters: Mapping[str, str], sid: str, received_at: datetime) -> InboundMessage:
        """What somebody did, from the parameters of the call."""

    def heard_since(self, since: datetime) -> Iterator[Webhook]:
        return self._account.calls_since(since)

    def fetch(self, reference: str) -> Opening:
        return self._account.fetch(reference)

    def acknowledge(self, webhook: Webhook) -> tuple[str, str]:
        return "text/xml", "<Response></Response>"
