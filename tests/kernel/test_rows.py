"""Rows by one statement of our own are the session's objects like any other."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import inspect, text
from sqlmodel import Session, SQLModel, col, select

from intake.conversations.models import Conversation, Message
from intake.people.models import ContactPoint, Person
from kernel.ids import new_id
from kernel.inserts import Row, insert_together
from kernel.rows import change, fresh, load, load_beside, load_one
from tests.factories import CITY, make_city

pytestmark = pytest.mark.database
NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)


@pytest.fixture
def thread(session: Session) -> Conversation:
    make_city(session)
    person = Person(jurisdiction_id=CITY, created_at=NOW)
    point = ContactPoint(
        jurisdiction_id=CITY, person_id=person.id, kind="phone", lookup=b"\0\\k", address_sealed=b"\xff", created_at=NOW
    )
    assert insert_together(session, point, [Row(Person, person.model_dump())])
    thread = Conversation(
        jurisdiction_id=CITY,
        person_id=person.id,
        contact_point_id=point.id,
        channel="sms",
        dialogue={"words": ["bache", 1, None]},
        last_message_at=NOW,
        created_at=NOW,
    )
    session.add(thread)
    session.flush()
    return thread


def test_a_loaded_row_is_what_a_select_gives(session: Session, thread: Conversation) -> None:
    message = Message(
        id=new_id(), conversation_id=thread.id, channel="sms", direction="inbound", body="¿hola?", lon=-99.5,
        media=[{"kind": "photo"}], status="received", at=NOW.astimezone(timezone(timedelta(hours=-6))), changed_at=NOW,
    )  # fmt: skip
    session.add(message)
    session.flush()
    for model, key in ((Message, message.id), (Conversation, thread.id), (ContactPoint, thread.contact_point_id)):
        session.expunge_all()
        one = load_one(session, model, "WHERE id = $1", [key])
        assert one is not None
        loaded = one.model_dump()
        assert one in session
        assert not session.dirty
        assert session.get(model, key) is one
        session.expunge_all()
        selected = session.get(model, key)
        assert selected is not None
        assert loaded == selected.model_dump()
    assert load(session, Message, "WHERE id = $1", [thread.id]) == []


def test_what_was_changed_in_the_session_is_written_before_and_after(session: Session, thread: Conversation) -> None:
    thread.language = "en"
    (one,) = load(session, Conversation, "WHERE language = $1 FOR NO KEY UPDATE", ["en"])
    assert one is thread
    session.execute(text("UPDATE conversation SET channel = 'whatsapp'"))
    assert load_one(session, Conversation, "WHERE id = $1", [thread.id]) is thread
    assert thread.channel == "whatsapp"
    thread.state = "with_agent"
    session.flush()
    assert session.exec(select(Conversation.state).where(Conversation.id == thread.id)).one() == "with_agent"


def test_a_fresh_row_has_the_models_defaults_and_numbers_of_the_database(
    session: Session, thread: Conversation
) -> None:
    values: dict[str, Any] = {
        "conversation_id": thread.id,
        "channel": "sms",
        "direction": "inbound",
        "status": "received",
    }
    made = fresh(Message, **values, body="hola", at=NOW, changed_at=NOW)
    expected = Message(**values, id=made.id, body="hola", at=NOW, changed_at=NOW).model_dump()
    other = fresh(Message, **values, at=NOW, changed_at=NOW)
    assert insert_together(session, made, [])
    assert insert_together(session, other, [])
    assert made.media is not other.media
    assert made.seq is not None
    assert other.seq is not None
    assert made.seq < other.seq
    assert made.model_dump() == expected | {"seq": made.seq}
    made.media.append({"kind": "photo"})
    assert other.media == []


def test_a_change_is_written_at_once_and_known_as_written(session: Session, thread: Conversation) -> None:
    later = NOW + timedelta(minutes=3)
    change(session, thread, dialogue={"a": "ñ"}, waiting_since=later, taken_by=thread.person_id, taken_by_name="Ana")
    assert not session.dirty
    assert not inspect(thread).modified
    kept = session.exec(
        select(
            Conversation.dialogue, Conversation.waiting_since, Conversation.taken_by, Conversation.taken_by_name
        ).where(col(Conversation.id) == thread.id)
    ).one()
    assert tuple(kept) == ({"a": "ñ"}, later, thread.person_id, "Ana")
    assert (thread.dialogue, thread.waiting_since, thread.taken_by_name) == ({"a": "ñ"}, later, "Ana")
    session.execute(text("UPDATE conversation SET language = 'en'"))
    change(session, thread, language="es")  # as it was read: nothing to write
    assert session.exec(select(Conversation.language).where(Conversation.id == thread.id)).one() == "en"
    change(session, thread, waiting_since=None, taken_by=None)
    session.refresh(thread)
    assert (thread.waiting_since, thread.taken_by) == (None, None)


def test_rows_of_several_tables_come_beside_each_other(session: Session, thread: Conversation) -> None:
    session.expunge(thread)
    tail = (
        "FROM contact_point AS point LEFT JOIN conversation AS open ON open.contact_point_id = point.id AND open.channel = $2"
        " WHERE point.id = $1"
    )
    tables: dict[str, type[SQLModel]] = {"open": Conversation, "point": ContactPoint}
    [(found, point)] = load_beside(session, tables, tail, [thread.contact_point_id, "sms"])
    assert found in session
    assert found.model_dump() == thread.model_dump()
    assert point is session.get(ContactPoint, thread.contact_point_id)
    assert load_beside(session, tables, tail, [thread.contact_point_id, "email"]) == [(None, point)]
    assert load_beside(session, tables, tail, [new_id(), "sms"]) == []
