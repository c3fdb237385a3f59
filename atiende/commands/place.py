"""What `where` and `route` share: the installation, the city that is asked, a point that makes sense, a time."""

import os
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from atiende import database
from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.catalog.models import Jurisdiction
from kernel import clock
from kernel.errors import InvalidInput
from kernel.settings import load_storage_settings
from routing import queries


def connect() -> None:
    """Names the installation's database. Raises MisconfiguredError when neither ATIENDE_DATA nor DATABASE_URL is given."""
    database.configure_storage(load_storage_settings(os.environ))


def read_point(lon: float, lat: float) -> LonLat:
    """Raises InvalidInput, naming the likely mistake, for what is no point."""
    if abs(lat) > 90 and abs(lon) <= 90:
        raise InvalidInput("{lon} {lat} parece latitud y longitud: primero va la longitud.", lon=lon, lat=lat)
    return LonLat(lon, lat)


def read_time(text: str | None, timezone: str) -> datetime:
    """ISO 8601; a time without a zone is the city's; now by default. Raises InvalidInput."""
    if not text:
        return clock.now()
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidInput("«{time}» no es una fecha y hora ISO 8601.", field="at", time=text) from error
    # Before the calendar of today, and where a promise would end after the last day there is.
    if not 1900 <= at.year <= 9000:
        raise InvalidInput("«{time}» no es una fecha y hora ISO 8601.", field="at", time=text)
    return at if at.tzinfo else at.replace(tzinfo=ZoneInfo(timezone))


def choose_city(session: Session, named: str | None, point: LonLat | None, on: date) -> Jurisdiction:
    """The named city; else the default one; else the one that holds the point. Raises NotFound."""
    if named:
        return catalog.jurisdiction(session, named)
    default = catalog.default_jurisdiction(session)
    if not default.is_default and point is not None:
        held = queries.jurisdictions_at(session, point, on)
        if held:
            return catalog.jurisdiction(session, held[0])
    return default


def refuse_swapped(session: Session, point: LonLat, on: date) -> None:
    """Raises InvalidInput when the point is in no city but would be with its coordinates the other way round."""
    if abs(point.lon) > 90 or queries.jurisdictions_at(session, point, on):
        return
    if queries.jurisdictions_at(session, LonLat(point.lat, point.lon), on):
        raise InvalidInput(
            "{lon} {lat} parece latitud y longitud: primero va la longitud.", lon=point.lon, lat=point.lat
        )
