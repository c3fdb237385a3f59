"""Updates as Telegram tells them, the bot's stand-in as a test sees it, and our webhook called with the secret."""

import itertools
import json
from pathlib import Path
from typing import Any

import httpx
from fastapi.testclient import TestClient

from channels.standin.telegram.config import Bot
from channels.telegram.adapter import TelegramChannel
from channels.values import OutboundMessage, Webhook
from intake.conversations.values import Choice
from kernel.ids import new_id
from tests.channels.conftest import BOT, BOT_SECRET, BOT_TOKEN, make_bot
from tests.factories import NOW

CHAT = 730001
_numbers = itertools.count(500_000_001)


def user(**more: Any) -> dict[str, Any]:
    return {"id": CHAT, "is_bot": False, "first_name": "Ana", "last_name": "Robles", "language_code": "es"} | more


def message(number: int = 1, **content: Any) -> dict[str, Any]:
    chat = {"id": CHAT, "type": "private", "first_name": "Ana"}
    return {"message_id": number, "from": user(), "chat": chat, "date": 1_795_804_200, **content}


def update(**kind: Any) -> dict[str, Any]:
    return {"update_id": next(_numbers), **kind}


def press(value: str, number: int = 9, label: str = "Sí") -> dict[str, Any]:
    shown = message(number, text="¿Es aquí?") | {"from": {"id": 1, "is_bot": True, "first_name": "b"}}
    shown["reply_markup"] = {"inline_keyboard": [[{"text": label, "callback_data": value}]]}
    query = {"id": str(next(_numbers)), "from": user(), "chat_instance": "1", "data": value, "message": shown}
    return update(callback_query=query)


def membership(status: str) -> dict[str, Any]:
    bot = {"id": 1, "is_bot": True, "first_name": "b"}
    old, new = {"user": bot, "status": "member"}, {"user": bot, "status": status}
    for one in (old, new):
        if one["status"] == "kicked":
            one["until_date"] = 0
    chat = {"id": CHAT, "type": "private", "first_name": "Ana"}
    return update(
        my_chat_member={"chat": chat, "from": user(), "date": 1, "old_chat_member": old, "new_chat_member": new}
    )


def webhook(told: Any, *, secret: str | None = BOT_SECRET, **changed: Any) -> Webhook:
    headers = {"content-type": "application/json"} | ({"x-telegram-bot-api-secret-token": secret} if secret else {})
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    values = {"path": "/webhooks/telegram", "query": "", "headers": headers, "body": body, "received_at": NOW} | changed
    return Webhook(**values)


def tell(client: TestClient, told: dict[str, Any], secret: str = BOT_SECRET) -> httpx.Response:
    answer: httpx.Response = client.post(
        "/webhooks/telegram", json=told, headers={"X-Telegram-Bot-Api-Secret-Token": secret}
    )
    return answer


def bot_of_standin(webhook_url: str = "") -> Bot:
    return Bot(BOT_TOKEN, BOT, webhook_url, BOT_SECRET)


def channel_to(url: str, **more: Any) -> TelegramChannel:
    return TelegramChannel(make_bot(api_base_url=url, **more))


def outbound(body: str = "Listo", *labels: str, chat: str = str(CHAT), **more: Any) -> OutboundMessage:
    choices = tuple(Choice(f"3.{number}", label) for number, label in enumerate(labels, start=1))
    return OutboundMessage(new_id(), None, chat, body, choices=choices, **more)


class Telegram:
    """The stand-in's Telegram: what Ana does, and what reached her."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=10, trust_env=False)

    def does(self, what: str, chat: int = CHAT, **values: Any) -> httpx.Response:
        answer = self.client.post(f"/telegram/{chat}/{what}", json=values)
        assert answer.status_code == 201, answer.text
        return answer

    def writes(self, body: str, chat: int = CHAT) -> str:
        told: str = self.does("messages", chat, body=body).json()["id"]
        return told

    def switch(self, **values: Any) -> None:
        assert self.client.post("/telegram/settings", json=values).status_code == 200

    def carried(self, direction: str = "outbound") -> list[dict[str, str]]:
        listed = self.client.get("/messages.json").json()
        return [one for one in listed if one["channel"] == "telegram" and one["direction"] == direction]

    def call(self, method: str, token: str = BOT_TOKEN, **params: Any) -> httpx.Response:
        return self.client.post(f"/bot{token}/{method}", json=params)


def samples() -> list[Path]:
    return sorted((Path(__file__).resolve().parents[2] / "channels/telegram/samples").glob("*.json"))
