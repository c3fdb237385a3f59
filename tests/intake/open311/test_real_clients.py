"""A client that others wrote, over a socket: PyPI's `georeport`. What further ones did is in docs/open311-clients.md."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests
from georeport import GeoReport

from intake.catalog.models import Jurisdiction
from tests.factories import CITY
from tests.intake.open311.asking import form
from tests.intake.open311.conftest import make_app
from tests.sockets import served


@pytest.fixture
def root(city: Jurisdiction, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with served(make_app()) as url:
        yield f"{url}/open311/v2"


@pytest.fixture
def georeport(root: str, fmt: str) -> GeoReport:
    return GeoReport(root, jurisdiction=CITY, output_format=fmt)


@pytest.fixture
def ids(root: str) -> list[str]:
    """Two requests, as another program posted them."""
    made = []
    for text in ("Un hoyo con ñ & <signos>", "Otro hoyo"):
        answer = requests.post(f"{root}/requests.json", data=form(description=text), timeout=10)
        made.append(answer.json()[0]["service_request_id"])
    return made


def test_services(georeport: GeoReport) -> None:
    services = georeport.get_service_list()
    assert [service["service_code"] for service in services] == ["BACHE", "LUMINARIA", "RUIDO", "FUGA"]
    assert [str(service["metadata"]).lower() for service in services] == ["false", "true", "false", "false"]


def test_definitions(georeport: GeoReport, fmt: str) -> None:
    found = georeport.get_service_definition("LUMINARIA")
    attributes = found["attributes"] if fmt == "json" else found["attributes"]["attribute"]
    assert [attribute["code"] for attribute in attributes] == ["TIPO_FALLA", "NUM_POSTE", "AVISO"]
    assert not georeport.get_service_definition("BACHE")["attributes"]
    with pytest.raises(requests.HTTPError, match="404"):
        georeport.get_service_definition("NADA")


def test_lists(georeport: GeoReport, ids: list[str]) -> None:
    def listed(**arguments: str) -> set[str]:
        return {item["service_request_id"] for item in georeport.get_service_requests(**arguments)}

    now = datetime.now(UTC)
    window = {"start_date": f"{now - timedelta(hours=1):%FT%TZ}", "end_date": f"{now + timedelta(hours=1):%FT%TZ}"}
    assert listed() == listed(**window) == listed(status="open") == listed(service_code="BACHE,FUGA") == set(ids)
    assert listed(service_request_id=",".join(ids)) == set(ids)
    with pytest.raises(requests.HTTPError, match="400"):
        georeport.get_service_requests(status="roto")


def test_one(georeport: GeoReport, ids: list[str]) -> None:
    found = georeport.get_service_request(ids[0])
    assert found["service_request_id"] == ids[0]
    assert found["description"] == "Un hoyo con ñ & <signos>"
    assert len(found) == 17
    with pytest.raises(requests.HTTPError, match="404"):
        georeport.get_service_request("0000000000")


def test_an_empty_list_is_a_list(root: str) -> None:
    """In JSON; in XML this client wants at least one child, which nobody can give it."""
    assert GeoReport(root, jurisdiction=CITY).get_service_requests(status="closed") == []
