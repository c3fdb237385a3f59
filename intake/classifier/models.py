"""What was trained when, how well it did, and which one a city uses."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, Text, text
from sqlmodel import Field, SQLModel

from kernel.db import Instant, Json
from kernel.ids import new_id


class ClassifierRun(SQLModel, table=True):
    """threshold: how sure it has to be for nobody to be asked. figures: of the rows held back, of the classifier, of the matcher
    and of both together, as `training.Figures`. model: `TextModel.to_bytes`. At most one of a city is in use."""

    __tablename__ = "classifier_run"
    __table_args__ = (
        Index("uq_classifier_run_in_use", "jurisdiction_id", unique=True, postgresql_where=text("is_in_use")),
        Index("ix_classifier_run_jurisdiction", "jurisdiction_id", text("trained_at DESC")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    jurisdiction_id: str = Field(sa_type=Text, foreign_key="jurisdiction.id")
    trained_at: datetime = Field(sa_type=Instant)
    rows: int
    services: int
    threshold: float
    figures: dict[str, Any] = Field(sa_column=Column(Json, nullable=False))
    model: bytes = Field(sa_type=LargeBinary)
    is_in_use: bool = False
