"""Makes the numbers of a city anew, from all that is known now."""

from datetime import datetime, timedelta

from sqlalchemy import delete, insert
from sqlmodel import Session, col

from intake.catalog.models import Jurisdiction
from intake.forecasts.models import ForecastRow
from intake.forecasts.past import cases_of
from routing.forecasts import LONGEST_WINDOW_DAYS, forecast


def refresh(session: Session, city: Jurisdiction, *, now: datetime) -> int:
    """Exchanges the city's numbers; how many there are."""
    cases = cases_of(session, city, since=now - timedelta(days=LONGEST_WINDOW_DAYS))
    table = forecast(cases, now.timestamp())
    session.exec(delete(ForecastRow).where(col(ForecastRow.jurisdiction_id) == city.id))
    rows = [
        {
            "jurisdiction_id": city.id,
            "service_code": service,
            "area_code": area,
            "level": found.level,
            "p50_s": found.p50,
            "p80_s": found.p80,
            "p90_s": found.p90 if found.p80 is not None else None,
            "sample": found.sample,
            "window_days": found.window_days,
            "reason": found.reason,
            "made_at": now,
        }
        for (service, area), found in table.items()
    ]
    if rows:
        session.execute(insert(ForecastRow), rows)
    session.flush()
    return len(rows)
