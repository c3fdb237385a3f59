"""Codes that were sent to an address to prove whose it is."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant
from kernel.ids import new_id


class ContactCode(SQLModel, table=True):
    """One code, sent to `target_id` for whoever writes from `asker_id`. Its life is in `proving.py`.

    code_hash: keyed, so that six digits cannot be tried out on a copy of the table. code_sealed: for the message that carries it,
    gone as soon as the code is not open. person_id: who asked, of those that use the asker's address. asked_by, answered_by: the
    agent who asked for it, and who typed it; nobody where the person did. link_id: what it proved.

    thread_id: the call in which it proves that whoever is there reads what comes to that address, and nothing besides
    (`thread_codes.py`); None: it links the two.
    """

    __tablename__ = "contact_code"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'proved', 'used_up', 'expired', 'replaced')", name="state"),
        CheckConstraint("asker_id <> target_id OR thread_id IS NOT NULL", name="two"),
        Index(
            "uq_contact_code_open_link",
            "asker_id",
            "target_id",
            unique=True,
            postgresql_where=text("state = 'open' AND thread_id IS NULL"),
        ),
        Index(
            "uq_contact_code_open_thread",
            "thread_id",
            unique=True,
            postgresql_where=text("state = 'open' AND thread_id IS NOT NULL"),
        ),
        Index("ix_contact_code_thread_id", "thread_id", postgresql_where=text("thread_id IS NOT NULL")),
        Index("ix_contact_code_asker_id_asked_at", "asker_id", "asked_at"),
        Index("ix_contact_code_target_id_asked_at", "target_id", "asked_at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    asker_id: UUID = Field(foreign_key="contact_point.id")
    person_id: UUID = Field(foreign_key="person.id")
    target_id: UUID = Field(foreign_key="contact_point.id")
    channel: str = Field(sa_type=Text)
    asked_on: str = Field(sa_type=Text)
    language: str = Field(default="es", sa_type=Text)
    code_hash: bytes = Field(sa_type=LargeBinary)
    code_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    state: str = Field(default="open", sa_type=Text)
    tries: int = 0
    link_id: UUID | None = Field(default=None, foreign_key="person_link.id")
    thread_id: UUID | None = None
    asked_by: UUID | None = None
    asked_by_name: str = Field(default="", sa_type=Text)
    answered_by: UUID | None = None
    answered_by_name: str = Field(default="", sa_type=Text)
    asked_at: datetime = Field(sa_type=Instant)
    settled_at: datetime | None = Field(default=None, sa_type=Instant)
