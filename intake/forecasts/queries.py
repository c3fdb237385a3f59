"""Reads of the numbers: one look at a small table."""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session, select

from intake.catalog.cities import City
from intake.catalog.models import Jurisdiction
from intake.forecasts.config import ForecastConfig
from intake.forecasts.models import ForecastRow
from intake.forecasts.words import Told
from kernel import db
from routing.forecasts import Forecast

_NEAREST = """
    SELECT area_code, level, p50_s, p80_s, p90_s, sample, window_days, reason FROM forecast
    WHERE jurisdiction_id = $1 AND service_code = $2 AND area_code IN ($3, '') ORDER BY area_code DESC LIMIT 1
"""


def told(session: Session, city: City | Jurisdiction, service_code: str, areas: Mapping[str, Any]) -> Told | None:
    """What is said of a service at a place with these areas (`service_request.areas`); None where the city says nothing.

    Also None before the first run of the job, and for a service that nobody has asked for.
    """
    config = ForecastConfig.of(city.settings)
    if not config.is_shown:
        return None
    held = (areas.get(config.area_layer) or [{}])[0]
    area = str(held.get("code") or "")
    session.flush()
    rows = db.fetch(session, _NEAREST, [city.id, service_code, area], prepare=True)
    if not rows:
        return None
    area_code, *values = rows[0]
    return Told(Forecast(*values), str(held.get("name") or "") if area_code else "")


def all_of(session: Session, jurisdiction_id: str) -> dict[tuple[str, str], Forecast]:
    """Every number of the city by (service, area), as `routing.forecasts.look_up` reads them."""
    rows = session.exec(select(ForecastRow).where(ForecastRow.jurisdiction_id == jurisdiction_id))
    return {(row.service_code, row.area_code): _value(row) for row in rows}


def _value(row: ForecastRow) -> Forecast:
    return Forecast(
        row.level,  # type: ignore[arg-type]  # the table holds only levels
        row.p50_s,
        row.p80_s,
        row.p90_s,
        row.sample,
        row.window_days,
        row.reason,  # type: ignore[arg-type]  # as above
    )
