"""The same report on every channel and on the web form: the same request, receipt and promise, and the same words.

Each channel's own reading, what is received, the dialogue and what is queued to go out; the form over HTTP. In process, in the
tiny city: what happens between processes is tried by the other journeys.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from fastapi import FastAPI
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from channels.app.routes import install
from channels.receiving import receive_call
from channels.registry import CHANNELS, Channel
from channels.values import Webhook
from channels.web_chat import calls
from channels.webhooks import install as install_webhooks
from intake.catalog.models import Service
from intake.conversations.advance import advance
from intake.conversations.models import Conversation, Message
from intake.conversations.values import Choice, InboundMessage
from intake.service_requests.models import ServiceRequest
from intake.service_requests.queries import decision_of
from tests.channels import telegram
from tests.channels.conftest import BASE_URL, WHATSAPP_NUMBER, Provider, inbound, make_settings, sign
from tests.channels.email.mails import make_mail
from tests.channels.voice.ivr.caller import Caller, key_of
from tests.factories import CITY, NOW, make_city

pytestmark = [pytest.mark.database, pytest.mark.journey]

WORDS = "se fundió la luz del poste en avenida sabinos 214, el carmen"
FLICKERS = "parpadea"
FOLIO = re.compile(r"\b\d{2}[\s\u00a0\u202f]?\d{4}[\s\u00a0\u202f]?\d{4}\b")
# Whoever answers by a button presses it; the others write its number.
Call = Callable[[int, str, Choice | None], Webhook]


def form(path: str, pairs: list[tuple[str, str]]) -> Webhook:
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": sign(BASE_URL + path, pairs)}
    return Webhook(path, "", headers, urlencode(pairs).encode(), NOW)


def by_sms(number: int, words: str, choice: Choice | None) -> Webhook:
    return form("/webhooks/sms", inbound(f"SM{number}", words))


def by_whatsapp(number: int, words: str, choice: Choice | None) -> Webhook:
    pressed = {"ButtonPayload": choice.value, "ButtonText": choice.label} if choice else {}
    sender, to = "whatsapp:+5215587654321", f"whatsapp:{WHATSAPP_NUMBER}"
    return form("/webhooks/whatsapp", inbound(f"MM{number}", words, From=sender, To=to, ProfileName="Ana", **pressed))


def by_telegram(number: int, words: str, choice: Choice | None) -> Webhook:
    if choice is not None:
        return telegram.webhook(telegram.press(choice.value, number, choice.label))
    return telegram.webhook(telegram.update(message=telegram.message(number, text=words)))


def by_web_chat(number: int, words: str, choice: Choice | None) -> Webhook:
    told = InboundMessage(
        "web_chat",
        f"v1.{number}",
        "visitor-1",
        CITY,
        words,
        NOW,
        sender_kind="web_chat",
        choice=choice and choice.value,
    )
    return calls.written(b"s" * 32, told)


def by_email(number: int, words: str, choice: Choice | None) -> Webhook:
    return Webhook("", "", {}, make_mail(words, message_id=f"<{number}@correo.example>").as_bytes(), NOW)


SPEAKS: dict[str, Call] = {
    "sms": by_sms,
    "whatsapp": by_whatsapp,
    "telegram": by_telegram,
    "web_chat": by_web_chat,
    "email": by_email,
}


@dataclass
class Resident:
    """Somebody on one channel, and what the city answered."""

    session: Session
    channel: Channel
    call: Call
    count: int = 0
    heard: list[Message] = field(default_factory=list)

    def say(self, words: str, choice: Choice | None = None) -> Message:
        """The answer to it."""
        self.count += 1
        webhook = self.call(self.count, words, choice)
        if self.channel.name != "email":
            self.channel.verify(webhook)
        assert receive_call(self.channel, webhook)
        conversation = self.session.exec(select(Conversation).where(Conversation.channel == self.channel.name)).one()
        advance(self.session, conversation.id, now=NOW)
        outbound = select(Message).where(Message.direction == "outbound", Message.channel == self.channel.name)
        fresh = [
            message for message in self.session.exec(outbound.order_by(col(Message.seq))) if message not in self.heard
        ]
        self.heard += fresh
        assert len(fresh) == 1, [message.body for message in fresh]
        return fresh[0]

    def pick(self, asked: Message, label: str) -> Message:
        """The answer to the option of that name, pressed where there is something to press."""
        options = [Choice(**one) for one in asked.choices]
        ((number, found),) = [(n, one) for n, one in enumerate(options, start=1) if label in one.label.lower()]
        has_buttons = self.channel.name in ("whatsapp", "telegram", "web_chat")
        return self.say(found.label, found) if has_buttons else self.say(str(number))


@pytest.fixture
def city(session: Session) -> None:
    make_city(session)
    # Each report here is to be one of its own, without "is it the same?".
    for service in session.exec(select(Service)):
        service.duplicates = {"offer": False}
    session.flush()


def told_by(session: Session, name: str) -> tuple[list[str], dict[str, Any]]:
    """The words that were heard, without the folio, and the request."""
    channel = CHANNELS[name](make_settings())
    assert channel is not None
    ana = Resident(session, channel, SPEAKS[name])
    answer = ana.pick(ana.say(WORDS), FLICKERS)
    reads_back = name not in ("sms", "email")
    if reads_back:
        answer = ana.pick(answer, "enviar")
    channel.close()
    assert len(ana.heard) == (3 if reads_back else 2)
    return [FOLIO.sub("FOLIO", message.body) for message in (ana.heard[0], answer)], request_of(session, name)


def request_of(session: Session, channel: str) -> dict[str, Any]:
    """What must not depend on how it was told."""
    made = session.exec(select(ServiceRequest).where(ServiceRequest.channel == channel)).one()
    decision = decision_of(session, made.id)
    assert decision is not None
    same = (
        "service_code",
        "agency_code",
        "attributes",
        "areas",
        "lon",
        "lat",
        "precision_m",
        "expected_at",
        "promise",
        "life",
    )
    values = {name: getattr(made, name) for name in (*same, "is_public", "report_count", "first_answer_due_at")}
    values["street"] = (made.address_string or "").split(",")[0]
    return values | {"rule": decision.rule_code, "receipt": decision.receipt}


def by_form(session: Session) -> dict[str, Any]:
    app = FastAPI()
    install(app)
    with TestClient(app) as client:
        begun = client.post("/reportar", data={"service_code": "LUMINARIA"}, follow_redirects=False)
        draft = begun.headers["location"].removesuffix("/lugar")
        place = {"district": "Norte", "colonia": "El Carmen", "street": "Avenida Sabinos 214"}
        client.post(f"{draft}/lugar", data=place)
        if client.get(f"{draft}/cual", follow_redirects=False).status_code == 200:
            client.post(f"{draft}/cual", data={"which": "0"})
        client.post(f"{draft}/detalles", data={"words": WORDS, "a_TIPO_FALLA": "parpadea"})
        client.post(f"{draft}/contacto", data={"notify": "none"})
        assert client.post(f"{draft}/revisa").status_code == 200
    return request_of(session, "web")


@pytest.mark.usefixtures("city")
@pytest.mark.parametrize("name", [name for name in SPEAKS if name != "sms"])
@time_machine.travel(NOW, tick=False)
def test_a_report_is_the_same_on_every_channel(session: Session, name: str) -> None:
    assert told_by(session, name) == told_by(session, "sms")


@pytest.mark.usefixtures("city")
@time_machine.travel(NOW, tick=False)
def test_a_report_on_the_web_form_is_the_same(session: Session) -> None:
    _, wanted = told_by(session, "sms")
    found = by_form(session)
    # The form asks for the district. What was said of it stands in the receipt, and no other one was in doubt.
    assert found["receipt"]["settled"] == {"district": "N", "jurisdiction": CITY}
    for receipt in (found["receipt"], wanted["receipt"]):
        del receipt["settled"]
        receipt.pop("runner_up", None)
    assert found == wanted


@pytest.mark.usefixtures("city")
@pytest.mark.parametrize("how", ["speech", "keys"])
@time_machine.travel(NOW, tick=False)
def test_a_report_by_telephone_is_the_same(session: Session, how: str) -> None:
    _, wanted = told_by(session, "sms")
    app = FastAPI()
    app.state.settings = make_settings()
    install_webhooks(app)
    with TestClient(app) as client:
        caller = Caller(Provider(client))  # type: ignore[arg-type]  # Starlette's client is FastAPI's
        caller.call()
        if how == "speech":
            caller.say(WORDS)
            caller.say(FLICKERS)
            caller.say("sí")
        else:
            caller.press("1")
            told = caller.press("1")
            caller.press(key_of(told, "Luz de la calle"))
            caller.press("1")
            caller.press("7224667")
            caller.press("*214#")
            caller.press("2")
            caller.press("1")
    assert request_of(session, "voice") == wanted


def test_every_channel_is_tried() -> None:
    assert set(SPEAKS) == set(CHANNELS)
