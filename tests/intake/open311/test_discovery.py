from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from sqlmodel import Session
from starlette.testclient import TestClient

from intake.catalog.models import Jurisdiction
from intake.open311.extensions import EXTENSIONS
from tests.factories import make_city
from tests.intake.open311.asking import errors_of, read
from tests.intake.open311.conftest import BASE

pytestmark = pytest.mark.database


@pytest.mark.parametrize("where", ["../discovery", "discovery"])
def test_discovery_is_served_above_and_below_the_root(client: TestClient, where: str, fmt: str) -> None:
    found = read(client.get(f"{where}.{fmt}"), fmt)
    assert found["contact"] == "311@prueba.gob.example, 311"
    (endpoint,) = found["endpoints"]
    assert endpoint["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert endpoint["url"] == f"{BASE}/open311/v2"
    assert endpoint["formats"] == ["text/xml", "application/json"]
    assert endpoint["type"] in ("production", "test")


def test_every_field_is_filled_and_changesets_lie_in_the_past(client: TestClient, fmt: str) -> None:
    found = read(client.get(f"discovery.{fmt}"), fmt)
    for holder in (found, found["endpoints"][0]):
        assert all(holder.values())
        changeset = datetime.fromisoformat(holder["changeset"])
        assert changeset < datetime.now(UTC)


def test_the_root_element_of_xml_is_discovery_without_a_namespace(client: TestClient) -> None:
    root = ElementTree.fromstring(client.get("discovery.xml").content)
    assert root.tag == "discovery"
    assert [child.tag for child in root] == ["changeset", "contact", "key_service", "endpoints", "max_requests"]


def test_the_changeset_moves_when_a_catalogue_does(client: TestClient, city: Jurisdiction, session: Session) -> None:
    before = client.get("discovery.json").json()["changeset"]
    city.catalog_changed_at = datetime(2026, 11, 2, 3, 4, 5, 678901, tzinfo=UTC)
    session.add(city)
    session.flush()
    after = client.get("discovery.json").json()["changeset"]
    assert (before, after) == ("2026-11-01T00:00:00Z", "2026-11-02T03:04:05Z")


def test_two_cities_share_one_discovery_and_each_can_be_asked_for(
    client: TestClient, session: Session, fmt: str
) -> None:
    other = make_city(session, "vecina.gob.example", sms_number=None)
    other.is_default = False
    other.settings = {"contact": "vecina@example.org", "key_service": "https://vecina.example/llaves"}
    session.add(other)
    session.flush()
    assert read(client.get(f"discovery.{fmt}"), fmt)["contact"].startswith("311@prueba")
    found = read(client.get(f"discovery.{fmt}?jurisdiction_id=vecina.gob.example"), fmt)
    assert (found["contact"], found["key_service"]) == ("vecina@example.org", "https://vecina.example/llaves")
    errors_of(client.get(f"discovery.{fmt}?jurisdiction_id=nadie.example"), fmt, 404)


def test_the_extensions_that_are_on_are_announced(
    client: TestClient, city: Jurisdiction, session: Session, fmt: str
) -> None:
    def announced(query: str = "") -> dict[str, str]:
        (endpoint,) = read(client.get(f"discovery.{fmt}{query}"), fmt)["endpoints"]
        return {one["name"]: one["description"] for one in endpoint["extensions"]}

    assert list(announced()) == list(EXTENSIONS)
    assert all(announced().values())
    assert announced("?locale=en")["bbox"] != announced()["bbox"]
    city.settings = {**city.settings, "open311_extensions_off": ["bbox", "nada"]}
    session.add(city)
    session.flush()
    assert list(announced()) == [name for name in EXTENSIONS if name != "bbox"]
