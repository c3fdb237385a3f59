"""What came with messages, as pages show it: a picture, a sound to play, a place, or a placeholder with its name. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from agent_console.access import BASE
from intake.calls import voicemail
from intake.conversations.attachment_models import GONE, WAITING, MessageAttachment
from intake.conversations.models import Message
from intake.media.sounds import PLAYABLE
from kernel.i18n import translate

KINDS = {
    "photo": "Foto",
    "voice": "Nota de voz",
    "audio": "Audio",
    "video": "Video",
    "document": "Documento",
    "sticker": "Sticker",
    "contact": "Contacto",
    "other": "Un mensaje de un tipo que no se puede mostrar",
}
REASONS = {
    "empty": "Llegó vacío.",
    "gone": "El proveedor ya no lo tiene.",
    "led_astray": "Su dirección lleva a un servidor que no conocemos: no se trajo.",
    "no_photo": "No es una foto que se pueda leer.",
    "no_sound": "No es un sonido que se pueda tocar.",
    "no_store": "Esta instalación no guarda archivos.",
    "not_as_promised": "No llegó como se anunció: no se guardó.",
    "not_kept": "Este tipo de archivo no se guarda.",
    "not_ours": "Su dirección no es la del proveedor: no se trajo.",
    "private_address": "Su dirección es de una red privada: no se trajo.",
    "too_large": "Pesa demasiado: no se guardó.",
    "unknown_kind": "Pídele que lo mande de otra forma.",
}
NOT_HAD = "No se pudo traer."
_UNITS = ((1 << 20, "MB"), (1 << 10, "kB"))


@dataclass(frozen=True, slots=True)
class Part:
    """One of them. look: picture, sound, sealed (a recording), place or file; thumb_url: of a picture.

    url: "" where this reader may not open it.
    """

    look: str
    label: str
    detail: str = ""
    url: str = ""
    thumb_url: str = ""
    can_play: bool = False


def parts_of(message: Message, rows: Sequence[MessageAttachment], language: str, *, opens: bool) -> tuple[Part, ...]:
    """Everything that a message brought besides words, in its order. opens: this reader may see what was sent."""
    place = [_place(message, language)] if message.lon is not None and message.lat is not None else []
    return (*place, *_spoken(message, language, opens), *(_part(message, row, language, opens) for row in rows))


def _place(message: Message, language: str) -> Part:
    spot = f"{message.lat:.5f}, {message.lon:.5f}"
    return Part("place", message.place_label or translate(language, "Ubicación compartida"), spot)


def _spoken(message: Message, language: str, opens: bool) -> list[Part]:
    """What was said after the tone: heard on a page of its own, which asks why."""
    return [
        Part(
            "sealed",
            translate(language, "Mensaje después del tono"),
            length_of(part["seconds"]),
            f"{BASE}/llamadas/grabaciones/{part['reference']}" if opens else "",
        )
        for part in message.media
        if part.get("kind") == voicemail.PART
    ]


def length_of(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02d}"


def _part(message: Message, row: MessageAttachment, language: str, opens: bool) -> Part:
    label = translate(language, KINDS.get(row.kind, KINDS["other"]))
    there = f"{BASE}/conversaciones/{message.conversation_id}/adjuntos/{row.id}" if opens else ""
    if row.is_photo:
        return Part("picture", label, "", there and f"{there}.jpg", there and f"{there}-mini.jpg")
    if row.state == "stored":
        return Part("sound", label, _size(row.stored_bytes), there, can_play=row.stored_type in PLAYABLE)
    return Part("file", label, _what(row, language))


def _what(row: MessageAttachment, language: str) -> str:
    """Its name, type and size, and why it is not there."""
    if row.state == WAITING:
        why = translate(language, "Se está trayendo…")
    elif row.state == GONE and row.reason != "gone":
        why = translate(language, NOT_HAD)
    else:
        why = translate(language, REASONS.get(row.reason or "", NOT_HAD))
    told = [row.file_name, row.content_type.partition(";")[0], _size(row.size_bytes)]
    known = ", ".join(part for part in told if part)
    return f"{known}. {why}" if known else why


def _size(count: int | None) -> str:
    if count is None:
        return ""
    for unit, name in _UNITS:
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} B"
