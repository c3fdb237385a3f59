"""One message, one contact, one thread: whatever the provider repeats and however parallel it is."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, func
from sqlmodel import Session, select

from intake.conversations import actions, arrivals
from intake.conversations.advance import advance
from intake.conversations.models import Conversation, Message
from intake.conversations.values import InboundMessage
from intake.people import actions as people
from intake.people.models import ContactPoint, Person
from kernel import db
from kernel.outbox import OutboxEvent
from tests.factories import CITY, NOW, make_city

pytestmark = pytest.mark.database

ROSA = "+525512345678"


def inbound(provider_id: str = "SM1", body: str = "hay un bache", sender: str = ROSA, **values: Any) -> InboundMessage:
    defaults: dict[str, Any] = {"channel": "sms", "recipient": "+525500000311", "received_at": NOW}
    return InboundMessage(provider_message_id=provider_id, sender=sender, body=body, **(defaults | values))


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(min(count, 25)) as pool:
        return list(pool.map(work, range(count)))


def receive_committed(message: InboundMessage) -> Any:
    with db.transaction() as session:
        return arrivals.receive(session, message, jurisdiction_id=CITY, now=NOW).id


def count(session: Session, table: type[Any]) -> int:
    return session.exec(select(func.count()).select_from(table)).one()


def test_fifty_tellings_of_one_message_are_one_message(committed_city: Engine) -> None:
    ids = at_once(50, lambda _: receive_committed(inbound("SM-same")))
    assert len(set(ids)) == 1
    with Session(committed_city) as session:
        assert (count(session, Message), count(session, Conversation), count(session, ContactPoint)) == (1, 1, 1)
        assert count(session, OutboxEvent) == 1


def test_five_parallel_messages_of_a_new_contact_share_one_thread(committed_city: Engine) -> None:
    at_once(5, lambda n: receive_committed(inbound(f"SM-{n}", f"mensaje {n}")))
    with Session(committed_city) as session:
        assert (count(session, Message), count(session, Conversation)) == (5, 1)
        assert (count(session, ContactPoint), count(session, Person)) == (1, 1)
        assert count(session, OutboxEvent) == 5


def while_held(work: Callable[[Session, Conversation], Any]) -> None:
    """Rosa's thread is held, as by who answers it, and another message of hers comes meanwhile."""
    first = receive_committed(inbound("SM-1", "mensaje 1"))
    with db.transaction() as session:
        thread = actions.held(session, session.get_one(Message, first).conversation_id)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(receive_committed, inbound("SM-2", "mensaje 2")).result(timeout=20)
        work(session, thread)


def thread_of_second(session: Session) -> Conversation:
    second = session.exec(select(Message).where(Message.provider_message_id == "SM-2")).one()
    return session.get_one(Conversation, second.conversation_id)


def test_who_tells_of_a_message_waits_for_nobody_who_answers(committed_city: Engine) -> None:
    def answer(session: Session, thread: Conversation) -> None:
        thread.waiting_since = None

    while_held(answer)
    with Session(committed_city) as session, session.begin():
        thread = thread_of_second(session)
        assert count(session, Conversation) == 1
        advance(session, thread.id, now=NOW + timedelta(seconds=5))
        assert session.exec(select(Message.status).where(Message.direction == "inbound")).all() == ["handled"] * 2


def test_what_comes_while_people_have_the_thread_waits_from_when_it_came(committed_city: Engine) -> None:
    def answer(session: Session, thread: Conversation) -> None:
        actions.give_to_agents(session, thread, now=NOW)
        thread.waiting_since = None

    while_held(answer)
    with Session(committed_city) as session, session.begin():
        thread = thread_of_second(session)
        advance(session, thread.id, now=NOW + timedelta(seconds=5))
        assert (thread.state, thread.waiting_since, thread.last_message_at) == ("with_agent", NOW, NOW)


def test_what_comes_while_its_thread_is_closed_is_answered_in_a_new_one(committed_city: Engine) -> None:
    while_held(lambda session, thread: actions.close(session, thread.id, now=NOW))
    with Session(committed_city) as session, session.begin():
        closed = thread_of_second(session)
        assert closed.state == "closed"
        advance(session, closed.id, now=NOW)
        thread = thread_of_second(session)
        assert (thread.state, thread.contact_point_id) == ("automatic", closed.contact_point_id)
        assert session.exec(select(Message.status).where(Message.conversation_id == closed.id)).all() == []
        assert session.exec(
            select(Message.status).where(Message.conversation_id == thread.id, Message.direction == "outbound")
        ).all()


def test_a_withheld_number_is_somebody_new_each_time(session: Session) -> None:
    make_city(session)
    first = arrivals.receive(session, inbound("SM1", sender="Anonymous"), jurisdiction_id=CITY, now=NOW)
    second = arrivals.receive(session, inbound("SM2", sender="+266696687"), jurisdiction_id=CITY, now=NOW)
    assert first.conversation_id != second.conversation_id
    again = arrivals.receive(session, inbound("SM1", sender="Anonymous"), jurisdiction_id=CITY, now=NOW)
    assert again.id == first.id
    assert count(session, Person) == 2


def test_both_writings_of_a_mexican_mobile_are_one_person_answered_where_they_wrote_last(session: Session) -> None:
    from intake.people.actions import address_of

    make_city(session)
    first = arrivals.receive(session, inbound("SM1", sender="+5215512345678"), jurisdiction_id=CITY, now=NOW)
    second = arrivals.receive(session, inbound("SM2", sender="+525512345678"), jurisdiction_id=CITY, now=NOW)
    assert first.conversation_id == second.conversation_id
    session.expire_all()
    assert address_of(session.exec(select(ContactPoint)).one()) == "+525512345678"


def test_a_week_of_silence_starts_a_new_thread(session: Session) -> None:
    make_city(session)
    first = arrivals.receive(session, inbound("SM1"), jurisdiction_id=CITY, now=NOW)
    soon = arrivals.receive(session, inbound("SM2"), jurisdiction_id=CITY, now=NOW + timedelta(days=6))
    late = arrivals.receive(session, inbound("SM3"), jurisdiction_id=CITY, now=NOW + timedelta(days=13, seconds=1))
    assert first.conversation_id == soon.conversation_id != late.conversation_id
    assert session.get_one(Conversation, first.conversation_id).state == "closed"


def test_a_body_with_a_nul_and_without_end_is_kept(session: Session) -> None:
    make_city(session)
    message = arrivals.receive(session, inbound(body="a\0b" + "c" * 20_000), jurisdiction_id=CITY, now=NOW)
    assert message.body.startswith("abc")
    assert len(message.body) == arrivals.MAX_BODY


def test_who_comes_another_way_in_that_moment_is_the_same_contact(
    committed_city: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = arrivals._look
    looks: list[arrivals._Known] = []

    def look_and_be_overtaken(*given: Any) -> arrivals._Known:
        looks.append(look(*given))
        if len(looks) == 1:
            with db.transaction() as other:
                people.find_or_create(other, CITY, "phone", ROSA, now=NOW)
        return looks[-1]

    monkeypatch.setattr(arrivals, "_look", look_and_be_overtaken)
    receive_committed(inbound("SM-1"))
    with Session(committed_city) as session:
        assert (count(session, Message), count(session, Conversation), count(session, ContactPoint)) == (1, 1, 1)
        assert (count(session, Person), count(session, OutboxEvent)) == (1, 1)
    assert [known.point is None for known in looks] == [True, False]


def test_a_message_and_its_correction_told_at_once_see_each_other(committed_city: Engine) -> None:
    for n in range(30):
        # A thread that is there: making one would already have them wait for each other.
        said = [("", "hola", None), ("-1", "fuga", None), ("-2", "bache", f"T-{n}-1")]
        first, *pair = [
            inbound(f"T-{n}{name}", body, channel="telegram", sender=f"7{n}", sender_kind="telegram", edits=edits)
            for name, body, edits in said
        ]
        receive_committed(first)
        at_once(2, lambda which, pair=pair: receive_committed(pair[which]))
    with Session(committed_city) as session:
        kept = session.exec(select(Message.body, Message.status).where(Message.body != "hola")).all()
    assert sorted(kept) == [("bache", "received")] * 30 + [("fuga", "handled")] * 30
