"""What stands beside a request because of its promise: when its clock stood still, and which steps were recorded."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Text
from sqlmodel import Field, SQLModel

from kernel.db import Instant
from kernel.ids import new_id

# Why a clock stands still (msgids).
WAITING, CLOSED = "waiting_resident", "closed"
REASONS = {WAITING: "Espera a la persona", CLOSED: "Estuvo cerrado"}


class RequestPause(SQLModel, table=True):
    """A time in which the clock of the resolution stood still; without `ended_at` it still does.

    counted_s: seconds of it in which the clock would have run. expected_before, expected_after: the date before and after it.
    """

    __tablename__ = "service_request_pause"
    __table_args__ = (
        CheckConstraint("reason IN ('waiting_resident', 'closed')", name="reason"),
        CheckConstraint("ended_at >= started_at", name="order"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    service_request_id: UUID = Field(foreign_key="service_request.id", index=True)
    reason: str = Field(sa_type=Text)
    started_at: datetime = Field(sa_type=Instant)
    started_by_kind: str = Field(sa_type=Text)
    started_by: str = Field(default="", sa_type=Text)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_by_kind: str | None = Field(default=None, sa_type=Text)
    ended_by: str | None = Field(default=None, sa_type=Text)
    counted_s: int | None = None
    expected_before: datetime | None = Field(default=None, sa_type=Instant)
    expected_after: datetime | None = Field(default=None, sa_type=Instant)


class RequestEscalation(SQLModel, table=True):
    """A step of the chain that was recorded, once. `key` as `routing.clocks.Coming` has it."""

    __tablename__ = "service_request_escalation"

    service_request_id: UUID = Field(foreign_key="service_request.id", primary_key=True)
    key: str = Field(sa_type=Text, primary_key=True)
    step: str = Field(sa_type=Text)
    due_at: datetime = Field(sa_type=Instant)
    at: datetime = Field(sa_type=Instant)
