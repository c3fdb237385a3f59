"""What a person sent, out of Twilio's parameters for WhatsApp. Pure; whatever is not known is kept as something unknown."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from channels.twilio_api.reading import Parameters, media_count, required
from intake.conversations.values import InboundMedia, InboundMessage, MediaKind, SharedPlace, kind_of
from kernel.errors import ForgedWebhook

PREFIX = "whatsapp:"
_PHONE = re.compile(r"\+\d{6,17}")
# Twilio puts the name of a document where its words would be.
_FILE_NAME = re.compile(r"[^\n/\\]{1,200}\.[A-Za-z0-9]{1,8}")
_KINDS: Mapping[str, MediaKind] = {
    "image": "photo",
    "voice": "voice",
    "audio": "audio",
    "video": "video",
    "document": "document",
    "sticker": "sticker",
    "contacts": "contact",
}
# Kinds that need nothing beside their words, place or files.
_PLAIN = frozenset(("", "text", "location", "button", "interactive", *_KINDS))


def bare(address: str) -> str:
    """The address without the name of its network."""
    return address.removeprefix(PREFIX).strip()


def sender_of(parameters: Parameters) -> str:
    """The phone as it came (`+521…` too), else the id that WhatsApp gives people whose number we may not see."""
    sender = bare(parameters.get("From", ""))
    other = bare(parameters.get("ExternalUserId", ""))
    found = sender if _PHONE.fullmatch(sender) or not other else other
    if not found:
        raise ForgedWebhook("Falta un dato que el proveedor siempre manda: {name}.", name="From")
    return found


def read(parameters: Parameters, sid: str, received_at: datetime) -> InboundMessage:
    """Raises ForgedWebhook where something is missing that the provider sends with every message."""
    body, choice = _pressed(parameters)
    media, is_name = _media(parameters, body)
    place = _place(parameters)
    if _is_unknown(parameters, body, media, place, choice):
        media = (InboundMedia("other", file_name=parameters.get("MessageType", "")[:40]),)
    return InboundMessage(
        channel="whatsapp",
        provider_message_id=sid,
        sender=sender_of(parameters),
        sender_kind="whatsapp",
        recipient=bare(required(parameters, "To")),
        body="" if is_name else body,
        received_at=received_at,
        media=media,
        place=place,
        choice=choice,
        profile_name=parameters.get("ProfileName", ""),
        reply_to=parameters.get("OriginalRepliedMessageSid") or None,
    )


def _pressed(parameters: Parameters) -> tuple[str, str | None]:
    """The words, and the value of the button or row that was pressed."""
    body = parameters.get("Body", "")
    choice = parameters.get("ButtonPayload") or parameters.get("ListId") or None
    title = parameters.get("ButtonText") or parameters.get("ListTitle") or ""
    if choice is None and parameters.get("InteractiveData"):
        choice, title = _in_json(parameters["InteractiveData"])
    return (body or title, choice) if choice else (body or parameters.get("ButtonText", ""), None)


def _in_json(text: str) -> tuple[str | None, str]:
    try:
        told: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None, ""
    for name in ("list_reply", "button_reply"):
        reply = told.get(name) if isinstance(told, dict) else None
        if isinstance(reply, dict) and isinstance(reply.get("id"), str) and reply["id"]:
            title = reply.get("title")
            return reply["id"], title if isinstance(title, str) else ""
    return None, ""


def _media(parameters: Parameters, body: str) -> tuple[Sequence[InboundMedia], bool]:
    """The attachments; True with them when the words are but the name of the document."""
    told = parameters.get("MessageType", "").lower()
    found: list[InboundMedia] = []
    is_name = False
    for number in range(media_count(parameters)):
        reference = parameters.get(f"MediaUrl{number}")
        if not reference:
            continue
        content_type = parameters.get(f"MediaContentType{number}", "")
        kind = _kind(told, content_type)
        is_name = is_name or (kind == "document" and _FILE_NAME.fullmatch(body.strip()) is not None)
        name = body.strip() if is_name and not found else ""
        found.append(InboundMedia(kind, reference=reference, content_type=content_type, file_name=name))
    return tuple(found), is_name


def _kind(told: str, content_type: str) -> MediaKind:
    # What people record in a chat is Opus in Ogg; whatever else is audio was a file.
    if content_type.partition(";")[0].strip().lower() == "audio/ogg":
        return "voice"
    found = kind_of(content_type)
    # Many people send photos as documents, to keep them sharp.
    return "photo" if found == "photo" and told == "document" else _KINDS.get(told) or found


def _place(parameters: Parameters) -> SharedPlace | None:
    try:
        lon, lat = float(parameters.get("Longitude", "")), float(parameters.get("Latitude", ""))
    except ValueError:
        return None
    if not (math.isfinite(lon) and math.isfinite(lat) and -180 <= lon <= 180 and -90 <= lat <= 90):
        return None
    label, address = parameters.get("Label", "").strip(), parameters.get("Address", "").strip()
    return SharedPlace(lon, lat, ", ".join(dict.fromkeys(part for part in (label, address) if part)))


def _is_unknown(
    parameters: Parameters,
    body: str,
    media: Sequence[InboundMedia],
    place: SharedPlace | None,
    choice: str | None,
) -> bool:
    """Whether it brought nothing that we can show: it must not look as if nothing had come."""
    if media or place is not None or choice is not None:
        return False
    told = parameters.get("MessageType", "").lower()
    return not body.strip() if told in _PLAIN else True
