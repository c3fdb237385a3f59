"""Tables about how rules do: what they decided, by day, and what agencies gave back."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Text, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant


class ReturnedRequest(SQLModel, table=True):
    """An agency said "not ours". `event_id`: its words, `rule_code`: the rule of the decision in force then, "" for none.

    `state`: what became of it as a rule test: `none` (it cannot be one: no point, or nobody suggested), `proposed`, `accepted`
    into `draft_id`, `rejected`.
    """

    __tablename__ = "returned_request"
    __table_args__ = (
        CheckConstraint("state IN ('none', 'proposed', 'accepted', 'rejected')", name="state"),
        Index("ix_returned_request_at", "jurisdiction_id", "at"),
        Index("ix_returned_request_proposed", "jurisdiction_id", "at", postgresql_where=text("state = 'proposed'")),
    )

    event_id: int = Field(
        sa_column=Column(BigInteger, ForeignKey("service_request_event.id"), primary_key=True, autoincrement=False)
    )
    jurisdiction_id: str = Field(sa_type=Text)
    service_request_id: UUID = Field(foreign_key="service_request.id", index=True)
    agency_code: str = Field(sa_type=Text)
    rule_code: str = Field(default="", sa_type=Text)
    rule_set_version: int | None = None
    reason: str = Field(sa_type=Text)
    suggested_agency_code: str | None = Field(default=None, sa_type=Text)
    state: str = Field(default="none", sa_type=Text)
    draft_id: UUID | None = None
    decided_by: str = Field(default="", sa_type=Text)
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    at: datetime = Field(sa_type=Instant)


class RuleUse(SQLModel, table=True):
    """Decisions of a rule on a local day; "" is the default agency for want of a rule, "-" outside. `borders`: near a border."""

    __tablename__ = "rule_use"

    jurisdiction_id: str = Field(primary_key=True, sa_type=Text)
    day: date = Field(primary_key=True)
    rule_code: str = Field(primary_key=True, sa_type=Text)
    decisions: int
    borders: int
    last_at: datetime = Field(sa_type=Instant)


class RuleUseMark(SQLModel, table=True):
    """One row: up to which decision uses are counted."""

    __tablename__ = "rule_use_mark"

    id: int = Field(default=1, sa_column_kwargs={"autoincrement": False}, primary_key=True)
    decision_id: UUID
