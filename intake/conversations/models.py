"""One thread with one resident, and its messages in both directions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

from kernel.db import Instant, Json
from kernel.ids import new_id


class Conversation(SQLModel, table=True):
    """A thread. `dialogue` is the state of the automatic dialogue, as `dialogue.py` reads and writes it.

    person_id: who of those that use the contact point. taken_by: the agent who answers it. waiting_since: since when a message
    of theirs waits for an answer; the automatic dialogue answers within seconds.
    """

    __tablename__ = "conversation"
    __table_args__ = (
        CheckConstraint("state IN ('automatic', 'with_agent', 'closed')", name="state"),
        # One open thread per contact point and channel, however many webhooks come at once; a company may call twice.
        Index(
            "uq_conversation_open_thread",
            "contact_point_id",
            "channel",
            unique=True,
            postgresql_where=text("state <> 'closed' AND channel <> 'voice'"),
        ),
        Index("ix_conversation_jurisdiction_id_last_message_at", "jurisdiction_id", "last_message_at"),
        Index(
            "ix_conversation_waiting",
            "jurisdiction_id",
            "waiting_since",
            postgresql_where=text("waiting_since IS NOT NULL"),
        ),
        Index(
            "ix_conversation_with_agent",
            "jurisdiction_id",
            "last_message_at",
            postgresql_where=text("state = 'with_agent'"),
        ),
        # Whole reports that wait for one last word: after a while they are made without the answer.
        Index(
            "ix_conversation_unanswered",
            "last_message_at",
            postgresql_where=text("state = 'automatic' AND dialogue ->> 'step' IN ('same', 'side')"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    person_id: UUID = Field(foreign_key="person.id", index=True)
    contact_point_id: UUID = Field(foreign_key="contact_point.id")
    channel: str = Field(sa_type=Text)
    state: str = Field(default="automatic", sa_type=Text)
    language: str = Field(default="es", sa_type=Text)
    dialogue: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    taken_by: UUID | None = None
    taken_by_name: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    waiting_since: datetime | None = Field(default=None, sa_type=Instant)
    last_message_at: datetime = Field(sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)


class ConversationNote(SQLModel, table=True):
    """What staff write for each other about a thread. It is no message: nothing that sends can see it."""

    __tablename__ = "conversation_note"
    __table_args__ = (UniqueConstraint("conversation_id", "client_ref"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    conversation_id: UUID = Field(foreign_key="conversation.id")
    client_ref: str = Field(sa_type=Text)
    author_name: str = Field(sa_type=Text)
    body: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)


class Message(SQLModel, table=True):
    """One message. Inbound: `received` then `handled`. Outbound: `queued`, `sending`, then what the provider says of it.

    `uncertain`: the provider was asked and no answer came; never resent by itself, settled by a look-up or by a person.

    media, lon, lat, place_label, choice, album, reply_to, edits, subject: as in `InboundMessage`. Of what goes out: `prompt`
    is the body without its numbered list, for channels that show `choices` (`Choice` values) as buttons; `asks_place`: it asks
    where; `template` and `template_params`: which text this is and what fills it, for networks that take only approved ones.
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("channel", "provider_message_id"),
        UniqueConstraint("conversation_id", "client_ref"),
        CheckConstraint("direction IN ('inbound', 'outbound')", name="direction"),
        CheckConstraint(
            "status IN ('received', 'handled', 'queued', 'sending', 'uncertain', 'accepted', 'sent', 'delivered',"
            " 'read', 'undelivered', 'failed', 'suppressed')",
            name="status",
        ),
        Index("ix_message_conversation_id_seq", "conversation_id", "seq"),
        Index(
            "ix_message_unsettled",
            "status",
            "changed_at",
            postgresql_where=text("status IN ('queued', 'sending', 'uncertain')"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    seq: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), nullable=False))
    conversation_id: UUID = Field(foreign_key="conversation.id")
    channel: str = Field(sa_type=Text)
    direction: str = Field(sa_type=Text)
    provider_message_id: str | None = Field(default=None, sa_type=Text)
    # Ours, unique in the conversation: the same reply queued twice is one message.
    client_ref: str | None = Field(default=None, sa_type=Text)
    service_request_id: UUID | None = Field(default=None, foreign_key="service_request.id", index=True)
    author_kind: str = Field(default="resident", sa_type=Text)
    author_name: str = Field(default="", sa_type=Text)
    body: str = Field(default="", sa_type=Text)
    media: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    lon: float | None = Field(default=None, sa_type=Float)
    lat: float | None = Field(default=None, sa_type=Float)
    place_label: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    choice: str | None = Field(default=None, sa_type=Text)
    album: str | None = Field(default=None, sa_type=Text)
    reply_to: str | None = Field(default=None, sa_type=Text)
    edits: str | None = Field(default=None, sa_type=Text)
    subject: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    prompt: str | None = Field(default=None, sa_type=Text)
    choices: list[dict[str, str]] = Field(
        default_factory=list, sa_column=Column(Json, nullable=False, server_default=text("'[]'::jsonb"))
    )
    asks_place: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=text("false")))
    template: str | None = Field(default=None, sa_type=Text)
    template_params: dict[str, str] = Field(
        default_factory=dict, sa_column=Column(Json, nullable=False, server_default=text("'{}'::jsonb"))
    )
    status: str = Field(sa_type=Text)
    error_code: str | None = Field(default=None, sa_type=Text)
    attempts: int = 0
    # When it may go at the earliest: the pace of its channel, or the end of a city's quiet hours.
    slot_at: datetime | None = Field(default=None, sa_type=Instant)
    segments: int | None = None
    at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)


class OwnText(SQLModel, table=True):
    """A text to residents in a city's own words, in place of ours. key: `section.key` of `texts/`; channel: "" for all."""

    __tablename__ = "own_text"

    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id", primary_key=True)
    key: str = Field(sa_type=Text, primary_key=True)
    language: str = Field(sa_type=Text, primary_key=True)
    channel: str = Field(default="", sa_type=Text, primary_key=True)
    text: str = Field(sa_type=Text)
    changed_by: str = Field(default="", sa_type=Text)
    changed_at: datetime = Field(sa_type=Instant)
