"""servicerequestupdates: how agencies close requests, and how others follow."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from shapely import box
from sqlmodel import Session, select
from starlette.testclient import TestClient

from intake.catalog import keys
from intake.changes.numbering import AHEAD
from intake.service_requests import actions
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from intake.service_requests.values import Actor
from kernel.outbox import OutboxEvent
from routing.models import BoundaryArea, BoundaryLayer
from tests.factories import API_KEY, CITY, NOW, OUTSIDE, make_city
from tests.intake.open311.asking import errors_of, posted, read

pytestmark = pytest.mark.database


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.fixture
def agency_key(client: TestClient, session: Session) -> str:
    return keys.create(session, CITY, "Sistema de la Alcaldía Norte", agency_code="ALC-N", now=NOW)


def update(key: str, folio: str, **changes: Any) -> dict[str, Any]:
    fields = {
        "api_key": key,
        "service_request_id": folio,
        "update_id": "77",
        "status": "IN_PROGRESS",
        "updated_datetime": "2026-11-19T12:00:00-06:00",
        "description": "Va la cuadrilla",
    }
    fields |= changes
    return {name: value for name, value in fields.items() if value is not None}


def state(session: Session, folio: str) -> tuple[str, str | None]:
    row = session.exec(select(ServiceRequest).where(ServiceRequest.folio == folio)).one()
    return row.life, row.outcome_code


def test_an_agency_takes_and_closes_its_request(
    client: TestClient, session: Session, agency_key: str, fmt: str
) -> None:
    folio = posted(client)
    (answer,) = read(client.post(f"servicerequestupdates.{fmt}", data=update(agency_key, folio)), fmt)
    assert list(answer) == ["update_id"]
    assert state(session, folio) == ("in_progress", None)
    done = update(agency_key, folio, update_id="78", status="CLOSED", description="Quedó reparado")
    assert client.post(f"servicerequestupdates.{fmt}", data=done).status_code == 200
    assert state(session, folio) == ("closed", "resolved")
    (shown,) = read(client.get(f"requests/{folio}.{fmt}"), fmt)
    assert (shown["status"], shown["status_notes"]) == ("closed", "Quedó reparado")
    row = session.exec(select(ServiceRequest)).one()
    assert row.handover == "accepted"


def test_the_same_update_again_is_the_same_id_and_no_second_story(
    client: TestClient, session: Session, agency_key: str, fmt: str
) -> None:
    folio = posted(client)
    first = client.post(f"servicerequestupdates.{fmt}", data=update(agency_key, folio))
    again = client.post(f"servicerequestupdates.{fmt}", data=update(agency_key, folio, description="Otra cosa"))
    assert first.content == again.content
    events = session.exec(select(ServiceRequestEvent).where(ServiceRequestEvent.name == "status_changed")).all()
    assert [event.note for event in events] == ["Va la cuadrilla"]
    assert len(session.exec(select(OutboxEvent).where(OutboxEvent.name == "service_request.updated")).all()) == 1


@pytest.mark.parametrize(
    ("said", "became"),
    [
        ("OPEN", ("new", None)),
        ("open", ("new", None)),
        ("REOPEN", ("new", None)),
        ("IN_PROGRESS", ("in_progress", None)),
        ("PLANNED", ("in_progress", None)),
        ("ACTION_SCHEDULED", ("in_progress", None)),
        ("INVESTIGATING", ("in_progress", None)),
        ("CLOSED", ("closed", "resolved")),
        ("FIXED", ("closed", "resolved")),
        ("DUPLICATE", ("closed", "duplicate")),
        ("NO_FURTHER_ACTION", ("closed", "no_further_action")),
        ("CANCELLED", ("closed", "cancelled_by_resident")),
        ("NOT_COUNCILS_RESPONSIBILITY", ("new", None)),
        ("INTERNAL_REFERRAL", ("new", None)),
        ("FOR_TRIAGE", ("new", None)),
        ("UNCHANGED", ("new", None)),
    ],
)
def test_every_status_has_a_meaning(
    client: TestClient, session: Session, agency_key: str, said: str, became: tuple[str, str | None]
) -> None:
    folio = posted(client)
    response = client.post("servicerequestupdates.json", data=update(agency_key, folio, status=said))
    assert response.status_code == 200, response.text
    assert state(session, folio) == became
    row = session.exec(select(ServiceRequest)).one()
    assert row.status_notes == "Va la cuadrilla"


def test_a_closed_request_is_reopened_and_closed_again(client: TestClient, session: Session, agency_key: str) -> None:
    folio = posted(client)
    steps = [
        ("CLOSED", "closed"),
        ("CLOSED", "closed"),
        ("IN_PROGRESS", "reopened"),
        ("IN_PROGRESS", "in_progress"),
        ("FIXED", "closed"),
        ("REOPEN", "reopened"),
        ("OPEN", "reopened"),
    ]
    for n, (said, life) in enumerate(steps):
        data = update(agency_key, folio, status=said, update_id=str(n))
        assert client.post("servicerequestupdates.json", data=data).status_code == 200
        assert state(session, folio)[0] == life, (n, said)


@pytest.mark.parametrize(
    ("changes", "status", "word"),
    [
        ({"api_key": None}, 403, "api_key"),
        ({"api_key": "wrong"}, 403, "api_key"),
        ({"api_key": API_KEY}, 403, "api_key"),
        ({"service_request_id": "2600000000"}, 404, "service_request_id"),
        ({"service_request_id": None}, 400, "service_request_id"),
        ({"update_id": None}, 400, "update_id"),
        ({"update_id": "7" * 201}, 400, "update_id"),
        ({"status": None}, 400, "status"),
        ({"status": "HECHO"}, 400, "status"),
        ({"description": ""}, 400, "description"),
        ({"description": "a" * 4001}, 400, "4000"),
        ({"updated_datetime": "ayer"}, 400, "updated_datetime"),
    ],
)
def test_what_is_wrong_is_said(
    client: TestClient, session: Session, agency_key: str, fmt: str, changes: dict[str, Any], status: int, word: str
) -> None:
    folio = posted(client)
    data = {**update(agency_key, folio), **changes}
    data = {name: value for name, value in data.items() if value is not None}
    texts = errors_of(client.post(f"servicerequestupdates.{fmt}", data=data), fmt, status)
    assert any(word in text for text in texts), texts
    assert state(session, folio) == ("new", None)


def test_another_agency_s_request_is_not_found(client: TestClient, session: Session, fmt: str) -> None:
    folio = posted(client)
    key = keys.create(session, CITY, "Aguas", agency_code="AGUAS", now=NOW)
    errors_of(client.post(f"servicerequestupdates.{fmt}", data=update(key, folio)), fmt, 404)


def test_the_feed_tells_public_updates_oldest_first(
    client: TestClient, session: Session, agency_key: str, clock: Any, fmt: str
) -> None:
    folio = posted(client)
    for n, status in enumerate(["IN_PROGRESS", "UNCHANGED", "CLOSED"]):
        clock.shift(60)
        client.post("servicerequestupdates.json", data=update(agency_key, folio, update_id=str(n), status=status))
        client.get("servicerequestupdates.json")
    row = session.exec(select(ServiceRequest)).one()
    words = "solo para nosotros"
    actions.add_note(session, row.id, text=words, audience="internal", actor=Actor("agent", "Amir"), now=NOW)
    response = client.get(f"servicerequestupdates.{fmt}")
    found = read(response, fmt)
    assert [item["status"] for item in found] == ["in_progress", "in_progress", "closed"]
    assert words not in response.text
    assert list(found[0]) == [
        "update_id",
        "service_request_id",
        "status",
        "updated_datetime",
        "description",
        "media_url",
    ]
    assert {item["service_request_id"] for item in found} == {folio}
    times = [datetime.fromisoformat(item["updated_datetime"]) for item in found]
    assert times == sorted(times) == [NOW + timedelta(minutes=n) + AHEAD for n in (1, 2, 3)]


def test_a_step_without_words_has_no_description(client: TestClient, session: Session, fmt: str) -> None:
    folio = posted(client)
    row = session.exec(select(ServiceRequest)).one()
    actions.change_status(session, row.id, life="in_progress", note="", actor=Actor("agency", "Cuadrilla 7"), now=NOW)
    (item,) = read(client.get(f"servicerequestupdates.{fmt}"), fmt)
    assert (item["service_request_id"], item["description"]) == (folio, None)


def test_the_feed_filters_on_the_time_it_prints(
    client: TestClient, session: Session, agency_key: str, clock: Any
) -> None:
    folio = posted(client)
    client.post("servicerequestupdates.json", data=update(agency_key, folio, updated_datetime="2026-11-01T00:00:00Z"))
    (item,) = client.get("servicerequestupdates.json").json()
    printed = item["updated_datetime"]
    inside = {"start_date": printed, "end_date": printed}
    assert client.get("servicerequestupdates.json", params=inside).json() == [item]
    clock.shift(timedelta(hours=3))
    assert client.get("servicerequestupdates.json").json() == []
    since = {"start_date": "2026-11-01T00:00:00Z"}
    assert client.get("servicerequestupdates.json", params=since).json() == [item]


def test_contacts_in_an_update_are_not_published(
    client: TestClient, session: Session, agency_key: str, fmt: str
) -> None:
    folio = posted(client)
    words = "Avisamos a rosa@correo.mx, 55 1234 5678"
    client.post("servicerequestupdates.json", data=update(agency_key, folio, description=words))
    (item,) = read(client.get(f"servicerequestupdates.{fmt}"), fmt)
    (shown,) = read(client.get(f"requests/{folio}.{fmt}"), fmt)
    assert item["description"] == shown["status_notes"] == "Avisamos a […], […]"
    assert session.exec(select(ServiceRequest)).one().status_notes == words


def test_the_telephone_of_the_town_next_door_is_told(client: TestClient, session: Session, fmt: str) -> None:
    neighbour = make_city(session, "vecina.gob.example", sms_number=None)
    neighbour.settings = {"phone": "55 8765 4321"}
    layer = session.exec(
        select(BoundaryLayer).where(BoundaryLayer.jurisdiction_id == neighbour.id, BoundaryLayer.key == "jurisdiction")
    ).one()
    area = session.exec(select(BoundaryArea).where(BoundaryArea.layer_id == layer.id)).one()
    area.geometry = box(-99.60, 19.30, -99.40, 19.50).wkb
    layer.digest = "moved"
    session.flush()
    lon, lat = OUTSIDE
    folio = posted(client, jurisdiction_id=CITY, lat=str(lat), long=str(lon))
    row = session.exec(select(ServiceRequest)).one()
    assert row.outcome_code == "outside_jurisdiction"
    (shown,) = read(client.get(f"requests/{folio}.{fmt}?jurisdiction_id={CITY}"), fmt)
    (item,) = read(client.get(f"servicerequestupdates.{fmt}?jurisdiction_id={CITY}"), fmt)
    assert shown["status_notes"] == item["description"] == row.status_notes
    assert "55 8765 4321" in row.status_notes


def test_hidden_requests_have_no_updates(client: TestClient, session: Session, agency_key: str) -> None:
    folio = posted(client)
    client.post("servicerequestupdates.json", data=update(agency_key, folio))
    row = session.exec(select(ServiceRequest)).one()
    row.is_public = False
    session.flush()
    assert client.get("servicerequestupdates.json").json() == []
