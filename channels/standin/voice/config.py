"""The one number that can be called: `ATIENDE_STANDIN_VOICE_*`, else what the installation it stands in for says."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class VoiceNumber:
    """webhook_url answers calls, fallback_url answers when that fails, status_url hears how they ended; "" for none."""

    number: str
    webhook_url: str = ""
    fallback_url: str = ""
    status_url: str = ""


def number_from(merged: Mapping[str, str]) -> VoiceNumber | None:
    """The number of these settings; None when they name none."""

    def given(name: str) -> str:
        return merged.get(f"ATIENDE_STANDIN_VOICE_{name}") or ""

    number = given("NUMBER") or merged.get("ATIENDE_CHANNEL_VOICE_NUMBER") or ""
    if not number:
        return None
    base_url = (merged.get("ATIENDE_STANDIN_BASE_URL") or merged.get("ATIENDE_WEB_PUBLIC_BASE_URL") or "").rstrip("/")
    webhook_url = given("WEBHOOK_URL") or (f"{base_url}/webhooks/voice" if base_url else "")
    below = webhook_url.split("#")[0]
    return VoiceNumber(
        number,
        webhook_url,
        given("FALLBACK_URL") or (f"{below}/fallback" if below else ""),
        given("STATUS_URL") or (f"{below}/status" if below else ""),
    )
