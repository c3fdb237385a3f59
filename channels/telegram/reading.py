"""What one update tells, as our values. Works on python-telegram-bot's own objects, so that their reading of the wire is ours.

A message is known as `<chat>:<message>`, a later edit of it as `<chat>:<message>:<second>`, and the press of a button under it
as `<chat>:<message>:<payload>`: the same button pressed twice is one answer.
"""

from collections.abc import Iterator
from datetime import datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

import structlog

from channels.values import OptOutSignal, WebhookEvent
from intake.conversations.values import InboundMedia, InboundMessage, MediaKind, SharedPlace

if TYPE_CHECKING:
    from telegram import Chat, Message, Update, User

log = structlog.get_logger(__name__)

CHANNEL = "telegram"
# The attributes of a message that are a file, and what we call it. A GIF also comes as a document, which is the same file.
_FILES: tuple[tuple[str, MediaKind], ...] = (
    ("voice", "voice"),
    ("audio", "audio"),
    ("video", "video"),
    ("video_note", "video"),
    ("animation", "video"),
    ("document", "document"),
    ("sticker", "sticker"),
)
# Said of the message, not in it.
_ABOUT = frozenset((
    "message_id", "date", "chat", "from", "from_user", "sender_chat", "message_thread_id", "edit_date",
    "reply_to_message", "quote", "external_reply", "reply_to_story", "forward_origin", "is_automatic_forward",
    "is_topic_message", "via_bot", "has_protected_content", "is_from_offline", "media_group_id", "author_signature",
    "entities", "caption_entities", "show_caption_above_media", "has_media_spoiler", "link_preview_options",
    "effect_id", "sender_boost_count", "sender_business_bot", "business_connection_id", "paid_star_count",
    "reply_markup",
))  # fmt: skip
# Told by Telegram about the chat; nobody said anything.
_SERVICE = frozenset((
    "pinned_message", "message_auto_delete_timer_changed", "chat_background_set", "write_access_allowed",
    "users_shared", "chat_shared", "boost_added", "proximity_alert_triggered", "connected_website",
    "successful_payment", "refunded_payment", "web_app_data",
))  # fmt: skip
_COMMANDS = {"ayuda": "ayuda", "help": "help", "estado": "estado", "status": "status"}
_GREETING = {"es": "hola", "en": "hello"}
_LONGEST_COMMAND = 64
# What became of our place in a private chat.
_GONE, _BACK = ("kicked", "left"), ("member",)


def events_of(update: "Update", recipient: str, received_at: datetime) -> list[WebhookEvent]:
    """What the update tells, at most one thing. Kinds that say nothing to a city give nothing.

    Raises ValueError, TypeError or AttributeError for what Telegram never sends.
    """
    if update.callback_query is not None:
        return _press(update, recipient, received_at)
    if update.my_chat_member is not None:
        return _membership(update, recipient)
    message, is_edit = update.message or update.edited_message, update.edited_message is not None
    if message is None:
        return _passed_over(update, "kind")
    if not _is_private(message.chat):
        # What is said in a group or a channel is said to others; nobody asked the city.
        return _passed_over(update, "group")
    if _kinds(message) & _SERVICE:
        return _passed_over(update, "service message")
    return [_message(message, recipient, received_at, is_edit=is_edit)]


def _passed_over(update: "Update", why: str) -> list[WebhookEvent]:
    log.info("telegram.passed_over", update_id=update.update_id, why=why)
    return []


def placeholder(told: Any, recipient: str, received_at: datetime) -> list[WebhookEvent]:
    """For an update that the library cannot read: that somebody sent something, where at least that is certain.

    told: the update as decoded JSON. Raises ValueError, TypeError or KeyError when it is not.
    """
    message = told.get("message") or told["edited_message"]
    chat, number = _integer(message["chat"]["id"]), _integer(message["message_id"])
    if message["chat"].get("type") != "private":
        return []
    kind = next((name for name in message if name not in _ABOUT), "message")
    text = message.get("text")
    return [
        InboundMessage(
            channel=CHANNEL,
            provider_message_id=f"{chat}:{number}",
            sender=str(chat),
            sender_kind=CHANNEL,
            recipient=recipient,
            body=text if isinstance(text, str) else "",
            received_at=received_at,
            media=() if isinstance(text, str) else (InboundMedia("other", file_name=str(kind)[:_LONGEST_COMMAND]),),
        )
    ]


def _message(message: "Message", recipient: str, received_at: datetime, *, is_edit: bool) -> InboundMessage:
    chat, number = _integer(message.chat.id), _integer(message.message_id)
    known_as = f"{chat}:{number}"
    answered = message.reply_to_message
    edited_at = int(message.edit_date.timestamp()) if message.edit_date else 0
    return InboundMessage(
        channel=CHANNEL,
        provider_message_id=f"{known_as}:{edited_at}" if is_edit else known_as,
        sender=str(chat),
        sender_kind=CHANNEL,
        recipient=recipient,
        body=_words(message),
        received_at=received_at,
        media=tuple(_media(message)),
        place=_place(message),
        profile_name=_name(message.from_user),
        shared_phone=_own_phone(message),
        album=_text(message.media_group_id) or None,
        reply_to=f"{chat}:{_integer(answered.message_id)}" if answered is not None else None,
        edits=known_as if is_edit else None,
        language=_language(message.from_user),
    )


def _words(message: "Message") -> str:
    """The text or caption. A command is read as the word that the dialogue knows; `/start <folio>` asks about that folio."""
    said = _text(message.text) or _text(message.caption)
    if said.startswith("/"):
        command, _, rest = said[1:].partition(" ")
        word = command.partition("@")[0].casefold()
        if word == "start":
            folio = "".join(sign for sign in rest[:_LONGEST_COMMAND] if sign.isdecimal())
            return f"folio {folio}" if folio else _GREETING[_language(message.from_user) or "es"]
        if word in _COMMANDS:
            return f"{_COMMANDS[word]} {rest}".strip()
    if not said and message.poll is not None:
        return _text(message.poll.question)
    return said


def _media(message: "Message") -> Iterator[InboundMedia]:
    if message.photo:
        largest = message.photo[-1]
        yield InboundMedia("photo", _text(largest.file_id), "image/jpeg", size_bytes=_size(largest.file_size))
    for name, kind in _FILES:
        found = getattr(message, name)
        if found is None or (name == "document" and message.animation is not None):
            continue
        yield InboundMedia(
            kind,
            _text(found.file_id),
            _text(getattr(found, "mime_type", None)) or _STICKER_TYPES.get(name, ""),
            _text(getattr(found, "file_name", None)),
            _size(found.file_size),
        )
    if message.contact is not None:
        name = " ".join(filter(None, (_text(message.contact.first_name), _text(message.contact.last_name))))
        number = _text(message.contact.phone_number)
        card = f"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:{name}\r\nTEL:{number}\r\nEND:VCARD\r\n"
        yield InboundMedia("contact", content_type="text/vcard", file_name=f"{name} {number}", data=card.encode())
    if unknown := _unknown_kind(message):
        yield InboundMedia("other", file_name=unknown)


_STICKER_TYPES = {"sticker": "image/webp", "voice": "audio/ogg", "video_note": "video/mp4"}
_READ = frozenset(
    ("text", "photo", "contact", "location", "venue", *(name for name, _ in _FILES)),
)


def _unknown_kind(message: "Message") -> str:
    """The name of what this message is, when it is nothing that we read: a poll, a dice, or what Telegram adds tomorrow."""
    kinds = _kinds(message) - _ABOUT
    return "" if kinds & _READ else min(kinds - {"caption"}, default="message")[:_LONGEST_COMMAND]


def _kinds(message: "Message") -> set[str]:
    """The names of what is in it, also of what the library does not know yet."""
    named = {name for name, value in message.to_dict(recursive=False).items() if value}
    return (named | set(message.api_kwargs)) - {"api_kwargs"}


def _place(message: "Message") -> SharedPlace | None:
    spot = message.venue.location if message.venue is not None else message.location
    if spot is None:
        return None
    lon, lat = float(spot.longitude), float(spot.latitude)
    if not (isfinite(lon) and isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90):
        raise ValueError("no place on earth")
    label = ""
    if message.venue is not None:
        label = ", ".join(filter(None, (_text(message.venue.title), _text(message.venue.address))))
    accuracy = spot.horizontal_accuracy
    return SharedPlace(lon, lat, label, float(accuracy) if accuracy else None)


def _own_phone(message: "Message") -> str | None:
    """The number of a shared contact that is the sender's own: Telegram knows whose account it belongs to."""
    contact, sender = message.contact, message.from_user
    if contact is None or sender is None or contact.user_id is None or contact.user_id != sender.id:
        return None
    digits = _text(contact.phone_number)
    return digits if digits.startswith("+") or not digits else f"+{digits}"


def _press(update: "Update", recipient: str, received_at: datetime) -> list[WebhookEvent]:
    query = update.callback_query
    assert query is not None
    message, value = query.message, _text(query.data)
    if message is None or not value or not _is_private(message.chat):
        return _passed_over(update, "press of a button of nobody's")
    chat, number = _integer(message.chat.id), _integer(message.message_id)
    markup = getattr(message, "reply_markup", None)
    rows = markup.inline_keyboard if markup is not None else ()
    labels = [_text(button.text) for row in rows for button in row if button.callback_data == value]
    return [
        InboundMessage(
            channel=CHANNEL,
            provider_message_id=f"{chat}:{number}:{value}",
            sender=str(chat),
            sender_kind=CHANNEL,
            recipient=recipient,
            body=labels[0] if labels else value,
            received_at=received_at,
            choice=value,
            profile_name=_name(query.from_user),
            reply_to=f"{chat}:{number}",
            language=_language(query.from_user),
        )
    ]


def _membership(update: "Update", recipient: str) -> list[WebhookEvent]:
    """Who blocks the bot takes back all notices; who lets it in again wants them again."""
    change = update.my_chat_member
    assert change is not None
    status = _text(change.new_chat_member.status)
    if not _is_private(change.chat) or status not in _GONE + _BACK:
        return _passed_over(update, "membership")
    chat, granted, number = str(_integer(change.chat.id)), status in _BACK, _integer(update.update_id)
    evidence = f"Telegram: {status} ({change.date:%Y-%m-%d %H:%M:%S} UTC, update {number})"
    return [
        OptOutSignal(CHANNEL, chat, recipient, granted, evidence, sender_kind=CHANNEL, provider_id=f"update {number}")
    ]


def _is_private(chat: "Chat") -> bool:
    return str(chat.type) == "private"


def _name(user: "User | None") -> str:
    return "" if user is None else " ".join(filter(None, (_text(user.first_name), _text(user.last_name))))


def _language(user: "User | None") -> str | None:
    code = _text(user.language_code).partition("-")[0].casefold() if user is not None else ""
    return code if code in _GREETING else None


def _text(value: object) -> str:
    """PostgreSQL takes no NUL and no half of a surrogate pair."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError("no text")
    return value.replace("\0", "").encode("utf-8", "replace").decode()


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("no number")
    return value


def _size(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
