"""The tiny city and one report in it."""

import pytest
from sqlmodel import Session

from georef.points import LonLat
from intake.catalog.models import Jurisdiction
from intake.service_requests.actions import submit
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Submission
from tests.factories import CITY, IN_NORTE, NOW, make_city


@pytest.fixture
def city(session: Session) -> Jurisdiction:
    return make_city(session)


@pytest.fixture
def service_request(session: Session, city: Jurisdiction) -> ServiceRequest:
    report = Submission(
        jurisdiction_id=CITY, service_code="BACHE", channel="web", description="Un hoyo", point=LonLat(*IN_NORTE)
    )
    return submit(session, report, now=NOW)
