"""From a form of the chat to a message of its visitor. What cannot be taken is said in words, and nothing of it is kept."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from channels.receiving import receive_call
from channels.web_chat import calls
from channels.web_chat.adapter import WebChatChannel
from channels.web_chat.tokens import Visitor
from intake.conversations.values import Choice, InboundMedia, InboundMessage, SharedPlace
from intake.media.receiving import look_over
from intake.media.sniffing import sniff
from intake.media.storage import is_configured, shelf
from intake.media.values import SentFile
from kernel.bodies import Form, Upload
from kernel.errors import InvalidInput

MOST_LETTERS = 4000
FILES = "media"
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
_LONGEST_NAME = 120


@dataclass(frozen=True)
class Written:
    """What was sent, found usable. client_id: the page's own name for it, the same when it is sent again."""

    client_id: str
    words: str = ""
    choice: str = ""
    place: SharedPlace | None = None
    media: Sequence[InboundMedia] = ()

    def digest(self) -> str:
        """Of what it says: the same name with other words is another message, not a second tap."""
        said = sha256(f"{self.words}\0{self.choice}\0{self.place}".encode())
        for one in self.media:
            said.update(sha256(one.data or b"").digest())
        return said.hexdigest()[:16]


def read_form(upload: Upload) -> Written:
    """Raises InvalidInput, with the field at fault."""
    form = upload.form
    named = form.get("cid")
    words = form.get("body").replace("\r\n", "\n").strip()
    if len(words) > MOST_LETTERS:
        raise InvalidInput(
            "Caben {most} letras y escribiste {count}. Mándalo en dos mensajes.",
            field="body",
            most=f"{MOST_LETTERS:,}",
            count=f"{len(words):,}",
        )
    written = Written(
        named if _CLIENT_ID.fullmatch(named) else secrets.token_urlsafe(12),
        words,
        form.get("choice")[:200],
        _place(form),
        _media(upload),
    )
    if not (written.words or written.choice or written.place or written.media):
        raise InvalidInput("Escribe un mensaje, o agrega una foto.", field="body")
    return written


def post(
    key: bytes, visitor: Visitor, written: Written, choice: Choice | None, *, language: str, now: datetime
) -> None:
    """Takes it in, once however often it is sent. Opens its own transactions. choice: what was pressed."""
    message = InboundMessage(
        channel=calls.CHANNEL,
        provider_message_id=f"{visitor.id}.{written.client_id}.{written.digest()}",
        sender=visitor.id,
        recipient=visitor.city,
        body=choice.label if choice else written.words,
        received_at=now,
        media=written.media,
        sender_kind=calls.CHANNEL,
        place=written.place,
        choice=choice.value if choice else None,
        language=language,
    )
    call = calls.written(key, message)
    channel = WebChatChannel(key)
    channel.verify(call)
    receive_call(channel, call)


def _place(form: Form) -> SharedPlace | None:
    if not form.get("lon") and not form.get("lat"):
        return None
    try:
        lon, lat = float(form.get("lon")), float(form.get("lat"))
        precision_m = float(form.get("precision_m") or "nan")
    except ValueError:
        lon = lat = precision_m = float("nan")
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):
        raise InvalidInput("Ese lugar no se entiende. Escríbelo: calle, colonia o un lugar conocido.", field="place")
    return SharedPlace(lon, lat, "", precision_m if 0 <= precision_m < 1_000_000 else None)


def _media(upload: Upload) -> Sequence[InboundMedia]:
    if not upload.files:
        return ()
    if not is_configured():
        raise InvalidInput("Aquí todavía no se pueden mandar fotos. Cuéntalo con palabras.", field=FILES)
    problems = look_over([SentFile(data) for data in upload.files])
    if problems:
        raise InvalidInput(problems[0].text, field=FILES, **problems[0].params)
    limits = shelf().limits
    found = []
    for number, (data, name) in enumerate(zip(upload.files, upload.names, strict=True), start=1):
        look = sniff(data, number=number, max_bytes=limits.max_file_bytes, max_pixels=limits.max_pixels)
        found.append(
            InboundMedia("photo", "", look.media_type, _file_name(name), size_bytes=len(data), data=bytes(data))
        )
    return tuple(found)


def _file_name(name: str) -> str:
    return re.split(r"[\\/]", name.replace("\0", ""))[-1].strip()[:_LONGEST_NAME]
