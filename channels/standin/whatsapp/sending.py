"""What a WhatsApp user does, from the fields of the page or of a program: words, a press, a place, files, anything else."""

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from channels.standin.network import File
from kernel.errors import InvalidInput

MOST_LETTERS = 4096
MOST_BYTES = 16 * 1024 * 1024
KINDS = ("text", "button", "list", "place", "photo", "voice", "audio", "video", "document", "sticker", "contact")


@dataclass(frozen=True)
class Sent:
    """body, detail: as of a `Text`; files: what is attached."""

    body: str
    detail: dict[str, Any] = field(default_factory=dict)
    files: Sequence[File] = ()


def read(fields: Mapping[str, Any]) -> Sent:
    """From a program: `body`, `kind`, `value`, `lon`, `lat`, `label`, `address`, `type`, `reply_to`, `profile_name` and `media`.

    media: a list of `{"content_type", "data"}`, base64. kind may be anything: the network has kinds that nobody knows yet.
    Raises InvalidInput.
    """
    body = str(fields.get("body") or "")
    if len(body) > MOST_LETTERS:
        raise InvalidInput("El mensaje va de 1 a {most} letras.", most=MOST_LETTERS)
    kind = str(fields.get("kind") or "text")
    detail: dict[str, Any] = {"kind": kind}
    for name in ("value", "label", "address", "type", "reply_to", "profile_name"):
        if fields.get(name):
            detail[name] = str(fields[name])[:500]
    if kind in ("button", "list") and "value" not in detail:
        raise InvalidInput("Falta qué botón se oprimió.")
    if kind == "place":
        detail |= {"lon": _degrees(fields.get("lon"), 180), "lat": _degrees(fields.get("lat"), 90)}
    files = tuple(_file(one) for one in fields.get("media") or ())
    if not body.strip() and kind == "text" and not files:
        raise InvalidInput("El mensaje va de 1 a {most} letras.", most=MOST_LETTERS)
    return Sent(body, detail, files)


def _degrees(value: Any, most: float) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not abs(number) <= most:
        raise InvalidInput("Ese lugar no existe.")
    return number


def _file(told: Any) -> File:
    if not isinstance(told, Mapping):
        raise InvalidInput("Ese archivo no se puede mandar.")
    try:
        data = base64.b64decode(str(told.get("data", "")), validate=True)
    except binascii.Error:
        raise InvalidInput("Ese archivo no se puede mandar.") from None
    return file(str(told.get("content_type") or "application/octet-stream"), data)


def file(content_type: str, data: bytes) -> File:
    if len(data) > MOST_BYTES:
        raise InvalidInput("Ese archivo no se puede mandar.")
    return File(content_type, data)


def kind_of(content_type: str) -> str:
    """What a phone calls a file that somebody chose."""
    if content_type.startswith("image/"):
        return "photo"
    if content_type.startswith("audio/"):
        return "voice"
    return "video" if content_type.startswith("video/") else "document"
