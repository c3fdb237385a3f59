"""Telling Telegram where the bot's updates go. Done once by a person, and again when the address or the secret changes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from channels.telegram import codes
from channels.telegram.adapter import ALLOWED_UPDATES, WEBHOOK_PATH
from channels.telegram.bot import LOOPBACK, BotCalls, TooSlow
from kernel.errors import Forbidden, InvalidInput, MisconfiguredError, TooMany, Unavailable
from kernel.settings import Telegram

if TYPE_CHECKING:
    from telegram import Bot

_PORTS = (443, 80, 88, 8443)
_COMMANDS = {
    "es": (("start", "Empezar"), ("ayuda", "Qué puedes pedir"), ("estado", "Cómo va tu reporte")),
    "en": (("start", "Begin"), ("help", "What you can ask for"), ("status", "How your report is going")),
}


def register(telegram: Telegram, public_base_url: str, *, drop_pending: bool = False) -> dict[str, Any]:
    """Registers our webhook and the bot's commands; gives what Telegram then says of the webhook.

    Raises InvalidInput for an address Telegram does not call, Forbidden for a token it does not know, Unavailable when it
    does not answer, MisconfiguredError when the token is another bot's than the settings name.
    """
    url = f"{public_base_url}{WEBHOOK_PATH}"
    _check_address(url, telegram.api_base_url)
    with _Conversation(telegram) as say:
        me = say(lambda bot: bot.get_me())
        if telegram.bot_username and telegram.bot_username.casefold() != (me.username or "").casefold():
            raise MisconfiguredError(
                "Ese token es de @{found}, no de @{named}.", found=me.username, named=telegram.bot_username
            )
        say(
            lambda bot: bot.set_webhook(
                url,
                secret_token=telegram.secret_token.get_secret_value(),
                allowed_updates=ALLOWED_UPDATES,
                max_connections=telegram.max_connections,
                drop_pending_updates=drop_pending,
            )
        )
        say(lambda bot: bot.set_my_commands(_COMMANDS["es"]))
        say(lambda bot: bot.set_my_commands(_COMMANDS["en"], language_code="en"))
        return _told(say(lambda bot: bot.get_webhook_info()), me.username)


def forget(telegram: Telegram) -> dict[str, Any]:
    """Takes our webhook back; Telegram then keeps updates for a day."""
    with _Conversation(telegram) as say:
        say(lambda bot: bot.delete_webhook())
        return _told(say(lambda bot: bot.get_webhook_info()), None)


def look(telegram: Telegram) -> dict[str, Any]:
    """What Telegram says of the webhook: where it is, how many updates wait, the last failure."""
    with _Conversation(telegram) as say:
        return _told(say(lambda bot: bot.get_webhook_info()), None)


class _Conversation:
    """A few calls of one bot, with what Telegram refuses as our errors."""

    def __init__(self, telegram: Telegram) -> None:
        self._calls = BotCalls(telegram.bot_token.get_secret_value(), telegram.api_base_url, telegram.timeout_s)

    def __enter__(self) -> "Callable[[Callable[[Bot], Any]], Any]":
        return self._say

    def __exit__(self, *_: object) -> None:
        self._calls.close()

    def _say(self, ask: "Callable[[Bot], Any]") -> Any:
        from telegram import error as telegram

        try:
            return self._calls.call(ask)
        except TooSlow:
            raise Unavailable("Telegram no contesta. Inténtalo en un momento.") from None
        except telegram.RetryAfter as error:
            wait_s = int(codes.seconds(error))
            raise TooMany("Telegram pide esperar {seconds} s.", retry_after_s=wait_s, seconds=wait_s) from None
        except (telegram.InvalidToken, telegram.Forbidden):
            # The library's own words hold the token.
            raise Forbidden("Telegram no reconoce el token del bot. Revisa ATIENDE_TELEGRAM_BOT_TOKEN.") from None
        except telegram.BadRequest as error:
            raise InvalidInput("Telegram no lo acepta: {why}", why=error.message) from None
        except telegram.TelegramError:
            raise Unavailable("Telegram no contesta. Inténtalo en un momento.") from None


def _check_address(url: str, api_base_url: str) -> None:
    parts = urlsplit(url)
    if urlsplit(api_base_url).hostname in LOOPBACK:
        return  # a stand-in on this computer reaches whatever we do
    if parts.scheme != "https" or (parts.port or 443) not in _PORTS:
        raise InvalidInput(
            "Telegram solo llama por https, en los puertos 443, 80, 88 u 8443, y la dirección pública es {url}.",
            url=url,
        )


def _told(info: Any, username: str | None) -> dict[str, Any]:
    named = {"bot": f"@{username}"} if username else {}
    told: dict[str, Any] = info.to_dict()
    return named | told
