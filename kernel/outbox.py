"""The transactional outbox: an event is a row written in the same transaction as the change it tells of.

`record` also notifies `CHANNEL`, once the transaction has committed: the relay wakes up, and so do the live pages. The rows are
the truth; notifications and Redis are hints, with a poll as their net.
"""

from datetime import datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, SmallInteger, Text, text
from sqlmodel import Field, Session, SQLModel

from kernel import db
from kernel.db import Instant, Json
from kernel.inserts import Row

CHANNEL = "atiende_events"
_RECORD = "INSERT INTO outbox_event (name, payload, at) VALUES ($1, $2::jsonb, $3) RETURNING 1"
# Moves with every event, also one that is committed after others that were numbered later.
NEWEST = "SELECT sum(id) FROM (SELECT id FROM outbox_event ORDER BY id DESC LIMIT 200) AS newest"


class OutboxEvent(SQLModel, table=True):
    """Something that happened. `payload` holds ids only."""

    __tablename__ = "outbox_event"
    __table_args__ = (Index("ix_outbox_event_unrelayed", "id", postgresql_where=text("relayed_at IS NULL")),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    name: str = Field(sa_type=Text)
    payload: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    at: datetime = Field(sa_type=Instant)
    relayed_at: datetime | None = Field(default=None, sa_type=Instant)


class Lane(IntEnum):
    """In which order deliveries that are due are handed over."""

    FIRST = 0
    COMMON = 1
    BULK = 2


class OutboxDelivery(SQLModel, table=True):
    """One subscriber's copy of an event: pending until its job has finished, then done; dead when every try failed.

    `attempts`: runs begun, also those that never ended. `running_until`: somebody is at it, and is given up for dead at
    that instant. `lane`: a `Lane`.
    """

    __tablename__ = "outbox_delivery"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'done', 'dead')", name="state"),
        Index("ix_outbox_delivery_turn", "lane", "due_at", "id", postgresql_where=text("state = 'pending'")),
        Index("uq_outbox_delivery_event_id_job", "event_id", "job", unique=True),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    event_id: int = Field(sa_type=BigInteger, foreign_key="outbox_event.id", ondelete="CASCADE")
    job: str = Field(sa_type=Text)
    lane: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default=text("0")))
    state: str = Field(default="pending", sa_type=Text)
    attempts: int = 0
    due_at: datetime = Field(sa_type=Instant)
    running_until: datetime | None = Field(default=None, sa_type=Instant)
    done_at: datetime | None = Field(default=None, sa_type=Instant)
    last_error: str | None = Field(default=None, sa_type=Text)


def record(session: Session, name: str, *, at: datetime, **ids: UUID | str | int) -> None:
    """Notes that `name` (past tense, e.g. `service_request.submitted`) happened, in this transaction."""
    event = prepare(name, at=at, **ids)
    db.fetch(session, _RECORD, [name, orjson.dumps(event.values["payload"]).decode(), at], prepare=True)
    tell(session, event)


def prepare(name: str, *, at: datetime, **ids: UUID | str | int) -> Row:
    """The row of an event, for who writes it in a statement of their own and then tells of it by `tell`."""
    payload = {key: value if isinstance(value, int) else str(value) for key, value in ids.items()}
    return Row(OutboxEvent, {"name": name, "payload": payload, "at": at})


def tell(session: Session, event: Row) -> None:
    """Wakes whoever waits for events, if this transaction commits."""
    db.notify(session, CHANNEL, _body(event))


def tell_committed(event: Row) -> None:
    """As `tell`, of an event that has been committed already."""
    db.notify_now(CHANNEL, _body(event))


def _body(event: Row) -> str:
    return orjson.dumps({"name": event.values["name"], **event.values["payload"]}).decode()
