"""The OpenAPI description: well formed, whole, in both languages, and true of the answers."""

import json
import re
from typing import Any

import pytest
from openapi_spec_validator import validate
from starlette.testclient import TestClient

from intake.open311.description.operations import OPERATIONS, openapi, texts_of
from intake.open311.routes import MOUNT, _routes
from kernel.i18n import catalog_files, translate
from tests.intake.open311.conftest import BASE

DOCUMENT = openapi(BASE, "es")


def test_it_is_valid_openapi() -> None:
    validate(DOCUMENT)
    validate(openapi(BASE, "en"))


def test_every_resource_is_described_and_nothing_else() -> None:
    served = {
        (route.path.removeprefix("/v2"), method.lower())
        for route in _routes()
        for method in route.methods or ()
        if route.path.startswith("/v2/") and method != "HEAD"
    }
    described = {(path, method) for path, item in DOCUMENT["paths"].items() for method in item}
    assert described == served - {("/openapi.json", "get")}


def test_every_text_is_translated() -> None:
    po = "".join(path.read_text() for path in catalog_files("en"))
    assert [text for text in texts_of(DOCUMENT) if f'msgid "{text}"' not in po] == []
    assert openapi(BASE, "en")["info"]["summary"] == translate("en", DOCUMENT["info"]["summary"])


def test_every_reference_leads_somewhere() -> None:
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(DOCUMENT))):
        found: Any = DOCUMENT
        for part in reference.split("/"):
            found = found[part]
        assert found


def test_both_formats_answer_the_same_schema() -> None:
    for operation in OPERATIONS:
        as_json, as_xml = (DOCUMENT["paths"][f"{operation.path}.{fmt}"][operation.method] for fmt in ("json", "xml"))
        assert as_json["parameters"] == as_xml["parameters"]
        assert set(as_json["responses"]) == set(as_xml["responses"])
        schemas = [next(iter(one["responses"]["200"]["content"].items())) for one in (as_json, as_xml)]
        assert [media_type for media_type, _ in schemas] == [
            "application/json; charset=utf-8",
            "text/xml; charset=utf-8",
        ]
        assert schemas[0][1] == schemas[1][1]


@pytest.mark.database
def test_it_is_served_in_the_reader_s_language(client: TestClient) -> None:
    response = client.get("openapi.json", headers={"accept-language": "en"})
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert "Accept-Language" in response.headers["vary"]
    assert response.json()["servers"] == [{"url": f"{BASE}{MOUNT}/v2"}]
    assert response.json()["info"]["summary"] == "Report to the city and follow what was reported."
    assert client.get("openapi.json").json() == json.loads(json.dumps(DOCUMENT))
