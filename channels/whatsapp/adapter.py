"""WhatsApp over Twilio: what comes in by webhook, what goes out by its REST API. Sources: docs/channels/whatsapp.md."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

import orjson
import structlog

from channels import window
from channels.errors import DeliveryError
from channels.twilio_api import reading as twilio
from channels.twilio_api.account import Account, in_order
from channels.twilio_api.channel import TwilioChannel
from channels.values import OutboundMessage, ProviderMessageId, ProviderRecord
from channels.whatsapp import offers, reading
from channels.whatsapp.content import ContentShelf
from channels.whatsapp.offers import Offer
from intake.conversations.values import InboundMessage
from kernel import clock
from kernel.i18n import translate
from kernel.settings import Settings, Whatsapp

log = structlog.get_logger(__name__)

# What Twilio takes in `Body`.
MOST_LETTERS = 1600


class WhatsappChannel(TwilioChannel):
    """WhatsApp of one Twilio account. Safe to share between threads."""

    name: ClassVar[str] = "whatsapp"
    contact_kind: ClassVar[str] = "whatsapp"

    def __init__(self, whatsapp: Whatsapp, public_base_url: str) -> None:
        self._whatsapp = whatsapp
        super().__init__(Account(self.name, whatsapp, public_base_url))
        self._content = ContentShelf(self._account, whatsapp.content_base_url)

    @classmethod
    def from_settings(cls, settings: Settings) -> "WhatsappChannel | None":
        """None when this installation has no WhatsApp number."""
        return None if settings.whatsapp is None else cls(settings.whatsapp, settings.web.public_base_url)

    # Coming in

    def read(self, parameters: Mapping[str, str], sid: str, received_at: datetime) -> InboundMessage:
        return reading.read(parameters, sid, received_at)

    # Going out

    def prepare(self, message: OutboundMessage) -> tuple[str, int]:
        """Raises DeliveryError; `window_closed` when only an approved template could be sent and there is none."""
        if not message.body.strip():
            raise DeliveryError("empty", permanent=True)
        if not self._is_open(message) and message.approved is None:
            raise DeliveryError("window_closed", permanent=True)
        if len(message.body) > MOST_LETTERS:
            raise DeliveryError("too_long", permanent=True)
        return message.body, 1

    def send(self, message: OutboundMessage) -> ProviderMessageId:
        self.prepare(message)
        sender = message.sender or self._whatsapp.number
        form = {"To": reading.PREFIX + message.recipient, "From": reading.PREFIX + sender}
        if not self._is_open(message):
            return self._account.create_message(message, form | _from_template(message))
        offered = self._offered(message)
        content_sid = self._content.sid_of(offered.shape, len(offered.variables)) if offered else None
        if offered is None or content_sid is None:
            return self._account.create_message(message, form | {"Body": _words(message)})
        try:
            return self._account.create_message(message, form | _content(content_sid, offered.variables))
        except DeliveryError as failure:
            if failure.reason != "template_refused":
                raise
            # Certainly not taken: the definition is gone or broken, and the numbered text says the same.
            log.warning("whatsapp.content_refused", shape=offered.shape.name)
            self._content.forget(offered.shape)
            return self._account.create_message(message, form | {"Body": message.body})

    def look_up(self, message: OutboundMessage, since: datetime) -> list[ProviderRecord]:
        """A record without words may be this one: of what was sent as content, Twilio does not always give the words back."""
        wanted = {_comparable(text) for text in (message.body, _words(message), message.prompt or message.body)}
        may_be_wordless = message.approved is not None or bool(message.choices)
        found: list[ProviderRecord] = []
        for words, record in self._account.messages_to(reading.PREFIX + message.recipient, since):
            said = _comparable(words).removeprefix(twilio.TRIAL_PREFIX)
            if said in wanted or (not said and may_be_wordless):
                found.append(record)
        if not found and message.approved is not None:
            # Its words are the template's, which we do not know: that it is not there is no evidence.
            raise DeliveryError("no_answer", uncertain=True)
        return in_order(found, since)

    def _is_open(self, message: OutboundMessage) -> bool:
        return window.is_open(message.last_inbound.at if message.last_inbound else None, clock.now())

    def _offered(self, message: OutboundMessage) -> Offer | None:
        if message.prompt is None or not message.choices:
            return None
        return offers.offer(message.prompt, message.choices, message.language)


def _words(message: OutboundMessage) -> str:
    """The words, and where they ask for a place, how one is sent here."""
    hint = translate(message.language, "También puedes mandar tu ubicación con el clip.")
    longer = f"{message.body} {hint}"
    return longer if message.asks_place and not message.choices and len(longer) <= MOST_LETTERS else message.body


def _from_template(message: OutboundMessage) -> dict[str, str]:
    assert message.approved is not None
    filled = (message.template_params.get(name, "") for name in message.approved.variables)
    # The provider refuses an empty variable.
    return _content(message.approved.reference, {str(n): text.strip() or "-" for n, text in enumerate(filled, start=1)})


def _content(sid: str, variables: Mapping[str, str]) -> dict[str, str]:
    # Nor does it take line breaks, tabs or long gaps.
    on_one_line = {name: " ".join(value.split()) for name, value in variables.items()}
    return {"ContentSid": sid, "ContentVariables": orjson.dumps(on_one_line).decode()}


def _comparable(text: str) -> str:
    return " ".join(text.split())
