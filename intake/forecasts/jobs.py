"""The job that keeps the numbers fresh. It may run anywhere and at any time: one at a time does the work, the others pass by."""

from datetime import timedelta

from sqlalchemy import func, text
from sqlmodel import select

from intake.catalog.models import Jurisdiction
from intake.forecasts.actions import refresh
from intake.forecasts.models import ForecastRow
from kernel import clock, db

FRESH = timedelta(hours=6)
_TAKE_TURN = text("SELECT pg_try_advisory_xact_lock(hashtextextended('forecast of ' || :jurisdiction_id, 0))")


def refresh_forecasts() -> None:
    """Makes the numbers anew of every city whose own are older than six hours."""
    with db.transaction() as session:
        known = [found.id for found in session.exec(select(Jurisdiction).order_by(Jurisdiction.id))]
    for jurisdiction_id in known:
        with db.transaction() as session:
            if not session.execute(_TAKE_TURN, {"jurisdiction_id": jurisdiction_id}).scalar_one():
                continue
            made_at = session.exec(
                select(func.max(ForecastRow.made_at)).where(ForecastRow.jurisdiction_id == jurisdiction_id)
            ).one()
            now = clock.now()
            if made_at is None or made_at < now - FRESH:
                refresh(session, session.get_one(Jurisdiction, jurisdiction_id), now=now)
