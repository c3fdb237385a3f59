"""A provider that is in doubt calls again, and at the same time from many machines."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine
from sqlmodel import Session, func, select

from intake.conversations import actions as conversations
from intake.conversations.attachment_models import MessageAttachment
from intake.conversations.models import Conversation, Message
from intake.people.models import ContactPoint, Person
from kernel import db
from kernel.outbox import OutboxEvent
from tests.channels.conftest import ACCOUNT, Provider, inbound, receipt
from tests.factories import NOW


def test_fifty_calls_at_once_are_one_message(city_engine: Engine, provider: Provider) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: provider.post(inbound("SM50")).status_code, range(50)))

    assert answers == [200] * 50
    with Session(city_engine) as session:
        for table in (Message, Conversation, ContactPoint, Person, OutboxEvent):
            assert session.exec(select(func.count()).select_from(table)).one() == 1, table


def test_five_messages_of_somebody_new_are_one_thread(city_engine: Engine, provider: Provider) -> None:
    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda n: provider.post(inbound(f"SM{n}")).status_code, range(5)))

    assert answers == [200] * 5
    with Session(city_engine) as session:
        assert session.exec(select(func.count()).select_from(Message)).one() == 5
        for table in (Conversation, ContactPoint, Person):
            assert session.exec(select(func.count()).select_from(table)).one() == 1, table


def test_an_album_of_somebody_new_is_one_thread_with_all_its_photos(city_engine: Engine, provider: Provider) -> None:
    def send(n: int) -> int:
        address = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/MM{n}/Media/ME{n}"
        photo = {"NumMedia": "1", "MediaUrl0": address, "MediaContentType0": "image/jpeg", "MessageType": "image"}
        ends = {"From": "whatsapp:+5215512345678", "To": "whatsapp:+525500000312"}
        call = inbound(f"MM{n % 5}", "", **photo, **ends)
        return int(provider.post(call, "/webhooks/whatsapp").status_code)

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(send, range(5))) == [200] * 5
    with Session(city_engine) as session:
        for table, count in ((Message, 5), (MessageAttachment, 5), (Conversation, 1), (ContactPoint, 1), (Person, 1)):
            assert session.exec(select(func.count()).select_from(table)).one() == count, table


def test_reports_that_come_at_once_before_the_answer_are_all_heard(city_engine: Engine, provider: Provider) -> None:
    """The call that sends has not returned yet: only our own tag in the address tells whose reports these are."""
    provider.post(inbound("SM1"))
    for n in range(10):
        with db.transaction() as session:
            conversation_id = session.exec(select(Conversation.id)).one()
            ours = conversations.queue_message(
                session, conversation_id, "Listo", client_ref=f"r{n}", author_kind="dialogue", now=NOW
            ).id
        path = f"/webhooks/sms/status?ref={ours}"
        calls = [(receipt(f"OUT{n}", status), path) for status in ("queued", "sent", "sent", "delivered")]
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(lambda call: provider.post(*call).status_code, calls)
            assert list(answers) == [200] * 4
        with db.transaction() as session:
            assert session.get_one(Message, ours).status == "delivered"
