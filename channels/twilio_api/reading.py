"""What is the same in every call that Twilio makes to us. Parameters that nobody announced are ignored."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from channels.twilio_api import codes, signature
from channels.values import OptOutSignal, Webhook
from intake.conversations.values import DeliveryReceipt
from kernel.errors import ForgedWebhook

Parameters = Mapping[str, str]

# What Twilio writes before every text of an account that nobody pays for yet.
TRIAL_PREFIX = "Sent from your Twilio trial account - "
MOST_MEDIA = 10
_OPT_OUT_TYPES = {"STOP": False, "START": True}


def parameters_of(webhook: Webhook) -> Parameters:
    # PostgreSQL takes no NUL in text, and the provider sends none. The signature was over what was sent.
    return {name: value.replace("\0", "") for name, value in signature.form(webhook).items()}


def required(parameters: Parameters, *names: str) -> str:
    """The first of these that is there. Raises ForgedWebhook: the provider sends it with every call."""
    for name in names:
        if parameters.get(name):
            return parameters[name]
    raise ForgedWebhook("Falta un dato que el proveedor siempre manda: {name}.", name=names[0])


def is_report(webhook: Webhook) -> bool:
    """Whether the call tells what became of a message of ours."""
    return webhook.path.rstrip("/").endswith("/status")


def receipt(channel: str, sid: str, parameters: Parameters, query: str) -> list[DeliveryReceipt]:
    """What it reports; nothing for a status that moves no message."""
    status = codes.status(required(parameters, "MessageStatus", "SmsStatus"))
    if status is None:
        return []
    code = parameters.get("ErrorCode") or ""
    reference = dict(parse_qsl(query)).get("ref")
    reason = codes.reason(code) if code not in ("", "0") else None
    return [DeliveryReceipt(channel, sid, reference, status, reason)]


def media_count(parameters: Parameters) -> int:
    count = parameters.get("NumMedia", "0")
    return min(int(count), MOST_MEDIA) if count.isascii() and count.isdecimal() else 0


def opt_out(
    channel: str, sender: str, recipient: str, parameters: Parameters, *, sender_kind: str = "sender"
) -> list[OptOutSignal]:
    """The choice that Twilio says its own words made."""
    granted = _OPT_OUT_TYPES.get(parameters.get("OptOutType", ""))
    if granted is None:
        return []
    return [OptOutSignal(channel, sender, recipient, granted, parameters.get("Body", ""), sender_kind)]
