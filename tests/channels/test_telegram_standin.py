"""The stand-in's Bot API: the library starts against it as it is, and our channel meets what the real one may do."""

import asyncio
import base64
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from traceback import format_exception
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from PIL import Image
from pydantic import SecretStr

from channels.errors import DeliveryError, FetchFailed
from channels.media_fetching import read_all
from channels.telegram import registering
from channels.telegram.adapter import ALLOWED_UPDATES, TelegramChannel
from channels.values import ProviderMessageId
from kernel.errors import Forbidden, InvalidInput, MisconfiguredError, Unavailable
from tests.channels.conftest import BOT, BOT_SECRET, BOT_TOKEN, make_bot
from tests.channels.servers import eventually, free_socket, serving, standin, standin_config, url_of
from tests.channels.telegram import CHAT, Telegram, bot_of_standin, channel_to, outbound

PLACES = Path(__file__).resolve().parents[2] / "cities" / "jacaranda" / "places.csv"


class Center:
    """Keeps every update, and answers as the test says."""

    def __init__(self) -> None:
        self.updates: list[dict[str, Any]] = []
        self.secrets: list[str] = []
        self.answers: list[int] = []
        self.says: Any = {}
        self.app = FastAPI()

        @self.app.post("/webhooks/telegram")
        async def post(http_request: Request) -> Response:
            self.updates.append(await http_request.json())
            self.secrets.append(http_request.headers.get("x-telegram-bot-api-secret-token", ""))
            says = self.says
            query = self.updates[-1].get("callback_query")
            if query and says == "answer":
                says = {"method": "answerCallbackQuery", "callback_query_id": query["id"]}
            return JSONResponse(says, status_code=self.answers.pop(0) if self.answers else 200)


@pytest.fixture
def center() -> Iterator[tuple[Center, str]]:
    made = Center()
    with serving(made.app, free_socket()) as url:
        yield made, url


@pytest.fixture
def telegram(center: tuple[Center, str], tmp_path: Path) -> Iterator[Telegram]:
    bot = bot_of_standin(center[1] + "/webhooks/telegram")
    config = standin_config(
        tmp_path / "state.sqlite3", center[1] + "/webhooks/sms", telegram=bot, hang_s=3.0, places=PLACES
    )
    with standin(config) as network:
        found = Telegram(network.url)
        yield found
        found.client.close()


@pytest.fixture
def channel(telegram: Telegram) -> Iterator[TelegramChannel]:
    made = channel_to(telegram.url, timeout_s=2.0)
    yield made
    made.close()


def photo() -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (40, 30), "#777").save(held, "JPEG")
    return held.getvalue()


def as_json(data: bytes, kind: str = "photo", content_type: str = "image/jpeg") -> dict[str, str]:
    return {"kind": kind, "content_type": content_type, "data": base64.b64encode(data).decode()}


def test_the_library_starts_against_it_unpatched(center: tuple[Center, str], telegram: Telegram) -> None:
    from telegram.ext import Application

    telegram.does("files", files=[as_json(photo())], caption="mira")
    eventually(lambda: center[0].updates)
    file_id = center[0].updates[0]["message"]["photo"][-1]["file_id"]

    async def run() -> None:
        application = (
            Application.builder()
            .token(BOT_TOKEN)
            .updater(None)
            .base_url(f"{telegram.url}/bot")
            .base_file_url(f"{telegram.url}/file/bot")
            .build()
        )
        await application.initialize()
        bot = application.bot
        assert (bot.username, bot.id) == (BOT, 7300000311)
        sent = await bot.send_message(CHAT, "Listo")
        assert (await bot.edit_message_text("Listo del todo", CHAT, sent.message_id)).text == "Listo del todo"
        assert await bot.send_chat_action(CHAT, "typing")
        assert await bot.set_my_commands([("ayuda", "Qué puedes pedir")])
        assert await bot.set_webhook("https://311.example/webhooks/telegram", secret_token="x", max_connections=5)
        info = await bot.get_webhook_info()
        assert (info.url, info.max_connections) == ("https://311.example/webhooks/telegram", 5)
        assert await bot.delete_webhook()
        file = await bot.get_file(file_id)
        assert bytes(await file.download_as_bytearray()) == photo()
        await application.shutdown()

    asyncio.run(run())
    assert [one["body"] for one in telegram.carried()] == ["Listo del todo"]


def test_what_a_person_does_is_told_with_the_secret(center: tuple[Center, str], telegram: Telegram) -> None:
    telegram.writes("/start")
    telegram.does("place", lon=-101.4, lat=21.8, name="Plaza", address="Centro")
    telegram.does("place", lon=-101.4, lat=21.8, live=True)
    telegram.does("move", number=3, lon=-101.5, lat=21.8)
    telegram.does("contact", own=True)
    telegram.does("files", files=[as_json(photo()), as_json(photo())], caption="dos")
    telegram.does("files", files=[as_json(b"OggS", "voice", "audio/ogg")])
    telegram.does("edit", number=1, body="hola")
    telegram.does("other", dice={"emoji": "x", "value": 1})
    telegram.does("block", blocked=True)
    told = eventually(lambda: len(center[0].updates) == 11 and center[0].updates)

    assert set(center[0].secrets) == {BOT_SECRET}
    ids = [one["update_id"] for one in told]
    assert ids == sorted(set(ids))
    assert [next(key for key in one if key != "update_id") for one in told] == [
        *("message", "message", "message", "edited_message", "message", "message", "message", "message"),
        *("edited_message", "message", "my_chat_member"),
    ]
    albums = {one["message"]["media_group_id"] for one in told if "media_group_id" in one.get("message", {})}
    assert len(albums) == 1
    refused = telegram.client.post(f"/telegram/{CHAT}/messages", json={"body": "x"})
    assert refused.status_code == 409


def test_an_album_of_which_one_is_no_picture_is_not_sent_at_all(center: tuple[Center, str], telegram: Telegram) -> None:
    telegram.writes("/start")
    refused = telegram.client.post(
        f"/telegram/{CHAT}/files", json={"files": [as_json(photo()), as_json(b"no picture")]}
    )
    assert refused.status_code == 400, refused.text
    telegram.does("files", files=[as_json(photo())])
    eventually(lambda: len(center[0].updates) == 2)
    eventually(lambda: [one["status"] for one in telegram.carried("inbound")] == ["received", "received"])


def test_a_center_that_fails_is_told_again_until_it_answers(center: tuple[Center, str], telegram: Telegram) -> None:
    center[0].answers = [500, 403, 301]
    telegram.writes("hola")
    eventually(lambda: len(center[0].updates) == 4)
    assert len({one["update_id"] for one in center[0].updates}) == 1
    eventually(lambda: telegram.carried("inbound")[0]["status"] == "received")
    info = telegram.call("getWebhookInfo").json()["result"]
    assert info["pending_update_count"] == 0
    assert "301" in info["last_error_message"]


def test_what_one_person_wrote_comes_in_order_unless_it_is_switched_off(
    center: tuple[Center, str], telegram: Telegram
) -> None:
    center[0].answers = [500]
    for number in range(6):
        telegram.writes(str(number))
    told = eventually(lambda: len(center[0].updates) == 7 and center[0].updates)
    assert [one["message"]["text"] for one in told] == ["0", "0", "1", "2", "3", "4", "5"]
    center[0].updates.clear()
    telegram.switch(duplicate=True)
    telegram.writes("dos veces")
    told = eventually(lambda: len(center[0].updates) == 2 and center[0].updates)
    assert told[0] == told[1]


def test_a_pressed_button_waits_for_its_answer_which_may_be_the_answer_to_the_webhook(
    center: tuple[Center, str], telegram: Telegram, channel: TelegramChannel
) -> None:
    telegram.writes("hola")
    channel.send(outbound("¿Es aquí?", "Sí", "No"))
    center[0].says = "answer"
    telegram.does("press", number=2, value="3.1")
    query = eventually(lambda: [one for one in center[0].updates if "callback_query" in one])[0]["callback_query"]
    assert query["message"]["reply_markup"]["inline_keyboard"][0][0]["text"] == "Sí"
    eventually(lambda: "El centro contestó al botón" in telegram.client.get(f"/telegram?chat={CHAT}&lang=es").text)
    late = telegram.call("answerCallbackQuery", callback_query_id=query["id"])
    assert late.json()["description"].startswith("Bad Request: query is too old")
    assert telegram.client.post(f"/telegram/{CHAT}/press", json={"number": 2, "value": "9.9"}).status_code == 404


@pytest.mark.parametrize(
    ("params", "code", "description"),
    [
        ({"chat_id": 9, "text": "x"}, 400, "Bad Request: chat not found"),
        ({"chat_id": CHAT, "text": " "}, 400, "Bad Request: message text is empty"),
        ({"chat_id": CHAT, "text": "😀" * 2049}, 400, "Bad Request: message is too long"),
        ({"chat_id": CHAT, "text": "x", "reply_markup": "{"}, 400, "Bad Request: can't parse reply_markup JSON object"),
        (
            {
                "chat_id": CHAT,
                "text": "x",
                "reply_markup": {"inline_keyboard": [[{"text": "a", "callback_data": "é" * 33}]]},
            },
            400,
            "Bad Request: BUTTON_DATA_INVALID",
        ),
    ],
)
def test_it_refuses_in_telegrams_words(telegram: Telegram, params: dict[str, Any], code: int, description: str) -> None:
    telegram.writes("hola")
    answer = telegram.call("sendMessage", **params)
    assert answer.json() == {"ok": False, "error_code": code, "description": description}
    assert answer.status_code == code
    assert telegram.carried() == []


def test_other_tokens_and_methods_are_unknown(telegram: Telegram) -> None:
    assert telegram.call("getMe", token="1:x").status_code == 401
    assert telegram.call("flyAway").status_code == 404
    assert telegram.call("GETME").json()["result"]["is_bot"] is True
    assert telegram.call("getUpdates").status_code == 409
    assert telegram.client.get("/file/bot1:x/photos/file_1.jpg").status_code == 401
    assert telegram.client.get(f"/file/bot{BOT_TOKEN}/photos/file_1.jpg").status_code == 404


def test_a_message_is_sent_with_its_buttons(telegram: Telegram, channel: TelegramChannel) -> None:
    telegram.writes("hola")
    sent = channel.send(outbound("¿Es aquí?", "Sí", "No"))
    assert sent == ProviderMessageId(f"{CHAT}:2")
    channel.send(outbound("¿Dónde es?", asks_place=True))
    page = telegram.client.get(f"/telegram?chat={CHAT}").text
    assert "Compartir mi ubicación" in page
    channel.send(outbound("Gracias"))
    assert "Compartir mi ubicación" not in telegram.client.get(f"/telegram?chat={CHAT}").text
    assert [one["body"] for one in telegram.carried()] == ["¿Es aquí?", "¿Dónde es?", "Gracias"]


@pytest.mark.parametrize(
    ("outage", "reason", "kind", "arrived"),
    [
        ("down", "provider_down", "uncertain", 0),
        ("error_after", "provider_down", "uncertain", 1),
        ("timeout_after", "no_answer", "uncertain", 1),
        ("busy", "rate_limited", "temporary", 0),
    ],
)
def test_what_telegram_does_when_it_is_ill(
    telegram: Telegram, channel: TelegramChannel, outage: str, reason: str, kind: str, arrived: int
) -> None:
    telegram.writes("hola")
    telegram.switch(outage=outage)
    with pytest.raises(DeliveryError) as failure:
        channel.send(outbound())
    found = failure.value
    assert found.reason == reason
    assert kind == ("permanent" if found.permanent else "uncertain" if found.uncertain else "temporary")
    assert len(telegram.carried()) == arrived


def test_a_pause_that_telegram_asks_for_is_kept_without_asking_again(
    telegram: Telegram, channel: TelegramChannel
) -> None:
    telegram.writes("hola")
    telegram.switch(outage="busy")
    with pytest.raises(DeliveryError) as failure:
        channel.send(outbound())
    assert failure.value.retry_after_s == 2
    telegram.switch(outage="none")
    with pytest.raises(DeliveryError) as failure:
        channel.send(outbound())
    assert failure.value.reason == "rate_limited"
    assert failure.value.retry_after_s is not None
    time.sleep(failure.value.retry_after_s)
    channel.send(outbound())
    assert len(telegram.carried()) == 1


def test_who_blocked_the_bot_or_never_wrote_gets_nothing(telegram: Telegram, channel: TelegramChannel) -> None:
    telegram.writes("hola")
    telegram.does("block", blocked=True)
    for chat, reason in (
        (str(CHAT), "opted_out"),
        ("999", "account_gone"),
        ("-5", "account_gone"),
        ("x", "account_gone"),
    ):
        with pytest.raises(DeliveryError) as failure:
            channel.send(outbound(chat=chat))
        assert failure.value.permanent
        assert failure.value.reason == reason
    telegram.does("block", blocked=False)
    channel.send(outbound())
    stranger = channel_to(telegram.url, bot_token=SecretStr("1234:" + "x" * 20))
    with pytest.raises(DeliveryError) as failure:
        stranger.send(outbound())
    stranger.close()
    assert (failure.value.reason, failure.value.permanent) == ("credentials", False)


def test_neither_failures_nor_logs_hold_the_token(
    telegram: Telegram, channel: TelegramChannel, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("INFO")
    telegram.writes("hola")
    channel.send(outbound())
    telegram.switch(outage="error_after")
    with pytest.raises(DeliveryError) as failure:
        channel.send(outbound())
    said = "".join(format_exception(failure.value)) + capsys.readouterr().out
    assert BOT_TOKEN not in said
    ours = [
        record for record in caplog.records if record.name not in ("httpx", "httpcore")
    ]  # switched off by kernel.log
    assert all(BOT_TOKEN not in record.getMessage() for record in ours)


def test_the_webhook_is_registered_with_what_we_want_to_be_told(center: tuple[Center, str], telegram: Telegram) -> None:
    bot = make_bot(api_base_url=telegram.url, max_connections=7)
    told = registering.register(bot, center[1])
    assert told["bot"] == f"@{BOT}"
    assert (told["url"], told["max_connections"]) == (center[1] + "/webhooks/telegram", 7)
    assert told["allowed_updates"] == list(ALLOWED_UPDATES)
    assert json.loads(json.dumps(told)) == told
    telegram.writes("hola")
    assert eventually(lambda: center[0].secrets) == [BOT_SECRET]
    eventually(lambda: registering.look(bot)["pending_update_count"] == 0)
    assert registering.forget(bot)["url"] == ""


def test_why_a_webhook_is_not_registered_is_said_in_words(telegram: Telegram) -> None:
    here = telegram.url
    with pytest.raises(Forbidden) as forbidden:
        registering.register(make_bot(api_base_url=here, bot_token=SecretStr("1234:" + "x" * 20)), here)
    assert "x" * 20 not in "".join(format_exception(forbidden.value))
    with pytest.raises(MisconfiguredError, match="otra_bot"):
        registering.register(make_bot(api_base_url=here, bot_username="otra_bot"), here)
    with pytest.raises(InvalidInput, match="https"):
        registering.register(make_bot(api_base_url=here), "http://311.example")
    with pytest.raises(InvalidInput, match="8443"):
        registering.register(make_bot(), "https://311.example:8311")
    closed = free_socket()
    with pytest.raises(Unavailable):
        registering.register(make_bot(api_base_url=url_of(closed)), here)
    closed.close()


def test_a_token_or_a_secret_that_cannot_be_one_is_refused_at_start() -> None:
    for wrong in ({"bot_token": SecretStr("hola")}, {"secret_token": SecretStr("con espacios")}):
        with pytest.raises(ValueError, match=r"debe ser|va de 1"):
            make_bot(**wrong)


def test_a_photo_is_fetched_by_its_id_and_by_nothing_else(
    center: tuple[Center, str], telegram: Telegram, channel: TelegramChannel
) -> None:
    telegram.does("files", files=[as_json(photo())])
    file_id = eventually(lambda: center[0].updates)[0]["message"]["photo"][-1]["file_id"]
    with channel.fetch(file_id) as stream:
        assert read_all(stream, 1_000_000) == photo()
    for reference, reason in (("", "unknown_kind"), ("nada", "gone"), ("http://127.0.0.1:1/x", "not_ours")):
        with pytest.raises(FetchFailed) as failure, channel.fetch(reference):
            pass
        assert (failure.value.reason, failure.value.permanent) == (reason, True)
        assert BOT_TOKEN not in "".join(format_exception(failure.value))


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("photos/../../getMe", "not_ours"),
        ("http://evil.example/x", "not_ours"),
        ("/var/lib/telegram/photos/1.jpg", "not_ours"),
        ("", "not_ours"),
        ("photos/none.jpg", "gone"),
    ],
)
def test_where_a_file_is_said_to_be_is_believed_below_our_token_only(path: str, reason: str) -> None:
    app = FastAPI()

    @app.post("/bot{token}/getFile")
    def get_file(token: str) -> Any:
        return {"ok": True, "result": {"file_id": "f", "file_unique_id": "u", "file_path": path}}

    with serving(app, free_socket()) as url:
        channel = channel_to(url)
        with pytest.raises(FetchFailed) as failure, channel.fetch("f"):
            pass
        assert failure.value.reason == reason
        channel.close()


def test_a_file_over_what_a_bot_is_given_is_refused(
    center: tuple[Center, str], telegram: Telegram, channel: TelegramChannel
) -> None:
    telegram.does("files", files=[as_json(b"\xff" * (20 * 1024 * 1024 + 1), "video", "video/mp4")])
    file_id = eventually(lambda: center[0].updates)[0]["message"]["video"]["file_id"]
    with pytest.raises(FetchFailed) as failure, channel.fetch(file_id):
        pass
    assert (failure.value.reason, failure.value.permanent) == ("too_large", True)
