"""A tiny city with two streets that cross, and somebody who calls it."""

import pytest
from sqlmodel import Session, select

from intake.service_requests.models import ServiceRequest
from routing.models import GazetteerPlace
from tests.channels.conftest import Provider
from tests.channels.voice.ivr.caller import Caller
from tests.factories import CITY, make_city

CORNER = (-99.151, 19.4212)
LEAK = "hay una fuga de agua en la esquina de Niebla y Sabinos"


@pytest.fixture
def caller(session: Session, provider: Provider) -> Caller:
    make_city(session)
    for kind, name in (("street", "Niebla"), ("street", "Calle Sabinas"), ("crossing", "Avenida Sabinos y Niebla")):
        session.add(
            GazetteerPlace(jurisdiction_id=CITY, kind=kind, name=name, lon=CORNER[0], lat=CORNER[1], precision_m=40)
        )
    session.flush()
    return Caller(provider)


@pytest.fixture
def noise(session: Session, caller: Caller) -> ServiceRequest:
    """A report that is told to nobody, made by telephone."""
    caller.call()
    caller.say("hay mucho ruido en la esquina de Niebla y Sabinos")
    caller.say("sí")
    made = session.exec(select(ServiceRequest)).one()
    assert not made.is_public
    caller.hang_up()
    return made
