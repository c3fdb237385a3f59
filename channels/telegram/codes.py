"""What the Bot API says when it does not send, in our words. One table; what is not in it is logged and kept as `vendor_<code>`.

It tells apart by an HTTP status and an English sentence; python-telegram-bot turns both into an exception of its own.
"""

from typing import TYPE_CHECKING

import httpx
import structlog

from channels.errors import DeliveryError, FetchFailed
from channels.reasons import of_vendor_code

if TYPE_CHECKING:
    from telegram.error import TelegramError

log = structlog.get_logger(__name__)

# Part of the sentence, in lower case: our reason. All of them are for good.
SENTENCES: dict[str, str] = {
    "bot was blocked by the user": "opted_out",
    "bot was kicked": "opted_out",
    "user is deactivated": "account_gone",
    "can't initiate conversation": "never_wrote",
    "bots can't send messages to bots": "never_wrote",
    "chat not found": "account_gone",
    "user not found": "account_gone",
    "peer_id_invalid": "account_gone",
    "group chat was upgraded": "account_gone",
    "message text is empty": "empty",
    "text must be non-empty": "empty",
    "message is too long": "too_long",
}
# Raised before a byte of the message has left.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def refusal(error: "TelegramError") -> DeliveryError:
    """The failure behind an exception of the library. Whatever may have been taken is uncertain."""
    from telegram import error as telegram

    sentence = error.message.lower()
    match error:
        case telegram.RetryAfter():
            return DeliveryError("rate_limited", retry_after_s=seconds(error))
        case telegram.InvalidToken():
            return DeliveryError("credentials")
        case telegram.ChatMigrated():
            return DeliveryError("account_gone", permanent=True)
        case telegram.Forbidden():
            return DeliveryError(_reason(sentence, 403), permanent=True)
        case telegram.BadRequest():
            return DeliveryError(_reason(sentence, 400), permanent=True)
        case telegram.Conflict():
            return DeliveryError("provider_down")
        case telegram.NetworkError() if isinstance(error.__cause__, _NOT_SENT):
            return DeliveryError("provider_down")
        case telegram.NetworkError() if sentence.startswith("too many requests"):
            return DeliveryError("rate_limited")
        case telegram.NetworkError() if error.__cause__ is None:  # an answer, of the server or of what stands before it
            return DeliveryError("provider_down", uncertain=True)
    return DeliveryError("no_answer", uncertain=True)


def lost(error: "TelegramError") -> FetchFailed:
    """Why a file cannot be had. A bot is given none over 20 MB."""
    from telegram import error as telegram

    match error:
        case telegram.BadRequest() if "too big" in error.message.lower():
            return FetchFailed("too_large", permanent=True)
        case telegram.BadRequest():
            return FetchFailed("gone", permanent=True)
        case telegram.InvalidToken() | telegram.Forbidden():
            return FetchFailed("credentials")
    return FetchFailed("no_answer")


def seconds(error: "TelegramError") -> float:
    """How long a RetryAfter asks to wait."""
    asked = getattr(error, "retry_after", 1)
    return float(asked.total_seconds() if hasattr(asked, "total_seconds") else asked)


def _reason(sentence: str, http_status: int) -> str:
    found = next((reason for part, reason in SENTENCES.items() if part in sentence), None)
    if found is None:
        log.warning("telegram.unknown_refusal", http_status=http_status, sentence=sentence[:200])
    return found or of_vendor_code(str(http_status))
