"""Queueing, receipts and opt-outs, also when everything happens at once."""

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from intake.conversations import actions, arrivals, jobs
from intake.conversations.models import Conversation, Message
from intake.conversations.notices import tell_reporters
from intake.conversations.receipts import apply_receipt
from intake.conversations.values import DeliveryReceipt
from intake.people import actions as people
from intake.people.models import ContactPoint
from intake.service_requests import actions as service_requests
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from intake.service_requests.values import Actor
from kernel import db
from kernel.errors import InvalidInput, NotFound
from kernel.outbox import OutboxEvent
from tests.factories import CITY, NOW, make_city
from tests.intake.conversations.conftest import Phone, inbound

pytestmark = pytest.mark.database


def receipt(
    status: str, *, provider_id: str = "SM-out", ref: str | None = None, code: str | None = None
) -> DeliveryReceipt:
    return DeliveryReceipt("sms", provider_id, ref, status, code)


@pytest.fixture
def queued(session: Session) -> Message:
    make_city(session)
    received = arrivals.receive(session, inbound("SM-in", "hola"), jurisdiction_id=CITY, now=NOW)
    return actions.queue_message(
        session, received.conversation_id, "Hola", client_ref="r1", author_kind="dialogue", now=NOW
    )


def test_the_same_reference_is_one_message(session: Session, queued: Message) -> None:
    again = actions.queue_message(
        session, queued.conversation_id, "otro texto", client_ref="r1", author_kind="dialogue", now=NOW
    )
    assert (again.id, again.body) == (queued.id, "Hola")


def test_an_empty_message_and_an_unknown_thread_are_refused(session: Session, queued: Message) -> None:
    with pytest.raises(InvalidInput):
        actions.queue_message(session, queued.conversation_id, " ", client_ref="r2", author_kind="agent", now=NOW)
    with pytest.raises(NotFound):
        actions.queue_message(session, uuid4(), "hola", client_ref="r2", author_kind="agent", now=NOW)


@pytest.mark.parametrize("order", list(permutations(("accepted", "sent", "delivered", "failed"))))
def test_receipts_in_every_order_end_delivered(session: Session, queued: Message, order: tuple[str, ...]) -> None:
    queued.provider_message_id = "SM-out"
    session.flush()
    for status in order:
        apply_receipt(session, receipt(status, code="30003" if status == "failed" else None), now=NOW)
    assert (queued.status, queued.error_code) == ("delivered", None)


def test_a_failure_keeps_its_reason(session: Session, queued: Message) -> None:
    queued.provider_message_id = "SM-out"
    session.flush()
    apply_receipt(session, receipt("undelivered", code="30003"), now=NOW)
    assert (queued.status, queued.error_code) == ("undelivered", "30003")


def test_our_own_reference_settles_a_message_whose_provider_id_was_lost(session: Session, queued: Message) -> None:
    queued.status = "uncertain"
    session.flush()
    settled = apply_receipt(session, receipt("sent", ref=str(queued.id)), now=NOW)
    assert settled == queued.id
    assert (queued.status, queued.provider_message_id) == ("sent", "SM-out")
    # The reference of one message does not move another that has an id already.
    assert apply_receipt(session, receipt("delivered", provider_id="SM-other", ref=str(queued.id)), now=NOW) is None


def test_a_receipt_waits_for_who_is_writing_the_providers_id_down(committed_city: Engine) -> None:
    with db.transaction() as session:
        received = arrivals.receive(session, inbound("SM-in", "hola"), jurisdiction_id=CITY, now=NOW)
        sent = actions.queue_message(
            session, received.conversation_id, "Hola", client_ref="r1", author_kind="dialogue", now=NOW
        )

    def report(status: str) -> UUID | None:
        with db.transaction() as session:
            return apply_receipt(session, receipt(status, ref=str(sent.id)), now=NOW)

    with ThreadPoolExecutor(3) as pool:
        with db.transaction() as session:
            message = session.get_one(Message, sent.id, with_for_update={"key_share": True})
            reports = [pool.submit(report, status) for status in ("sent", "delivered", "read")]
            with pytest.raises(TimeoutError):
                reports[0].result(0.5)
            message.provider_message_id, message.status = "SM-out", "accepted"
        assert [done.result(10) for done in reports] == [sent.id] * 3
    with db.transaction() as session:
        assert session.get_one(Message, sent.id).status == "read"
        told = session.exec(select(OutboxEvent.payload).where(OutboxEvent.name == "message.settled")).all()
        assert 1 <= len(told) <= 3
        assert told[0] == {"message_id": str(sent.id), "conversation_id": str(received.conversation_id)}


def test_receipts_of_strangers_are_ignored(session: Session, queued: Message) -> None:
    assert apply_receipt(session, receipt("sent", provider_id="SM-nobody"), now=NOW) is None
    assert apply_receipt(session, receipt("sent", provider_id="SM-nobody", ref="no-uuid"), now=NOW) is None
    assert apply_receipt(session, receipt("sent", provider_id="SM-in"), now=NOW) is None
    assert apply_receipt(session, receipt("received", ref=str(queued.id)), now=NOW) is None
    assert queued.status == "queued"


def at_once(works: list[Any]) -> list[Any]:
    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result() for future in [pool.submit(work) for work in works]]


def test_a_job_that_runs_many_times_at_once_answers_once(committed_city: Engine) -> None:
    with db.transaction() as session:
        message = arrivals.receive(
            session, inbound("SM1", "hay un bache en avenida sabinos 214, el carmen"), jurisdiction_id=CITY, now=NOW
        )
    at_once([lambda: jobs.advance_conversation(str(message.id), conversation_id="x") for _ in range(6)])
    with Session(committed_city) as session:
        assert len(session.exec(select(ServiceRequest)).all()) == 1
        assert len(session.exec(select(Message).where(Message.direction == "outbound")).all()) == 1


def test_parallel_messages_of_one_person_are_each_answered_once(committed_city: Engine) -> None:
    bodies = [
        "hay un bache en avenida sabinos 214, el carmen",
        "fuga en avenida sabinos 214, el carmen",
        "hola",
        "gracias",
    ]

    def arrive(n: int) -> None:
        with db.transaction() as session:
            message = arrivals.receive(session, inbound(f"SM{n}", bodies[n]), jurisdiction_id=CITY, now=NOW)
        jobs.advance_conversation(str(message.id))

    at_once([lambda n=n: arrive(n) for n in range(len(bodies))])
    with Session(committed_city) as session:
        assert len(session.exec(select(Conversation)).all()) == 1
        assert {request.service_code for request in session.exec(select(ServiceRequest))} == {"BACHE", "FUGA"}
        assert session.exec(select(Message).where(Message.status == "received")).all() == []
        assert len(session.exec(select(Message).where(Message.direction == "outbound")).all()) == 4


def test_news_told_by_many_jobs_at_once_is_one_message(committed_city: Engine) -> None:
    request_id, event_id = _closed_request()
    at_once([lambda: jobs.tell_resident(str(request_id), event_id) for _ in range(6)])
    with Session(committed_city) as session:
        assert len(session.exec(select(Message).where(Message.author_kind == "notice")).all()) == 1


def test_after_an_opt_out_has_committed_no_notice_is_waiting_to_go(committed_city: Engine) -> None:
    request_id, event_id = _closed_request()
    with db.transaction() as session:
        stop = arrivals.receive(session, inbound("SM-stop", "ALTO"), jurisdiction_id=CITY, now=NOW)
    at_once(
        [lambda: jobs.advance_conversation(str(stop.id))]
        + [lambda: jobs.tell_resident(str(request_id), event_id) for _ in range(5)]
    )
    with Session(committed_city) as session:
        contact = session.exec(select(ContactPoint)).one()
        assert people.is_opted_out(session, contact.id)
        waiting = select(Message).where(Message.author_kind == "notice", Message.status == "queued")
        assert session.exec(waiting).all() == []


def _closed_request() -> tuple[Any, int]:
    with db.transaction() as session:
        phone = Phone(session)
        phone.write("hay un bache en avenida sabinos 214, el carmen")
        (request,) = phone.requests
        service_requests.change_status(
            session, request.id, life="closed", outcome_code="resolved", actor=Actor("agency"), now=NOW
        )
        events = session.exec(select(ServiceRequestEvent).where(ServiceRequestEvent.name == "status_changed"))
        event_id = events.one().id
        assert event_id is not None
    return request.id, event_id


def test_news_of_a_request_that_is_gone_is_no_error(session: Session) -> None:
    make_city(session)
    tell_reporters(session, uuid4(), None, now=NOW)
    tell_reporters(session, uuid4(), 12345, now=NOW)


def test_notices_are_taken_back_in_the_order_in_which_they_are_sent(committed_city: Engine) -> None:
    with db.transaction() as session:
        received = arrivals.receive(session, inbound("SM-in", "hola"), jurisdiction_id=CITY, now=NOW)
        contact_point_id = session.get_one(Conversation, received.conversation_id).contact_point_id
        first, second = (
            actions.queue_message(
                session, received.conversation_id, "noticia", client_ref=f"n{n}", author_kind="notice", now=NOW
            ).id
            for n in range(2)
        )
    with db.transaction() as session:  # its row is written anew, behind the other's
        session.get_one(Message, first).attempts = 0
        session.get_one(Message, first).body = "otra noticia"

    def take_back() -> None:
        with db.transaction() as session:
            actions.suppress_notices(session, contact_point_id, now=NOW)

    def lock(session: Session, message_id: UUID) -> None:
        session.exec(
            select(Message.id).where(Message.id == message_id).with_for_update(key_share=True, nowait=True)
        ).one()

    with ThreadPoolExecutor(1) as pool:
        with db.transaction() as session:  # a sender, on its way through the thread
            lock(session, first)
            taking = pool.submit(take_back)
            with pytest.raises(TimeoutError):
                taking.result(0.5)
            lock(session, second)
        taking.result(10)
    with db.transaction() as session:
        notices = session.exec(select(Message).where(Message.author_kind == "notice")).all()
        assert [(notice.status, notice.error_code) for notice in notices] == [("suppressed", "withdrawn")] * 2
