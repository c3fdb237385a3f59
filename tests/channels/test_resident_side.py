"""The step that asks which side of a border a place is on: over HTTP, as a browser without scripts does it."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
import time_machine
from fastapi import FastAPI
from sqlalchemy import update
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from channels.app.routes import install
from intake.catalog.models import Jurisdiction
from intake.service_requests import queries
from intake.service_requests.models import ServiceRequest
from routing.models import BoundaryArea, GazetteerPlace
from tests.channels.test_resident_pages import begin
from tests.factories import CITY, OUTSIDE, make_city

pytestmark = pytest.mark.database


@pytest.fixture
def client(session: Session) -> Iterator[TestClient]:
    make_city(session)
    # The avenue of the tiny city, some twenty metres north of where Norte ends.
    session.execute(
        update(GazetteerPlace)
        .where(col(GazetteerPlace.name).contains("Sabinos"))
        .values(lon=-99.15, lat=19.4002, precision_m=30)
    )
    app = FastAPI()
    install(app)
    with TestClient(app) as client:
        yield client


def arrive(client: TestClient, district: str = "Norte") -> str:
    draft = begin(client)
    place = client.post(f"{draft}/lugar", data={"district": district, "street": "Avenida Sabinos 214"})
    if place.url.path == f"{draft}/cual":
        client.post(f"{draft}/cual", data={"which": "0"})
    client.post(f"{draft}/detalles", data={"words": "Hay un hoyo enorme en la calle"})
    client.post(f"{draft}/contacto", data={"notify": "none"})
    return draft


def request(session: Session) -> ServiceRequest:
    return session.exec(select(ServiceRequest)).one()


def settled(session: Session) -> dict[str, str]:
    decision = queries.decision_of(session, request(session).id)
    assert decision is not None
    found: dict[str, str] = decision.receipt["settled"]
    return found


def test_it_is_asked_before_the_check_and_the_reply_decides(client: TestClient, session: Session) -> None:
    draft = arrive(client)
    page = client.get(f"{draft}/revisa")
    assert page.url.path == f"{draft}/lado"
    assert "¿Está en Norte o en Sur?" in page.text
    assert "Lo atiende Alcaldía Sur" in page.text
    checked = client.post(f"{draft}/lado", data={"side": "district=S"})
    assert checked.url.path == f"{draft}/revisa"
    assert "<strong>Alcaldía Sur</strong>" in checked.text
    client.post(f"{draft}/revisa")
    assert request(session).agency_code == "ALC-S"
    assert settled(session) == {"district": "S"}


def test_who_does_not_know_goes_on_and_the_point_decides(client: TestClient, session: Session) -> None:
    draft = arrive(client)
    checked = client.post(f"{draft}/lado", data={"side": "none"})
    assert "<strong>Alcaldía Norte</strong>" in checked.text
    client.post(f"{draft}/revisa")
    assert (request(session).agency_code, settled(session)) == ("ALC-N", {})


def test_a_reply_can_be_changed(client: TestClient, session: Session) -> None:
    draft = arrive(client)
    client.post(f"{draft}/lado", data={"side": "district=S"})
    again = client.get(f"{draft}/lado")
    assert re.search(r'value="district=S"[^>]* checked', again.text)
    checked = client.post(f"{draft}/lado", data={"side": "district=N"})
    assert "<strong>Alcaldía Norte</strong>" in checked.text


@pytest.mark.parametrize("side", ["", "district=X", "9"])
def test_what_is_no_reply_is_asked_again_and_loses_nothing(client: TestClient, side: str) -> None:
    draft = arrive(client)
    answer = client.post(f"{draft}/lado", data={"side": side})
    assert answer.status_code == 400
    assert "Elige uno, o «No sé»" in answer.text
    assert "Hay un hoyo enorme" in client.post(f"{draft}/lado", data={"side": "none"}).text


def test_another_place_is_asked_about_anew(client: TestClient, session: Session) -> None:
    draft = arrive(client)
    client.post(f"{draft}/lado", data={"side": "district=S"})
    client.post(f"{draft}/lugar", data={"district": "Norte", "colonia": "", "street": "", "reference": "el mercado"})
    checked = client.get(f"{draft}/revisa")
    assert checked.url.path == f"{draft}/revisa"
    assert "Alcaldía Sur" not in checked.text


def test_far_from_a_border_nothing_is_asked(client: TestClient, session: Session) -> None:
    session.execute(update(GazetteerPlace).values(lat=19.43))
    draft = arrive(client)
    assert client.get(f"{draft}/revisa").url.path == f"{draft}/revisa"


def test_the_second_tap_finds_it_sent(client: TestClient, session: Session) -> None:
    draft = arrive(client)
    client.post(f"{draft}/lado", data={"side": "district=S"})
    client.post(f"{draft}/revisa")
    assert client.post(f"{draft}/lado", data={"side": "district=N"}).url.path == f"{draft}/listo"
    assert request(session).agency_code == "ALC-S"


def test_outside_the_check_says_already_who_serves_there(client: TestClient, session: Session) -> None:
    city = session.get_one(Jurisdiction, CITY)
    city.settings = {**city.settings, "neighbours": [{"name": "El Estado", "phone": "555 0000"}]}
    session.execute(update(GazetteerPlace).values(lon=OUTSIDE[0], lat=OUTSIDE[1]))
    session.flush()
    page = client.get(f"{arrive(client)}/revisa")
    assert "El Estado" in page.text
    assert "555 0000" in page.text


def along(session: Session, precision_m: float) -> None:
    """The avenue as one long street, whose middle lies some hundred metres inside Norte."""
    session.execute(
        update(GazetteerPlace)
        .where(col(GazetteerPlace.name).contains("Sabinos"))
        .values(lon=-99.15, lat=19.401, precision_m=precision_m)
    )


def test_the_district_that_was_chosen_counts_where_only_the_street_is_known(
    client: TestClient, session: Session
) -> None:
    along(session, 8000)
    draft = arrive(client, "Sur")
    checked = client.get(f"{draft}/revisa")
    assert checked.url.path == f"{draft}/revisa"
    assert "<strong>Alcaldía Sur</strong>" in checked.text
    client.post(f"{draft}/revisa")
    assert request(session).agency_code == "ALC-S"
    assert settled(session)["district"] == "S"


def test_in_the_evening_the_district_is_that_of_the_city_s_day(client: TestClient, session: Session) -> None:
    """At seven in the evening the next day has begun in UTC: boundaries of that day are not yet in force."""
    south = session.exec(select(BoundaryArea).where(BoundaryArea.code == "S")).one()
    tomorrow = date(2026, 11, 20)
    session.add(
        BoundaryArea(layer_id=south.layer_id, code="S-2", name="Sur", geometry=south.geometry, valid_from=tomorrow)
    )
    south.valid_to = tomorrow
    session.flush()
    along(session, 8000)
    with time_machine.travel(datetime(2026, 11, 20, 1, tzinfo=UTC), tick=False):
        client.post(f"{arrive(client, 'Sur')}/revisa")
    assert settled(session)["district"] == "S"


def test_a_place_that_is_known_well_says_more_than_the_district_that_was_chosen(
    client: TestClient, session: Session
) -> None:
    along(session, 30)
    checked = client.get(f"{arrive(client, 'Sur')}/revisa")
    assert "<strong>Alcaldía Norte</strong>" in checked.text


def test_a_district_that_the_street_does_not_reach_settles_nothing(client: TestClient, session: Session) -> None:
    session.execute(
        update(GazetteerPlace)
        .where(col(GazetteerPlace.name).contains("Sabinos"))
        .values(lon=-99.15, lat=19.44, precision_m=300)
    )
    checked = client.get(f"{arrive(client, 'Sur')}/revisa")
    assert "<strong>Alcaldía Norte</strong>" in checked.text


def test_the_check_shows_the_place_as_it_was_written(client: TestClient, session: Session) -> None:
    draft = arrive(client)
    client.post(
        f"{draft}/lugar",
        data={"district": "Norte", "street": "Avenida Sabinos 214", "reference": "frente a la escuela"},
    )
    client.post(f"{draft}/lado", data={"side": "none"})
    page = client.get(f"{draft}/revisa").text
    assert "Avenida Sabinos 214, Norte (frente a la escuela)" in page
