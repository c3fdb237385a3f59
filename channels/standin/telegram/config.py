"""The one bot that the stand-in knows: `ATIENDE_STANDIN_TELEGRAM_*`, else what the installation it stands in for says."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Bot:
    """webhook_url and secret_token: where updates go until `setWebhook` says otherwise."""

    token: str
    username: str
    webhook_url: str = ""
    secret_token: str = ""

    @property
    def id(self) -> int:
        """What a token begins with."""
        number = self.token.partition(":")[0]
        return int(number) if number.isdecimal() else 1


def bot_from(merged: Mapping[str, str]) -> Bot | None:
    """The bot of these settings; None when they name none."""

    def given(name: str) -> str:
        return merged.get(f"ATIENDE_STANDIN_TELEGRAM_{name}") or merged.get(f"ATIENDE_TELEGRAM_{name}") or ""

    token = given("BOT_TOKEN")
    if not token:
        return None
    base_url = (merged.get("ATIENDE_STANDIN_BASE_URL") or merged.get("ATIENDE_WEB_PUBLIC_BASE_URL") or "").rstrip("/")
    webhook_url = given("WEBHOOK_URL") or (f"{base_url}/webhooks/telegram" if base_url else "")
    return Bot(token, given("BOT_USERNAME") or "atiende_bot", webhook_url, given("SECRET_TOKEN"))
