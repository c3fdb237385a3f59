"""A message as it is handed to the channel: JSON, signed with the installation's own key. Pure."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson

from channels.values import Webhook
from intake.conversations.values import InboundMedia, InboundMessage, SharedPlace, kind_of
from kernel.errors import ForgedWebhook

CHANNEL = "web_chat"
PATH = "/webhooks/web_chat"
SIGNATURE = "x-atiende-signature"
_JSON = "application/json"


class NotJson(ForgedWebhook):
    """The body is of another kind than the pages send."""

    status = 415


def signature(key: bytes, path: str, query: str, body: bytes) -> str:
    """What the header must say."""
    signed = b"web_chat call\0" + f"{path}?{query}\n".encode() + body
    return "sha256=" + hmac.digest(key, signed, sha256).hex()


def written(key: bytes, message: InboundMessage) -> Webhook:
    """`message` as a signed call."""
    place = message.place
    values: dict[str, Any] = {
        "id": message.provider_message_id,
        "visitor": message.sender,
        "city": message.recipient,
        "body": message.body,
        "choice": message.choice,
        "language": message.language,
        "place": {"lon": place.lon, "lat": place.lat, "precision_m": place.precision_m} if place else None,
        "media": [
            {
                "content_type": one.content_type,
                "file_name": one.file_name,
                "data": base64.b64encode(one.data or b"").decode(),
            }
            for one in message.media
        ],
    }
    body = orjson.dumps({name: value for name, value in values.items() if value not in (None, [])})
    headers = {"content-type": _JSON, SIGNATURE: signature(key, PATH, "", body)}
    return Webhook(PATH, "", headers, body, message.received_at)


def values_of(webhook: Webhook) -> Mapping[str, Any]:
    """The object that the call carries. Raises ForgedWebhook."""
    if webhook.headers.get("content-type", "").split(";")[0].strip().lower() != _JSON:
        raise NotJson("Aquí solo entran mensajes en JSON.")
    try:
        values = orjson.loads(webhook.body)
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict):
        raise ForgedWebhook("El cuerpo debe ser un objeto JSON.")
    return values


def read(values: Mapping[str, Any], received_at: datetime) -> InboundMessage:
    """The message of a call whose signature was checked. Raises ForgedWebhook for what no page of ours sends."""
    try:
        place = values.get("place")
        return InboundMessage(
            channel=CHANNEL,
            provider_message_id=_text(values["id"]),
            sender=_text(values["visitor"]),
            recipient=_text(values["city"]),
            body=str(values.get("body") or "").replace("\0", ""),
            received_at=received_at,
            media=tuple(_media(one) for one in values.get("media") or ()),
            sender_kind=CHANNEL,
            place=SharedPlace(float(place["lon"]), float(place["lat"]), "", _number(place.get("precision_m")))
            if place
            else None,
            choice=str(values["choice"]) if values.get("choice") else None,
            language=str(values["language"]) if values.get("language") else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error):
        raise ForgedWebhook("A este mensaje le falta algo.") from None


def _media(one: Mapping[str, Any]) -> InboundMedia:
    data = base64.b64decode(one["data"], validate=True)
    content_type = str(one.get("content_type") or "")
    name = str(one.get("file_name") or "").replace("\0", "")
    return InboundMedia(kind_of(content_type), "", content_type, name, len(data), data)


def _text(value: object) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError(value)
    return value


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
