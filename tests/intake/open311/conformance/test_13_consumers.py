"""Section 13: what programs that exist depend on, each as it asks."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest
import time_machine
from starlette.testclient import TestClient

from tests.factories import NOW
from tests.intake.open311.conformance.claims import empty, folios
from tests.intake.open311.conformance.desk import MEDIA_TYPES, REPORT, Case, Desk, get, post, run, table, update

pytestmark = pytest.mark.database
ENGLISH = {"service_code": "LUMINARIA", "attribute[TIPO_FALLA]": "apagada"}


def codes(_: Desk, value: Any) -> bool:
    return bool(value) and all(one["service_code"] for one in value)


@table(
    Case("SCF: services are never empty", get("services"), expect=codes),
    Case("SCF: the definition of a service with metadata", get("services/LUMINARIA")),
    Case(
        "validopen311: fields that must be there",
        get("requests"),
        expect=lambda _, value: all({"zipcode", "lat", "long"} <= set(one) for one in value),
    ),
    Case(
        "validopen311: keywords are there",
        get("services"),
        expect=lambda _, value: all("keywords" in one for one in value),
    ),
    Case(
        "validopen311: dates without a zone",
        get("requests", "start_date=2026-11-18T00:00:00&end_date=2026-11-19T23:59:59"),
        expect=folios("open", "token", "closed"),
    ),
    Case(
        "Chicago: a missing answer is 400 in the body too",
        post({"service_code": "LUMINARIA"}),
        400,
        words=("TIPO_FALLA required",),
    ),
    Case(
        "FixMyStreet: extra attributes",
        post({"attribute[easting]": "1", "attribute[uprn]": "2", "attribute[fixmystreet_id]": "3"}),
    ),
    Case(
        "FixMyStreet: a repeated attribute without brackets",
        post({"service_code": "007", "attribute[VARIAS]": ["a", "b"]}),
    ),
    Case(
        "FixMyStreet: a key on the updates feed",
        get("servicerequestupdates", "api_key=x&start_date=2026-11-19T17:00:00Z&end_date=2026-11-19T19:00:00Z"),
        expect=empty,
    ),
    Case(
        "FixMyStreet: the last hour, both bounds",
        get("requests", "start_date=2026-11-19T17:59:59Z&end_date=2026-11-19T19:00:00Z"),
        expect=folios("open"),
    ),
    Case(
        "FixMyStreet: polls by ids",
        get("requests", "service_request_id={open},{closed}"),
        expect=folios("open", "closed"),
    ),
    Case("open311-adapter: an empty optional answer", post(ENGLISH | {"attribute[NUM_POSTE]": ""})),
    Case("open311-adapter: a wrong key of a list", post(ENGLISH | {"attribute[TIPO_FALLA]": "otra"}), 400),
    Case("open311-adapter: an empty list is 200", get("requests", "service_code=NADA"), expect=empty),
    Case(
        "open311status: a start alone",
        get("requests", "start_date=2026-11-18T12:00:00-06:00"),
        expect=folios("open", "token"),
    ),
    Case("three: midnight in UTC", get("requests", "start_date=2026-11-19T00:00:00Z"), expect=folios("open", "token")),
    Case("three: page_size", get("requests", "page_size=1"), expect=folios("open")),
    Case("three: a file named media", post(files={"media": ("a.txt", b"no photo")})),
    Case(
        "6aika: comma lists",
        get("requests", "service_code=FUGA,LUMINARIA&status=open,closed"),
        expect=folios("token", "closed"),
    ),
    Case(
        "Mark-a-Spot: limit means nothing here",
        get("requests", "limit=x"),
        expect=folios("open", "token", "closed", "bare"),
    ),
)
def test_consumers(desk: Desk, case: Case) -> None:
    run(desk, case)


def test_chicago_posts_follows_the_token_and_reads_back(client: TestClient, world: dict[str, str]) -> None:
    (made,) = client.post("requests.json", data=REPORT | ENGLISH).json()
    (resolved,) = client.get(f"tokens/{made['token']}.json").json()
    (found,) = client.get(f"requests/{resolved['service_request_id']}.json").json()
    assert found["service_code"] == "LUMINARIA"


def test_fixmystreet_finds_the_children_it_names(client: TestClient, world: dict[str, str]) -> None:
    form = {**(update().form or {}), "api_key": world["agency_key"], "service_request_id": world["open"]}
    client.post("servicerequestupdates.xml", data=form)
    for path, child in (
        ("services", "service"),
        ("services/LUMINARIA", "attributes/attribute"),
        ("services/LUMINARIA", "attributes/attribute/values/value/key"),
        ("requests", "request/requested_datetime"),
        ("servicerequestupdates", "request_update/update_id"),
        ("requests/2600000000", "error/code"),
    ):
        assert ElementTree.fromstring(client.get(f"{path}.xml").content).findall(child), (path, child)


def test_fixmystreet_drops_no_update_by_its_time(desk: Desk) -> None:
    desk.ask(update({"updated_datetime": "2026-11-01T00:00:00Z"}))
    desk.get("servicerequestupdates")  # whoever looks first numbers it; here no worker does
    since, until = NOW, NOW + timedelta(minutes=1)
    with time_machine.travel(until, tick=False):
        window = f"start_date={since:%Y-%m-%dT%H:%M:%SZ}&end_date={until:%Y-%m-%dT%H:%M:%SZ}"
        (item,) = desk.get("servicerequestupdates", window)
    assert since <= datetime.fromisoformat(item["updated_datetime"]) <= until


def test_browsers_may_post_from_any_page(client: TestClient, fmt: str) -> None:
    asked = {
        "origin": "https://app.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "idempotency-key",
    }
    granted = client.options(f"requests.{fmt}", headers=asked)
    assert granted.status_code == 204
    assert granted.headers["access-control-allow-origin"] == "*"
    assert "idempotency-key" in granted.headers["access-control-allow-headers"].lower()
    refused = client.post(f"requests.{fmt}", data=REPORT | {"api_key": "x"}, headers={"origin": "https://app.example"})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (403, "*")
    assert refused.headers["content-type"] == MEDIA_TYPES[fmt]


@pytest.mark.shared_data
def test_schema_validation_takes_every_answer(desk: Desk, shared_data: Path) -> None:
    folder = shared_data / "georeport_fixtures"
    request = json.loads((folder / "open311_schema_request.json").read_text())
    swagger = json.loads((folder / "open311_schema_swagger.json").read_text())
    check = jsonschema.FormatChecker()
    for item in desk.get("requests") + desk.get("requests/{bare}") + desk.get("requests/{old}"):
        jsonschema.validate(item, request, format_checker=check)
    for item in desk.get("services"):
        present = {name: value for name, value in item.items() if value is not None}
        jsonschema.validate(present, swagger | {"$ref": "#/definitions/Service"}, format_checker=check)
