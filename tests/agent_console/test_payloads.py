"""What nobody could take in: who sees it, why, and what can be done about it; nothing of it is shown uncovered or unnoted."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from channels import failed_payloads, receiving
from channels.errors import UnreadablePayload
from channels.models import InboundPayload, InboundPayloadEvent
from channels.values import Webhook, WebhookEvent
from intake.conversations.models import Message
from intake.conversations.values import InboundMessage
from kernel import clock
from kernel.outbox import OutboxEvent
from tests.agent_console.conftest import Console
from tests.factories import make_city

pytestmark = pytest.mark.database
LIST = "/consola/sin-leer"
BODY = urlencode(
    {"From": "+525512345678", "Body": "Soy Juan Pérez, hay un bache", "Token": "abc", "Mail": "ana@correo.mx"}
)


class Parrot:
    """A channel that understands nothing until it is taught."""

    name = "sms"

    def __init__(self, why: Exception | None) -> None:
        self.why = why

    def parse(self, webhook: Webhook) -> list[WebhookEvent]:
        if self.why is not None:
            raise self.why
        return [InboundMessage("sms", "SM1", "+525512345678", "+525500000311", "hay un bache", webhook.received_at)]


def _lost(
    console: Console, why: Exception, body: str = BODY, *, channel: receiving.Reading | None = None
) -> InboundPayload:
    """One call that was tried until it was given up."""
    channel = channel or Parrot(why)
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    receiving.receive_call(channel, Webhook("/webhooks/sms", "", headers, body.encode(), clock.now()))
    payload = console.session.exec(select(InboundPayload)).one()
    for _ in range(60):
        if console.fresh(payload).state == "failed":
            break
        receiving.try_again(channel, payload.id, now=clock.now())
    assert payload.state == "failed"
    return payload


def test_supervisors_see_when_how_and_why(console: Console) -> None:
    page = console.enter("supervisor").get(LIST).text
    assert "Todo lo que llegó se pudo leer" in page
    payload = _lost(console, KeyError("MessageSid"))
    page = console.enter("supervisor").get(LIST).text
    assert "Un error nuestro al leerlo (KeyError)" in page
    assert "SMS" in page
    assert ">40<" in page
    # Counted beside the other sections, on every page.
    assert "que nadie pudo leer" in console.enter("admin").get("/consola/solicitudes").text
    payload.set_aside_at = clock.now()
    console.session.flush()
    assert "que nadie pudo leer" not in console.enter("admin").get("/consola/solicitudes").text


@pytest.mark.parametrize("why", ["no headers", "no single sender", "too deeply nested", "whatever else"])
def test_what_can_never_be_understood_is_given_up_at_once_and_again(console: Console, why: str) -> None:
    payload = _lost(console, UnreadablePayload(why))
    assert payload.attempts == 0
    assert failed_payloads.why(payload, "es") != ""
    console.enter("supervisor").send(f"{LIST}/{payload.id}", f"{LIST}/{payload.id}/intentar")
    receiving.try_again(Parrot(UnreadablePayload(why)), payload.id, now=clock.now())
    assert (console.fresh(payload).state, payload.attempts) == ("failed", 1)


def test_nobody_else_does(console: Console) -> None:
    payload = _lost(console, KeyError())
    make_city(console.session, "vecina.gob.example", sms_number=None)
    assert failed_payloads.count(console.session, "vecina.gob.example") >= 0
    for role in ("operator", "agency"):
        assert console.enter(role).get(LIST).status_code == 404
        assert console.enter(role).get(f"{LIST}/{payload.id}").status_code == 404
        assert "sin-leer" not in console.enter(role).get("/consola/solicitudes").text


class Postmark(Parrot):
    """One that can tell whom a call was for."""

    def __init__(self, why: Exception | None, recipient: str | None) -> None:
        super().__init__(why)
        self.recipient = recipient

    def recipient_of(self, webhook: Webhook) -> str | None:
        return self.recipient


@pytest.mark.parametrize("why", [KeyError(), UnreadablePayload("no headers")])
def test_where_nobody_knows_which_city_was_written_to_all_of_them_see_it(console: Console, why: Exception) -> None:
    payload = _lost(console, why)
    other = make_city(console.session, "vecina.gob.example", sms_number=None)
    other.is_default = False
    console.session.flush()
    for city in (payload_city(console), other.id):
        assert failed_payloads.count(console.session, city) == 1
        assert failed_payloads.find(console.session, city, payload.id) == payload


@pytest.mark.parametrize("why", [KeyError(), UnreadablePayload("no headers")])
def test_where_it_is_known_only_that_city_sees_it(console: Console, why: Exception) -> None:
    other = make_city(console.session, "vecina.gob.example", sms_number="+525500000312")
    other.is_default = False
    console.session.flush()
    payload = _lost(console, why, channel=Postmark(why, "+525500000312"))
    assert payload.jurisdiction_id == other.id
    assert [found.id for found in failed_payloads.listed(console.session, other.id)] == [payload.id]
    ours = payload_city(console)
    assert (failed_payloads.count(console.session, ours), failed_payloads.listed(console.session, ours)) == (0, [])
    with pytest.raises(failed_payloads.NotFound):
        failed_payloads.find(console.session, ours, payload.id)
    assert console.enter("supervisor").get(f"{LIST}/{payload.id}").status_code == 404


def test_a_number_of_no_city_is_the_default_one_s(console: Console) -> None:
    why = KeyError()
    payload = _lost(console, why, channel=Postmark(why, "+525599999999"))
    assert payload.jurisdiction_id == payload_city(console)


def test_it_is_tried_again_and_then_it_is_in_its_conversation(console: Console) -> None:
    payload = _lost(console, KeyError())
    browser = console.enter("supervisor")
    here = f"{LIST}/{payload.id}"
    for _ in range(2):
        answer = browser.send(here, f"{here}/intentar")
        assert answer.headers["location"] == here
    events = console.session.exec(select(OutboxEvent).where(OutboxEvent.name == "inbound_payload.tried_again")).all()
    assert [event.payload for event in events] == [{"payload_id": str(payload.id)}]
    assert "Se intenta otra vez" in browser.get(here).text
    receiving.try_again(Parrot(None), payload.id, now=clock.now())
    assert console.fresh(payload).state == "taken"
    page = browser.get(here).text
    assert "Ya está en su conversación." in page
    assert "Iván Soto pidió intentarlo otra vez" in page
    assert [message.body for message in console.session.exec(select(Message))] == ["hay un bache"]
    refused = browser.client.post(f"{here}/intentar", data={"csrf": _csrf(page)})
    assert refused.status_code == 409


def _csrf(page: str) -> str:
    return page.split('name="csrf" value="')[1].split('"')[0]


def test_one_more_failure_after_that_gives_it_up_again(console: Console) -> None:
    payload = _lost(console, KeyError())
    console.enter("supervisor").send(f"{LIST}/{payload.id}", f"{LIST}/{payload.id}/intentar")
    receiving.try_again(Parrot(KeyError()), payload.id, now=clock.now())
    assert (console.fresh(payload).state, payload.attempts) == ("failed", 41)
    # Now it may be asked for again.
    console.enter("supervisor").send(f"{LIST}/{payload.id}", f"{LIST}/{payload.id}/intentar")
    assert console.fresh(payload).state == "waiting"


def test_putting_aside_takes_a_reason_and_is_counted_no_more(console: Console) -> None:
    payload = _lost(console, KeyError())
    browser, here = console.enter("supervisor"), f"{LIST}/{payload.id}"
    refused = browser.send(here, f"{here}/apartar", reason="  ")
    assert refused.status_code == 400
    assert "Escribe por qué se aparta." in refused.text
    assert browser.send(here, f"{here}/apartar", reason="Era una prueba").headers["location"] == LIST
    page = browser.get(LIST).text
    assert "Todo lo que llegó se pudo leer" in page
    assert "Apartados" in page
    assert failed_payloads.count(console.session, payload_city(console)) == 0
    assert "Iván Soto lo apartó" in browser.get(here).text
    browser.send(here, f"{here}/intentar")
    assert console.fresh(payload).set_aside_at is None


def payload_city(console: Console) -> str:
    from agent_console.models import ConsoleUser

    return console.session.get_one(ConsoleUser, console.users["supervisor"]).jurisdiction_id


def test_its_content_is_opened_with_a_reason_covered_and_noted(console: Console) -> None:
    payload = _lost(console, KeyError())
    browser, here = console.enter("supervisor"), f"{LIST}/{payload.id}"
    page = browser.get(here).text
    assert "bache" not in page
    assert "Escribe para qué lo abres." in browser.send(here, f"{here}/abrir", reason="").text
    assert console.session.exec(select(InboundPayloadEvent)).all() == []
    page = browser.send(here, f"{here}/abrir", reason="Saber qué campo falta").text
    assert "hay un bache" in page
    for hidden in ("5512345678", "ana@correo.mx", "Juan Pérez", "abc<"):
        assert hidden not in page, hidden
    (event,) = console.session.exec(select(InboundPayloadEvent)).all()
    assert (event.name, event.actor_name, event.reason) == ("opened", "Iván Soto", "Saber qué campo falta")
    assert "bache" not in browser.get(here).text
    # The note of who read it outlives what was read.
    console.session.delete(payload)
    console.session.flush()
    assert console.session.exec(select(InboundPayloadEvent)).one().payload_id == payload.id


def test_one_that_was_taken_in_is_nobodys_to_open(console: Console) -> None:
    receiving.receive_call(Parrot(None), Webhook("/webhooks/sms", "", {}, b"x", clock.now()))
    payload = console.session.exec(select(InboundPayload)).one()
    assert console.enter("admin").get(f"{LIST}/{payload.id}").status_code == 404


@given(
    st.binary(max_size=400),
    st.sampled_from(["application/x-www-form-urlencoded", "application/json", "message/rfc822", "", "text/html"]),
)
def test_whatever_came_can_be_shown(body: bytes, kind: str) -> None:
    shown = failed_payloads.content_of(Webhook("/", "", {"content-type": kind}, body, clock.now()))
    assert shown.size_bytes == len(body)


@pytest.mark.parametrize(
    "written",
    ["+5215512345678", "whatsapp:+5215512345678", "55 1234 5678", '"from": "5512345678"', "rosa.cruz@correo.com.mx"],
)
def test_addresses_are_covered_however_a_provider_writes_them(written: str) -> None:
    shown = failed_payloads.masked(f"antes {written} después")
    assert "1234" not in shown
    assert "rosa" not in shown
    assert shown.startswith("antes ")
    assert shown.endswith(" después")
