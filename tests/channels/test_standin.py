"""The stand-in behaves like the provider it stands in for, forgets nothing, and has moods on request."""

from collections.abc import Iterator
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request, Response
from twilio.request_validator import RequestValidator

from channels.standin.config import StandinConfig, from_environ
from channels.standin.ledger import Ledger
from channels.standin.postman import signature
from channels.standin.switches import Switches
from kernel.errors import InvalidInput, MisconfiguredError
from tests.channels.conftest import ACCOUNT, ANA, TOKEN
from tests.channels.servers import Network, eventually, free_socket, serving, standin, standin_config
from tests.factories import SMS_NUMBER


class Center:
    """Keeps every call the stand-in makes, and answers as the test says."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.answers: list[int] = []
        self.app = FastAPI()

        @self.app.post("/{path:path}")
        async def post(http_request: Request) -> Response:
            form = {name: str(value) for name, value in (await http_request.form()).items()}
            self.calls.append((str(http_request.url), form, dict(http_request.headers)))
            return Response(status_code=self.answers.pop(0) if self.answers else 204)

    def statuses(self) -> list[str]:
        return [form["MessageStatus"] for _, form, _ in self.calls if "MessageStatus" in form]


@pytest.fixture
def center() -> Iterator[tuple[Center, str]]:
    made = Center()
    with serving(made.app, free_socket()) as url:
        yield made, url


@pytest.fixture
def config(center: tuple[Center, str], tmp_path: Path) -> StandinConfig:
    return standin_config(tmp_path / "deep" / "state.sqlite3", center[1] + "/webhooks/sms#rc=3")


@pytest.fixture
def network(config: StandinConfig) -> Iterator[Network]:
    with standin(config) as network:
        yield network


def test_a_resident_text_becomes_a_signed_webhook(center: tuple[Center, str], network: Network) -> None:
    sid = network.write(ANA, "¿Hay agua? ñ € 🚰")
    [(url, form, headers)] = eventually(lambda: center[0].calls)

    assert url == center[1] + "/webhooks/sms"
    assert (form["Body"], form["From"], form["To"]) == ("¿Hay agua? ñ € 🚰", ANA, SMS_NUMBER)
    assert form["MessageSid"] == sid
    assert form["FromCity"] == ""
    assert RequestValidator(TOKEN).validate(url, form, headers["x-twilio-signature"])
    eventually(lambda: network.texts("inbound")[0]["status"] == "received")


def test_its_signature_is_the_published_one() -> None:
    form = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675310",
        "Digits": "1234",
        "From": "+14158675310",
        "To": "+18005551212",
    }
    url = "https://example.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, form) == "L/OH5YylLD5NRKLltdqwSvS0BnU="


def test_a_center_that_fails_is_called_again_with_the_same_token(center: tuple[Center, str], network: Network) -> None:
    center[0].answers = [500, 503]
    sid = network.write(ANA, "hola")
    eventually(lambda: len(center[0].calls) == 3)
    assert {form["MessageSid"] for _, form, _ in center[0].calls} == {sid}
    assert len({headers["i-twilio-idempotency-token"] for _, _, headers in center[0].calls}) == 1


def test_a_center_that_refuses_is_not_called_again(center: tuple[Center, str], network: Network) -> None:
    center[0].answers = [403]
    network.write(ANA, "hola")
    network.write(ANA, "otra")
    eventually(lambda: network.texts("inbound")[1]["status"] == "received")
    assert len(center[0].calls) == 2
    assert network.texts("inbound")[0]["status"] == "receiving"


def test_a_reply_is_taken_delivered_and_reported(center: tuple[Center, str], network: Network) -> None:
    callback = center[1] + "/webhooks/sms/status?ref=abc%20d"
    answer = network.send(To=ANA, From=SMS_NUMBER, Body="Listo", StatusCallback=callback)

    assert answer.status_code == 201
    body = answer.json()
    assert (body["status"], body["direction"], body["num_segments"]) == ("queued", "outbound-api", "1")
    assert parsedate_to_datetime(body["date_created"]).tzinfo is not None
    eventually(lambda: center[0].statuses() == ["sent", "delivered"])
    url, form, headers = center[0].calls[0]
    assert url == callback
    assert RequestValidator(TOKEN).validate(callback, form, headers["x-twilio-signature"])
    [text] = network.texts()
    assert set(text) == {"sid", "direction", "channel", "from", "to", "body", "status", "at"}
    assert text["status"] == "delivered"
    assert network.client.get(f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{body['sid']}.json").json()["body"] == "Listo"


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"To": "", "From": SMS_NUMBER, "Body": "x"}, 21604),
        ({"To": ANA, "From": "", "Body": "x"}, 21603),
        ({"To": ANA, "From": SMS_NUMBER, "Body": " "}, 21602),
        ({"To": ANA, "From": SMS_NUMBER, "Body": "x" * 1601}, 21617),
        ({"To": "5512345678", "From": SMS_NUMBER, "Body": "x"}, 21211),
        ({"To": "+521", "From": SMS_NUMBER, "Body": "x"}, 21211),
        ({"To": ANA, "From": SMS_NUMBER, "Body": "x", "StatusCallback": "ftp://x"}, 21609),
    ],
)
def test_it_refuses_in_the_providers_words(network: Network, form: dict[str, str], code: int) -> None:
    answer = network.send(**form)
    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert set(answer.json()) == {"code", "message", "more_info", "status"}
    assert network.texts() == []


def test_only_the_account_may_send(network: Network) -> None:
    for auth in (None, (ACCOUNT, "wrong"), ("AC9", TOKEN)):
        answer = httpx.post(network.url + network.messages_path, auth=auth, data={"To": ANA}, trust_env=False)
        assert (answer.status_code, answer.json()["code"]) == (401, 20003)
    other = network.client.get("/2010-04-01/Accounts/AC9/Messages.json")
    assert (other.status_code, other.json()["code"]) == (404, 20404)


def test_lists_are_filtered_and_paged_newest_first(network: Network) -> None:
    for n in range(5):
        network.send(To=ANA, From=SMS_NUMBER, Body=f"{n}")
    network.send(To="+525587654321", From=SMS_NUMBER, Body="para Jorge")
    found = []
    url = f"{network.messages_path}?To=%2B525512345678&PageSize=2"
    while url:
        page = network.client.get(url).json()
        found += [text["body"] for text in page["messages"]]
        url = page["next_page_uri"]
    assert found == ["4", "3", "2", "1", "0"]
    assert network.client.get(network.messages_path, params={"DateSent": "2020-01-01"}).json()["messages"] == []


def test_nothing_is_forgotten_when_it_is_killed(config: StandinConfig, center: tuple[Center, str]) -> None:
    unreachable = replace(config, webhook_url="http://127.0.0.1:1/webhooks/sms")
    with standin(unreachable) as network:
        network.switch(delay_s=0.5)
        network.write(ANA, "antes")
        network.send(To=ANA, From=SMS_NUMBER, Body="respuesta", StatusCallback=center[1] + "/status")
    with standin(config) as network:
        assert network.client.get("/settings").json()["delay_s"] == 0.5
        eventually(lambda: [text["status"] for text in network.texts("inbound")] == ["received"])
        eventually(lambda: [text["status"] for text in network.texts()] == ["delivered"])
        eventually(lambda: len(center[0].statuses()) == 2)


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "state.sqlite3")

    def half_way() -> None:
        with ledger.together():
            ledger.add_text("SM1", "inbound", ANA, SMS_NUMBER, "x", status="receiving", at=1.0)
            raise KeyError

    with pytest.raises(KeyError):
        half_way()
    assert ledger.texts() == []
    ledger.add_text("SM1", "inbound", ANA, SMS_NUMBER, "x", status="receiving", at=1.0)
    assert len(ledger.texts()) == 1
    ledger.close()


def test_everything_twice(center: tuple[Center, str], network: Network) -> None:
    network.switch(duplicate=True)
    network.write(ANA, "hola")
    network.send(To=ANA, From=SMS_NUMBER, Body="Listo", StatusCallback=center[1] + "/status")
    eventually(lambda: len(center[0].calls) == 6)
    assert sorted(center[0].statuses()) == ["delivered", "delivered", "sent", "sent"]
    assert len(network.texts("inbound")) == len(network.texts()) == 1


def test_the_last_report_first(center: tuple[Center, str], network: Network) -> None:
    network.switch(reorder=True)
    network.send(To=ANA, From=SMS_NUMBER, Body="Listo", StatusCallback=center[1] + "/status")
    eventually(lambda: center[0].statuses() == ["delivered", "sent"])


def test_reports_that_never_come(center: tuple[Center, str], network: Network) -> None:
    network.switch(lose=True)
    network.send(To=ANA, From=SMS_NUMBER, Body="Listo", StatusCallback=center[1] + "/status")
    eventually(lambda: network.texts()[0]["status"] == "delivered")
    network.write(ANA, "gracias")
    eventually(lambda: len(center[0].calls) == 1)
    assert center[0].statuses() == []


@pytest.mark.parametrize(("outage", "status", "kept"), [("busy", 429, 0), ("down", 503, 0), ("error_after", 500, 1)])
def test_outages(network: Network, outage: str, status: int, kept: int) -> None:
    network.switch(outage=outage)
    assert network.send(To=ANA, From=SMS_NUMBER, Body="Listo").status_code == status
    assert len(network.texts()) == kept


def test_stop_and_start_at_the_network(network: Network) -> None:
    network.write(ANA, "STOP")
    assert network.send(To=ANA, From=SMS_NUMBER, Body="x").status_code == 201  # off unless asked for
    network.switch(stop_words=True)
    network.write(ANA, " stop ")
    assert network.send(To=ANA, From=SMS_NUMBER, Body="x").json()["code"] == 21610
    network.write(ANA, "START")
    assert network.send(To=ANA, From=SMS_NUMBER, Body="x").status_code == 201


def test_switches_are_checked(network: Network) -> None:
    for wrong in ({"speed": 1}, {"delay_s": -1}, {"delay_s": "x"}, {"outage": "total"}, {"duplicate": "maybe"}):
        assert network.client.post("/settings", json=wrong).status_code == 400
    assert network.client.post("/settings", json=["x"]).status_code == 400
    assert (
        network.client.post("/settings", content=b"{", headers={"content-type": "application/json"}).status_code == 400
    )
    assert network.client.get("/settings").json() == Switches().as_json()
    with pytest.raises(InvalidInput):
        Switches().changed({"outage": None})


def test_another_page_cannot_write_here(network: Network) -> None:
    foreign = {"Origin": "https://evil.example"}
    assert network.client.post(f"/phones/{ANA}/messages", json={"body": "x"}, headers=foreign).status_code == 403
    assert network.client.post("/settings", json={}, headers=foreign).status_code == 403
    own = {"Origin": network.url}
    assert network.client.post(f"/phones/{ANA}/messages", json={"body": "x"}, headers=own).status_code == 201


@pytest.mark.parametrize("number", ["5512345678", "+52", "+52551234567890123", "Ana"])
def test_only_possible_numbers_have_a_phone(network: Network, number: str) -> None:
    assert network.client.post(f"/phones/{number}/messages", json={"body": "x"}).status_code in (400, 404)


def test_the_phone_works_by_forms_alone(center: tuple[Center, str], network: Network) -> None:
    sent = network.client.post(f"/phones/{ANA}/messages", data={"body": "hay un <b>bache</b>", "lang": "en"})
    assert sent.status_code == 303
    page = network.client.get(sent.headers["location"]).text
    assert '<html lang="en"' in page
    assert "hay un &lt;b&gt;bache&lt;/b&gt;" in page
    assert '<noscript><meta http-equiv="refresh"' in page
    eventually(lambda: "The centre received it" in network.client.get("/", params={"lang": "en"}).text)

    network.send(To=ANA, From=SMS_NUMBER, Body="Listo. Folio 26 4817 3053.")
    page = eventually(lambda: (t := network.client.get("/", params={"lang": "es"}).text) and "Llegó al" in t and t)
    assert "Listo. Folio 26 4817 3053." in page
    assert "English" in page

    empty = network.client.post(f"/phones/{ANA}/messages", data={"body": "  "})
    assert empty.status_code == 303
    assert len(network.texts("inbound")) == 1


def test_the_switches_work_by_forms_alone(network: Network) -> None:
    ticked = {"slow": "1", "duplicate": "1", "outage": "busy", "phone": ANA, "lang": "es"}
    assert network.client.post("/settings", data=ticked).status_code == 303
    assert network.client.get("/settings").json() == Switches(4.0, duplicate=True, outage="busy").as_json()
    assert network.client.post("/settings", data={"outage": "none"}).status_code == 303
    assert network.client.get("/settings").json() == Switches().as_json()


def test_a_new_number_is_a_new_person(network: Network) -> None:
    moved = network.client.get("/", params={"phone": "new"})
    assert moved.status_code == 303
    assert network.client.get(moved.headers["location"]).status_code == 200
    assert network.client.get("/", params={"phone": "<script>"}).status_code == 400


def test_folios_lead_to_their_page(config: StandinConfig) -> None:
    with standin(replace(config, track_url="http://centro.example/folio/{folio}")) as network:
        network.send(To=ANA, From=SMS_NUMBER, Body="Folios 26\u00a04817\u00a03053 y 2648173053 y 26 4817 3054")
        page = network.client.get("/").text
    assert page.count("http://centro.example/folio/") == 1
    assert "http://centro.example/folio/2648173053" in page


def test_settings_come_from_the_installation(tmp_path: Path) -> None:
    (tmp_path / "installation.env").write_text(
        "ATIENDE_SMS_ACCOUNT_SID=AC1\nATIENDE_SMS_AUTH_TOKEN=t\nATIENDE_SMS_NUMBER=+525500000311\n"
        "ATIENDE_WEB_PUBLIC_BASE_URL=http://127.0.0.1:8311\n"
    )
    found = from_environ({"ATIENDE_DATA": str(tmp_path), "ATIENDE_STANDIN_PORT": "9000"})
    assert found.webhook_url == "http://127.0.0.1:8311/webhooks/sms"
    assert (found.account_sid, found.port) == ("AC1", 9000)
    assert found.state == tmp_path / "standin" / "state.sqlite3"
    with pytest.raises(MisconfiguredError, match="ATIENDE_STANDIN_AUTH_TOKEN") as error:
        from_environ({"ATIENDE_STANDIN_PORT": "many"})
    assert "ATIENDE_STANDIN_PORT" in str(error.value)
