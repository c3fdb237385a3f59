"""Telegram by webhook and Bot API, over python-telegram-bot without its updater. Sources: docs/channels/telegram.md."""

import hmac
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import orjson
import structlog

from channels.errors import DeliveryError, FetchFailed
from channels.media_fetching import Source, Stream, open_stream
from channels.telegram import codes, keyboards, reading
from channels.telegram.bot import LOOPBACK, BotCalls, TooSlow
from channels.telegram.pauses import Pauses
from channels.values import OutboundMessage, ProviderMessageId, ProviderRecord, Webhook, WebhookEvent
from kernel.errors import ForgedWebhook, InvalidInput
from kernel.settings import Settings, Telegram

if TYPE_CHECKING:
    from telegram import Bot, Message

log = structlog.get_logger(__name__)

WEBHOOK_PATH = "/webhooks/telegram"
# What we ask to be told of. Anything else would be passed over.
ALLOWED_UPDATES = ("message", "edited_message", "callback_query", "my_chat_member")
_SECRET = "x-telegram-bot-api-secret-token"  # noqa: S105  the name of a header
_FILE_ID = re.compile(r"[A-Za-z0-9_-]{1,300}")
_FILE_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]{0,300}")
_CHAT = re.compile(r"[1-9]\d{0,18}")
# What the library raises for JSON that is no update of the Bot API.
_UNREADABLE = (TypeError, ValueError, KeyError, AttributeError, IndexError, OverflowError, OSError, RecursionError)


class TelegramChannel:
    """One bot. Safe to share between threads."""

    name: ClassVar[str] = "telegram"
    contact_kind: ClassVar[str] = "telegram"

    def __init__(self, telegram: Telegram) -> None:
        token = telegram.bot_token.get_secret_value()
        secrets = (telegram.secret_token, telegram.next_secret_token)
        self._secrets = [secret.get_secret_value().encode() for secret in secrets if secret is not None]
        # The address that cities are found by: what people write to.
        self._address = telegram.bot_username or token.partition(":")[0]
        self._token, self._api_base_url = token, telegram.api_base_url
        self._calls = BotCalls(token, telegram.api_base_url, telegram.timeout_s)
        self._pauses = Pauses()

    @classmethod
    def from_settings(cls, settings: Settings) -> "TelegramChannel | None":
        """None when this installation has no bot."""
        return None if settings.telegram is None else cls(settings.telegram)

    def close(self) -> None:
        self._calls.close()

    # Coming in

    def verify(self, webhook: Webhook) -> None:
        """Telegram signs nothing: it sends the secret that the webhook was registered with, to the address that was registered.

        Whoever has the secret could write anything, so it is compared in constant time and goes into no log.
        """
        given = webhook.headers.get(_SECRET, "").encode("utf-8", "surrogateescape")
        known = [hmac.compare_digest(given, secret) for secret in self._secrets]
        if not any(known):
            raise ForgedWebhook("La firma del proveedor no corresponde.")
        if webhook.path != WEBHOOK_PATH or webhook.query:
            raise ForgedWebhook("Esa no es la dirección que conoce el proveedor.")
        _decoded(webhook)

    def parse(self, webhook: Webhook) -> list[WebhookEvent]:
        from telegram import Update

        told = _decoded(webhook)
        try:
            return reading.events_of(Update.de_json(told, None), self._address, webhook.received_at)
        except _UNREADABLE as error:
            log.warning("telegram.unreadable", error=type(error).__name__)
        if type(told.get("update_id")) is not int:
            raise InvalidInput("Ese aviso no es de los que manda Telegram.")
        try:
            return reading.placeholder(told, self._address, webhook.received_at)
        except _UNREADABLE:
            # Refused, it would be told for a day, and what the same person writes next would wait behind it.
            log.error("telegram.passed_over", update_id=told["update_id"], why="unreadable", kinds=sorted(told)[:5])
            return []

    def recipient_of(self, webhook: Webhook) -> str | None:
        return self._address

    def acknowledge(self, webhook: Webhook) -> tuple[str, str]:
        """For a pressed button, the answer is a call of the Bot API itself: its clock stops turning, and nothing more is asked.

        Telegram takes one call in the answer to a webhook and tells nothing of its outcome, which is all that this one needs.
        """
        press = _decoded(webhook).get("callback_query")
        query_id = press.get("id") if isinstance(press, dict) else None
        if not isinstance(query_id, str):
            return "application/json", "{}"
        answer = {"method": "answerCallbackQuery", "callback_query_id": query_id}
        return "application/json", orjson.dumps(answer).decode()

    # Going out

    def prepare(self, message: OutboundMessage) -> tuple[str, int]:
        text, _ = keyboards.written(message)
        if not text.strip():
            raise DeliveryError("empty", permanent=True)
        # Two messages could arrive one without the other; a person should see that it did not go out.
        if keyboards.units(text) > keyboards.MAX_UNITS:
            raise DeliveryError("too_long", permanent=True)
        return text, 1

    def send(self, message: OutboundMessage) -> ProviderMessageId:
        text, _ = self.prepare(message)
        chat = message.recipient
        if not _CHAT.fullmatch(chat):
            raise DeliveryError("account_gone", permanent=True)
        wait_s = self._pauses.left(chat)
        if wait_s > 0:
            raise DeliveryError("rate_limited", retry_after_s=wait_s)
        _, markup = keyboards.written(message)
        sent = self._ask(chat, text, markup)
        return ProviderMessageId(f"{sent.chat.id}:{sent.message_id}")

    def look_up(self, message: OutboundMessage, since: datetime) -> list[ProviderRecord]:
        # The Bot API tells nobody what a bot has sent: a person settles what is uncertain.
        raise DeliveryError("no_answer", uncertain=True)

    # What people attach

    @contextmanager
    def fetch(self, reference: str) -> Iterator[Stream]:
        """The file behind a `file_id`, from the Bot API's own host: where it is is asked anew, since that holds for an hour only.

        The address holds the token: it is kept nowhere. Raises FetchFailed.
        """
        if not reference:  # a kind that has no file
            raise FetchFailed("unknown_kind", permanent=True)
        if not _FILE_ID.fullmatch(reference):
            raise FetchFailed("not_ours", permanent=True)
        is_local = urlsplit(self._api_base_url).hostname in LOOPBACK
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(self._api_base_url))
        with open_stream(Source(self._place_of(reference), local_origin=origin if is_local else None)) as stream:
            yield stream

    def _place_of(self, file_id: str) -> str:
        from telegram.error import TelegramError

        try:
            found = self._calls.call(lambda bot: bot.get_file(file_id))
        except TooSlow:
            raise FetchFailed("no_answer") from None
        except TelegramError as error:
            log.warning("telegram.no_file", error=type(error).__name__)
            raise codes.lost(error) from None
        path = str(found.file_path or "").removeprefix(f"{self._api_base_url}/file/bot{self._token}/")
        if not _FILE_PATH.fullmatch(path) or ".." in path:
            raise FetchFailed("not_ours", permanent=True)
        return f"{self._api_base_url}/file/bot{self._token}/{path}"

    def _ask(self, chat: str, text: str, markup: dict[str, Any] | None) -> "Message":
        from telegram import LinkPreviewOptions
        from telegram.error import TelegramError

        def ask(bot: "Bot") -> Any:
            return bot.send_message(
                chat_id=int(chat),
                text=text,
                reply_markup=_markup(markup),
                # A preview would have Telegram open the page of somebody's request.
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )

        try:
            sent: Message = self._calls.call(ask)
            return sent
        except TooSlow as error:
            log.warning("telegram.no_answer", error="too slow")
            raise DeliveryError("no_answer", uncertain=True) from error
        except TelegramError as error:
            failure = codes.refusal(error)
            if failure.retry_after_s:
                self._pauses.begin(chat, failure.retry_after_s)
            log.warning("telegram.refused", error=type(error).__name__, reason=failure.reason)
            # The library's own words may hold the token.
            raise failure from None
        except _UNREADABLE as error:
            log.warning("telegram.no_answer", error=type(error).__name__)
            raise DeliveryError("no_answer", uncertain=True) from error


def _decoded(webhook: Webhook) -> dict[str, Any]:
    """Raises ForgedWebhook for what is no JSON object."""
    try:
        told = orjson.loads(webhook.body)
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict):
        raise ForgedWebhook("El cuerpo de este aviso no es de los que manda Telegram.")
    return told


def _markup(markup: dict[str, Any] | None) -> Any:
    from telegram import InlineKeyboardMarkup, ReplyKeyboardMarkup, ReplyKeyboardRemove

    if markup is None:
        return None
    if "inline_keyboard" in markup:
        return InlineKeyboardMarkup.de_json(markup, None)
    if "keyboard" in markup:
        return ReplyKeyboardMarkup(**markup)
    return ReplyKeyboardRemove()
