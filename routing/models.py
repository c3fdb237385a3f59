"""Tables of responsibility. Everything here is data with validity dates, imported from a city folder."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from kernel.db import Instant, Json
from kernel.ids import new_id


class Agency(SQLModel, table=True):
    """Who does the work. `calendar_code` names the working calendar that its promises are counted in."""

    __tablename__ = "agency"
    __table_args__ = (UniqueConstraint("jurisdiction_id", "code"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text)
    code: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    short_name: str = Field(sa_type=Text)
    calendar_code: str = Field(default="default", sa_type=Text)
    contact: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    is_active: bool = True


class BoundaryLayer(SQLModel, table=True):
    """Areas of one kind: `jurisdiction` (the outline), `district`, `colonia`, or what a city adds; or lines, as of roads.

    `kind`: area or line, for good: whatever a layer ever held is looked up in one way.
    """

    __tablename__ = "boundary_layer"
    __table_args__ = (UniqueConstraint("jurisdiction_id", "key"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text)
    key: str = Field(sa_type=Text)
    name: dict[str, str] = Field(sa_column=Column(Json, nullable=False))
    kind: str = Field(default="area", sa_type=Text, sa_column_kwargs={"server_default": "area"})
    version: int = 1
    digest: str = Field(default="", sa_type=Text)
    imported_at: datetime = Field(sa_type=Instant)


class BoundaryArea(SQLModel, table=True):
    """One area or line, in force from `valid_from` until `valid_to` (exclusive); geometry is WKB, EPSG:4326, lon-lat."""

    __tablename__ = "boundary_area"
    __table_args__ = (
        Index("ix_boundary_area_layer_id_code", "layer_id", "code"),
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="validity"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    layer_id: UUID = Field(foreign_key="boundary_layer.id", ondelete="CASCADE")
    code: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    geometry: bytes = Field(sa_type=LargeBinary)
    valid_from: date
    valid_to: date | None = None


class RoutingRule(SQLModel, table=True):
    """Neither read nor written: rules live in `RuleSet.content`. Kept for the release before this one, which reads it."""

    __tablename__ = "routing_rule"
    __table_args__ = (
        UniqueConstraint("jurisdiction_id", "code", "valid_from"),
        CheckConstraint("(layer_key IS NULL) = (area_codes IS NULL)", name="area"),
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="validity"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text)
    code: str = Field(sa_type=Text)
    priority: int
    service_code: str | None = Field(default=None, sa_type=Text)
    service_group: str | None = Field(default=None, sa_type=Text)
    layer_key: str | None = Field(default=None, sa_type=Text)
    area_codes: list[str] | None = Field(default=None, sa_column=Column(Json, nullable=True))
    agency_code: str = Field(sa_type=Text)
    reason: dict[str, str] = Field(sa_column=Column(Json, nullable=False))
    valid_from: date
    valid_to: date | None = None


class RuleSet(SQLModel, table=True):
    """The version of a jurisdiction's rules as a whole; every import that changes them and every publication adds one row.

    `content` is what that version decides with (default agency, rules, agencies, calendars) and its tests: the only truth of
    rules, kept for ever, so that an old receipt can be checked years later. On a day, the highest version with `valid_from`
    (a local day) on or before it answers, unless it was taken back before that day (`withdrawn_at`). `origin`: `import` of a
    city folder, or a `draft` that was published. `rules_text` is what a person wrote the rules as, in the format of a city's
    rules.toml.
    """

    __tablename__ = "rule_set"
    __table_args__ = (UniqueConstraint("jurisdiction_id", "version"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text)
    version: int
    digest: str = Field(sa_type=Text)
    default_agency_code: str = Field(sa_type=Text)
    content: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    valid_from: date = Field(default=date.min, sa_column_kwargs={"server_default": "0001-01-01"})
    origin: str = Field(default="import", sa_type=Text, sa_column_kwargs={"server_default": "import"})
    rules_text: str | None = Field(default=None, sa_type=Text)
    published_by: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    draft_id: UUID | None = None
    at: datetime = Field(sa_type=Instant)
    withdrawn_at: datetime | None = Field(default=None, sa_type=Instant, nullable=True)
    withdrawn_by: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})


class WorkingCalendarRow(SQLModel, table=True):
    """Working days and hours of one or more agencies; `definition` is what `routing.calendars` reads."""

    __tablename__ = "working_calendar"
    __table_args__ = (UniqueConstraint("jurisdiction_id", "code"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text)
    code: str = Field(sa_type=Text)
    definition: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))


class Gazetteer(SQLModel, table=True):
    """The version of a jurisdiction's named places as a whole, by the digest of their content."""

    __tablename__ = "gazetteer"

    jurisdiction_id: str = Field(sa_type=Text, primary_key=True)
    digest: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)


class GazetteerPlace(SQLModel, table=True):
    """A named place: district, colonia, landmark, street or crossing. precision_m says how far the point may be off."""

    __tablename__ = "gazetteer_place"
    __table_args__ = (Index("ix_gazetteer_place_jurisdiction_id_kind", "jurisdiction_id", "kind"),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    aliases: list[str] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    lon: float
    lat: float
    precision_m: float
    context: str = Field(default="", sa_type=Text)
