"""A whole report by Telegram, in real processes: words, the phone's place, buttons, a photo; the same request as by SMS."""

import json
import os
import re
import subprocess
import sys
from typing import Any

import httpx
import pytest

from tests.journeys.test_whatsapp import FOLIO, request_of
from tests.running import RunningDemo, wait_for

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey")]

ANA, JORGE = 730001, "+525587654329"


class App:
    """Somebody's Telegram at the stand-in."""

    def __init__(self, demo: RunningDemo, chat: int) -> None:
        self.demo, self.chat = demo, chat
        self.url = demo.facts["standin"]["url"]

    def do(self, what: str, **fields: Any) -> None:
        httpx.post(f"{self.url}/telegram/{self.chat}/{what}", json=fields, timeout=20).raise_for_status()

    def heard(self) -> list[dict[str, str]]:
        texts = self.demo.texts(str(self.chat), "outbound")
        return [text for text in texts if text["channel"] == "telegram"]

    def next(self, count: int) -> dict[str, str]:
        return wait_for(lambda: self.heard()[count - 1 :], 30, f"answer {count}")[0]

    def buttons_of(self, sid: str) -> list[tuple[str, str]]:
        """(payload, label) of each."""
        number = sid.partition(":")[2]
        page = httpx.get(f"{self.url}/telegram", params={"chat": self.chat}, timeout=20).text
        (bubble,) = re.findall(rf'<li id="m{number}".*?</li>', page, re.S)
        return re.findall(r'name="value" value="([^"]+)">([^<]+)', bubble)


def command(demo: RunningDemo, *words: str) -> dict[str, Any]:
    environ = {**os.environ, "ATIENDE_DATA": str(demo.folder / "data")}
    done = subprocess.run(
        [sys.executable, "-m", "atiende", "telegram", *words], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_demo_says_where_telegram_is_and_its_webhook_can_be_registered(demo: RunningDemo) -> None:
    facts = demo.facts["telegram"]
    assert set(facts) == {"webhook", "secret_token", "bot_token"}
    me = httpx.get(f"{demo.facts['standin']['url']}/bot{facts['bot_token']}/getMe", timeout=20).json()
    assert me["result"]["username"] == "jacaranda311_bot"
    told = command(demo, "set-webhook")
    assert (told["bot"], told["url"]) == ("@jacaranda311_bot", facts["webhook"])
    assert command(demo, "webhook-info")["pending_update_count"] == 0


def test_a_report_by_pressing_is_the_same_as_one_by_sms(demo: RunningDemo) -> None:
    point, address = demo.facts["open311"]["sample_point"], demo.facts["open311"]["sample_address"]
    ana = App(demo, ANA)
    ana.do("messages", body="/start")
    ana.next(1)
    ana.do("messages", body="hay una fuga de agua")
    ana.next(2)
    ana.do("place", lon=point["lon"], lat=point["lat"])
    heard, asked = ana.next(3), 3
    while not FOLIO.search(heard["body"]) and asked < 8:
        buttons = ana.buttons_of(heard["sid"])
        assert buttons, heard
        # Whatever the history of the demo holds close by is another one.
        value = buttons[-1][0] if "mismo" in heard["body"] else buttons[0][0]
        for _ in range(2):  # a double tap
            ana.do("press", number=int(heard["sid"].partition(":")[2]), value=value)
        asked += 1
        heard = ana.next(asked)
    pressed = request_of(demo, heard["body"])

    demo.write(JORGE, f"Hay una fuga de agua en {address}")
    texts = wait_for(lambda: [t for t in demo.texts(JORGE, "outbound") if t["channel"] == "sms"], 30, "the SMS")
    written = request_of(demo, texts[0]["body"])
    for key in ("service_code", "agency_responsible", "status"):
        assert pressed[key] == written[key]
    assert abs(pressed["lat"] - point["lat"]) < 0.0001
    assert len(ana.heard()) == asked  # the second taps were answered by nothing

    ana.do("messages", body=f"/start {written['service_request_id']}")
    assert FOLIO.search(ana.next(asked + 1)["body"])
