"""Our JSON against the published JSON schemas of GeoReport v2, which are not part of the repository."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sqlmodel import Session
from starlette.testclient import TestClient

from kernel import clock
from tests.factories import OUTSIDE
from tests.intake.open311.asking import posted
from tests.intake.open311.test_lists import keep

pytestmark = [pytest.mark.database, pytest.mark.shared_data]


@pytest.fixture
def schemas(shared_data: Path) -> dict[str, Any]:
    folder = shared_data / "georeport_fixtures"
    swagger = json.loads((folder / "open311_schema_swagger.json").read_text())
    request = json.loads((folder / "open311_schema_request.json").read_text())
    return {"definitions": swagger["definitions"] | {"StrictRequest": request}}


def check(value: Any, name: str, schemas: dict[str, Any]) -> None:
    schema = schemas | {"$ref": f"#/definitions/{name}"}
    jsonschema.validate(value, schema, format_checker=jsonschema.FormatChecker())


def without_nulls(value: Any) -> Any:
    """The older of the two schemas knows no null: there an empty field is an absent one."""
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return value


def test_requests_fit_the_schema(client: TestClient, session: Session, schemas: dict[str, Any]) -> None:
    lon, lat = OUTSIDE
    posted(client, media_url="https://example.org/a.jpg", address_string="Av. Sabinos 214", address_id="006")
    posted(client, lat=None, long=None, address_id="42", description="")
    posted(client, lat=str(lat), long=str(lon), zipcode="06800")
    keep(session, 1, clock.now(), closed=True)
    found = client.get("requests.json").json()
    assert len(found) == 4
    for item in found:
        check(item, "StrictRequest", schemas)
        check(without_nulls(item), "Request", schemas)


def test_services_and_definitions_fit_the_schema(client: TestClient, schemas: dict[str, Any]) -> None:
    for service in client.get("services.json").json():
        check(service, "Service", schemas)
        definition = client.get(f"services/{service['service_code']}.json").json()
        check(without_nulls(definition), "ServiceDefinition", schemas)


def test_a_wrong_type_would_be_seen(schemas: dict[str, Any]) -> None:
    wrong = {
        "service_request_id": 5,
        "status": "open",
        "service_code": "A",
        "requested_datetime": "2026-11-19T00:00:00Z",
    }
    with pytest.raises(jsonschema.ValidationError):
        check(wrong, "StrictRequest", schemas)
