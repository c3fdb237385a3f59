"""A resident with a phone, and the tiny city to talk to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session, col, select

from intake.conversations import arrivals
from intake.conversations.advance import advance_with
from intake.conversations.models import Conversation, Message
from intake.conversations.values import InboundMedia, InboundMessage
from intake.service_requests.models import ServiceRequest
from kernel import db
from kernel.crypto import Vault
from tests.factories import CITY, NOW, SMS_NUMBER, make_city

ROSA = "+525512345678"


def inbound(provider_id: str, body: str, *, sender: str = ROSA, at: datetime = NOW, media: int = 0) -> InboundMessage:
    parts = [InboundMedia("photo", f"https://media.example/{n}", "image/jpeg") for n in range(media)]
    return InboundMessage("sms", provider_id, sender, SMS_NUMBER, body, at, parts)


@dataclass
class Phone:
    """Writes to the city and reads what comes back."""

    session: Session
    sender: str = ROSA
    now: datetime = NOW
    count: int = 0
    read: set[UUID] = field(default_factory=set)

    def write(self, body: str, *, media: int = 0, after: timedelta = timedelta(seconds=30)) -> list[str]:
        """The replies to `body`, in order."""
        self.now += after
        self.count += 1
        message = arrivals.receive(
            self.session,
            inbound(f"{self.sender}-{self.count}", body, sender=self.sender, at=self.now, media=media),
            jurisdiction_id=CITY,
            now=self.now,
        )
        advance_with(self.session, message.id, now=self.now)
        return self.unread()

    def unread(self) -> list[str]:
        statement = select(Message).where(Message.direction == "outbound").order_by(col(Message.seq))
        fresh = [message for message in self.session.exec(statement) if message.id not in self.read]
        self.read |= {message.id for message in fresh}
        return [message.body for message in fresh]

    @property
    def conversation(self) -> Conversation:
        return self.session.exec(select(Conversation).where(Conversation.state != "closed")).one()

    @property
    def requests(self) -> list[ServiceRequest]:
        return list(self.session.exec(select(ServiceRequest).order_by(col(ServiceRequest.id))))


@pytest.fixture
def phone(session: Session) -> Phone:
    make_city(session)
    return Phone(session)


@pytest.fixture
def committed_city(engine: Engine, vault: Vault) -> Iterator[Engine]:
    """The tiny city, committed, for tests that need several connections."""
    db.configure(engine)
    with db.transaction() as session:
        make_city(session)
    yield engine
    with engine.begin() as connection:
        tables = ", ".join(f'"{table.name}"' for table in db.metadata.sorted_tables)
        connection.execute(text(f"TRUNCATE {tables} CASCADE"))
    db.configure(None)
