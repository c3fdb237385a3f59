"""Requests around one spot of the tiny city."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session

from georef.distances import metres_per_degree
from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.people.actions import find_or_create
from intake.service_requests import actions
from intake.service_requests.duplicates.scoring import Sighting
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Actor, Reporter, Submission
from tests.factories import CITY, IN_NORTE, NOW

SPOT = LonLat(*IN_NORTE)
AGENCY = Actor("agency", "Cuadrilla Norte")
STAFF = Actor("agent", "Amir Torres")
LAMP: Mapping[str, Sequence[str]] = {"TIPO_FALLA": ["apagada"]}


def north(metres: float) -> LonLat:
    return LonLat(SPOT.lon, SPOT.lat + metres / metres_per_degree(SPOT.lat)[1])


def report(
    session: Session,
    words: str = "Hay un bache enorme",
    *,
    metres: float = 0.0,
    ago: timedelta = timedelta(hours=3),
    phone: str = "",
    **values: Any,
) -> ServiceRequest:
    """A pothole so far north of the spot, reported so long ago; with a phone its owner wants news."""
    reporter = None
    if phone:
        contact = find_or_create(session, CITY, "phone", phone, now=NOW - ago)
        reporter = Reporter(contact.person_id, contact.id)
    given: dict[str, Any] = {
        "jurisdiction_id": CITY,
        "service_code": "BACHE",
        "channel": "web",
        "description": words,
        "point": north(metres),
        "precision_m": 20.0,
        "reporter": reporter,
    }
    return actions.submit(session, Submission(**(given | values)), now=NOW - ago)


def close(session: Session, made: ServiceRequest, at: datetime, outcome: str = "resolved") -> ServiceRequest:
    return actions.change_status(
        session, made.id, life="closed", outcome_code=outcome, note="Listo.", actor=AGENCY, now=at
    )


def sighting(session: Session, words: str = "un bache enorme", service: str = "BACHE", **values: Any) -> Sighting:
    definition = catalog.service(session, CITY, service)
    given: dict[str, Any] = {"point": SPOT, "at": NOW, "precision_m": 20.0, "words": words}
    return Sighting(service, definition.group_code, **(given | values))
