"""One thing that many contact the city about, who is attached to it, and what was said about it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Identity, Index, Integer, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant, Json
from kernel.ids import new_id


def _texts() -> Column[Any]:
    return Column(Json, nullable=False, server_default=text("'{}'::jsonb"))


def _list() -> Column[Any]:
    return Column(Json, nullable=False, server_default=text("'[]'::jsonb"))


class Incident(SQLModel, table=True):
    """A storm, an outage: what it is about (`service_codes`, `group_codes`; neither: everything) and where.

    areas: `[{"layer", "code", "name"}]` as it was chosen; geometry: what that was when it was, WKB in EPSG:4326 lon-lat; None:
    the whole city. title, written, spoken: by language. version: one more with every change, so that two who change it at once
    are told apart. source_ref: what proposed it, of which only one is not over. basis: why the proposal was made, as
    `detecting.Burst` or the alert says it. alert: what a CAP alert said beside. expected_end_at: never ends it by itself.
    """

    __tablename__ = "incident"
    __table_args__ = (
        CheckConstraint("kind IN ('storm', 'outage', 'quake', 'shortage', 'other')", name="kind"),
        CheckConstraint("state IN ('proposed', 'open', 'ended', 'dismissed')", name="state"),
        CheckConstraint("proposed_by IN ('supervisor', 'detector', 'alert')", name="proposed_by"),
        Index("ix_incident_jurisdiction_id_created_at", "jurisdiction_id", text("created_at DESC")),
        Index("ix_incident_open", "jurisdiction_id", postgresql_where=text("state IN ('open', 'proposed')")),
        # The same form sent twice is one incident.
        Index(
            "uq_incident_client_ref",
            "jurisdiction_id",
            "client_ref",
            unique=True,
            postgresql_where=text("client_ref IS NOT NULL"),
        ),
        # However many detectors run, one proposal of a burst waits; a new one may come once that is over.
        Index(
            "uq_incident_source_ref",
            "jurisdiction_id",
            "source_ref",
            unique=True,
            postgresql_where=text("source_ref IS NOT NULL AND state IN ('proposed', 'open')"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    kind: str = Field(sa_type=Text)
    state: str = Field(default="open", sa_type=Text)
    title: dict[str, str] = Field(default_factory=dict, sa_column=_texts())
    written: dict[str, str] = Field(default_factory=dict, sa_column=_texts())
    spoken: dict[str, str] = Field(default_factory=dict, sa_column=_texts())
    service_codes: list[str] = Field(default_factory=list, sa_column=_list())
    group_codes: list[str] = Field(default_factory=list, sa_column=_list())
    areas: list[dict[str, str]] = Field(default_factory=list, sa_column=_list())
    geometry: bytes | None = Field(default=None, sa_type=LargeBinary)
    proposed_by: str = Field(default="supervisor", sa_type=Text)
    source_ref: str | None = Field(default=None, sa_type=Text)
    client_ref: str | None = Field(default=None, sa_type=Text)
    basis: dict[str, Any] = Field(default_factory=dict, sa_column=_texts())
    alert: dict[str, Any] = Field(default_factory=dict, sa_column=_texts())
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default=text("1")))
    created_at: datetime = Field(sa_type=Instant)
    opened_at: datetime | None = Field(default=None, sa_type=Instant)
    opened_by: UUID | None = None
    opened_by_name: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    expected_end_at: datetime | None = Field(default=None, sa_type=Instant)
    # The line of people who wait for an operator about this, while it has one of its own.
    queue_code: str | None = Field(default=None, sa_type=Text)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class IncidentContact(SQLModel, table=True):
    """An address that is told of the incident: once each, however often somebody calls. seq: the order in which they are told."""

    __tablename__ = "incident_contact"
    __table_args__ = (
        Index("uq_incident_contact", "incident_id", "contact_point_id", unique=True),
        Index("ix_incident_contact_incident_id_seq", "incident_id", "seq"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    seq: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), nullable=False))
    incident_id: UUID = Field(foreign_key="incident.id")
    contact_point_id: UUID = Field(foreign_key="contact_point.id", index=True)
    conversation_id: UUID | None = Field(default=None, foreign_key="conversation.id")
    channel: str = Field(sa_type=Text)
    wants_notices: bool = Field(default=True, sa_column=Column(Boolean, nullable=False, server_default=text("true")))
    # By which action of a supervisor, so that it can be taken back; None of who was attached by themselves.
    update_id: UUID | None = Field(default=None, foreign_key="incident_update.id", index=True)
    at: datetime = Field(sa_type=Instant)


class IncidentRequest(SQLModel, table=True):
    """A request that is part of an incident: of one at most. basis: `attached` by who reported it, or made `within` it.

    `apart`: whoever reported it said that it is another matter; it is part of none.
    """

    __tablename__ = "incident_request"
    __table_args__ = (CheckConstraint("basis IN ('attached', 'within', 'apart')", name="basis"),)

    service_request_id: UUID = Field(foreign_key="service_request.id", primary_key=True)
    incident_id: UUID = Field(foreign_key="incident.id", index=True)
    basis: str = Field(default="within", sa_type=Text)
    # As of a contact.
    update_id: UUID | None = Field(default=None, foreign_key="incident_update.id", index=True)
    at: datetime = Field(sa_type=Instant)


class IncidentUpdate(SQLModel, table=True):
    """Something that happened to an incident, never edited. words: what was said then, by language.

    told_to: the last contact (`seq`) that is to be told of it, None when nobody is; told_up_to: how far that has come. outcomes:
    how many were `told`, and how many not, by why (`incident_news.tell`).
    """

    __tablename__ = "incident_update"
    __table_args__ = (
        CheckConstraint(
            "name IN ('proposed', 'opened', 'edited', 'updated', 'ended', 'reopened', 'dismissed', 'alert_changed',"
            " 'attached', 'taken_back')",
            name="name",
        ),
        Index("ix_incident_update_incident_id_at", "incident_id", "at"),
        # The same words sent twice are told once.
        Index(
            "uq_incident_update_client_ref",
            "incident_id",
            "client_ref",
            unique=True,
            postgresql_where=text("client_ref IS NOT NULL"),
        ),
        Index("ix_incident_update_untold", "at", postgresql_where=text("told_to IS NOT NULL AND told_at IS NULL")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    incident_id: UUID = Field(foreign_key="incident.id")
    name: str = Field(sa_type=Text)
    words: dict[str, str] = Field(default_factory=dict, sa_column=_texts())
    note: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    actor_id: UUID | None = None
    actor_name: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    client_ref: str | None = Field(default=None, sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    told_to: int | None = Field(default=None, sa_type=BigInteger)
    told_up_to: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    told_at: datetime | None = Field(default=None, sa_type=Instant)
    outcomes: dict[str, int] = Field(default_factory=dict, sa_column=_texts())


class AlertFeed(SQLModel, table=True):
    """An address where somebody else publishes alerts of CAP. trouble: why the last look gave not all, in one of our words.

    links: of each document that it names (`feeds.Looked`, by address) what the last look at that one gave.
    """

    __tablename__ = "alert_feed"
    __table_args__ = (
        Index("uq_alert_feed", "jurisdiction_id", "url", unique=True, postgresql_where=text("removed_at IS NULL")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    url: str = Field(sa_type=Text)
    added_by_name: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    added_at: datetime = Field(sa_type=Instant)
    removed_at: datetime | None = Field(default=None, sa_type=Instant)
    looked_at: datetime | None = Field(default=None, sa_type=Instant)
    trouble: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))
    links: dict[str, Any] = Field(default_factory=dict, sa_column=_texts())
