"""What a resident has answered so far. The whole draft is sealed: it may hold a phone number and anybody's words."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary, Text
from sqlmodel import Field, SQLModel

from kernel.db import Instant
from kernel.ids import new_id


class WebDraft(SQLModel, table=True):
    """One unfinished report, found by the SHA-256 of the token in its address. Once sent it points at its request."""

    __tablename__ = "web_draft"
    __table_args__ = (Index("ix_web_draft_expires_at", "expires_at"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    token_hash: bytes = Field(sa_type=LargeBinary, unique=True)
    answers_sealed: bytes = Field(sa_type=LargeBinary)
    service_request_id: UUID | None = Field(default=None, foreign_key="service_request.id")
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
