"""The world that every case meets: the tiny city at noon, a service with every kind of question, and requests of every kind."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from sqlmodel import Session
from starlette.testclient import TestClient

from intake.catalog import keys
from intake.catalog.models import Jurisdiction, ServiceAttribute
from tests import remembering
from tests.factories import CITY, NOW, both, make_service
from tests.intake.open311.conformance.desk import Desk
from tests.intake.open311.test_lists import keep

_OPTIONS = [{"key": key, "name": both(f"La {key}")} for key in ("a", "b", "c")]
_QUESTIONS = [
    ("LINEA", "string", []),
    ("TEXTO", "text", []),
    ("NUMERO", "number", []),
    ("CUANDO", "datetime", []),
    ("UNA", "singlevaluelist", _OPTIONS),
    ("VARIAS", "multivaluelist", _OPTIONS),
]
_TABLES = ("service", "service_attribute", "service_request", "api_key")


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world(session: Session, city: Jurisdiction, client: TestClient) -> dict[str, str]:
    city.catalog_changed_at = NOW - timedelta(days=1)
    return dict(remembering.again(session, "world", _TABLES, lambda: _make_world(session)))


def _make_world(session: Session) -> dict[str, str]:
    survey = make_service(session, "007", "Encuesta", position=7, group_name=both("Otros", "Other"))
    for position, (code, datatype, options) in enumerate(_QUESTIONS, start=1):
        session.add(
            ServiceAttribute(
                service_id=survey.id,
                code=code,
                datatype=datatype,
                is_variable=True,
                is_required=False,
                position=position,
                description=both(f"¿{code}?"),
                options=options,
            )
        )
    make_service(session, "SECRETO", "Violencia", is_sensitive=True, position=8)
    session.flush()
    hour = timedelta(hours=1)
    agency = {"scopes": [keys.SUBMIT, keys.UPDATE], "agency_code": "ALC-N"}
    return {
        "open": keep(
            session, 1, NOW - hour, description="Un hoyo <enorme> & hondo", zipcode="06800", lat=19.42, lon=-99.15
        ),
        "closed": keep(session, 2, NOW - 30 * hour, closed=True, service_code="FUGA", status_notes="Quedó"),
        "bare": keep(session, 3, NOW - 50 * hour, agency_code=None),
        "old": keep(session, 4, NOW - timedelta(days=200)),
        "hidden": keep(session, 5, NOW - 2 * hour, is_public=False),
        "token": keep(session, 6, NOW - 3 * hour, service_code="LUMINARIA", token="t-0123456789abcdef"),
        "token_text": "t-0123456789abcdef",
        "agency_key": keys.create(session, CITY, "Alcaldía Norte", now=NOW, **agency),
        "other_key": keys.create(session, CITY, "Aguas", scopes=[keys.UPDATE], agency_code="AGUAS", now=NOW),
    }


@pytest.fixture
def desk(client: TestClient, world: dict[str, str], fmt: str) -> Desk:
    return Desk(client, fmt, world)
