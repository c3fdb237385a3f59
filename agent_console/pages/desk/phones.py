"""Which telephone an operator's browser has: Twilio's, or the stand-in's, whose talks are text."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from agent_console import headers
from channels.voice.line import identity_of
from kernel.settings import Settings

_TWILIO = "https://*.twilio.com wss://*.twilio.com"


@dataclass(frozen=True)
class Phone:
    """kind: `standin` or `twilio`. url: the stand-in's. headers: what the page needs to reach it."""

    kind: str
    identity: str
    url: str
    headers: Mapping[str, str]


def phone_of(settings: Settings, agent_id: UUID) -> Phone | None:
    """None in an installation without a telephone account."""
    if settings.sms is None:
        return None
    base = settings.sms.api_base_url or ""
    host = urlsplit(base).hostname or "api.twilio.com"
    if host == "twilio.com" or host.endswith(".twilio.com"):
        allowed = {
            "content-security-policy": headers.policy(connect=_TWILIO),
            "permissions-policy": "camera=(), microphone=(self), geolocation=()",
        }
        return Phone("twilio", identity_of(agent_id), "", allowed)
    place = urlsplit(base)
    origin = f"{place.scheme}://{place.netloc}"
    return Phone("standin", identity_of(agent_id), origin, {"content-security-policy": headers.policy(connect=origin)})
