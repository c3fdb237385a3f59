"""One telephone call, and the documents it was answered with."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Integer, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from intake.calls.states import STATES
from kernel.db import Instant, Json
from kernel.ids import new_id


class Call(SQLModel, table=True):
    """A call to or from the city. It has a conversation of its own; a caller's number may be a whole company's.

    provider, provider_call_id: who carries it, and its name there. state: climbs as `states` says. contact_point_id: the other
    end's address, kind `phone` or `withheld`; a caller's number is a hint, never a proof. to_number: which of our numbers was
    called, or theirs that we call. turn: number of the newest document; script: what the answering machine remembers.
    proved_at: since when they proved on this call that the number is theirs. work_item_id: the work that waits for a person
    because of it; callback_contact_point_id: where they want to be called back, if not where they called from. ended_by: caller,
    operator, machine or provider. outcome: of a call of ours, `reached`, or why nobody was (`calling_back.PAUSES`, `dropped`).
    """

    __tablename__ = "call"
    __table_args__ = (
        UniqueConstraint("provider", "provider_call_id"),
        CheckConstraint("direction IN ('inbound', 'outbound')", name="direction"),
        CheckConstraint("state IN ({})".format(", ".join(f"'{state}'" for state in STATES)), name="state"),
        CheckConstraint("ended_by IN ('', 'caller', 'operator', 'machine', 'provider')", name="ended_by"),
        Index("ix_call_jurisdiction_id_started_at", "jurisdiction_id", "started_at"),
        Index("ix_call_going_on", "jurisdiction_id", "started_at", postgresql_where=text("ended_at IS NULL")),
        Index("ix_call_number_going_on", "contact_point_id", postgresql_where=text("ended_at IS NULL")),
        Index(
            "ix_call_callback_contact_point_id",
            "callback_contact_point_id",
            postgresql_where=text("callback_contact_point_id IS NOT NULL"),
        ),
        Index("ix_call_work_item_id", "work_item_id", postgresql_where=text("work_item_id IS NOT NULL")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    conversation_id: UUID = Field(foreign_key="conversation.id", index=True)
    contact_point_id: UUID = Field(foreign_key="contact_point.id", index=True)
    provider: str = Field(sa_type=Text)
    provider_call_id: str = Field(sa_type=Text)
    direction: str = Field(sa_type=Text)
    state: str = Field(sa_type=Text)
    to_number: str = Field(default="", sa_type=Text)
    language: str = Field(default="es", sa_type=Text)
    turn: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    script: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(Json, nullable=False, server_default=text("'{}'::jsonb"))
    )
    is_recording_announced: bool = Field(
        default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false"))
    )
    proved_at: datetime | None = Field(default=None, sa_type=Instant)
    work_item_id: UUID | None = None
    callback_contact_point_id: UUID | None = Field(default=None, foreign_key="contact_point.id")
    ended_by: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    outcome: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    started_at: datetime = Field(sa_type=Instant)
    answered_at: datetime | None = Field(default=None, sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)


class CallTurn(SQLModel, table=True):
    """One document that a call was answered with, kept as it was sent: who asks for it again gets the same.

    heard: how what the caller did before it came: `nothing`, `keys`, `speech`, or `again` when we had failed to answer.
    """

    __tablename__ = "call_turn"
    __table_args__ = (CheckConstraint("heard IN ('nothing', 'keys', 'speech', 'again')", name="heard"),)

    call_id: UUID = Field(foreign_key="call.id", ondelete="CASCADE", primary_key=True)
    number: int = Field(sa_type=Integer, primary_key=True)
    heard: str = Field(sa_type=Text)
    document: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
