"""What is kept of a city is what its row says."""

import pytest
from sqlmodel import Session

from intake.catalog import cities
from intake.catalog.models import ChannelAddress, Jurisdiction
from kernel.errors import NotFound
from tests.factories import CITY, SMS_NUMBER, make_city

pytestmark = pytest.mark.database


def test_a_city_is_known_anew_after_each_change_of_its_row(session: Session) -> None:
    make_city(session)
    row = session.get_one(Jurisdiction, CITY)
    for number in range(3):  # of one transaction
        row.settings = {"number": number}
        assert cities.city(session, CITY).settings == {"number": number}
        assert cities.city(session, CITY) is cities.city(session, CITY)
    assert cities.city(session, CITY).name == row.name
    with pytest.raises(NotFound):
        cities.city(session, "nowhere.example")


def test_an_address_belongs_to_the_city_that_has_it_on_that_channel(session: Session) -> None:
    make_city(session)
    session.add(ChannelAddress(channel="email", address="311@prueba.example", jurisdiction_id=CITY))
    assert cities.owner_of(session, "email", "311@prueba.example") == CITY
    assert cities.owner_of(session, "sms", "311@prueba.example") is None
    assert cities.owner_of(session, "sms", SMS_NUMBER) == CITY
    assert cities.owner_of(session, "whatsapp", SMS_NUMBER) is None
    assert cities.owner_of(session, "web_chat", CITY) == CITY
    owner = cities.city(session, CITY)
    assert cities.address_on(session, owner, "sms") == SMS_NUMBER
    assert cities.address_on(session, owner, "email") == "311@prueba.example"
    assert cities.address_on(session, owner, "whatsapp") is None
