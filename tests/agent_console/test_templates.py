"""Approved templates in the composer: offered when WhatsApp takes no free words, looked at before they go, sent once."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlmodel import select

from channels import delivery, registry
from channels.delivery import Claim
from intake.catalog.models import Jurisdiction
from intake.conversations import actions as threads
from intake.conversations import approved, arrivals
from intake.conversations.approved import Template
from intake.conversations.models import Conversation, Message
from intake.conversations.values import InboundMessage
from kernel import clock
from kernel.errors import InvalidInput
from kernel.settings import Whatsapp
from tests.agent_console.conftest import Console, settings
from tests.factories import CITY

pytestmark = pytest.mark.database
OWN = {
    "id": "HX" + "1" * 32,
    "variables": ["name", "folio"],
    "text": "Hola {name}, te escribe el 311 por tu reporte {folio}.",
}
NOTICE = {"id": "HX" + "2" * 32, "variables": ["folio", "agency", "note"]}
CODE = {"id": "HX" + "3" * 32, "variables": ["code", "city", "channel"]}


@pytest.fixture(autouse=True)
def connected() -> Iterator[None]:
    whatsapp = Whatsapp(account_sid="AC1", auth_token=SecretStr("t"), number="+525500000312")
    registry.connect(settings().model_copy(update={"whatsapp": whatsapp}))
    yield
    registry.disconnect()


def _approve(console: Console, **texts: Any) -> None:
    city = console.session.get_one(Jurisdiction, CITY)
    named = {key.replace("__", "."): {"es": one} for key, one in texts.items()}
    city.settings = {**city.settings, "templates": {"whatsapp": named}}
    console.session.flush()


def _thread(console: Console, hours: float = 25) -> Conversation:
    at = clock.now() - timedelta(hours=hours)
    inbound = InboundMessage("whatsapp", uuid4().hex, "+525512345678", "us", "Hola", at, sender_kind="whatsapp")
    message = arrivals.receive(console.session, inbound, jurisdiction_id=CITY, now=at)
    return threads.held(console.session, message.conversation_id)


def _url(thread: Conversation) -> str:
    return f"/consola/conversaciones/{thread.id}"


def _all(console: Console) -> list[Message]:
    return list(console.session.exec(select(Message).where(Message.direction == "outbound")))


def test_with_the_window_closed_a_template_is_looked_at_and_sent_once(console: Console) -> None:
    _approve(console, reply__back=OWN, notice__closed_resolved=NOTICE, proof__code=CODE)
    thread = _thread(console)
    browser, here = console.enter("operator"), _url(thread)
    page = browser.get(here).text
    assert "Plantillas aprobadas de WhatsApp" in page
    assert "Manda una plantilla aprobada." in page
    assert page.index("Hola [name]") < page.index("Tu reporte [folio] ya quedó")
    assert "proof.code" not in page
    chosen = f"{here}?template=reply.back"
    fields = {"var-name": " Rosa  Cruz", "var-folio": "26 4817 3053"}
    shown = browser.send(chosen, f"{here}/plantilla", decision="preview", **fields)
    assert shown.status_code == 200
    assert "Hola Rosa Cruz, te escribe el 311 por tu reporte 26 4817 3053." in shown.text
    assert _all(console) == []
    page = browser.get(chosen).text
    form = {name: _hidden(page, name) for name in ("csrf", "ref", "to")} | {"template": "reply.back"} | fields
    for _ in range(2):
        sent = browser.client.post(f"{here}/plantilla", data=form | {"decision": "send"})
        assert sent.status_code == 303
    (message,) = _all(console)
    assert (message.template, message.author_kind, message.author_name) == ("reply.back", "agent", "Amir Torres")
    assert message.template_params == {"name": "Rosa Cruz", "folio": "26 4817 3053"}
    claimed = delivery.claim_next(console.session, message.id, now=clock.now())
    assert isinstance(claimed, Claim)
    assert claimed.message.approved is not None
    assert claimed.message.approved.reference == OWN["id"]
    registry.channel_named("whatsapp").prepare(claimed.message)


def _hidden(page: str, name: str) -> str:
    within = page[page.index("/plantilla") :]
    return within.split(f'name="{name}" value="')[1].split('"')[0]


def test_free_words_stay_refused(console: Console) -> None:
    _approve(console, reply__back=OWN)
    thread = _thread(console)
    answer = console.enter("operator").send(_url(thread), f"{_url(thread)}/respuesta", text="Hola")
    assert answer.status_code == 400
    assert "Pasaron 24 horas desde su último mensaje" in answer.text
    assert _all(console) == []


@pytest.mark.parametrize(("name", "value"), [("name", ""), ("name", " \n "), ("folio", "x" * 301)])
def test_a_gap_is_named_and_nothing_that_was_typed_is_lost(console: Console, name: str, value: str) -> None:
    _approve(console, reply__back=OWN)
    thread = _thread(console)
    fields = {"var-name": "Rosa", "var-folio": "26 4817 3053"} | {f"var-{name}": value}
    chosen = f"{_url(thread)}?template=reply.back"
    for decision in ("preview", "send"):
        answer = console.enter("operator").send(chosen, f"{_url(thread)}/plantilla", decision=decision, **fields)
        assert answer.status_code == 400
        other = "var-folio" if name == "name" else "var-name"
        assert f'value="{fields[other]}"' in answer.text
        assert answer.text.count('aria-invalid="true"') == 1
    assert _all(console) == []


def test_where_nothing_is_approved_it_says_what_to_do(console: Console) -> None:
    page = console.enter("operator").get(_url(_thread(console))).text
    assert "La ciudad no tiene plantillas aprobadas en este idioma" in page
    assert "[templates.whatsapp]" in page
    assert "Manda una plantilla aprobada." not in page


def test_while_the_window_is_open_it_says_for_how_long(console: Console) -> None:
    _approve(console, reply__back=OWN)
    page = console.enter("operator").get(_url(_thread(console, hours=3))).text
    assert "Plantillas aprobadas" not in page
    assert "Quedan 20 h 59 min." in page


@pytest.mark.parametrize("key", ["", "reply.other", "proof.code", "notice.closed_resolved"])
def test_only_what_the_city_has_is_sent(console: Console, key: str) -> None:
    _approve(console, reply__back=OWN, proof__code=CODE)
    thread = _thread(console)
    browser = console.enter("operator")
    page = browser.get(f"{_url(thread)}?template=reply.back").text
    form = {name: _hidden(page, name) for name in ("csrf", "ref", "to")} | {"template": key, "decision": "send"}
    assert browser.client.post(f"{_url(thread)}/plantilla", data=form).status_code == 404
    assert _all(console) == []


def test_whose_it_is_counts_for_templates_too(console: Console) -> None:
    _approve(console, reply__back=OWN)
    thread = _thread(console)
    threads.take(console.session, thread.id, console.users["supervisor"], "Iván Soto", seen=None, now=clock.now())
    console.session.flush()
    fields = {"var-name": "Rosa", "var-folio": "26 4817 3053", "decision": "send"}
    chosen = f"{_url(thread)}?template=reply.back"
    answer = console.enter("operator").send(chosen, f"{_url(thread)}/plantilla", **fields)
    assert answer.status_code == 409
    assert "La atiende Iván Soto." in answer.text


@given(st.dictionaries(st.sampled_from(["name", "folio", "other"]), st.text(max_size=320)))
def test_what_passes_has_no_gap_and_no_line_of_its_own(values: dict[str, str]) -> None:
    template = Template("reply.back", str(OWN["text"]), ("name", "folio"))
    try:
        kept = approved.checked(template, values)
    except InvalidInput:
        return
    assert set(kept) == {"name", "folio"}
    assert all(value and value == " ".join(value.split()) for value in kept.values())
    told = approved.filled(template, kept)
    assert told == f"Hola {kept['name']}, te escribe el 311 por tu reporte {kept['folio']}."
