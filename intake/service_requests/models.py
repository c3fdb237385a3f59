"""The thing to be done, what each person said about it, why it went where it went, and everything that happened since.

Three state axes, three places: the life of the request (`life`), the hand-over to the agency (`handover`), and the
conversation (in `intake.conversations`). Open311's `status` is derived from `life`.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, Sequence, Text, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant, Json, metadata
from kernel.ids import new_id

# Requests closed before are likely duplicates of nothing: they are looked for at most ninety days after. Changed with the index.
NO_DUPLICATE_BEFORE = "2026-01-01 00:00:00+00"
# No two keys are the same, so there is nothing to keep once; to look for it costs a tenth of the time of writing a request.
_ALONE = {"deduplicate_items": "off"}
FOLIO_SEQUENCE = Sequence("folio_seq", metadata=metadata)


class ServiceRequest(SQLModel, table=True):
    """A request in the queue. lon/lat: WGS84; `areas` maps layer key to `[{"code", "name"}]` at the point.

    `public_…` is what everybody may read of the text of the same name, as `public_text_version` of the rules left it. Without a
    version (a row from before, or from a process of the previous release) nothing was stored and readers mask as they read.
    `promise`: what was promised (terms, version, calendar, from when), as `intake.service_requests.promises` writes it; None for
    requests from before, and imported ones. `last_word_at`: the city's last word to the person. `paused_at`: since when the clock
    of the resolution stands still. `next_step_at`: when the chain of steps has something to record.
    `photo_id`: the photo that stands for it in public lists, kept here so that a list of a thousand reads one table;
    `intake.media` keeps it right.
    """

    __tablename__ = "service_request"
    __table_args__ = (
        CheckConstraint("life IN ('new', 'in_progress', 'waiting_resident', 'reopened', 'closed')", name="life"),
        CheckConstraint(
            "handover IN ('none', 'pending', 'sent', 'accepted', 'returned', 'transferred')", name="handover"
        ),
        CheckConstraint("(life = 'closed') = (closed_at IS NOT NULL)", name="closed_at"),
        CheckConstraint("(life = 'closed') = (outcome_code IS NOT NULL)", name="outcome"),
        CheckConstraint("(lon IS NULL) = (lat IS NULL)", name="point"),
        Index(
            "ix_service_request_requested",
            "jurisdiction_id",
            text("requested_at DESC"),
            text("id DESC"),
            postgresql_with=_ALONE,
        ),
        Index(
            "ix_service_request_service",
            "jurisdiction_id",
            "service_code",
            text("requested_at DESC"),
            text("id DESC"),
            postgresql_with=_ALONE,
        ),
        # Most requests have neither a key nor a token.
        Index(
            "uq_service_request_idempotency_key",
            "jurisdiction_id",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        Index("uq_service_request_batch_token", "token", unique=True, postgresql_where=text("token IS NOT NULL")),
        Index(
            "ix_service_request_open",
            "jurisdiction_id",
            "expected_at",
            postgresql_where=text("life <> 'closed'"),
        ),
        # Only what has a step to come: the job that records steps reads what is due, whatever the table holds.
        Index("ix_service_request_next_step", "next_step_at", postgresql_where=text("next_step_at IS NOT NULL")),
        Index(
            "uq_service_request_source",
            "jurisdiction_id",
            "source",
            "source_id",
            unique=True,
            postgresql_where=text("source_id IS NOT NULL"),
        ),
        Index(
            "ix_service_request_agency",
            "jurisdiction_id",
            "agency_code",
            text("requested_at DESC"),
            text("id DESC"),
            postgresql_with=_ALONE,
        ),
        # How much an agency has open, for rules with a capacity.
        Index(
            "ix_service_request_open_agency",
            "jurisdiction_id",
            "agency_code",
            postgresql_where=text("life <> 'closed'"),
        ),
        # What follows serves public lists; the conditions are written in intake/open311/selection.py.
        Index(
            "ix_service_request_open_requested",
            "jurisdiction_id",
            text("requested_at DESC"),
            text("id DESC"),
            postgresql_where=text("is_public AND life <> 'closed'"),
            postgresql_with=_ALONE,
        ),
        Index(
            "ix_service_request_with_photo",
            "jurisdiction_id",
            text("requested_at DESC"),
            text("id DESC"),
            postgresql_where=text("is_public AND (photo_id IS NOT NULL OR media_urls <> '[]')"),
            postgresql_with=_ALONE,
        ),
        Index(
            "ix_service_request_changed",
            "jurisdiction_id",
            text("COALESCE(closed_at, updated_at) DESC"),
            text("id DESC"),
            postgresql_where=text("is_public"),
            postgresql_with=_ALONE,
        ),
        # Squares of the map, each newest first (intake/open311/cells.py). A GiST of points would not hold the time, and
        # PostgreSQL guesses how many it finds.
        Index(
            "ix_service_request_square",
            "jurisdiction_id",
            text("(floor(lat * 100)::int * 36000 + floor(lon * 100)::int)"),
            text("requested_at DESC"),
            text("id DESC"),
            postgresql_where=text("is_public"),
            postgresql_with=_ALONE,
        ),
        Index(
            "ix_service_request_service_square",
            "jurisdiction_id",
            "service_code",
            text("(life = 'closed')"),
            text("(floor(lat * 25)::int * 9000 + floor(lon * 25)::int)"),
            text("requested_at DESC"),
            text("id DESC"),
            postgresql_where=text("is_public"),
            postgresql_with=_ALONE,
        ),
        # Likely duplicates: cells of a thousandth of a degree, about a hundred metres; what is open comes first in each. What was
        # closed long ago, most of a register that a city brings, can be no duplicate.
        Index(
            "ix_service_request_near",
            "jurisdiction_id",
            text("(floor(lat * 1000)::bigint * 360000 + floor(lon * 1000)::bigint)"),
            "service_code",
            text("closed_at DESC NULLS FIRST"),
            text("requested_at DESC"),
            postgresql_where=text(
                "lat IS NOT NULL AND parent_id IS NULL"
                f" AND (closed_at IS NULL OR closed_at > '{NO_DUPLICATE_BEFORE}'::timestamptz)"
            ),
            postgresql_with=_ALONE,
        ),
        Index("ix_service_request_parent_id", "parent_id", postgresql_where=text("parent_id IS NOT NULL")),
        # Each search reads what waits to be sorted in: not much may.
        Index(
            "ix_service_request_words_of_days",
            text("public_search_days(public_description, public_address, requested_at)"),
            postgresql_using="gin",
            postgresql_with={"gin_pending_list_limit": 128},
            postgresql_where=text("is_public"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    folio: str = Field(sa_type=Text, unique=True)
    token: str | None = Field(default=None, sa_type=Text)
    service_code: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    language: str = Field(default="es", sa_type=Text)
    description: str = Field(default="", sa_type=Text)
    address_string: str | None = Field(default=None, sa_type=Text)
    address_id: str | None = Field(default=None, sa_type=Text)
    zipcode: str | None = Field(default=None, sa_type=Text)
    lon: float | None = None
    lat: float | None = None
    precision_m: float | None = None
    areas: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    attributes: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    media_urls: list[str] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    photo_id: UUID | None = None
    life: str = Field(default="new", sa_type=Text)
    outcome_code: str | None = Field(default=None, sa_type=Text)
    status_notes: str = Field(default="", sa_type=Text)
    handover: str = Field(default="pending", sa_type=Text)
    agency_code: str | None = Field(default=None, sa_type=Text)
    is_public: bool = True
    report_count: int = 1
    requested_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
    expected_at: datetime | None = Field(default=None, sa_type=Instant)
    closed_at: datetime | None = Field(default=None, sa_type=Instant)
    idempotency_key: str | None = Field(default=None, sa_type=Text)
    version: int = 1
    public_description: str | None = Field(default=None, sa_type=Text)
    public_address: str | None = Field(default=None, sa_type=Text)
    public_status_notes: str | None = Field(default=None, sa_type=Text)
    public_attributes: dict[str, Any] | None = Field(default=None, sa_column=Column(Json, nullable=True))
    public_text_version: int | None = None
    # The register that a past request came from, and its number there; None for what people report here.
    source: str | None = Field(default=None, sa_type=Text)
    source_id: str | None = Field(default=None, sa_type=Text)
    promise: dict[str, Any] | None = Field(default=None, sa_column=Column(Json, nullable=True))
    first_answer_due_at: datetime | None = Field(default=None, sa_type=Instant)
    first_answered_at: datetime | None = Field(default=None, sa_type=Instant)
    last_word_at: datetime | None = Field(default=None, sa_type=Instant)
    silence_due_at: datetime | None = Field(default=None, sa_type=Instant)
    paused_at: datetime | None = Field(default=None, sa_type=Instant)
    next_step_at: datetime | None = Field(default=None, sa_type=Instant)
    # The request that this one is a duplicate of. That one never has a parent itself, so there are no chains.
    parent_id: UUID | None = Field(default=None, foreign_key="service_request.id")


class Report(SQLModel, table=True):
    """What one person said. Several reports may be about one request; none is ever thrown away.

    `idempotency_key`: of a report that joined a request which was there; said twice, it is one report.
    """

    __tablename__ = "report"
    __table_args__ = (
        Index(
            "uq_report_idempotency_key",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        # What apps report of nobody by name, and outside any thread, is asked for by neither.
        Index("ix_report_known_person", "person_id", postgresql_where=text("person_id IS NOT NULL")),
        Index("ix_report_in_thread", "conversation_id", postgresql_where=text("conversation_id IS NOT NULL")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    service_request_id: UUID = Field(foreign_key="service_request.id", index=True)
    person_id: UUID | None = Field(default=None, foreign_key="person.id")
    contact_point_id: UUID | None = Field(default=None, foreign_key="contact_point.id")
    conversation_id: UUID | None = None
    channel: str = Field(sa_type=Text)
    words: str = Field(default="", sa_type=Text)
    wants_notices: bool = True
    at: datetime = Field(sa_type=Instant)
    idempotency_key: str | None = Field(default=None, sa_type=Text)


class PublicTextReview(SQLModel, table=True):
    """A request whose public text a person should look at, and what became of it.

    `doubts`: why, one object for each doubtful stretch. `decided`: texts that a person wrote, by field; no rule changes them
    again. Until somebody has looked, the strict text is public.
    """

    __tablename__ = "public_text_review"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'published', 'hidden')", name="state"),
        Index(
            "ix_public_text_review_pending", "jurisdiction_id", "found_at", postgresql_where=text("state = 'pending'")
        ),
    )

    service_request_id: UUID = Field(foreign_key="service_request.id", primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text)
    state: str = Field(default="pending", sa_type=Text)
    doubts: list[dict[str, Any]] = Field(default_factory=list, sa_column=Column(Json, nullable=False))
    decided: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    found_at: datetime = Field(sa_type=Instant)
    reviewed_at: datetime | None = Field(default=None, sa_type=Instant)
    reviewed_by: str = Field(default="", sa_type=Text)
    version: int = 1


class RoutingDecisionRow(SQLModel, table=True):
    """Why a request belongs to an agency: the receipt as `routing.receipts` wrote it. The newest row is in force."""

    __tablename__ = "routing_decision"
    __table_args__ = (
        # What-ifs ask for the few that hold a reply about a border.
        Index(
            "ix_routing_decision_settled",
            "service_request_id",
            postgresql_where=text("(receipt -> 'settled') <> '{}'"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    service_request_id: UUID = Field(foreign_key="service_request.id", index=True)
    agency_code: str | None = Field(default=None, sa_type=Text)
    rule_code: str | None = Field(default=None, sa_type=Text)
    rule_set_version: int
    receipt: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    at: datetime = Field(sa_type=Instant)


class ServiceRequestEvent(SQLModel, table=True):
    """Append-only history. `audience` is public, reporter, agency or internal; `note` is what was written for them.

    Of a public event everybody reads `public_note`; staff, and who reported, read `note`. None: not stored yet, mask it.
    `is_pending_change`: to be numbered for those who follow changes (`intake.changes`); rows of imported history are not.
    """

    __tablename__ = "service_request_event"
    __table_args__ = (
        CheckConstraint("audience IN ('public', 'reporter', 'agency', 'internal')", name="audience"),
        Index("ix_service_request_event_service_request_id_id", "service_request_id", "id"),
        Index("ix_service_request_event_pending_change", "id", postgresql_where=text("is_pending_change")),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(), primary_key=True))
    service_request_id: UUID = Field(foreign_key="service_request.id")
    name: str = Field(sa_type=Text)
    audience: str = Field(sa_type=Text)
    actor_kind: str = Field(sa_type=Text)
    actor_name: str = Field(default="", sa_type=Text)
    note: str = Field(default="", sa_type=Text)
    public_note: str | None = Field(default=None, sa_type=Text)
    data: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    at: datetime = Field(sa_type=Instant)
    is_pending_change: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
