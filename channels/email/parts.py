"""The parts of a mail: which of them are its words, which came with it. Bounded, whatever was nested in whatever."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from urllib.parse import unquote

from channels.email import headers
from channels.email.flowing import text_of
from channels.email.html_text import words_of
from intake.conversations.values import InboundMedia, MediaKind, kind_of

MOST_PARTS = 100
MOST_MEDIA = 10
MOST_MEDIA_BYTES = 15 * 1024 * 1024
# A picture this small that stands in the text is a bullet, a logo or a spy, and no photo of a pothole.
_ORNAMENT_BYTES = 2048
_OTHERS = (
    "text/calendar",
    "application/ics",
    "application/ms-tnef",
    "application/vnd.ms-tnef",
    "application/pkcs7-signature",
)
_SIGNATURES = (
    "application/pgp-signature",
    "application/pkcs7-signature",
    "application/x-pkcs7-signature",
    "text/x-amp-html",
)
_UNSAFE = re.compile(r'[\\/:*?"<>|\x00-\x1f]+')
_ENDINGS: dict[str, str] = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "heic": "image/heic",
    "webp": "image/webp",
    "gif": "image/gif",
    "mp3": "audio/mpeg",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "pdf": "application/pdf",
}


@dataclass
class Content:
    """What was found. is_cut: there was more than is read."""

    text: str = ""
    media: list[InboundMedia] = field(default_factory=list)
    is_cut: bool = False


def content_of(mail: Message) -> Content:
    """The words of a mail, plain text before HTML, and its attachments. Never raises."""
    found = Content()
    plain: list[str] = []
    html: list[str] = []
    held_bytes = 0
    for count, part in enumerate(_leaves(mail)):
        if count >= MOST_PARTS:
            found.is_cut = True
            break
        kind = part.get_content_type()
        name = file_name(part)
        if kind in ("text/plain", "text/html") and not _is_attached(part, name):
            (plain if kind == "text/plain" else html).append(text_of(part))
            continue
        if kind in _SIGNATURES:
            continue
        media = _media(part, kind, name)
        if media is None:
            continue
        held_bytes += len(media.data or b"")
        if held_bytes > MOST_MEDIA_BYTES and media.data is not None:
            held_bytes -= len(media.data)
            media = _without_data(media)
        if len(found.media) >= MOST_MEDIA:
            found.is_cut = True
            break
        found.media.append(media)
    found.text = "\n".join(text.strip("\n") for text in plain if text.strip()) or words_of("\n".join(html))
    return found


def _leaves(mail: Message) -> Iterator[Message]:
    """Parts that hold something, in order. A mail inside a mail is one part: its words are somebody else's."""
    waiting = [mail]
    while waiting:
        part = waiting.pop()
        inside = part.get_payload() if part.get_content_maintype() == "multipart" else None
        if isinstance(inside, list):
            waiting.extend(reversed([one for one in inside if isinstance(one, Message)]))
        else:
            yield part


def _is_attached(part: Message, name: str) -> bool:
    return bool(name) or _disposition(part) == "attachment"


def _disposition(part: Message) -> str:
    return str(part.get("content-disposition") or "").partition(";")[0].strip().lower()


def file_name(part: Message) -> str:
    """What the sender called it, fit to be shown: no folders, no control characters."""
    try:
        given = part.get_filename("")
    except (ValueError, LookupError, TypeError, AttributeError):
        given = ""
    plain = headers.decoded(unquote(given) if "%" in str(given) and " " not in str(given) else given)
    return _UNSAFE.sub(" ", plain).strip(" .")[-120:]


def _media(part: Message, kind: str, name: str) -> InboundMedia | None:
    if kind == "message/rfc822" or part.get_content_maintype() in ("message", "multipart"):
        return InboundMedia("other", content_type="message/rfc822", file_name=name or "correo.eml")
    data = _bytes_of(part)
    is_inline = bool(part.get("content-id")) and _disposition(part) != "attachment"
    if is_inline and len(data) <= _ORNAMENT_BYTES:
        return None
    if kind == "application/octet-stream":
        kind = _ENDINGS.get(name.rpartition(".")[2].lower(), kind)
    made = InboundMedia(_kind(kind, name), content_type=kind, file_name=name, size_bytes=len(data), data=data)
    is_kept = made.kind != "other" and 0 < len(data) <= MOST_MEDIA_BYTES
    return made if is_kept else _without_data(made)


def _kind(content_type: str, name: str) -> MediaKind:
    if content_type in _OTHERS or name.lower() == "winmail.dat":
        return "other"
    return kind_of(content_type)


def _without_data(media: InboundMedia) -> InboundMedia:
    return InboundMedia(media.kind, "", media.content_type, media.file_name, media.size_bytes)


def _bytes_of(part: Message) -> bytes:
    try:
        data = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        return b""
    return data if isinstance(data, bytes) else b""
