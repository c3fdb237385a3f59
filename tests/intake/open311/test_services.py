from typing import Any

import pytest
from sqlmodel import Session, select
from starlette.testclient import TestClient

from intake.catalog.models import Jurisdiction, Service
from tests.factories import NOW, make_city, make_service
from tests.intake.open311.asking import errors_of, form, read

pytestmark = pytest.mark.database
SERVICE_FIELDS = ["service_code", "service_name", "description", "metadata", "type", "keywords", "group"]


def test_every_service_has_all_seven_fields_in_order(client: TestClient, fmt: str) -> None:
    found = read(client.get(f"services.{fmt}"), fmt)
    assert [service["service_code"] for service in found] == ["BACHE", "LUMINARIA", "RUIDO", "FUGA"]
    assert all(list(service) == SERVICE_FIELDS for service in found)
    lamp = found[1]
    assert (lamp["type"], lamp["group"], lamp["keywords"]) == ("batch", "Alumbrado", "luz,luminaria,poste,foco")


def test_metadata_is_a_boolean_in_json_and_a_lower_case_word_in_xml(client: TestClient) -> None:
    assert [service["metadata"] for service in client.get("services.json").json()] == [False, True, False, False]
    assert [service["metadata"] for service in read(client.get("services.xml"), "xml")] == [
        "false",
        "true",
        "false",
        "false",
    ]


def test_names_come_in_the_language_asked_for(client: TestClient, fmt: str) -> None:
    def group(query: str) -> Any:
        return read(client.get(f"services.{fmt}{query}"), fmt)[1]["group"]

    assert [group(""), group("?locale=en"), group("?locale=fr"), group("?locale=")] == [
        "Alumbrado",
        "Lighting",
        "Alumbrado",
        "Alumbrado",
    ]


def test_a_service_that_is_no_longer_offered_leaves_the_list(
    client: TestClient, session: Session, city: Jurisdiction
) -> None:
    hole = session.exec(select(Service).where(Service.code == "BACHE")).one()
    hole.is_active = False
    city.catalog_changed_at = NOW
    session.flush()
    assert "BACHE" not in [service["service_code"] for service in client.get("services.json").json()]
    errors_of(client.get("services/BACHE.json"), "json", 404)


def test_a_definition_lists_its_questions_in_order(client: TestClient, fmt: str) -> None:
    found = read(client.get(f"services/LUMINARIA.{fmt}"), fmt)
    assert found["service_code"] == "LUMINARIA"
    assert [attribute["code"] for attribute in found["attributes"]] == ["TIPO_FALLA", "NUM_POSTE", "AVISO"]
    kind = found["attributes"][0]
    assert kind["values"] == [{"key": "apagada", "name": "No enciende"}, {"key": "parpadea", "name": "Parpadea"}]
    assert list(kind) == [
        "variable",
        "code",
        "datatype",
        "required",
        "datatype_description",
        "order",
        "description",
        "values",
    ]
    assert found["attributes"][1]["values"] == []


def test_a_definition_in_json_has_booleans_and_whole_numbers(client: TestClient) -> None:
    kind, number, notice = client.get("services/LUMINARIA.json").json()["attributes"]
    assert (kind["variable"], kind["required"], kind["order"]) == (True, True, 1)
    assert (number["required"], number["datatype_description"]) == (False, None)
    assert (notice["variable"], notice["required"]) == (False, False)


def test_a_service_without_questions_has_an_empty_definition(client: TestClient, fmt: str) -> None:
    assert read(client.get(f"services/BACHE.{fmt}"), fmt) == {"service_code": "BACHE", "attributes": []}


@pytest.mark.parametrize("code", ["NADA", "bache", "BACHE%20", "%00", "BACHE.json", "..", "%F0%9F%98%80"])
def test_an_unknown_service_is_not_found(client: TestClient, fmt: str, code: str) -> None:
    errors_of(client.get(f"services/{code}.{fmt}"), fmt, 404)


@pytest.mark.parametrize("code", ["ana@example.org", "5512345678", "+52 55 1234 5678", "Ana Lazcano", "A" * 90])
def test_what_is_no_code_is_not_repeated(client: TestClient, fmt: str, code: str) -> None:
    for response in (
        client.get(f"services/{code}.{fmt}"),
        client.post(f"requests.{fmt}", data=form(service_code=code)),
    ):
        (text,) = errors_of(response, fmt, 404)
        assert text == "No existe ese servicio."


def test_a_code_keeps_its_leading_zeros_and_its_dots(
    client: TestClient, session: Session, city: Jurisdiction, fmt: str
) -> None:
    make_service(session, "006.1", "Árbol <caído> & rama", position=9)
    city.catalog_changed_at = NOW
    session.flush()
    found = read(client.get(f"services.{fmt}"), fmt)[-1]
    assert (found["service_code"], found["service_name"]) == ("006.1", "Árbol <caído> & rama")
    assert read(client.get(f"services/006.1.{fmt}"), fmt)["service_code"] == "006.1"


def test_the_catalogue_of_one_city_is_not_the_other_s(client: TestClient, session: Session, fmt: str) -> None:
    make_city(session, "vecina.gob.example", sms_number=None)
    make_service(session, "SOLO-VECINA", "Solo allá", city="vecina.gob.example")
    errors_of(client.get(f"services.{fmt}"), fmt, 400)
    errors_of(client.get(f"services.{fmt}?jurisdiction_id="), fmt, 400)
    errors_of(client.get(f"services.{fmt}?jurisdiction_id=nadie"), fmt, 404)
    here = read(client.get(f"services.{fmt}?jurisdiction_id=prueba.gob.example"), fmt)
    there = read(client.get(f"services.{fmt}?jurisdiction_id=vecina.gob.example"), fmt)
    assert (len(here), len(there)) == (4, 5)
    errors_of(client.get(f"services/SOLO-VECINA.{fmt}?jurisdiction_id=prueba.gob.example"), fmt, 404)


def test_a_single_city_needs_no_jurisdiction_but_refuses_a_wrong_one(client: TestClient, fmt: str) -> None:
    assert client.get(f"services.{fmt}").status_code == 200
    assert client.get(f"services.{fmt}?jurisdiction_id=").status_code == 200
    assert client.get(f"services.{fmt}?jurisdiction_id=prueba.gob.example").status_code == 200
    errors_of(client.get(f"services.{fmt}?jurisdiction_id=otra.example"), fmt, 404)


def test_a_key_on_a_get_is_harmless(client: TestClient, fmt: str) -> None:
    assert client.get(f"services.{fmt}?api_key=whatever").status_code == 200
