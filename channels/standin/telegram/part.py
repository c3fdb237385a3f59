"""The stand-in's Telegram as one part of its application: opened with it, closed with it."""

import time
from datetime import UTC, datetime
from typing import Any

from channels.standin.telegram import bot_api
from channels.standin.telegram.bot_api import Call
from channels.standin.telegram.config import Bot
from channels.standin.telegram.ledger import TelegramLedger
from channels.standin.telegram.postman import TelegramPostman


class TelegramPart:
    """hang_s: how long a call that never answers hangs; timeout_s: how long a webhook may take."""

    def __init__(self, bot: Bot, ledger: TelegramLedger, *, timeout_s: float, hang_s: float) -> None:
        self.bot = bot
        self.ledger = ledger
        self._hang_s = hang_s
        self._postman = TelegramPostman(ledger, bot, timeout_s, self._obey)

    def start(self) -> None:
        self._postman.start()

    def stop(self) -> None:
        self._postman.stop()
        self.ledger.close()

    def call(self, method: str, params: dict[str, Any]) -> Any:
        """Raises bot_api.Refused."""
        try:
            return bot_api.perform(Call(self.ledger, self.bot, params), method)
        except bot_api.Refused as refused:
            if refused.code == 500 and self.ledger.switches().outage == "timeout_after":
                time.sleep(self._hang_s)
            raise

    def carried(self) -> list[dict[str, str]]:
        """Every message, as the stand-in lists them."""
        bot = f"@{self.bot.username}"
        return [
            {
                "channel": "telegram",
                "sid": f"{said.chat}:{said.number}",
                "direction": said.direction,
                "from": str(said.chat) if said.direction == "inbound" else bot,
                "to": bot if said.direction == "inbound" else str(said.chat),
                "body": said.body,
                "status": said.status,
                "at": datetime.fromtimestamp(said.at, UTC).isoformat(),
            }
            for said in self.ledger.all_said()
        ]

    def _obey(self, method: str, params: dict[str, Any]) -> None:
        try:
            self.call(method, params)
        except bot_api.Refused:
            return  # whoever asks in an answer is told nothing
