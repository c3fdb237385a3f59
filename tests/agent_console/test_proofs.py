"""An operator has a code sent to another address of a person, and types what they read out."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlmodel import select

from channels import registry
from intake.conversations import actions as threads
from intake.conversations import arrivals, proofs
from intake.conversations.models import Conversation, Message
from intake.conversations.values import InboundMessage
from intake.people import actions as people
from intake.people import codes, same
from intake.people.code_models import ContactCode
from intake.people.models import PersonLink
from kernel import clock
from tests.agent_console.conftest import Console, settings
from tests.factories import CITY

pytestmark = pytest.mark.database
OTHER = "55 9876 5432"


@pytest.fixture(autouse=True)
def connected() -> Iterator[None]:
    registry.connect(settings())
    yield
    registry.disconnect()


def _thread(console: Console) -> Conversation:
    inbound = InboundMessage("telegram", uuid4().hex, "777", "us", "Hola", clock.now(), sender_kind="telegram")
    message = arrivals.receive(console.session, inbound, jurisdiction_id=CITY, now=clock.now())
    return threads.held(console.session, message.conversation_id)


def _url(thread: Conversation) -> str:
    return f"/consola/conversaciones/{thread.id}"


def _asked(console: Console, thread: Conversation) -> tuple[ContactCode, str]:
    answer = console.enter("operator").send(_url(thread), f"{_url(thread)}/codigo", way="phone", address=OTHER)
    assert answer.headers["location"] == f"{_url(thread)}#code-typed"
    code = console.session.exec(select(ContactCode)).one()
    proofs.send(console.session, code.id, now=clock.now())
    digits = codes.digits_of(console.session, code.id)
    assert digits
    return code, digits


def _try(console: Console, thread: Conversation, typed: str):  # type: ignore[no-untyped-def]  # a response
    return console.enter("operator").send(_url(thread), f"{_url(thread)}/codigo/probar", code=typed)


def test_what_is_read_out_links_the_two_with_who_when_and_how(console: Console) -> None:
    thread = _thread(console)
    code, digits = _asked(console, thread)
    page = console.enter("operator").get(_url(thread)).text
    for told in ("SMS", "55 •••• 5432", "en cola", "Intentos que quedan: 5"):
        assert told in page
    assert _try(console, thread, f"{digits[:3]} {digits[3:]}").headers["location"] == f"{_url(thread)}#who"
    (link,) = console.session.exec(select(PersonLink)).all()
    assert (link.basis, link.linked_by, link.linked_by_name) == ("code", console.users["operator"], "Amir Torres")
    page = console.enter("operator").get(_url(thread)).text
    assert "Amir Torres escribió el código que se mandó a SMS 55 •••• 5432" in page
    assert "Amir Torres pidió un código para SMS 55 •••• 5432" in page
    assert 'id="code-typed"' not in page
    # The same again, by a nervous hand, is no mistake.
    token = console.enter("operator")
    csrf = token.get(_url(thread)).text.split('name="csrf" value="')[1].split('"')[0]
    again = token.client.post(f"{_url(thread)}/codigo/probar", data={"csrf": csrf, "code": digits})
    assert again.status_code == 303
    assert len(console.session.exec(select(PersonLink)).all()) == 1
    undone = console.enter("operator").send(_url(thread), f"{_url(thread)}/separar", why="Era su vecina")
    assert undone.status_code == 303
    assert same.same_person(console.session, thread.person_id) == [thread.person_id]
    page = console.enter("operator").get(_url(thread)).text
    assert "Amir Torres separó a las dos: «Era su vecina»" in page
    assert console.fresh(code).link_id == link.id


def test_the_digits_are_on_no_page(console: Console) -> None:
    thread = _thread(console)
    _, digits = _asked(console, thread)
    carrying = console.session.exec(select(Message).where(Message.author_kind == "proof")).one()
    browser = console.enter("operator")
    for path in (
        _url(thread),
        f"/consola/conversaciones/{carrying.conversation_id}",
        "/consola/conversaciones?state=any",
    ):
        page = browser.get(path).text
        assert digits not in page
    assert "•••••• es tu código" in browser.get(f"/consola/conversaciones/{carrying.conversation_id}").text


@pytest.mark.parametrize(
    ("way", "address", "told"),
    [
        ("phone", "", "El teléfono tiene 10 números"),
        ("phone", "ana@correo.example", "El teléfono tiene 10 números"),
        ("fax", OTHER, "Elige por dónde mandar el código"),
        ("email", "ana@correo.example", "Elige por dónde mandar el código"),
    ],
)
def test_an_address_that_cannot_be_is_said_and_kept(console: Console, way: str, address: str, told: str) -> None:
    thread = _thread(console)
    answer = console.enter("operator").send(_url(thread), f"{_url(thread)}/codigo", way=way, address=address)
    assert answer.status_code == 400
    assert told in answer.text
    assert f'value="{address}"' in answer.text
    assert console.session.exec(select(ContactCode)).all() == []


def test_whoever_opted_out_gets_none_and_staff_is_told_why(console: Console) -> None:
    thread = _thread(console)
    target = people.find_or_create(console.session, CITY, "phone", OTHER, now=clock.now())
    people.record_consent(
        console.session, target.id, purpose="notices", is_granted=False, words="ALTO", now=clock.now()
    )
    answer = console.enter("operator").send(_url(thread), f"{_url(thread)}/codigo", way="phone", address=OTHER)
    assert answer.status_code == 409
    assert "Esa dirección pidió no recibir mensajes" in answer.text


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "hola"])
def test_what_is_no_code_costs_no_try(console: Console, typed: str) -> None:
    thread = _thread(console)
    code, _ = _asked(console, thread)
    answer = _try(console, thread, typed)
    assert "El código tiene 6 números." in answer.text
    assert console.fresh(code).tries == 0


def test_wrong_ones_are_counted_until_it_is_over(console: Console) -> None:
    thread = _thread(console)
    code, digits = _asked(console, thread)
    wrong = f"{(int(digits) + 1) % 1_000_000:06}"
    for left in (4, 3, 2, 1):
        assert f"Ese código no es. Intentos que quedan: {left}." in _try(console, thread, wrong).text
    answer = _try(console, thread, wrong)
    assert "Fueron 5 intentos y ese código ya no sirve." in answer.text
    assert console.fresh(code).state == "used_up"
    assert "Cinco intentos malos con el código" in console.enter("operator").get(_url(thread)).text


def test_agency_staff_and_other_sites_ask_for_none(console: Console) -> None:
    thread = _thread(console)
    for path in ("codigo", "codigo/probar"):
        answer = console.enter("agency").client.post(f"{_url(thread)}/{path}", data={"way": "phone", "address": OTHER})
        assert answer.status_code in (403, 404)
        answer = console.enter("operator").client.post(f"{_url(thread)}/{path}", data={"csrf": "x", "address": OTHER})
        assert answer.status_code == 403
    assert console.session.exec(select(ContactCode)).all() == []
