"""Who is told of changes at which address, and what became of each telling."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant, Json
from kernel.ids import new_id


class Webhook(SQLModel, table=True):
    """A subscription. `agency_code`: that agency's requests, None: what is public. `event_types` empty: all of them.

    `through_seq`: every change up to this number has its delivery, if it gets one. `reason` says why it is paused or
    disabled: `by_hand`, `failing`, `gone`. The old secret signs too until `old_secret_until`.
    `hold_until`: the address did not answer just now; nothing is sent there before.
    """

    __tablename__ = "webhook"
    __table_args__ = (
        CheckConstraint("state IN ('active', 'paused', 'disabled')", name="state"),
        Index("ix_webhook_jurisdiction_id", "jurisdiction_id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    agency_code: str | None = Field(default=None, sa_type=Text)
    url: str = Field(sa_type=Text)
    event_types: list[str] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    secret_sealed: bytes = Field(sa_type=LargeBinary)
    old_secret_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    old_secret_until: datetime | None = Field(default=None, sa_type=Instant)
    state: str = Field(default="active", sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    made_by: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    through_seq: int = Field(sa_type=BigInteger)
    failures: int = 0
    failing_since: datetime | None = Field(default=None, sa_type=Instant)
    hold_until: datetime | None = Field(default=None, sa_type=Instant)
    delivered_at: datetime | None = Field(default=None, sa_type=Instant)


class WebhookDelivery(SQLModel, table=True):
    """One change told to one address. `body` is what is signed and sent, the same bytes at every try; `change_seq` None: a test.

    `sending_until`: somebody is at it, and is given up for dead at that instant.
    """

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        CheckConstraint("state IN ('queued', 'sending', 'delivered', 'failed')", name="state"),
        UniqueConstraint("webhook_id", "change_seq"),
        Index("ix_webhook_delivery_due", "due_at", postgresql_where=text("state IN ('queued', 'sending')")),
        Index("ix_webhook_delivery_webhook_id_created_at", "webhook_id", "created_at"),
        Index("ix_webhook_delivery_done_at", "done_at", postgresql_where=text("done_at IS NOT NULL")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    webhook_id: UUID = Field(foreign_key="webhook.id", ondelete="CASCADE")
    change_seq: int | None = Field(default=None, sa_type=BigInteger)
    event_type: str = Field(sa_type=Text)
    folio: str | None = Field(default=None, sa_type=Text)
    body: str = Field(sa_type=Text)
    state: str = Field(default="queued", sa_type=Text)
    attempts: int = 0
    due_at: datetime = Field(sa_type=Instant)
    sending_until: datetime | None = Field(default=None, sa_type=Instant)
    http_status: int | None = None
    error: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    done_at: datetime | None = Field(default=None, sa_type=Instant)
