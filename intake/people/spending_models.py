"""What is sent because a stranger asked for it, counted, and the breakers that stop it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Index, Integer, Text, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant
from kernel.ids import new_id


class SpendingCount(SQLModel, table=True):
    """How many messages a scope (a country, ten thousand numbers in a row) was sent in an hour that somebody asked for."""

    __tablename__ = "spending_count"

    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id", primary_key=True)
    scope: str = Field(sa_type=Text, primary_key=True)
    hour: datetime = Field(sa_type=Instant, primary_key=True)
    sent: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))


class SpendingBreaker(SQLModel, table=True):
    """A scope to which nothing more is sent until a person says so. most: what it was allowed an hour."""

    __tablename__ = "spending_breaker"
    __table_args__ = (
        Index(
            "uq_spending_breaker_open",
            "jurisdiction_id",
            "scope",
            unique=True,
            postgresql_where=text("reset_at IS NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    scope: str = Field(sa_type=Text)
    purpose: str = Field(sa_type=Text)
    most: int
    refused: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    opened_at: datetime = Field(sa_type=Instant)
    reset_at: datetime | None = Field(default=None, sa_type=Instant)
    reset_by: UUID | None = None
    reset_by_name: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
