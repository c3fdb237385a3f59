"""A city is remembered between calls, and whatever changes in it is seen by the next one."""

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session
from starlette.testclient import TestClient

from intake.catalog.models import Jurisdiction
from tests.factories import CITY, NOW, make_city
from tests.intake.open311.asking import errors_of, form, read

pytestmark = pytest.mark.database


@pytest.fixture
def folio(client: TestClient) -> str:
    """One request; lists and itself have been asked for, so that the city is remembered by every name it is called by."""
    sent = client.post("requests.json", data=form())
    assert sent.status_code == 201 or sent.status_code == 200, sent.text
    folio: str = sent.json()[0]["service_request_id"]
    for address in (f"requests/{folio}.json", "requests.json", "requests.json?q=hoyo"):
        assert client.get(address).status_code == 200
        assert client.get(address, params={"jurisdiction_id": CITY}).status_code == 200
    return folio


def change(session: Session, **values: Any) -> None:
    """As another process would: nothing here is told of it."""
    sets = ", ".join(f"{name} = %({name})s" for name in values)
    session.connection().exec_driver_sql(f"UPDATE jurisdiction SET {sets} WHERE id = %(id)s", values | {"id": CITY})


def one_of(client: TestClient, address: str, fmt: str = "json") -> dict[str, Any]:
    found: list[dict[str, Any]] = read(client.get(address), fmt)
    assert len(found) == 1
    return found[0]


def test_another_zone_is_seen_by_the_next_call(client: TestClient, session: Session, folio: str, fmt: str) -> None:
    addresses = (f"requests/{folio}.{fmt}", f"requests.{fmt}", f"requests.{fmt}?jurisdiction_id={CITY}&q=hoyo")
    for zone, offset in (("Asia/Kolkata", "+05:30"), ("America/Tijuana", "-08:00"), ("Asia/Kolkata", "+05:30")):
        change(session, timezone=zone)
        for address in addresses:
            assert one_of(client, address, fmt)["requested_datetime"].endswith(offset), address


def test_other_names_and_another_language_are_seen(client: TestClient, session: Session, folio: str) -> None:
    named = '{"es": "Hoyo nuevo", "en": "New pothole"}'
    session.connection().exec_driver_sql("UPDATE service SET name = %(name)s", {"name": named})
    change(session, catalog_changed_at=NOW + timedelta(days=1))
    assert one_of(client, "requests.json")["service_name"] == "Hoyo nuevo"
    assert one_of(client, f"requests/{folio}.json?locale=en")["service_name"] == "New pothole"
    change(session, language="en")
    assert one_of(client, "requests.json")["service_name"] == "New pothole"
    assert one_of(client, f"requests/{folio}.json")["service_name"] == "New pothole"
    assert one_of(client, "requests.json?locale=es")["service_name"] == "Hoyo nuevo"


def test_an_extension_goes_and_comes_back_with_the_setting(client: TestClient, session: Session, folio: str) -> None:
    wrong = "requests.json?bbox=wrong"
    errors_of(client.get(wrong), "json", 400)
    change(session, settings='{"open311_extensions_off": ["paging", "bbox", "rate_limits"]}')
    answer = client.get("requests.json")
    assert not {"link", "ratelimit"} & set(answer.headers)
    # Its parameter is what an unknown one is.
    assert client.get(wrong).status_code == 200
    assert "ratelimit" not in client.get(f"requests/{folio}.json").headers
    change(session, settings="{}")
    answer = client.get("requests.json")
    assert {"link", "ratelimit"} <= set(answer.headers)
    errors_of(client.get(wrong), "json", 400)


def test_a_second_city_must_be_named_from_then_on(client: TestClient, session: Session, folio: str) -> None:
    make_city(session, "otra.gob.example", sms_number=None).is_default = False
    session.flush()
    for address in (f"requests/{folio}.json", "requests.json", "requests.json?status=closed", "requests/1.json"):
        errors_of(client.get(address), "json", 400)
        errors_of(client.get(address, params={"jurisdiction_id": "ninguna.example"}), "json", 404)
    named = {"jurisdiction_id": CITY}
    assert client.get(f"requests/{folio}.json", params=named).json()[0]["service_request_id"] == folio
    assert client.get("requests.json", params={"jurisdiction_id": "otra.gob.example"}).json() == []
    # Asked again, the other one is remembered too, and neither answers for the other.
    assert client.get("requests.json", params={"jurisdiction_id": "otra.gob.example"}).json() == []
    errors_of(client.get(f"requests/{folio}.json", params={"jurisdiction_id": "otra.gob.example"}), "json", 404)
    assert len(client.get("requests.json", params=named).json()) == 1


def test_what_finds_nothing_says_so_of_the_city_as_it_is(client: TestClient, city: Jurisdiction, folio: str) -> None:
    for _ in range(2):
        assert client.get("requests.json?status=closed").json() == []
        assert client.get("requests.json?q=palabraquenadieescribe").json() == []
        assert client.get("requests.json?service_request_id=nada").json() == []
        errors_of(client.get("requests/9999999999.json"), "json", 404)
