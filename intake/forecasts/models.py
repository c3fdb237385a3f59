"""The numbers as the last run of the job left them."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Text
from sqlmodel import Field, SQLModel

from kernel.db import Instant


class ForecastRow(SQLModel, table=True):
    """How long requests of a service take in an area ("" is the whole city), as `routing.forecasts.Forecast` says it."""

    __tablename__ = "forecast"
    __table_args__ = (
        CheckConstraint("level IN ('service_area', 'service', 'group')", name="level"),
        CheckConstraint("(p80_s IS NULL) = (reason <> '')", name="reason"),
    )

    jurisdiction_id: str = Field(sa_type=Text, primary_key=True, foreign_key="jurisdiction.id")
    service_code: str = Field(sa_type=Text, primary_key=True)
    area_code: str = Field(sa_type=Text, primary_key=True)
    level: str = Field(sa_type=Text)
    p50_s: float | None = None
    p80_s: float | None = None
    p90_s: float | None = None
    sample: int
    window_days: int
    reason: str = Field(default="", sa_type=Text)
    made_at: datetime = Field(sa_type=Instant)
