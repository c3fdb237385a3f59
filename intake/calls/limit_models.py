"""What is kept of who asks for too many calls back, or fills the line; `limits` decides about it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, Integer, Text, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant
from kernel.ids import new_id


class CallbackCount(SQLModel, table=True):
    """How often in an hour a scope asked to be called back, or somebody else asked that it be called."""

    __tablename__ = "callback_count"

    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id", primary_key=True)
    scope: str = Field(sa_type=Text, primary_key=True)
    hour: datetime = Field(sa_type=Instant, primary_key=True)
    asked: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))


class CallerFlag(SQLModel, table=True):
    """A number that a supervisor should look at. reason: which limit it passed; refused: how often since.

    scope: of `limits`, the contact point or all hidden numbers; digits: the last ones, "" of hidden numbers.
    """

    __tablename__ = "caller_flag"
    __table_args__ = (
        CheckConstraint("reason IN ('callbacks_to', 'callbacks_by', 'calls_in_line')", name="reason"),
        # One at a time, however often it is refused.
        Index(
            "uq_caller_flag_open",
            "jurisdiction_id",
            "reason",
            "scope",
            unique=True,
            postgresql_where=text("reviewed_at IS NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    reason: str = Field(sa_type=Text)
    scope: str = Field(sa_type=Text)
    digits: str = Field(default="", sa_type=Text)
    refused: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default=text("1")))
    at: datetime = Field(sa_type=Instant)
    reviewed_at: datetime | None = Field(default=None, sa_type=Instant)
    reviewed_by: UUID | None = None
    reviewed_by_name: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    note: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
