"""Residents and how to reach them. Contact values are sealed; a keyed hash finds them (kernel/crypto.py)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from kernel.db import Instant
from kernel.ids import new_id


class Person(SQLModel, table=True):
    """Somebody who contacted a city. `name_sealed` is what they said they are called."""

    __tablename__ = "person"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    language: str = Field(default="es", sa_type=Text)
    name_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=Instant)


class ContactPoint(SQLModel, table=True):
    """One address of a person. `address_sealed` is the address exactly as received.

    kind: `phone`, `email`, `whatsapp`, `telegram` (a chat), `web_chat` (a visitor of ours); `sender` (a short code or a name,
    usually a machine) or `withheld` (a new contact every time). profile_name_sealed: what their network says they are called.
    """

    __tablename__ = "contact_point"
    __table_args__ = (UniqueConstraint("jurisdiction_id", "kind", "lookup"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    person_id: UUID = Field(foreign_key="person.id", index=True)
    kind: str = Field(sa_type=Text)
    lookup: bytes = Field(sa_type=LargeBinary)
    address_sealed: bytes = Field(sa_type=LargeBinary)
    last_digits: str = Field(default="", sa_type=Text)
    profile_name_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=Instant)


class Consent(SQLModel, table=True):
    """Evidence of a choice, never edited: `purpose` (`notices`), granted or withdrawn, in which words, when."""

    __tablename__ = "consent"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    contact_point_id: UUID = Field(foreign_key="contact_point.id", index=True)
    purpose: str = Field(sa_type=Text)
    is_granted: bool
    words: str = Field(default="", sa_type=Text)
    at: datetime = Field(sa_type=Instant)
