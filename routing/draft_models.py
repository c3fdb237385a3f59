"""Tables of rule sets in the making, and of those that failed. Nothing here is read when a request is routed."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant, Json
from kernel.ids import new_id


class RoutingDraft(SQLModel, table=True):
    """Rules, boundaries and tests that are not in force. `base_version`: the rule set it was made from.

    `rules` is `{"default_agency_code", "rules"}` as in a rule set's content, None while the draft leaves them as they are;
    `rules_text` is what a person wrote them as. `tests` are all of them, the base's with what was added and taken away.
    `version` counts changes: a second editor who has not seen the last one is told so.
    """

    __tablename__ = "routing_draft"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'published', 'discarded')", name="state"),
        Index("ix_routing_draft_open", "jurisdiction_id", "changed_at", postgresql_where=text("state = 'open'")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    state: str = Field(default="open", sa_type=Text)
    base_version: int
    rules: dict[str, Any] | None = Field(default=None, sa_column=Column(Json, nullable=True))
    rules_text: str | None = Field(default=None, sa_type=Text)
    tests: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    version: int = 1
    made_by: str = Field(sa_type=Text)
    made_at: datetime = Field(sa_type=Instant)
    changed_by: str = Field(sa_type=Text)
    changed_at: datetime = Field(sa_type=Instant)
    published_version: int | None = None
    valid_from: date | None = None


class RoutingDraftLayer(SQLModel, table=True):
    """A whole layer as the draft would have it. `kind`: `area` or `line`."""

    __tablename__ = "routing_draft_layer"
    __table_args__ = (UniqueConstraint("draft_id", "key"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    draft_id: UUID = Field(foreign_key="routing_draft.id", ondelete="CASCADE")
    key: str = Field(sa_type=Text)
    kind: str = Field(default="area", sa_type=Text)
    name: dict[str, str] = Field(sa_column=Column(Json, nullable=False))


class RoutingDraftArea(SQLModel, table=True):
    """One area of a draft's layer; geometry is WKB, EPSG:4326, lon-lat."""

    __tablename__ = "routing_draft_area"
    __table_args__ = (UniqueConstraint("layer_id", "code"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    layer_id: UUID = Field(foreign_key="routing_draft_layer.id", ondelete="CASCADE")
    code: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    geometry: bytes = Field(sa_type=LargeBinary)


class RuleAlert(SQLModel, table=True):
    """A rule set that could not decide, once per set and error; `used_version` decided instead. `count`: decisions so far."""

    __tablename__ = "rule_alert"
    __table_args__ = (UniqueConstraint("jurisdiction_id", "version", "error"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text)
    version: int
    used_version: int
    error: str = Field(sa_type=Text)
    count: int = 0
    first_at: datetime = Field(sa_type=Instant)
    last_at: datetime = Field(sa_type=Instant)
