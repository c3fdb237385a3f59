"""The tiny city with requests, and a draft that moves the border of Norte and Sur to the south."""

from datetime import datetime, timedelta

from shapely.geometry import box
from sqlmodel import Session

from georef.points import LonLat
from intake.service_requests import actions
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Submission
from routing import drafts
from routing.draft_models import RoutingDraft
from tests.factories import CITY, IN_NORTE, IN_SUR, NOW, both

# South of the border of today, north of the draft's.
BETWEEN = (-99.15, 19.395)
MOVED = [("N", "Norte", box(-99.20, 19.39, -99.10, 19.50)), ("S", "Sur", box(-99.20, 19.30, -99.10, 19.39))]


def report(session: Session, point: tuple[float, float] | None, at: datetime = NOW, **values: object) -> ServiceRequest:
    given: dict[str, object] = {
        "jurisdiction_id": CITY,
        "service_code": "BACHE",
        "channel": "web",
        "description": "Hay un bache",
        "point": LonLat(*point) if point else None,
    }
    return actions.submit(session, Submission(**(given | values)), now=at)  # type: ignore[arg-type]  # complete defaults


def reports(session: Session, count: int = 12) -> list[ServiceRequest]:
    """Some of each place, an hour apart, going back from NOW."""
    places = [IN_NORTE, IN_SUR, BETWEEN, None]
    return [report(session, places[n % 4], NOW - timedelta(hours=n + 1)) for n in range(count)]


def make_draft(session: Session, name: str = "Límite 2027") -> RoutingDraft:
    draft = drafts.create(session, CITY, name, by="Rosa Cruz", now=NOW)
    return drafts.replace_layer(
        session, draft.id, key="district", name=both("Alcaldía"), areas=MOVED, by="Rosa Cruz", now=NOW
    )
