"""What Twilio says in a webhook about a WhatsApp message. Written from its descriptions, not from our own reading of them."""

from collections.abc import Mapping
from typing import Any

import orjson

from channels.standin.config import StandinConfig
from channels.standin.ledger import Text

PREFIX = "whatsapp:"
# What a message of each kind is called in `MessageType`.
TYPES = {
    "photo": "image",
    "voice": "audio",
    "audio": "audio",
    "contact": "contacts",
    "place": "location",
    "list": "interactive",
}


def address(bare: str) -> str:
    return PREFIX + bare


def media_url(config: StandinConfig, message_sid: str, media_sid: str) -> str:
    return f"{config.own_url}/2010-04-01/Accounts/{config.account_sid}/Messages/{message_sid}/Media/{media_sid}"


def inbound_form(text: Text, config: StandinConfig, attachments: Mapping[str, str]) -> dict[str, str]:
    """The parameters. attachments: the address and type of each, in their order."""
    detail = text.detail
    kind = str(detail.get("kind") or "text")
    form = {
        "SmsMessageSid": text.sid,
        "NumMedia": str(len(attachments)),
        "ProfileName": str(detail.get("profile_name") or ""),
        "MessageType": str(detail.get("type") or TYPES.get(kind, kind)),
        "SmsSid": text.sid,
        "SmsStatus": "received",
        "Body": text.body,
        "To": address(text.recipient),
        "NumSegments": "1",
        "ReferralNumMedia": "0",
        "MessageSid": text.sid,
        "AccountSid": config.account_sid,
        "From": address(text.sender),
        "ApiVersion": "2010-04-01",
    }
    if text.sender.startswith("+"):
        form["WaId"] = text.sender.removeprefix("+")
    else:
        form["ExternalUserId"] = address(text.sender)
    for number, (url, content_type) in enumerate(attachments.items()):
        form |= {f"MediaUrl{number}": url, f"MediaContentType{number}": content_type}
    form |= _of_kind(kind, text.body, detail)
    if detail.get("reply_to"):
        form |= {"OriginalRepliedMessageSid": str(detail["reply_to"]), "OriginalRepliedMessageSender": form["To"]}
    context = {"ProfileName": form["ProfileName"]}
    form["ChannelMetadata"] = orjson.dumps({"type": "whatsapp", "data": {"context": context}}).decode()
    return form


def _of_kind(kind: str, body: str, detail: Mapping[str, Any]) -> dict[str, str]:
    if kind == "button":
        return {"ButtonText": body, "ButtonPayload": str(detail["value"])}
    if kind == "list":
        return {"ListId": str(detail["value"]), "ListTitle": body}
    if kind != "place":
        return {}
    place = {"Latitude": str(detail["lat"]), "Longitude": str(detail["lon"])}
    return place | {
        name: str(detail[key]) for name, key in (("Label", "label"), ("Address", "address")) if detail.get(key)
    }


def report_form(text: Text, status: str, code: int | None, config: StandinConfig) -> dict[str, str]:
    form = {
        "ChannelPrefix": "whatsapp",
        "ApiVersion": "2010-04-01",
        "MessageStatus": status,
        "SmsSid": text.sid,
        "SmsStatus": status,
        "To": address(text.recipient),
        "From": address(text.sender),
        "MessageSid": text.sid,
        "AccountSid": config.account_sid,
        "StructuredMessage": "false",
    }
    if status in ("delivered", "read"):
        form["EventType"] = status.upper()
    return form | ({"ErrorCode": str(code)} if code else {})
