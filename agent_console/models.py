"""Who may sign in, and the sessions they have open."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from kernel.db import Instant
from kernel.ids import new_id


class ConsoleUser(SQLModel, table=True):
    """A member of staff. Role `agency` sees only the requests of `agency_code`."""

    __tablename__ = "console_user"
    __table_args__ = (
        UniqueConstraint("email"),
        CheckConstraint("role IN ('operator', 'supervisor', 'agency', 'admin')", name="role"),
        CheckConstraint("(role = 'agency') = (agency_code IS NOT NULL)", name="agency"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    email: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    agency_code: str | None = Field(default=None, sa_type=Text)
    password_hash: str = Field(sa_type=Text)
    language: str = Field(default="es", sa_type=Text)
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)


class ConsoleSession(SQLModel, table=True):
    """One signed-in browser. Only the SHA-256 of its cookie is kept."""

    __tablename__ = "console_session"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    user_id: UUID = Field(foreign_key="console_user.id", ondelete="CASCADE", index=True)
    token_hash: bytes = Field(sa_type=LargeBinary, unique=True)
    created_at: datetime = Field(sa_type=Instant)
    last_seen_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)


class ReplyDraft(SQLModel, table=True):
    """What a member of staff has begun to write in a thread, kept until it is sent."""

    __tablename__ = "reply_draft"

    user_id: UUID = Field(foreign_key="console_user.id", ondelete="CASCADE", primary_key=True)
    conversation_id: UUID = Field(foreign_key="conversation.id", ondelete="CASCADE", primary_key=True)
    body: str = Field(sa_type=Text)
    changed_at: datetime = Field(sa_type=Instant)
