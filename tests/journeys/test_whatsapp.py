"""A whole report by WhatsApp, in real processes: words, a shared place, a press; the same request as by SMS."""

import base64
import re
from typing import Any

import httpx
import pytest

from channels.standin.whatsapp.pictures import pothole
from tests.running import RunningDemo, wait_for

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey")]

ANA, JORGE = "+5215512345678", "+525587654328"
FOLIO = re.compile(r"\b(\d{2})[\s\u00a0\u202f]?(\d{4})[\s\u00a0\u202f]?(\d{4})\b")


class Phone:
    """A WhatsApp user at the stand-in."""

    def __init__(self, demo: RunningDemo, number: str) -> None:
        self.demo, self.number = demo, number
        self.pressed: set[str] = set()
        self.url = demo.facts["standin"]["url"]

    def do(self, **fields: Any) -> None:
        httpx.post(f"{self.url}/whatsapp/{self.number}/messages", json=fields, timeout=20).raise_for_status()

    def heard(self) -> list[str]:
        texts = self.demo.texts(self.number, "outbound")
        return [text["body"] for text in texts if text["channel"] == "whatsapp"]

    def next(self, count: int) -> str:
        return str(wait_for(lambda: self.heard()[count - 1 :], 30, f"answer {count}")[0])

    def offered(self) -> tuple[str, str] | None:
        """Value and label of the first answer of the newest question."""
        page = httpx.get(f"{self.url}/whatsapp", params={"phone": self.number}, timeout=20).text
        groups = re.findall(r'<form class="press".*?</form>', page, re.S)
        found = re.search(r'name="press" value="([^|"]+)\|([^"]+)"', groups[-1]) if groups else None
        if found is None or found[1].partition(".")[0] in self.pressed:
            return None
        self.pressed.add(found[1].partition(".")[0])
        return found[1], found[2]


def request_of(demo: RunningDemo, said: str) -> dict[str, Any]:
    found = FOLIO.search(said)
    assert found, said
    city = demo.facts["open311"]["jurisdiction_id"]
    url = f"{demo.base_url}/open311/v2/requests/{''.join(found.groups())}.json"
    (listed,) = httpx.get(url, params={"jurisdiction_id": city}, timeout=20).json()
    return dict(listed)


def test_the_demo_says_where_whatsapp_is(demo: RunningDemo) -> None:
    assert set(demo.facts["whatsapp"]) == {"webhook", "auth_token", "number"}
    assert demo.facts["whatsapp"]["webhook"] == f"{demo.base_url}/webhooks/whatsapp"


def test_a_report_by_pressing_is_the_same_as_one_by_sms(demo: RunningDemo) -> None:
    point, address = demo.facts["open311"]["sample_point"], demo.facts["open311"]["sample_address"]
    phone = Phone(demo, ANA)
    photo = {"content_type": "image/jpeg", "data": base64.b64encode(pothole()).decode()}
    phone.do(kind="photo", media=[photo], profile_name="Ana 🌵")
    phone.next(1)
    phone.do(body="hay una fuga de agua")
    phone.next(2)
    phone.do(kind="place", lon=point["lon"], lat=point["lat"])
    heard = phone.next(3)
    asked = 3
    while not FOLIO.search(heard) and asked < 6:
        value, label = wait_for(phone.offered, 20, "buttons")
        phone.do(kind="button", body=label, value=value)
        asked += 1
        heard = phone.next(asked)
    pressed = request_of(demo, heard)

    demo.write(JORGE, f"Hay una fuga de agua en {address}")
    texts = wait_for(lambda: [t for t in demo.texts(JORGE, "outbound") if t["channel"] == "sms"], 30, "the SMS")
    written = request_of(demo, texts[0]["body"])
    for key in ("service_code", "agency_responsible", "status"):
        assert pressed[key] == written[key]
    assert abs(pressed["lat"] - point["lat"]) < 0.0001
    wait_for(lambda: request_of(demo, heard)["media_url"], 30, "the photo")
    shown = httpx.get(request_of(demo, heard)["media_url"], timeout=20)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    wait_for(
        lambda: {t["status"] for t in demo.texts(ANA, "outbound") if t["channel"] == "whatsapp"} == {"read"},
        20,
        "reading",
    )
