"""An operator's page is a telephone: it hears its legs as they happen, answers, speaks, and is missed when it is gone."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from channels.standin.voice import desks
from tests.channels.servers import eventually
from tests.channels.telephone import VOICE_NUMBER, Exchange, telephone

BRIDGE = '<Say>Le comunico.</Say><Dial><Conference endConferenceOnExit="true">item-1</Conference></Dial>'


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Exchange]:
    with telephone(tmp_path / "state.sqlite3", console_url="http://127.0.0.1:9/consola") as made:
        made.documents["/voice"] = BRIDGE
        yield made


class Desk:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def lines(self) -> list[tuple[str, str, str]]:
        found = [data["line"] for name, data in self.events if name == "line"]
        return [(line["who"], line["did"], line["text"]) for line in found]

    def statuses(self) -> list[str]:
        return [data["leg"]["status"] for name, data in self.events if name == "leg"]


@contextmanager
def desk(city: Exchange, identity: str, *, auto: int = 1) -> Iterator[Desk]:
    made, opened, done = Desk(), threading.Event(), threading.Event()

    def listen() -> None:
        with httpx.Client(trust_env=False, timeout=30) as client:
            with client.stream("GET", f"{city.phone.url}/clients/{identity}/events?auto={auto}") as stream:
                name = ""
                for line in stream.iter_lines():
                    if line.startswith("event: "):
                        name = line[7:]
                    elif line.startswith("data: "):
                        made.events.append((name, json.loads(line[6:])))
                        opened.set()
                    if done.is_set():
                        return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert opened.wait(5)
    yield made
    done.set()
    thread.join(5)


def bridged(city: Exchange, identity: str) -> tuple[str, str]:
    sid = city.call(script=None)["sid"]
    city.until(sid, lambda call: call["heard"])
    joined = city.rest("POST", "/Conferences/item-1/Participants.json", From=VOICE_NUMBER, To=f"client:{identity}")
    assert joined.status_code == 201
    return sid, joined.json()["call_sid"]


def test_an_open_page_takes_the_call_and_both_hear_each_other(city: Exchange) -> None:
    with desk(city, "agent-1") as page:
        sid, leg = bridged(city, "agent-1")
        eventually(lambda: "in-progress" in page.statuses())
        city.phone.client.post("/clients/agent-1/say", json={"words": "¿En qué le ayudo?"})
        city.until(sid, lambda call: call["transcript"][-1]["text"] == "¿En qué le ayudo?")
        city.phone.client.post(f"/calls/{sid}/say", json={"words": "Una fuga"})
        eventually(lambda: ("caller", "said", "Una fuga") in page.lines())
        assert page.events[0] == ("legs", {"legs": []})
        assert city.phone.client.post("/clients/agent-1/hangup", json={"call_sid": leg}).status_code == 200
        eventually(lambda: page.statuses()[-1] == "completed")
        assert not city.look(sid)["is_over"]


def test_a_page_may_answer_by_hand_or_decline(city: Exchange) -> None:
    with desk(city, "agent-2", auto=0) as page:
        _, leg = bridged(city, "agent-2")
        eventually(lambda: "ringing" in page.statuses())
        assert city.phone.client.post("/clients/agent-2/answer", json={}).status_code == 200
        city.until(leg, lambda call: call["status"] == "in-progress")
        _, other = bridged(city, "agent-2")
        city.until(other, lambda call: call["status"] == "ringing")
        city.phone.client.post("/clients/agent-2/hangup", json={"call_sid": other})
        assert city.until(other, lambda call: call["is_over"])["status"] == "busy"


def test_nobody_takes_a_call_where_no_page_is_open(city: Exchange) -> None:
    _, leg = bridged(city, "agent-3")
    assert city.until(leg, lambda call: call["is_over"])["status"] == "no-answer"


def test_a_page_that_is_gone_loses_its_leg(city: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desks, "GONE_AFTER_S", 0.2)
    with desk(city, "agent-4"):
        sid, leg = bridged(city, "agent-4")
        city.until(leg, lambda call: call["status"] == "in-progress")
    city.until(leg, lambda call: call["is_over"])
    assert not city.look(sid)["is_over"]


@pytest.mark.parametrize(("origin", "status"), [("http://127.0.0.1:9", 404), ("http://elsewhere.example", 403)])
def test_only_the_centre_s_pages_may_act(city: Exchange, origin: str, status: int) -> None:
    answer = city.phone.client.post("/clients/agent-1/say", json={"words": "a"}, headers={"Origin": origin})
    assert answer.status_code == status
    allowed = answer.headers.get("access-control-allow-origin")
    assert allowed == (origin if status == 404 else None)
