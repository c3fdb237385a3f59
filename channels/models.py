"""What providers told us, as they told it, before anything was made of it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, Text, UniqueConstraint, text
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

    state: `waiting` to be taken in, `taken`, or `failed` after many tries, when a person has to look.
    """

    __tablename__ = "inbound_payload"
    __table_args__ = (
        UniqueConstraint("channel", "key"),
        CheckConstraint("state IN ('waiting', 'taken', 'failed')", name="state"),
        Index("ix_inbound_payload_waiting", "changed_at", postgresql_where=text("state = 'waiting'")),
        Index("ix_inbound_payload_received_at", "received_at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    channel: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text)
    call_sealed: bytes = Field(sa_type=LargeBinary)
    state: str = Field(default="waiting", sa_type=Text)
    attempts: int = 0
    last_error: str | None = Field(default=None, sa_type=Text)
    received_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)
