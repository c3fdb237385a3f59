"""Tables of what-ifs that pages start, and of the re-routing that a publication proposes."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant, Json
from kernel.ids import new_id


class WhatIfRun(SQLModel, table=True):
    """A draft being tried on a period (local days, both included), part by part.

    `draft_version`: the draft as it was asked for; `asked_for`: the day it would come into force. `stamp` names the rules and
    boundaries that the parts so far were asked: when it differs, the run begins anew. `after_at`, `after_id`: the last request
    that was asked. `tally` and `outcome`: see `routing.whatif`. `problem`: a text for the reader, when it could not be done.
    """

    __tablename__ = "whatif_run"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'running', 'done', 'failed')", name="state"),
        Index("ix_whatif_run_draft_id_made_at", "draft_id", "made_at"),
        Index("ix_whatif_run_unfinished", "changed_at", postgresql_where=text("state IN ('waiting', 'running')")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text)
    draft_id: UUID = Field(foreign_key="routing_draft.id", ondelete="CASCADE")
    draft_version: int
    title: str = Field(sa_type=Text)
    asked_for: date
    first: date
    last: date
    language: str = Field(default="es", sa_type=Text)
    state: str = Field(default="waiting", sa_type=Text)
    problem: str = Field(default="", sa_type=Text)
    stamp: str = Field(default="", sa_type=Text)
    total: int = 0
    done: int = 0
    parts: int = 0
    after_at: datetime | None = Field(default=None, sa_type=Instant)
    after_id: UUID | None = None
    tally: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    outcome: dict[str, Any] | None = Field(default=None, sa_column=Column(Json, nullable=True))
    made_by: str = Field(sa_type=Text)
    made_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)


class WhatIfPart(SQLModel, table=True):
    """The changed requests of one part of a run: gzipped JSON lines, each a `routing.whatif.compare.Change`."""

    __tablename__ = "whatif_part"

    run_id: UUID = Field(foreign_key="whatif_run.id", ondelete="CASCADE", primary_key=True)
    number: int = Field(primary_key=True)
    changes: bytes = Field(sa_type=LargeBinary)


class WhatIfFile(SQLModel, table=True):
    """One file of a finished run, gzipped."""

    __tablename__ = "whatif_file"

    run_id: UUID = Field(foreign_key="whatif_run.id", ondelete="CASCADE", primary_key=True)
    name: str = Field(sa_type=Text, primary_key=True)
    content: bytes = Field(sa_type=LargeBinary)


class RerouteRound(SQLModel, table=True):
    """What the publication of one rule set, or an import of `layers`, means for open requests: looked at once its day has come.

    `after_at`, `after_id`: the last open request that was looked at; `looked_at`: how many so far.
    """

    __tablename__ = "reroute_round"
    __table_args__ = (
        CheckConstraint("state IN ('planned', 'looking', 'done')", name="state"),
        UniqueConstraint("rule_set_id"),
        Index("ix_reroute_round_jurisdiction_id_valid_from", "jurisdiction_id", "valid_from"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text)
    rule_set_id: UUID | None = Field(default=None, foreign_key="rule_set.id", ondelete="CASCADE")
    layers: list[str] = Field(default_factory=list, sa_column=Column(Json, nullable=False, server_default=text("'[]'")))
    valid_from: date
    state: str = Field(default="planned", sa_type=Text)
    looked_at: int = 0
    after_at: datetime | None = Field(default=None, sa_type=Instant)
    after_id: UUID | None = None
    made_at: datetime = Field(sa_type=Instant)
    changed_at: datetime = Field(sa_type=Instant)


class RerouteProposal(SQLModel, table=True):
    """An open request that the published rules, or the imported boundaries, give to somebody else.

    `accepting`: a person said yes and the job has not come to it yet. `stale`: it was closed or went elsewhere meanwhile, or a
    later publication or import says something else. `decided_by`, `decided_at`: who said yes or no, and when.
    """

    __tablename__ = "reroute_proposal"
    __table_args__ = (
        CheckConstraint("state IN ('proposed', 'accepting', 'accepted', 'rejected', 'stale')", name="state"),
        UniqueConstraint("round_id", "service_request_id"),
        Index(
            "uq_reroute_proposal_open",
            "service_request_id",
            unique=True,
            postgresql_where=text("state IN ('proposed', 'accepting')"),
        ),
        Index(
            "ix_reroute_proposal_waiting",
            "jurisdiction_id",
            "from_agency",
            "to_agency",
            postgresql_where=text("state IN ('proposed', 'accepting')"),
        ),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text)
    round_id: UUID = Field(foreign_key="reroute_round.id", ondelete="CASCADE")
    service_request_id: UUID = Field(foreign_key="service_request.id", ondelete="CASCADE")
    from_agency: str = Field(sa_type=Text)
    to_agency: str = Field(sa_type=Text)
    rule_code: str | None = Field(default=None, sa_type=Text)
    receipt: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    state: str = Field(default="proposed", sa_type=Text)
    decided_by: str = Field(default="", sa_type=Text)
    decided_at: datetime | None = Field(default=None, sa_type=Instant)
    at: datetime = Field(sa_type=Instant)
