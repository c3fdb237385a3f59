"""What a person does in Telegram: writes, presses, shares, corrects, blocks. Each becomes an update for the bot's webhook."""

import io
import random
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from channels.standin.telegram.config import Bot
from channels.standin.telegram.ledger import Chatter, Said, TelegramLedger
from kernel.errors import Conflict, InvalidInput, NotFound

NEIGHBOURS = (
    Chatter(730001, "Ana", "Robles", "es", "+525512345678"),
    Chatter(730002, "Jorge", "Cano", "es", "+525587654321"),
    Chatter(730003, "Citlali", "Vega", "es", "+525529418830"),
)
MAX_UNITS = 4096
_SHUFFLE_S = 3.0
_SECOND_COPY_AFTER_S = 0.3
_FIRST_STRANGER = 740_000_000
_LIVE_S = 900


@dataclass(frozen=True)
class Picture:
    """A file that was sent. kind: the Bot API's name for it: photo, voice, video, document…"""

    kind: str
    data: bytes
    content_type: str
    name: str = ""


def stranger() -> int:
    """An account that nobody has written from."""
    return _FIRST_STRANGER + secrets.randbelow(9_000_000)


def known(ledger: TelegramLedger, chat: int, language: str | None = None) -> Chatter:
    """The account, made when it is new. language: of their app."""
    found = ledger.chatter(chat) or next((one for one in NEIGHBOURS if one.id == chat), None)
    if found is None:
        # No Mexican number begins like this: nobody's telephone.
        found = Chatter(chat, "Vecina", str(chat)[-4:], "es", f"+52550000{chat % 10_000:04d}")
    if language is not None and language != found.language:
        found = replace(found, language=language)
    return found


def write(ledger: TelegramLedger, chatter: Chatter, body: str) -> Said:
    """A text; `/start` is one too."""
    if not body.strip() or len(body.encode("utf-16-le")) // 2 > MAX_UNITS:
        raise InvalidInput("El mensaje va de 1 a 4096 letras.")
    return _send(ledger, chatter, "text", body, {"text": body} | _entities(body))


def share_place(
    ledger: TelegramLedger, chatter: Chatter, lon: float, lat: float, name: str = "", address: str = ""
) -> Said:
    """A place from the phone, or one with a name (a venue)."""
    spot: dict[str, Any] = {"longitude": lon, "latitude": lat}
    if not name:
        return _send(ledger, chatter, "location", "", {"location": spot | {"horizontal_accuracy": 15.0}})
    venue = {"location": spot, "title": name, "address": address}
    return _send(ledger, chatter, "venue", name, {"venue": venue, "location": spot})


def share_live_place(ledger: TelegramLedger, chatter: Chatter, lon: float, lat: float) -> Said:
    """A place that will move."""
    live = {"longitude": lon, "latitude": lat, "live_period": _LIVE_S, "horizontal_accuracy": 15.0}
    return _send(ledger, chatter, "location", "", {"location": live})


def share_contact(ledger: TelegramLedger, chatter: Chatter, *, own: bool) -> Said:
    """Their own number, which Telegram vouches for, or somebody else's card."""
    if own:
        contact = {"phone_number": chatter.phone.lstrip("+"), "first_name": chatter.first_name, "user_id": chatter.id}
    else:
        contact = {"phone_number": "+525500001234", "first_name": "Plomería", "last_name": "Ríos"}
    return _send(ledger, chatter, "contact", f"{contact['first_name']} {contact['phone_number']}", {"contact": contact})


def send_files(ledger: TelegramLedger, chatter: Chatter, pictures: Sequence[Picture], caption: str = "") -> list[Said]:
    """Files; several are one album, told in one call each."""
    if not pictures:
        raise InvalidInput("Elige una foto.")
    album = {"media_group_id": str(secrets.randbelow(10**17))} if len(pictures) > 1 else {}
    sent = []
    with ledger.together():
        for place, picture in enumerate(pictures):
            words = {"caption": caption} if caption and place == 0 else {}
            content = _file(ledger, picture) | words | album
            sent.append(_send(ledger, chatter, picture.kind, words.get("caption", ""), content))
    return sent


def send_other(ledger: TelegramLedger, chatter: Chatter, content: dict[str, Any]) -> Said:
    """Anything else that a message may be, as the Bot API writes it: a dice, a poll, what it may add tomorrow."""
    return _send(ledger, chatter, next(iter(content), "message"), "", content)


def edit(ledger: TelegramLedger, chatter: Chatter, number: int, body: str) -> Said:
    """Another text in the place of one of theirs."""
    said = ledger.said(chatter.id, number)
    if said is None or said.direction != "inbound" or said.kind != "text" or not body.strip():
        raise NotFound("No hay tal mensaje.")
    return _edited(ledger, chatter, said, {"text": body} | _entities(body), body)


def move_live_place(ledger: TelegramLedger, chatter: Chatter, number: int, lon: float, lat: float) -> Said:
    """A live place goes on."""
    said = ledger.said(chatter.id, number)
    if said is None or "live_period" not in said.payload.get("location", {}):
        raise NotFound("No hay tal mensaje.")
    return _edited(
        ledger, chatter, said, {"location": said.payload["location"] | {"longitude": lon, "latitude": lat}}, ""
    )


def press(ledger: TelegramLedger, chatter: Chatter, number: int, value: str) -> str:
    """A button under a message of the bot's; gives the id of the press, which waits for its answer."""
    said = ledger.said(chatter.id, number)
    rows = (said.payload.get("reply_markup") or {}).get("inline_keyboard", []) if said else []
    if said is None or not any(button.get("callback_data") == value for row in rows for button in row):
        raise NotFound("No hay tal botón.")
    now, press_id = time.time(), str(secrets.randbelow(10**18))
    query = {
        "id": press_id,
        "from": _user(chatter),
        "message": said.payload,
        "chat_instance": str(chatter.id),
        "data": value,
    }
    with ledger.together():
        ledger.note_pressed(chatter.id, number, value)
        ledger.add_press(press_id, chatter.id)
        ledger.note("pressed", chatter.id, at=now, number=number, value=value)
        _tell(ledger, chatter.id, {"callback_query": query}, at=now)
    return press_id


def block(ledger: TelegramLedger, bot: Bot, chatter: Chatter, *, blocked: bool) -> None:
    """Stops the bot, or lets it in again."""
    if chatter.has_blocked == blocked:
        raise Conflict("Ya está así.")
    now = time.time()
    old, new = ("member", "kicked") if blocked else ("kicked", "member")
    change = {
        "chat": _chat(chatter),
        "from": _user(chatter),
        "date": int(now),
        "old_chat_member": _member(bot, old),
        "new_chat_member": _member(bot, new),
    }
    with ledger.together():
        ledger.keep_chatter(replace(chatter, has_blocked=blocked))
        ledger.note("blocked" if blocked else "unblocked", chatter.id, at=now)
        _tell(ledger, chatter.id, {"my_chat_member": change}, at=now)


def _send(ledger: TelegramLedger, chatter: Chatter, kind: str, body: str, content: dict[str, Any]) -> Said:
    if chatter.has_blocked:
        raise Conflict("Bloqueaste al bot: desbloquéalo para escribirle.")
    now = time.time()
    with ledger.together():
        ledger.keep_chatter(replace(chatter, has_started=True))
        number = ledger.next_number(chatter.id)
        payload = {
            "message_id": number,
            "from": _user(chatter),
            "chat": _chat(chatter),
            "date": int(now),
            **content,
        }
        said = ledger.add(chatter.id, number, "inbound", kind, body, payload, status="receiving", at=now)
        ledger.note("wrote", chatter.id, at=now, kind=kind)
        _tell(ledger, chatter.id, {"message": payload}, at=now, number=number)
    return said


def _edited(ledger: TelegramLedger, chatter: Chatter, said: Said, content: dict[str, Any], body: str) -> Said:
    now = time.time()
    payload = {**said.payload, **content, "edit_date": int(now)}
    with ledger.together():
        ledger.change(chatter.id, said.number, body=body, payload=payload)
        ledger.note("edited", chatter.id, at=now)
        _tell(ledger, chatter.id, {"edited_message": payload}, at=now)
    changed = ledger.said(chatter.id, said.number)
    assert changed is not None
    return changed


def _tell(ledger: TelegramLedger, chat: int, update: dict[str, Any], *, at: float, number: int | None = None) -> None:
    switches = ledger.switches()
    held_s = switches.delay_s + (random.uniform(0, _SHUFFLE_S) if switches.reorder else 0)  # noqa: S311
    news_id = ledger.add_news(chat, update, due=at + held_s, at=at, number=number)
    if switches.duplicate:
        ledger.repeat_news(news_id, due=at + held_s + _SECOND_COPY_AFTER_S)
        ledger.note("twice", chat, at=at)


def _file(ledger: TelegramLedger, picture: Picture) -> dict[str, Any]:
    file_id = f"AgAC{secrets.token_urlsafe(24)}"
    suffix = {"image/jpeg": "jpg", "image/png": "png", "audio/ogg": "oga", "video/mp4": "mp4"}.get(
        picture.content_type, "bin"
    )
    ledger.add_file(
        file_id, f"{picture.kind}s/file_{secrets.token_hex(4)}.{suffix}", picture.content_type, picture.data
    )
    about: dict[str, Any] = {"file_id": file_id, "file_unique_id": file_id[-12:], "file_size": len(picture.data)}
    if picture.kind == "photo":
        width, height = _size_of(picture.data)
        small = about | {"file_id": f"{file_id}s", "width": 90, "height": 67, "file_size": 1200}
        return {"photo": [small, about | {"width": width, "height": height}]}
    named = {"mime_type": picture.content_type} | ({"file_name": picture.name} if picture.name else {})
    shape = {"voice": {"duration": 4}, "audio": {"duration": 60}, "video": {"duration": 5, "width": 640, "height": 360}}
    return {picture.kind: about | named | shape.get(picture.kind, {})}


def _size_of(data: bytes) -> tuple[int, int]:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(data)) as image:
            return image.size
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        raise InvalidInput("Ese archivo no es una foto.") from None


def _entities(body: str) -> dict[str, Any]:
    if not body.startswith("/"):
        return {}
    return {"entities": [{"type": "bot_command", "offset": 0, "length": len(body.split(maxsplit=1)[0])}]}


def _user(chatter: Chatter) -> dict[str, Any]:
    named = {"last_name": chatter.last_name} if chatter.last_name else {}
    return {
        "id": chatter.id,
        "is_bot": False,
        "first_name": chatter.first_name,
        **named,
        "language_code": chatter.language,
    }


def _chat(chatter: Chatter) -> dict[str, Any]:
    named = {"last_name": chatter.last_name} if chatter.last_name else {}
    return {"id": chatter.id, "first_name": chatter.first_name, **named, "type": "private"}


def _member(bot: Bot, status: str) -> dict[str, Any]:
    user = {"id": bot.id, "is_bot": True, "first_name": bot.username, "username": bot.username}
    return {"user": user, "status": status} | ({"until_date": 0} if status == "kicked" else {})
