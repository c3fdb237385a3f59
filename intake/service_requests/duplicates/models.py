"""What was found to be perhaps the same, and what people said of it. Rows are added and never edited: the newest counts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, Text, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant, Json
from kernel.ids import new_id


class DuplicateDecision(SQLModel, table=True):
    """One pair as it was at that moment: `candidate_id` was there, and `service_request_id` or `report_id` came after it.

    decision: `found` (by the system, nobody has looked), `same`, `other`, or `undone` (it was joined, and is not any more).
    A resident's `same` has a report and no request of its own. score, parts: as `scoring` gave them then. `shown`: how many
    candidates stood beside it, this one being the `position`-th.
    """

    __tablename__ = "duplicate_decision"
    __table_args__ = (
        CheckConstraint("decision IN ('found', 'same', 'other', 'undone')", name="decision"),
        CheckConstraint("decided_by IN ('system', 'resident', 'staff')", name="decided_by"),
        CheckConstraint("service_request_id IS NOT NULL OR report_id IS NOT NULL", name="subject"),
        Index(
            "ix_duplicate_decision_request",
            "service_request_id",
            "id",
            postgresql_where=text("service_request_id IS NOT NULL"),
        ),
        Index("ix_duplicate_decision_candidate", "candidate_id", "id"),
        Index("ix_duplicate_decision_at", "jurisdiction_id", "at"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    candidate_id: UUID = Field(foreign_key="service_request.id")
    service_request_id: UUID | None = Field(default=None, foreign_key="service_request.id")
    report_id: UUID | None = Field(default=None, foreign_key="report.id")
    decision: str = Field(sa_type=Text)
    decided_by: str = Field(sa_type=Text)
    decided_name: str = Field(default="", sa_type=Text)
    channel: str = Field(default="", sa_type=Text)
    score: float
    parts: dict[str, Any] = Field(default_factory=dict, sa_column=Column(Json, nullable=False))
    position: int = 1
    shown: int = 1
    at: datetime = Field(sa_type=Instant)
