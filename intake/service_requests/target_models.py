"""What is kept of an address that is reported again and again; `targeting` decides about it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, Text, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant, Json
from kernel.ids import new_id


class TargetFlag(SQLModel, table=True):
    """An address that a person should look at. basis: what it rests on, as `Judged` has it."""

    __tablename__ = "target_flag"
    __table_args__ = (
        CheckConstraint("reason IN ('few_people', 'many_people')", name="reason"),
        # One at a time for each place, however many reports come.
        Index(
            "uq_target_flag_open",
            "jurisdiction_id",
            "place_key",
            unique=True,
            postgresql_where=text("reviewed_at IS NULL"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    service_request_id: UUID = Field(foreign_key="service_request.id")
    place_key: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    basis: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(Json, nullable=False, server_default=text("'{}'::jsonb"))
    )
    at: datetime = Field(sa_type=Instant)
    reviewed_at: datetime | None = Field(default=None, sa_type=Instant)
    reviewed_by: UUID | None = None
    reviewed_by_name: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    note: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
