"""What providers told us, as they told it, before anything was made of it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant
from kernel.ids import new_id


class ChannelPace(SQLModel, table=True):
    """When the next message of a channel may go at the earliest; lane `all`, or `bulk` for campaigns, which pass both."""

    __tablename__ = "channel_pace"

    channel: str = Field(sa_type=Text, primary_key=True)
    lane: str = Field(sa_type=Text, primary_key=True)
    next_at: datetime = Field(sa_type=Instant)


class ReconciledUntil(SQLModel, table=True):
    """Up to when a provider's own log of what residents wrote was compared with ours."""

    __tablename__ = "reconciled_until"

    channel: str = Field(sa_type=Text, primary_key=True)
    at: datetime = Field(sa_type=Instant)


class InboundPayload(SQLModel, table=True):
    """One verified call that brought messages. `key`: the provider's ids of them; `call_sealed`: path, query, type and body.

    state: `waiting` to be taken in, `taken`, or `failed` after many tries, when a person has to look. set_aside_at: somebody
    looked, and nothing is to be done. jurisdiction_id: the city that it was written to, of one that could not be taken in; None
    where nobody knows.
    """

    __tablename__ = "inbound_payload"
    __table_args__ = (
        UniqueConstraint("channel", "key"),
        CheckConstraint("state IN ('waiting', 'taken', 'failed')", name="state"),
        Index("ix_inbound_payload_waiting", "changed_at", postgresql_where=text("state = 'waiting'")),
        Index("ix_inbound_payload_received_at", "received_at"),
        Index("ix_inbound_payload_failed", "received_at", postgresql_where=text("state = 'failed'")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    channel: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text)
    call_sealed: bytes = Field(sa_type=LargeBinary)
    state: str = Field(default="waiting", sa_type=Text)
    attempts: int = 0
    last_error: str | None = Field(default=None, sa_type=Text)
    jurisdiction_id: str | None = Field(default=None, sa_type=Text, foreign_key="jurisdiction.id")
    set_aside_at: datetime | None = Field(default=None, sa_type=Instant)
    received_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)


class InboundPayloadEvent(SQLModel, table=True):
    """What one of the staff did about a payload: `opened` it (and why), `tried_again`, `set_aside`. Outlives the payload."""

    __tablename__ = "inbound_payload_event"
    __table_args__ = (CheckConstraint("name IN ('opened', 'tried_again', 'set_aside')", name="name"),)

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    payload_id: UUID = Field(index=True)
    name: str = Field(sa_type=Text)
    actor_id: UUID | None = None
    actor_name: str = Field(sa_type=Text)
    reason: str = Field(default="", sa_type=Text)
    at: datetime = Field(sa_type=Instant)
