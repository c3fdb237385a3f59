"""The journey: a text message comes in, the operator's screen shows it by itself, the agency closes it, the resident is told."""

import json
import re
import threading
from html import unescape
from typing import Any

import httpx
import pytest

from tests.running import RunningDemo, wait_for

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("journey")]

ROSA = "+525587654321"
FOLIO = re.compile(r"\b(\d{2})[\s\u00a0\u202f]?(\d{4})[\s\u00a0\u202f]?(\d{4})\b")


class Console:
    """A signed-in browser without scripts, and one live stream beside it."""

    def __init__(self, demo: RunningDemo, role: str) -> None:
        self.client = httpx.Client(base_url=demo.base_url, follow_redirects=True, timeout=20)
        login = next(each for each in demo.facts["console"]["logins"] if each["role"] == role)
        form = {"email": login["email"], "password": login["password"]}
        answer = self.client.post("/consola/entrar", data=form | hidden_fields(self.client.get("/consola/entrar").text))
        assert answer.status_code == 200
        assert "/consola/solicitudes" in str(answer.url)
        self.events: list[dict[str, Any]] = []
        self.is_live = threading.Event()

    def watch(self) -> None:
        threading.Thread(target=self._read_stream, daemon=True).start()
        assert self.is_live.wait(10)

    def _read_stream(self) -> None:
        name = ""
        try:
            with self.client.stream("GET", "/consola/live", timeout=60) as answer:
                for line in answer.iter_lines():
                    if line.startswith("event: "):
                        name = line.removeprefix("event: ")
                        self.is_live.set()
                    elif line.startswith("data: ") and name == "change":
                        self.events.append(json.loads(line.removeprefix("data: ")))
        except httpx.HTTPError:
            return  # the test is over and closed the client

    def told(self, name: str, **ids: str) -> dict[str, Any] | None:
        wanted = {"name": name, **ids}
        return next((event for event in list(self.events) if wanted.items() <= event.items()), None)


def hidden_fields(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in found}


def test_a_text_message_reaches_the_agency_and_its_answer_the_resident(demo: RunningDemo) -> None:
    operator = Console(demo, "operator")
    operator.watch()
    place = demo.facts["open311"]["sample_address"]
    demo.write(ROSA, f"Hay una fuga de agua en {place}")

    told = wait_for(lambda: operator.told("service_request.submitted"), 20, "the console to be told")
    row = operator.client.get(f"/consola/solicitudes/filas/{told['service_request_id']}")
    assert row.status_code == 200
    assert "fuga" in row.text.lower()

    reply = wait_for(lambda: demo.texts(ROSA, "outbound"), 20, "the reply")[0]["body"]
    folio = "".join(FOLIO.search(reply).groups())  # type: ignore[union-attr]  # no folio fails the test
    listed = open311(demo, folio)
    assert listed["status"] == "open"
    assert "Aguas" in listed["agency_responsible"]
    assert listed["agency_responsible"] in reply
    assert listed["expected_datetime"]
    assert abs(listed["lat"] - demo.facts["open311"]["sample_point"]["lat"]) < 0.01

    agency = Console(demo, "agency")
    page = agency.client.get(f"/consola/solicitudes/{folio}")
    assert page.status_code == 200
    closing = hidden_fields(page.text) | {"life": "closed", "outcome_code": "resolved", "note": "Cambiamos el tubo."}
    assert agency.client.post(f"/consola/solicitudes/{folio}/estado", data=closing).status_code == 200
    wait_for(
        lambda: operator.told("service_request.updated", service_request_id=told["service_request_id"]),
        10,
        "the console to be told of the change",
    )

    news = wait_for(lambda: demo.texts(ROSA, "outbound")[1:], 20, "the news")
    assert FOLIO.search(news[0]["body"])
    assert "Cambiamos el tubo" in news[0]["body"]
    closed = open311(demo, folio)
    assert closed["status"] == "closed"
    assert closed["status_notes"]

    demo.write(ROSA, f"estado {folio}")
    status = wait_for(lambda: demo.texts(ROSA, "outbound")[2:], 20, "the status")
    assert "resuelto" in status[0]["body"]
    wait_for(lambda: all(text["status"] == "delivered" for text in demo.texts(ROSA, "outbound")), 20, "delivery")
    operator.client.close()
    agency.client.close()


def open311(demo: RunningDemo, folio: str) -> dict[str, Any]:
    city = demo.facts["open311"]["jurisdiction_id"]
    answer = httpx.get(
        f"{demo.base_url}/open311/v2/requests/{folio}.json", params={"jurisdiction_id": city}, timeout=20
    )
    (found,) = answer.json()
    assert found["service_request_id"] == folio
    return dict(found)
