"""Residents and how to reach them. Contact values are sealed; a keyed hash finds them (kernel/crypto.py)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant, Json
from kernel.ids import new_id


class Person(SQLModel, table=True):
    """Somebody who contacted a city. `name_sealed` is what they said they are called.

    group_id: the same for all who are known to be one and the same (`linking.py`); None for whoever is known by one row only.
    """

    __tablename__ = "person"
    __table_args__ = (Index("ix_person_group_id", "group_id", postgresql_where=text("group_id IS NOT NULL")),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    language: str = Field(default="es", sa_type=Text)
    name_sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    group_id: UUID | None = None
    created_at: datetime = Field(sa_type=Instant)


class ContactPoint(SQLModel, table=True):
    """One address of a person. `address_sealed` is the address exactly as received.

    kind: `phone`, `email`, `whatsapp`, `telegram` (a chat), `web_chat` (a visitor of ours); `sender` (a short code or a name,
    usually a machine) or `withheld` (a new contact every time). profile_name_sealed: what their network says they are called.
    person_id: who used it last; `ContactPointPerson` has the others of a household.
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


class ContactPointPerson(SQLModel, table=True):
    """One of several persons who use one contact point: a household's telephone. There are none of a contact point of one."""

    __tablename__ = "contact_point_person"

    contact_point_id: UUID = Field(foreign_key="contact_point.id", primary_key=True)
    person_id: UUID = Field(foreign_key="person.id", primary_key=True, index=True)
    added_by: UUID | None = None
    added_by_name: str = Field(default="", sa_type=Text)
    added_at: datetime = Field(sa_type=Instant)


class PersonLink(SQLModel, table=True):
    """Evidence that two rows are one person, kept also when it was undone. No row of anything else is ever moved by it.

    basis: `shared_phone` (their network says that the telephone number is their own), `code` (they read one that was sent to the
    other address) or `operator`, who said `why`.
    together: what came together by it, as it was then (`{"people": [ids], "contact_points": [ids]}` of the second of the two).
    """

    __tablename__ = "person_link"
    __table_args__ = (
        CheckConstraint("basis IN ('shared_phone', 'code', 'operator')", name="basis"),
        CheckConstraint("one_id <> other_id", name="two"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    one_id: UUID = Field(foreign_key="person.id", index=True)
    other_id: UUID = Field(foreign_key="person.id", index=True)
    basis: str = Field(sa_type=Text)
    why: str = Field(default="", sa_type=Text)
    together: dict[str, list[str]] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    linked_by: UUID | None = None
    linked_by_name: str = Field(default="", sa_type=Text)
    linked_at: datetime = Field(sa_type=Instant)
    undone_why: str = Field(default="", sa_type=Text)
    undone_by: UUID | None = None
    undone_by_name: str = Field(default="", sa_type=Text)
    undone_at: datetime | None = Field(default=None, sa_type=Instant)
