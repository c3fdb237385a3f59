"""What we say to Twilio and what the stand-in answers, held against Twilio's own description of its interface.

The names below are what this program uses of it, written down when it was compared. The description itself is Twilio's and not
part of the repository: where ATIENDE_TWILIO_OAI names its folder (`spec/json` of github.com/twilio/twilio-oai), names,
answers and definitions are checked against it.
"""

import json
import os
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from jsonschema import Draft202012Validator
from twilio.request_validator import RequestValidator

from channels.sms.adapter import SmsChannel
from channels.standin.postman import signature
from channels.twilio_api import codes
from channels.values import ApprovedTemplate, LastInbound, OutboundMessage
from channels.whatsapp.adapter import WhatsappChannel
from channels.whatsapp.offers import Shape
from intake.conversations.values import Choice
from kernel import clock
from kernel.ids import new_id
from tests.channels.conftest import ANA, TOKEN, make_settings
from tests.channels.servers import Network, standin, standin_config

CREATE = {"To", "From", "Body", "ContentSid", "ContentVariables", "StatusCallback"}
LIST = {"To", "DateSent>", "PageSize"}
# What the program reads of a message, of a page of them, of an attachment, and of a definition.
READ = {
    "sid",
    "status",
    "body",
    "direction",
    "date_created",
    "from",
    "to",
    "account_sid",
    "num_media",
    "subresource_uris",
}
READ_PAGE = {"messages", "next_page_uri"}
READ_MEDIA = {"uri", "content_type"}
STATUSES = {
    "queued", "sending", "sent", "failed", "delivered", "undelivered", "receiving", "received", "accepted", "scheduled",
    "read", "partially_delivered", "canceled",
}  # fmt: skip
FOLDER = Path(os.environ.get("ATIENDE_TWILIO_OAI", "/nowhere"))
MESSAGES = "/2010-04-01/Accounts/{AccountSid}/Messages.json"

# A template of the demo city.
APPROVED = ApprovedTemplate("HX286b7539b39dc7cd08a29e7ba1ad2a59", ("folio", "agency", "date", "note"))

Description = Callable[[str], Any]


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    with standin(standin_config(tmp_path / "state.sqlite3", "http://127.0.0.1:1/webhooks/sms")) as network:
        yield network


@pytest.fixture
def said(network: Network, monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """Every request of ours, as it left."""
    requests: list[httpx.Request] = []
    send = httpx.Client.send

    def noted(client: httpx.Client, request: httpx.Request, **more: Any) -> httpx.Response:
        requests.append(request)
        return send(client, request, **more)

    monkeypatch.setattr(httpx.Client, "send", noted)
    return requests


@pytest.fixture
def description() -> Description:
    """A file of the description, by its name."""
    if not FOLDER.is_dir():
        pytest.skip("needs Twilio's OpenAPI description (ATIENDE_TWILIO_OAI=…/twilio-oai/spec/json), which is Twilio's")
    return lambda name: json.loads((FOLDER / f"{name}.json").read_text())


def send_everything(network: Network) -> None:
    """A text, words, buttons, a list and a template, and a look at what became of them."""
    settings = make_settings(api_base_url=network.url)
    sms, whatsapp = SmsChannel.from_settings(settings), WhatsappChannel.from_settings(settings)
    assert sms is not None
    assert whatsapp is not None
    fresh = LastInbound("1", clock.now())

    def message(body: str, **more: Any) -> OutboundMessage:
        return OutboundMessage(new_id(), None, ANA, body, **({"last_inbound": fresh} | more))

    def question(count: int) -> OutboundMessage:
        choices = tuple(Choice(f"1.{n}", f"Opción {n}", "con más palabras") for n in range(1, count + 1))
        return message("¿Cuál? 1…", prompt="¿Cuál?", choices=choices)

    sms.send(message("Listo"))
    for one in (message("Listo"), question(2), question(6)):
        whatsapp.send(one)
    names = ("folio", "agency", "date", "note")
    whatsapp.send(
        message("Listo", last_inbound=None, template="x", template_params=dict.fromkeys(names, "x"), approved=APPROVED)
    )
    since = clock.now().replace(hour=0)
    sms.look_up(message("Listo"), since)
    list(sms.heard_since(since))
    sms.close()
    whatsapp.close()


def test_nothing_is_said_but_what_was_compared(network: Network, said: list[httpx.Request]) -> None:
    network.whatsapp(ANA, body="hola")
    send_everything(network)
    ours = [request for request in said if request.url.path.endswith("/Messages.json")]
    posts = [
        dict(parse_qsl(request.content.decode(), keep_blank_values=True))
        for request in ours
        if request.method == "POST"
    ]
    assert len(posts) == 5
    assert set().union(*posts) == CREATE
    for post in posts:
        assert {"To", "From", "StatusCallback"} < set(post)
        assert ("Body" in post) != ("ContentSid" in post)
    asked = [dict(request.url.params) for request in ours if request.method == "GET"]
    assert set().union(*asked) == LIST


def test_every_status_has_a_word_of_ours() -> None:
    assert set(codes.STATUSES) == STATUSES


def test_what_the_program_reads_is_in_every_answer(network: Network) -> None:
    created = network.send(To=ANA, From="+525500000311", Body="Listo")
    listed = network.client.get(network.messages_path).json()
    assert created.json().keys() >= READ
    assert listed.keys() >= READ_PAGE
    for shown in (created.json(), *listed["messages"]):
        assert shown.keys() >= READ
        assert shown["status"] in STATUSES
        assert parsedate_to_datetime(shown["date_created"]).tzinfo is not None


def test_the_signature_of_the_standin_is_twilios(network: Network) -> None:
    """By Twilio's own validator."""
    url, form = "https://311.example/webhooks/sms?ref=1", {"Body": "¿dónde? 🌵", "From": ANA, "Empty": ""}
    assert RequestValidator(TOKEN).validate(url, form, signature(TOKEN, url, form))
    assert not RequestValidator(TOKEN).validate(url, form | {"Body": "x"}, signature(TOKEN, url, form))


def test_the_names_are_in_the_description(description: Description) -> None:
    api = description("twilio_api_v2010")
    operations, schemas = api["paths"][MESSAGES], api["components"]["schemas"]
    form = operations["post"]["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    assert set(form["properties"]) >= CREATE
    assert {parameter["name"] for parameter in operations["get"]["parameters"]} >= LIST
    assert set(schemas["api.v2010.account.message"]["properties"]) >= READ
    assert set(schemas["message_enum_status"]["enum"]) == STATUSES
    page = operations["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert set(page["properties"]) >= READ_PAGE
    assert set(schemas["api.v2010.account.message.media"]["properties"]) >= READ_MEDIA


def test_the_standin_answers_as_described(network: Network, description: Description) -> None:
    api = description("twilio_api_v2010")
    message = {"$ref": "#/components/schemas/api.v2010.account.message"}
    network.write(ANA, "hay un bache")
    created = network.send(To=ANA, From="+525500000311", Body="Listo").json()
    listed = network.client.get(network.messages_path).json()
    check(api, message, created)
    check(api, api["paths"][MESSAGES]["get"]["responses"]["200"]["content"]["application/json"]["schema"], listed)
    assert set(created) == set(api["components"]["schemas"]["api.v2010.account.message"]["properties"])
    assert {shown["direction"] for shown in listed["messages"]} == {"inbound", "outbound-api"}


@pytest.mark.parametrize(
    "shape", [Shape("buttons", 3), Shape("list", 10), Shape("list", 4, (0, 2))], ids=lambda s: s.name
)
def test_our_definitions_are_as_described(description: Description, shape: Shape) -> None:
    api = description("twilio_content_v1")
    made = {"friendly_name": shape.name, "language": "es", "variables": {"1": "x"}, "types": shape.definition()}
    check(api, api["components"]["schemas"]["ContentCreateRequest"], made)


def check(api: Any, schema: Any, value: Any) -> None:
    """Raises ValidationError. `nullable` is OpenAPI's own word: here it becomes JSON Schema's."""
    root = nullable({"components": api["components"], **schema})
    Draft202012Validator(root).validate(value)


def nullable(schema: Any) -> Any:
    if isinstance(schema, list):
        return [nullable(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: nullable(part) for name, part in schema.items()}
    if made.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made
