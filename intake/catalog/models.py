"""What can be asked for, and where: jurisdictions, services, their questions. Bilingual texts are `{"es": …, "en": …}`."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Integer, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant, Json
from kernel.ids import new_id

# In `Jurisdiction.settings`: the names of the Open311 extensions that the city does without (`intake.open311.extensions`).
EXTENSIONS_OFF = "open311_extensions_off"
# Also there: how long requests take (`intake.forecasts.config`).
FORECAST = "forecast"
# And the chain of steps of its promises (`intake.catalog.chains`).
PROMISES = "promises"


class Jurisdiction(SQLModel, table=True):
    """One tenant: a city. `settings` holds contact, phone, key_service, colours and logo, as the city folder gives them.

    `keys_version` is one more with every change of the city's API keys: what processes remember of them ends with it.
    """

    __tablename__ = "jurisdiction"

    id: str = Field(sa_type=Text, primary_key=True)
    name: str = Field(sa_type=Text)
    timezone: str = Field(sa_type=Text)
    language: str = Field(default="es", sa_type=Text)
    sms_number: str | None = Field(default=None, sa_type=Text, unique=True)
    is_default: bool = False
    settings: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    basemap: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    catalog_changed_at: datetime = Field(sa_type=Instant)
    keys_version: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))


class ChannelAddress(SQLModel, table=True):
    """Where a city is written to on a channel, beside its number for SMS: as providers give it with each message."""

    __tablename__ = "channel_address"

    channel: str = Field(sa_type=Text, primary_key=True)
    address: str = Field(sa_type=Text, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id", index=True)


class Service(SQLModel, table=True):
    """An Open311 service. `promise` is `{"amount": 5, "unit": "working_days"}` (or `hours`, `working_hours`, `days`).

    first_answer and silence, alike: how long until the city's first word, and between one word and the next. `promise_version`:
    the row of `service_promise` that holds all three."""

    __tablename__ = "service"
    __table_args__ = (
        UniqueConstraint("jurisdiction_id", "code"),
        CheckConstraint("kind IN ('realtime', 'batch', 'blackbox')", name="kind"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    code: str = Field(sa_type=Text)
    name: dict[str, str] = Field(sa_column=Column(Json, nullable=False))
    description: dict[str, str] = Field(sa_column=Column(Json, nullable=False))
    kind: str = Field(default="realtime", sa_type=Text)
    group_code: str = Field(sa_type=Text)
    group_name: dict[str, str] = Field(sa_column=Column(Json, nullable=False))
    keywords: list[str] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    # By which other words it is found; no client is told them.
    topics: list[str] = Field(
        default_factory=list, sa_column=Column(Json, nullable=False, server_default=text("'[]'::jsonb"))
    )
    said_as: list[str] = Field(
        default_factory=list, sa_column=Column(Json, nullable=False, server_default=text("'[]'::jsonb"))
    )
    promise: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    first_answer: dict[str, Any] | None = Field(default=None, sa_column=Column(Json, nullable=True))
    silence: dict[str, Any] | None = Field(default=None, sa_column=Column(Json, nullable=True))
    promise_version: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default=text("1")))
    notice: dict[str, str] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    icon: str = Field(default="note", sa_type=Text)
    is_emergency: bool = False
    is_sensitive: bool = False
    is_active: bool = True
    position: int = 0
    # What the city folder says of likely duplicates, as `DuplicateRules.of` reads it.
    duplicates: dict[str, Any] = Field(
        default_factory=dict, sa_column=Column(Json, nullable=False, server_default=text("'{}'::jsonb"))
    )


class ServicePromise(SQLModel, table=True):
    """What a service promised on the days from `valid_from` (inclusive) to `valid_to` (exclusive; None: still). Never edited.

    `terms` is `{"resolution": …, "first_answer": …, "silence": …}`; a version replaced within a day has no day of its own.
    """

    __tablename__ = "service_promise"

    jurisdiction_id: str = Field(sa_type=Text, primary_key=True, foreign_key="jurisdiction.id")
    service_code: str = Field(sa_type=Text, primary_key=True)
    version: int = Field(primary_key=True)
    terms: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    valid_from: date
    valid_to: date | None = None


class ServiceAttribute(SQLModel, table=True):
    """One question of a service definition. `options` is `[{"key", "name": {"es", "en"}}]` for the two list datatypes.

    `only_if`: answers to earlier questions, by code, of which one must be given for each; then it is asked.
    """

    __tablename__ = "service_attribute"
    __table_args__ = (
        UniqueConstraint("service_id", "code"),
        UniqueConstraint("service_id", "position"),
        CheckConstraint(
            "datatype IN ('string', 'text', 'number', 'datetime', 'singlevaluelist', 'multivaluelist')", name="datatype"
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    service_id: UUID = Field(foreign_key="service.id", ondelete="CASCADE")
    code: str = Field(sa_type=Text)
    datatype: str = Field(sa_type=Text)
    is_variable: bool = True
    is_required: bool = False
    position: int
    description: dict[str, str] = Field(sa_column=Column(Json, nullable=False))
    datatype_description: dict[str, str] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    options: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    is_asset: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    only_if: dict[str, list[str]] = Field(
        default_factory=dict, sa_column=Column(Json, nullable=False, server_default=text("'{}'::jsonb"))
    )


class ApiKey(SQLModel, table=True):
    """A client of the Open311 API and what it may do. Only the SHA-256 of a secret is kept, and its first letters to tell it by.

    Two secrets at most open it: the current one, and the previous one until `previous_ends_at`. The scopes `update` and
    `read_private` are about the requests of `agency_code` and mean nothing without one. writes_per_minute: None is the
    installation's own limit, 0 is none.
    """

    __tablename__ = "api_key"
    __table_args__ = (
        # One client may use one key in several cities; each city gives and disables it on its own.
        UniqueConstraint("jurisdiction_id", "key_hash"),
        CheckConstraint("(previous_hash IS NULL) = (previous_ends_at IS NULL)", name="previous"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    label: str = Field(sa_type=Text)
    key_hash: bytes = Field(sa_type=LargeBinary)
    prefix: str | None = Field(default=None, sa_type=Text)
    previous_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    previous_prefix: str | None = Field(default=None, sa_type=Text)
    previous_ends_at: datetime | None = Field(default=None, sa_type=Instant)
    agency_code: str | None = Field(default=None, sa_type=Text)
    scopes: list[str] = Field(
        default_factory=lambda: ["submit", "update"],
        sa_column=Column(Json, nullable=False, server_default=text("""'["submit", "update"]'::jsonb""")),
    )
    writes_per_minute: int | None = None
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)
    last_used_at: datetime | None = Field(default=None, sa_type=Instant)
