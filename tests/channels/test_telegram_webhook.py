"""Telegram's updates through our webhook into threads: once however often told, in whatever order, and what an edit changes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import col, func, select

from channels.models import InboundPayload
from intake.conversations import actions as conversations
from intake.conversations.advance import advance
from intake.conversations.models import Conversation, Message
from intake.people import actions as people
from intake.people.models import Consent, ContactPoint, Person
from kernel import db
from kernel.outbox import OutboxEvent
from tests.channels.conftest import Provider
from tests.channels.telegram import CHAT, membership, message, press, tell, update
from tests.factories import NOW


@pytest.fixture
def client(city_engine: Engine, provider: Provider) -> TestClient:
    with db.transaction() as session:
        session.connection().exec_driver_sql("TRUNCATE inbound_payload")
    return provider.client


def count(table: type[Any]) -> int:
    with db.transaction() as session:
        return session.exec(select(func.count()).select_from(table)).one()


def thread() -> list[Message]:
    with db.transaction() as session:
        found = list(session.exec(select(Message).order_by(col(Message.seq))))
        for one in found:
            session.expunge(one)
        return found


def handle() -> None:
    with db.transaction() as session:
        for conversation_id in session.exec(select(Conversation.id)).all():
            advance(session, conversation_id, now=NOW)


def test_the_same_update_fifty_times_at_once_is_one_message(client: TestClient) -> None:
    told = update(message=message(text="hay un bache"))
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: tell(client, told).status_code, range(50)))

    assert answers == [200] * 50
    for table in (Message, Conversation, ContactPoint, Person, OutboxEvent, InboundPayload):
        assert count(table) == 1, table


def test_an_album_of_somebody_new_is_one_thread(client: TestClient) -> None:
    size = {"file_unique_id": "u", "width": 9, "height": 9}
    told = [update(message=message(n, media_group_id="77", photo=[{"file_id": f"f{n}", **size}])) for n in range(1, 6)]
    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(lambda one: tell(client, one).status_code, told)) == [200] * 5
    assert count(Message) == 5
    assert {one.album for one in thread()} == {"77"}
    for table in (Conversation, ContactPoint, Person):
        assert count(table) == 1, table


def test_a_button_pressed_twice_is_one_answer_and_its_clock_stops_both_times(client: TestClient) -> None:
    answers = [tell(client, press("3.1")) for _ in range(2)]
    assert [answer.json()["method"] for answer in answers] == ["answerCallbackQuery"] * 2
    assert answers[0].json()["callback_query_id"] != answers[1].json()["callback_query_id"]
    (kept,) = thread()
    assert (kept.choice, kept.body, kept.reply_to) == ("3.1", "Sí", f"{CHAT}:9")


def test_only_the_secret_opens(client: TestClient) -> None:
    assert tell(client, update(message=message(text="hola")), secret="otro").status_code == 403
    assert client.post("/webhooks/telegram", content=b"x").status_code == 403
    assert count(Message) == count(InboundPayload) == 0


def test_what_tells_nothing_is_answered_and_not_kept(client: TestClient) -> None:
    group = message(text="hola") | {"chat": {"id": -5, "type": "group", "title": "Vecinos"}}
    for told in (update(message=group), update(inline_query={"id": "1"}), update()):
        assert tell(client, told).status_code == 200
    assert tell(client, {"hola": 1}).status_code == 400
    assert count(Message) == 0


def test_who_writes_is_known_by_their_chat_and_by_the_name_of_their_account(client: TestClient) -> None:
    tell(client, update(message=message(text="hola")))
    with db.transaction() as session:
        contact_point = session.exec(select(ContactPoint)).one()
        assert (contact_point.kind, people.address_of(contact_point)) == ("telegram", str(CHAT))
        assert people.profile_name_of(contact_point) == "Ana Robles"


def test_a_blocked_bot_stops_notices_and_an_unblocked_one_brings_them_back(client: TestClient) -> None:
    tell(client, update(message=message(text="hola")))
    with db.transaction() as session:
        conversation_id = session.exec(select(Conversation.id)).one()
        contact_point_id = session.exec(select(ContactPoint.id)).one()
        conversations.queue_message(session, conversation_id, "Ya quedó", client_ref="n", author_kind="notice", now=NOW)
    blocked = membership("kicked")
    for _ in range(2):
        tell(client, blocked)
    with db.transaction() as session:
        assert people.is_opted_out(session, contact_point_id)
        assert session.exec(select(Message.status).where(Message.author_kind == "notice")).one() == "suppressed"
        assert "kicked" in session.exec(select(Consent.words)).one()
    tell(client, membership("member"))
    tell(client, blocked)  # the old one once more: it changes nothing
    with db.transaction() as session:
        assert not people.is_opted_out(session, contact_point_id)
        assert session.exec(select(func.count()).select_from(Consent)).one() == 2


def test_an_edit_before_anybody_read_it_takes_its_place(client: TestClient) -> None:
    tell(client, update(message=message(4, text="hay un bache en sabinas")))
    tell(client, update(edited_message=message(4, text="hay un bache en sabinos", edit_date=5)))
    tell(client, update(edited_message=message(4, text="hay un bache en Sabinos", edit_date=6)))
    assert [(one.body, one.status) for one in thread()] == [
        ("hay un bache en sabinas", "handled"),
        ("hay un bache en sabinos", "handled"),
        ("hay un bache en Sabinos", "received"),
    ]
    handle()
    replies = [one for one in thread() if one.direction == "outbound"]
    assert replies
    assert {one.client_ref for one in replies} == {f"reply-{thread()[2].id}-{n}" for n in range(1, len(replies) + 1)}


def test_an_edit_that_overtakes_its_message_is_what_is_answered(client: TestClient) -> None:
    tell(client, update(edited_message=message(4, text="bache en sabinos", edit_date=5)))
    tell(client, update(message=message(4, text="bache en sabinas")))
    assert [(one.body, one.status) for one in thread()] == [
        ("bache en sabinos", "received"),
        ("bache en sabinas", "handled"),
    ]


def test_an_edit_after_the_answer_is_kept_and_changes_nothing(client: TestClient) -> None:
    tell(client, update(message=message(4, text="hola")))
    handle()
    answered = thread()
    tell(client, update(edited_message=message(4, text="adiós", edit_date=5)))
    handle()
    assert len(thread()) == len(answered) + 1
    last = thread()[-1]
    assert (last.body, last.status, last.edits) == ("adiós", "handled", f"{CHAT}:4")
    with db.transaction() as session:
        told = session.exec(select(OutboxEvent).where(OutboxEvent.name == "message.received")).all()
        assert str(last.id) in [event.payload["message_id"] for event in told]  # open pages learn of it


def test_a_place_that_moves_counts_until_it_was_answered(client: TestClient) -> None:
    def at(lat: float, **more: Any) -> dict[str, Any]:
        return message(4, location={"longitude": -101.4, "latitude": lat, "live_period": 900}, **more)

    tell(client, update(message=at(21.1)))
    tell(client, update(edited_message=at(21.2, edit_date=5)))
    assert [(one.lat, one.status) for one in thread()] == [(21.1, "handled"), (21.2, "received")]
    handle()
    before = len(thread())
    for second in range(6, 20):
        assert tell(client, update(edited_message=at(21.3, edit_date=second))).status_code == 200
    assert len(thread()) == before


def test_updates_of_one_person_that_come_at_once_and_out_of_order_are_one_thread(client: TestClient) -> None:
    told = [update(message=message(n, text=f"mensaje {n}")) for n in range(20, 0, -1)]
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda one: tell(client, one).status_code, told)) == {200}
    assert count(Message) == 20
    assert count(Conversation) == 1


def test_a_database_that_is_away_makes_telegram_call_again(client: TestClient, city_database: Engine) -> None:
    db.configure(db.make_engine("postgresql+psycopg://nobody@127.0.0.1:1/none"))
    try:
        assert tell(client, update(message=message(text="hola"))).status_code == 503
    finally:
        db.configure(city_database)
    assert count(Message) == 0


def test_a_card_or_a_dice_is_no_photo_of_anything(client: TestClient) -> None:
    contact = {"phone_number": "+525500001234", "first_name": "Plomería"}
    for number, content in enumerate(({"dice": {"emoji": "x", "value": 1}}, {"contact": contact}), start=1):
        tell(client, update(message=message(number, **content)))
    handle()
    said = [one.body for one in thread() if one.direction == "outbound"]
    assert said
    assert not [body for body in said if "foto" in body]
    tell(client, update(message=message(3, photo=[{"file_id": "f", "file_unique_id": "u", "width": 9, "height": 9}])))
    handle()
    assert "foto" in thread()[-1].body
