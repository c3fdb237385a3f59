"""A provider that is in doubt calls again, and at the same time from many machines."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine
from sqlmodel import Session, func, select

from intake.conversations.models import Conversation, Message
from intake.people.models import ContactPoint, Person
from kernel.outbox import OutboxEvent
from tests.channels.conftest import Provider, inbound


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
