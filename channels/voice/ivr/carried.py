"""What a caller said while we could not keep it, in the address that asks again: sealed, for that answer of that call only.

The network, and whoever logs addresses on the way, cannot read it.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from urllib.parse import parse_qs

from channels.voice.ivr.values import Heard
from kernel import crypto
from kernel.errors import MisconfiguredError

# Twilio takes longer ones; not everything between it and us has to.
MOST_OF_AN_ADDRESS = 1500
_NAME = "h"
_CUT_BY = 50


def sealed(heard: Heard, call_sid: str, number: int, *, room: int) -> str:
    """To be added to the address that asks again about document `number`: no more letters than `room`; long words lose their end.

    What is wrong and where comes first: the beginning is worth more than to hear "say it again".
    """
    text = heard.text[: max(room, 0)]
    while text:
        told = json.dumps([heard.how, text, heard.confidence], ensure_ascii=False)
        value = urlsafe_b64encode(crypto.vault().seal(told, context=_context(call_sid, number))).decode().rstrip("=")
        if len(more := f"&{_NAME}={value}") <= room:
            return more
        text = text[:-_CUT_BY]
    return ""


def opened(query: str, call_sid: str, number: int) -> Heard | None:
    """What was heard of that answer; None where the address says nothing of it, or was not sealed by us for it."""
    value = parse_qs(query).get(_NAME, [""])[-1]
    if not value:
        return None
    try:
        sealed = urlsafe_b64decode(value + "=" * (-len(value) % 4))
        how, text, confidence = json.loads(crypto.vault().unseal(sealed, context=_context(call_sid, number)))
    except (MisconfiguredError, ValueError):
        return None
    return Heard(how, text, confidence)


def _context(call_sid: str, number: int) -> str:
    return f"voice.heard:{call_sid}:{number}"
