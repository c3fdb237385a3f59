"""`atiende telegram`."""

import json
import os
import sys
from typing import Any

from channels.telegram import registering
from kernel.errors import MisconfiguredError
from kernel.settings import Settings, Telegram, load_settings


def set_webhook(*, drop_pending: bool) -> None:
    settings, telegram = _bot()
    _print(registering.register(telegram, settings.web.public_base_url, drop_pending=drop_pending))


def webhook_info() -> None:
    _, telegram = _bot()
    _print(registering.look(telegram))


def delete_webhook() -> None:
    _, telegram = _bot()
    _print(registering.forget(telegram))


def _bot() -> tuple[Settings, Telegram]:
    """Raises MisconfiguredError when this installation has no bot."""
    settings = load_settings(os.environ)
    if settings.telegram is None:
        raise MisconfiguredError("Esta instalación no tiene bot: faltan ATIENDE_TELEGRAM_BOT_TOKEN y _SECRET_TOKEN.")
    return settings, settings.telegram


def _print(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
