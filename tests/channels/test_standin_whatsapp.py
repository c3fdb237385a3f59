"""The stand-in's WhatsApp behaves as Twilio's: signed calls of every kind, attachments behind a password, definitions, faults."""

import base64
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest
from twilio.request_validator import RequestValidator

from channels.errors import FetchFailed
from channels.media_fetching import read_all
from channels.standin.whatsapp.content import approved
from channels.values import Webhook
from channels.whatsapp.adapter import WhatsappChannel
from intake.conversations.values import InboundMessage
from tests.channels.conftest import ACCOUNT, TOKEN, WHATSAPP_NUMBER, make_settings
from tests.channels.servers import Network, eventually, free_socket, serving, standin, standin_config
from tests.channels.test_standin import Center
from tests.factories import NOW
from tests.intake.media.pictures import jpeg

ANA = "+5215512345678"
PHOTO = {"content_type": "image/jpeg", "data": base64.b64encode(jpeg()).decode()}


@pytest.fixture
def center() -> Iterator[tuple[Center, str]]:
    made = Center()
    with serving(made.app, free_socket()) as url:
        yield made, url


@pytest.fixture
def network(tmp_path: Path, center: tuple[Center, str]) -> Iterator[Network]:
    with standin(standin_config(tmp_path / "state.sqlite3", center[1] + "/webhooks/sms")) as network:
        yield network


def told(center: tuple[Center, str], network: Network, **fields: Any) -> InboundMessage:
    """What our own adapter makes of what the stand-in said."""
    before = len(center[0].calls)
    network.whatsapp(fields.pop("user", ANA), **fields)
    eventually(lambda: len(center[0].calls) > before)
    url, form, headers = center[0].calls[before]
    assert url.endswith("/webhooks/whatsapp")
    assert RequestValidator(TOKEN).validate(url, form, headers["x-twilio-signature"])
    channel = WhatsappChannel.from_settings(make_settings())
    assert channel is not None
    body = str(httpx.QueryParams(form)).encode()
    call = Webhook("/webhooks/whatsapp", "", {"content-type": "application/x-www-form-urlencoded"}, body, NOW)
    [event] = channel.parse(call)
    channel.close()
    assert isinstance(event, InboundMessage)
    return event


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"body": "hola 💧", "profile_name": "Ana"}, {"body": "hola 💧", "profile_name": "Ana", "sender": ANA}),
        ({"kind": "button", "body": "Sí", "value": "3.1"}, {"body": "Sí", "choice": "3.1"}),
        ({"kind": "list", "body": "Bache", "value": "1.2"}, {"body": "Bache", "choice": "1.2"}),
        (
            {"kind": "place", "lon": -101.4, "lat": 21.8, "label": "Mercado", "address": "Sabinos 214"},
            {"place": {"lon": -101.4, "lat": 21.8, "label": "Mercado, Sabinos 214", "precision_m": None}},
        ),
        ({"body": "hola", "user": "MX.13491208655302741918"}, {"sender": "MX.13491208655302741918"}),
        ({"body": "sí", "reply_to": "SM9"}, {"reply_to": "SM9"}),
    ],
)
def test_what_a_phone_does_is_told_as_twilio_tells_it(
    center: tuple[Center, str], network: Network, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = asdict(told(center, network, **fields))
    assert {key: found[key] for key in expected} == expected
    assert found["recipient"] == WHATSAPP_NUMBER


def test_what_is_attached_is_fetched_by_the_way_of_the_password(center: tuple[Center, str], network: Network) -> None:
    message = told(center, network, kind="photo", body="mira", media=[PHOTO, PHOTO])
    assert [part.kind for part in message.media] == ["photo", "photo"]
    reference = message.media[0].reference
    path = reference.removeprefix(network.url)
    assert path.startswith(f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{message.provider_message_id}/Media/ME")
    assert httpx.get(reference, trust_env=False).status_code == 401
    led = network.client.get(path)
    assert led.status_code == 307
    assert httpx.get(led.headers["location"], trust_env=False).content == jpeg()
    assert network.client.get(led.headers["location"]).status_code == 400  # our password is not for it

    channel = WhatsappChannel.from_settings(make_settings(api_base_url=network.url))
    assert channel is not None

    def fetch() -> bytes:
        with channel.fetch(reference) as stream:
            return read_all(stream, 100_000)

    assert fetch() == jpeg()
    network.switch(media="late")
    for _ in range(2):
        with pytest.raises(FetchFailed, match="gone"):
            fetch()
    assert fetch() == jpeg()
    for fault, reason in (("gone", "gone"), ("stray", "led_astray")):
        network.switch(media=fault)
        with pytest.raises(FetchFailed, match=reason):
            fetch()
    channel.close()


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({"To": f"whatsapp:{ANA}", "From": "+525500000311", "Body": "x"}, 21910),
        ({"To": f"whatsapp:{ANA}", "From": f"whatsapp:{WHATSAPP_NUMBER}", "Body": ""}, 21602),
        ({"To": "whatsapp:Ana", "From": f"whatsapp:{WHATSAPP_NUMBER}", "Body": "x"}, 21211),
        ({"To": f"whatsapp:{ANA}", "From": f"whatsapp:{WHATSAPP_NUMBER}", "ContentSid": "HX1"}, 21655),
        (
            {
                "To": f"whatsapp:{ANA}",
                "From": f"whatsapp:{WHATSAPP_NUMBER}",
                "ContentSid": "HX1",
                "ContentVariables": "{",
            },
            21656,
        ),
    ],
)
def test_it_refuses_in_the_providers_words(network: Network, form: dict[str, str], code: int) -> None:
    answer = network.send(**form)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert network.texts() == []


@pytest.mark.parametrize("value", ["dos\nrenglones", "dos\r\nrenglones", "tab\tulado", "un     hueco"])
def test_what_no_variable_may_hold_is_refused(network: Network, value: str) -> None:
    sid, _ = next(iter(approved().items()))
    variables = json.dumps({"1": "x", "2": value, "3": "x", "4": "x"})
    form = {"To": f"whatsapp:{ANA}", "From": f"whatsapp:{WHATSAPP_NUMBER}", "ContentSid": sid}
    answer = network.send(**form, ContentVariables=variables)
    assert (answer.status_code, answer.json()["code"]) == (400, 21656)
    assert network.texts() == []
    assert network.send(**form, ContentVariables=variables.replace(json.dumps(value), '"cuatro    no"')).is_success


def test_definitions_need_the_password_and_keep_their_limits(network: Network) -> None:
    assert httpx.get(network.url + "/v1/Content", trust_env=False).status_code == 401
    buttons = [{"title": f"Botón {n}", "id": f"{n}"} for n in range(4)]
    new = {"friendly_name": "x", "language": "es", "types": {"twilio/quick-reply": {"body": "¿?", "actions": buttons}}}
    sid = network.client.post("/v1/Content", json=new).json()["sid"]
    form = {"To": f"whatsapp:{ANA}", "From": f"whatsapp:{WHATSAPP_NUMBER}", "ContentSid": sid}
    assert network.send(**form).json()["code"] == 21656  # four buttons need an approval


def test_a_ledger_of_before_whatsapp_goes_on(tmp_path: Path) -> None:
    import sqlite3

    from channels.standin.ledger import Ledger

    path = tmp_path / "old.sqlite3"
    with sqlite3.connect(path) as old:
        old.execute(
            "CREATE TABLE message (seq INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, direction TEXT NOT NULL, sender TEXT NOT"
            " NULL, recipient TEXT NOT NULL, body TEXT NOT NULL, status TEXT NOT NULL, error_code INTEGER, callback TEXT,"
            " segments INTEGER NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL)"
        )
        old.execute(
            "INSERT INTO message VALUES (1, 'SM1', 'inbound', '+52', '+53', 'x', 'received', NULL, NULL, 1, 1, 1)"
        )
    old.close()
    ledger = Ledger(path)
    assert [(text.sid, text.channel, text.detail) for text in ledger.texts()] == [("SM1", "sms", {})]
    ledger.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"body": ""},
        {"kind": "button", "body": "Sí"},
        {"kind": "place", "lon": 900, "lat": 1},
        {"kind": "photo", "media": [{"data": "%%%"}]},
        {"kind": "photo", "media": ["x"]},
        {"body": "x" * 4097},
    ],
)
def test_a_phone_cannot_do_what_no_phone_can(network: Network, wrong: dict[str, Any]) -> None:
    assert network.client.post(f"/whatsapp/{ANA}/messages", json=wrong).status_code == 400
    assert network.client.post("/whatsapp/Ana/messages", json={"body": "x"}).status_code == 400
    foreign = {"Origin": "https://evil.example"}
    assert network.client.post(f"/whatsapp/{ANA}/messages", json={"body": "x"}, headers=foreign).status_code == 403
    assert network.texts("inbound") == []
