"""The chat over HTTP, as a browser without scripts uses it: threads, tokens, what is told and by whom."""

import re
from datetime import timedelta

import pytest
from fastapi import FastAPI
from sqlmodel import Session, select
from starlette.testclient import TestClient

from agent_console.contacts import masked
from channels import delivery, registry, settling
from channels.app.routes import install as install_resident_pages
from channels.web_chat import tokens
from channels.web_chat.access import cookie_name
from intake.conversations import actions as conversations
from intake.conversations.models import Conversation, Message
from intake.people.models import ContactPoint
from intake.service_requests.models import ServiceRequest
from kernel import clock
from tests.channels.chatting import Visitor, work
from tests.channels.web_chat.conftest import inbound
from tests.factories import CITY, make_city

pytestmark = pytest.mark.database

KEY = b"s" * 32


def test_a_whole_report_without_a_script(ana: Visitor, session: Session) -> None:
    said = ana.say("hay un bache enorme")
    assert said[0] == "hay un bache enorme"
    assert "¿Dónde es?" in said[-1]
    said = ana.say("avenida sabinos, el carmen")
    while "¿" in said[-1]:
        page = ana.look()
        label = re.search(r'name="choice" value="[^"]+"><span>([^<]+)', page)
        said = ana.press(label[1]) if label else ana.say("1")
    request = session.exec(select(ServiceRequest)).one()
    assert request.channel == "web_chat"
    assert f'href="/folio/{request.folio}"' in ana.look()
    assert "Respuesta automática" in ana.look()


def test_a_button_that_is_pressed_says_its_label_and_carries_its_value(ana: Visitor, session: Session) -> None:
    ana.say("hay un bache o fuga en la calle")
    page = ana.look()
    value, label = re.findall(r'name="choice" value="([^"]+)"><span>([^<]+)', page)[0]
    ana.press(label)
    assert (inbound(session)[-1].choice, inbound(session)[-1].body) == (value, label)


def test_an_answer_that_nobody_offered_is_refused_in_words(ana: Visitor, session: Session) -> None:
    answer = ana.post(choice="place.99")
    assert answer.status_code == 400
    assert "Esa respuesta ya no está" in answer.text
    assert inbound(session) == []


def test_a_double_tap_on_the_first_message_is_one_message_of_one_person(
    ana: Visitor, beto: Visitor, session: Session
) -> None:
    cid = ana.cid()
    # The second tap leaves before the first one's cookie has come.
    first, second = ana.post(cid=cid, body="fuga"), beto.post(cid=cid, body="fuga")
    assert first.status_code == second.status_code == 303
    assert len(inbound(session)) == 1
    assert len(session.exec(select(ContactPoint)).all()) == 1


def test_other_words_on_the_same_page_are_another_message(ana: Visitor, session: Session) -> None:
    cid = ana.cid()
    for body in ("hay un bache", "hay un bache", "perdón, es una fuga"):
        ana.post(cid=cid, body=body)
    assert [message.body for message in inbound(session)] == ["hay un bache", "perdón, es una fuga"]


def test_one_visitor_never_sees_anothers_thread(ana: Visitor, beto: Visitor, session: Session) -> None:
    ana.say("vivo en Niebla 4 y hay una fuga")
    beto.say("hay basura")
    assert "Niebla 4" not in beto.look()
    assert "basura" not in ana.look()
    stolen = ana.client.cookies[cookie_name(CITY)]
    for token in (stolen[:-1] + ("A" if stolen[-1] != "A" else "B"), stolen[:-2], stolen + "=", "", "null"):
        answer = beto.client.get("/chat/hilo", headers={"authorization": f"Bearer {token}"})
        assert "Niebla 4" not in answer.text
    assert "Niebla 4" in beto.client.get("/chat/hilo", headers={"authorization": f"Bearer {stolen}"}).text


def test_a_made_up_name_of_a_message_opens_nobodys_thread(ana: Visitor, beto: Visitor) -> None:
    ana.post(cid="1234567890", body="mi casa es Niebla 4")
    beto.post(cid="1234567890", body="hola")
    assert "Niebla 4" not in beto.look()


def test_a_token_for_one_city_opens_nothing_in_another(ana: Visitor, session: Session) -> None:
    make_city(session, "encinos.gob.example", sms_number="+525500000312").is_default = False
    session.flush()
    ana.say("hay un bache en Niebla 4")
    stolen = ana.client.cookies[cookie_name(CITY)]
    answer = ana.client.get("/chat/hilo?ciudad=encinos.gob.example", headers={"authorization": f"Bearer {stolen}"})
    assert answer.json()["is_lost"]
    assert "Niebla 4" not in answer.text


def test_the_city_that_is_asked_for_gets_the_message(ana: Visitor, session: Session) -> None:
    make_city(session, "encinos.gob.example", sms_number="+525500000312").is_default = False
    session.flush()
    ana.path = "/chat?ciudad=encinos.gob.example"
    ana.say("hay un bache")
    assert session.exec(select(Conversation)).one().jurisdiction_id == "encinos.gob.example"
    assert ana.client.get("/chat?ciudad=nowhere").status_code == 404


def test_a_thread_that_is_too_old_is_said_to_be_gone_and_the_message_is_kept(ana: Visitor, session: Session) -> None:
    visitor = tokens.newcomer(KEY, CITY, "", now=clock.now())
    old = tokens.issue(KEY, visitor, now=clock.now() - tokens.LIFETIME)
    ana.client.cookies.set(cookie_name(CITY), old, domain="testserver.local", path="/")
    page = ana.look()
    assert "Tu conversación anterior ya no está en este equipo." in page
    assert "Tu conversación anterior" not in ana.look()  # said once
    ana.client.cookies.set(cookie_name(CITY), old, domain="testserver.local", path="/")
    assert ana.post(body="sigue el bache").status_code == 303
    assert [message.body for message in inbound(session)] == ["sigue el bache"]
    assert "sigue el bache" in ana.look()


def test_a_token_is_renewed_while_somebody_keeps_writing(ana: Visitor, session: Session) -> None:
    visitor = tokens.newcomer(KEY, CITY, "", now=clock.now())
    ana.client.cookies.set(cookie_name(CITY), tokens.issue(KEY, visitor, now=clock.now() - timedelta(days=20)))
    answer = ana.post(body="hola")
    renewed = tokens.read(KEY, answer.cookies[cookie_name(CITY)], now=clock.now() + timedelta(days=29))
    assert renewed.id == visitor.id


def test_closing_forgets_the_thread_on_this_device(ana: Visitor) -> None:
    ana.say("hay un bache")
    assert ana.client.post("/chat/salir", headers=ana.headers, follow_redirects=False).status_code == 303
    assert ana.bubbles() == []


def test_an_agents_answer_arrives_with_their_first_name_and_is_read(ana: Visitor, session: Session) -> None:
    ana.say("hablar con una persona")
    thread = session.exec(select(Conversation)).one()
    conversations.queue_message(
        session,
        thread.id,
        "Vamos para allá.",
        client_ref="a1",
        author_kind="agent",
        author_name="Amir Torres",
        now=clock.now(),
    )
    sent = select(Message).where(Message.body == "Vamos para allá.")
    assert "Vamos para allá." not in ana.look()  # it is not its turn yet
    work(session)
    assert session.exec(sent).one().status == "accepted"
    ana.client.get("/chat/hilo")
    session.expire_all()
    assert session.exec(sent).one().status == "delivered"
    page = ana.look()
    assert "Vamos para allá." in page
    assert ">Amir<" in page
    assert "Torres" not in page
    session.expire_all()
    assert session.exec(sent).one().status == "read"
    assert "Visto" in page


def test_a_sender_that_died_halfway_leaves_one_message(ana: Visitor, session: Session) -> None:
    ana.say("hablar con una persona")
    thread = session.exec(select(Conversation)).one()
    message = conversations.queue_message(
        session, thread.id, "Vamos.", client_ref="a1", author_kind="agent", author_name="Amir", now=clock.now()
    )
    claim = delivery.claim_next(session, message.id, now=clock.now())
    assert isinstance(claim, delivery.Claim)  # and here it is killed
    delivery.move(session, message, "uncertain", reason="no_answer", now=clock.now() - settling.ABSENT_AFTER)
    found = registry.channel_named("web_chat").look_up(claim.message, clock.now())
    settling.settle(session, claim.message, found, channel="web_chat", now=clock.now())
    assert "Vamos." not in ana.look()
    work(session)
    assert ana.bubbles().count("Vamos.") == 1


def test_the_console_calls_visitors_by_a_part_of_their_id(ana: Visitor, beto: Visitor, session: Session) -> None:
    ana.post(body="hola")
    beto.post(body="hola")
    named = {masked(one) for one in session.exec(select(ContactPoint))}
    assert len(named) == 2
    assert all(re.fullmatch(r"Chat [\w-]{4}", name) for name in named)


def test_the_residents_home_leads_to_the_chat_where_there_is_one(app: FastAPI) -> None:
    install_resident_pages(app)
    client = TestClient(app, base_url="https://testserver")
    assert 'href="/chat"' in client.get("/").text
    assert 'href="/en/chat"' in client.get("/en").text
    registry.disconnect()
    assert 'href="/chat"' not in client.get("/").text
