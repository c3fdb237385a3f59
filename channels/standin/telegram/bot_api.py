"""The methods of the Bot API that a bot like ours calls, answered as Telegram answers: its JSON, its refusals, its sentences."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from channels.standin.telegram import postman
from channels.standin.telegram.config import Bot
from channels.standin.telegram.ledger import Chatter, Said, TelegramLedger

MAX_UNITS = 4096
MAX_FILE_BYTES = 20 * 1024 * 1024
_MAX_VALUE_BYTES = 64
_ASKED_PAUSE_S = 2
_MAX_ANSWER_LETTERS = 200

Params = Mapping[str, Any]


class Refused(Exception):
    """An answer that is not ok."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def as_json(self) -> dict[str, Any]:
        told = {"ok": False, "error_code": self.code, "description": self.description}
        return told | ({"parameters": self.parameters} if self.parameters else {})


@dataclass(frozen=True)
class Call:
    """One call of a method. params: as given; what the Bot API takes as JSON may still be text."""

    ledger: TelegramLedger
    bot: Bot
    params: Params

    def text(self, name: str) -> str:
        value = self.params.get(name)
        return "" if value is None else str(value)

    def number(self, name: str, default: int = 0) -> int:
        try:
            return int(self.text(name) or default)
        except ValueError:
            raise Refused(400, f"Bad Request: invalid {name} specified") from None

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in ("true", "1")

    def json(self, name: str) -> Any:
        """None when it is missing."""
        value = self.params.get(name)
        if value is None or not isinstance(value, str):
            return value
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            raise Refused(400, f"Bad Request: can't parse {name} JSON object") from None


def perform(call: Call, method: str) -> Any:
    """The result of a method, whose name is read as Telegram reads it: in any case. Raises Refused."""
    found = _METHODS.get(method.lower())
    if found is None:
        raise Refused(404, "Not Found")
    return found(call)


def _me(call: Call) -> dict[str, Any]:
    return {
        "id": call.bot.id,
        "is_bot": True,
        "first_name": call.bot.username,
        "username": call.bot.username,
        "can_join_groups": False,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def _set_webhook(call: Call) -> bool:
    url = call.text("url")
    if not url:
        return _delete_webhook(call)
    parts = urlsplit(url)
    # The real one takes https only, on four ports. This one stands on the same computer as the bot.
    is_loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and is_loopback)):
        raise Refused(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
    secret = call.text("secret_token")
    if len(secret) > 256 or not all(sign.isascii() and (sign.isalnum() or sign in "_-") for sign in secret):
        raise Refused(400, "Bad Request: secret token contains unallowed characters")
    connections = call.number("max_connections", 40)
    if not 1 <= connections <= 100:
        raise Refused(400, "Bad Request: invalid max_connections specified")
    allowed = call.json("allowed_updates") or []
    kept = {"url": url, "secret_token": secret, "max_connections": connections, "allowed_updates": allowed}
    with call.ledger.together():
        if call.flag("drop_pending_updates"):
            call.ledger.drop_pending()
        call.ledger.set_setting("webhook", kept)
        call.ledger.set_setting("last_error", None)
    return True


def _delete_webhook(call: Call) -> bool:
    with call.ledger.together():
        if call.flag("drop_pending_updates"):
            call.ledger.drop_pending()
        call.ledger.set_setting("webhook", {"url": ""})
    return True


def _webhook_info(call: Call) -> dict[str, Any]:
    hook = postman.webhook_of(call.ledger, call.bot)
    told: dict[str, Any] = {
        "url": hook.url,
        "has_custom_certificate": False,
        "pending_update_count": call.ledger.pending(),
    }
    if hook.url:
        told |= {"max_connections": hook.max_connections, "ip_address": "127.0.0.1"}
    if hook.allowed_updates:
        told["allowed_updates"] = list(hook.allowed_updates)
    failed = call.ledger.setting("last_error")
    return told | ({"last_error_date": failed["at"], "last_error_message": failed["message"]} if failed else {})


def _send_message(call: Call) -> dict[str, Any]:
    ledger = call.ledger
    outage = ledger.switches().outage
    if outage == "busy":
        raise Refused(429, f"Too Many Requests: retry after {_ASKED_PAUSE_S}", retry_after=_ASKED_PAUSE_S)
    if outage == "down":
        raise Refused(502, "Bad Gateway")
    chatter = _reachable(call)
    text = call.text("text")
    _check_text(text)
    markup = _markup(call)
    now = time.time()
    with ledger.together():
        number = ledger.next_number(chatter.id)
        payload = {
            "message_id": number,
            "from": {"id": call.bot.id, "is_bot": True, "first_name": call.bot.username, "username": call.bot.username},
            "chat": {"id": chatter.id, "first_name": chatter.first_name, "type": "private"},
            "date": int(now),
            "text": text,
        }
        # Only buttons under a message are part of it; a keyboard is told to the person's app alone.
        shown = payload | ({"reply_markup": markup} if markup and "inline_keyboard" in markup else {})
        ledger.add(
            chatter.id, number, "outbound", "text", text, payload | ({"reply_markup": markup} if markup else {}),
            status="delivered", at=now,
        )  # fmt: skip
        ledger.note("bot_wrote", chatter.id, at=now, number=number, buttons=_count(markup))
    if outage in ("error_after", "timeout_after"):
        raise Refused(500, "Internal Server Error")
    return shown


def _reachable(call: Call) -> Chatter:
    chat = call.number("chat_id")
    chatter = call.ledger.chatter(chat)
    if chatter is None or not chatter.has_started:
        raise Refused(400, "Bad Request: chat not found")
    if chatter.has_blocked:
        raise Refused(403, "Forbidden: bot was blocked by the user")
    return chatter


def _check_text(text: str) -> None:
    if not text.strip():
        raise Refused(400, "Bad Request: message text is empty")
    if len(text.encode("utf-16-le")) // 2 > MAX_UNITS:
        raise Refused(400, "Bad Request: message is too long")


def _markup(call: Call) -> dict[str, Any] | None:
    markup = call.json("reply_markup")
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise Refused(400, "Bad Request: object expected as reply markup")
    for row in markup.get("inline_keyboard", []):
        for button in row:
            value = button.get("callback_data", "")
            if not button.get("text"):
                raise Refused(400, "Bad Request: inline keyboard button text must be non-empty")
            if "url" not in button and not 1 <= len(value.encode()) <= _MAX_VALUE_BYTES:
                raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
    return markup


def _count(markup: dict[str, Any] | None) -> int:
    return sum(len(row) for row in (markup or {}).get("inline_keyboard", []))


def _answer_press(call: Call) -> bool:
    if len(call.text("text")) > _MAX_ANSWER_LETTERS:
        raise Refused(400, "Bad Request: MESSAGE_TOO_LONG")
    now = time.time()
    with call.ledger.together():
        chat = call.ledger.answer_press(call.text("callback_query_id"), at=now)
        if chat is None:
            raise Refused(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        call.ledger.note("press_answered", chat, at=now)
    return True


def _own(call: Call) -> Said:
    said = call.ledger.said(_reachable(call).id, call.number("message_id"))
    if said is None or said.direction != "outbound":
        raise Refused(400, "Bad Request: message to edit not found")
    return said


def _edit_text(call: Call) -> dict[str, Any]:
    said, text, markup = _own(call), call.text("text"), _markup(call)
    _check_text(text)
    kept = {name: value for name, value in said.payload.items() if name != "reply_markup"}
    return _edited(call, said, text, kept | {"text": text} | ({"reply_markup": markup} if markup else {}))


def _edit_markup(call: Call) -> dict[str, Any]:
    said, markup = _own(call), _markup(call)
    kept = {name: value for name, value in said.payload.items() if name != "reply_markup"}
    return _edited(call, said, said.body, kept | ({"reply_markup": markup} if markup else {}))


def _edited(call: Call, said: Said, body: str, payload: dict[str, Any]) -> dict[str, Any]:
    if payload == said.payload:
        raise Refused(400, "Bad Request: message is not modified")
    payload = payload | {"edit_date": int(time.time())}
    call.ledger.change(said.chat, said.number, body=body, payload=payload)
    return payload


def _file(call: Call) -> dict[str, Any]:
    file_id = call.text("file_id")
    found = call.ledger.file(file_id)
    if found is None:
        raise Refused(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
    path, size = found
    if size > MAX_FILE_BYTES:
        raise Refused(400, "Bad Request: file is too big")
    return {"file_id": file_id, "file_unique_id": file_id[-12:], "file_size": size, "file_path": path}


def _updates(call: Call) -> list[Any]:
    if postman.webhook_of(call.ledger, call.bot).url:
        raise Refused(
            409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete it"
        )
    return []


def _chat_action(call: Call) -> bool:
    _reachable(call)
    return True


def _set_commands(call: Call) -> bool:
    call.ledger.set_setting("commands", call.json("commands") or [])
    return True


_METHODS: dict[str, Callable[[Call], Any]] = {
    "getme": _me,
    "setwebhook": _set_webhook,
    "deletewebhook": _delete_webhook,
    "getwebhookinfo": _webhook_info,
    "getupdates": _updates,
    "sendmessage": _send_message,
    "answercallbackquery": _answer_press,
    "editmessagetext": _edit_text,
    "editmessagereplymarkup": _edit_markup,
    "getfile": _file,
    "sendchataction": _chat_action,
    "setmycommands": _set_commands,
    "getmycommands": lambda call: call.ledger.setting("commands") or [],
}
