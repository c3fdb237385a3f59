"""Calls that nobody thought of, made from our own description: never 5xx, always what the description says, both formats alike.

Bounded and repeatable: the same examples every run. SCHEMATHESIS_EXAMPLES asks for more of them.
"""

import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from sqlmodel import Session
from starlette.testclient import TestClient

from intake.catalog import keys
from intake.open311.description.operations import OPERATIONS, Operation
from tests.factories import CITY, NOW
from tests.intake.open311.asking import form, posted
from tests.intake.open311.conformance.spark import differences

if TYPE_CHECKING:
    from schemathesis import Case, Response

pytestmark = pytest.mark.database
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "25"))


def checks() -> list[Any]:
    """Those that hold for JSON; the last one does not read XML."""
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks

    return [
        not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
    ]


@pytest.fixture
def known(client: TestClient, session: Session) -> dict[str, list[str]]:
    """What exists, by the names that calls use for it: without it every call ends at the first 404."""
    lamp = client.post("requests.json", data=form(service_code="LUMINARIA") | {"attribute[TIPO_FALLA]": "apagada"})
    scopes = [keys.SUBMIT, keys.UPDATE]
    return {
        "api_key": [keys.create(session, CITY, "Norte", scopes=scopes, agency_code="ALC-N", now=NOW)],
        "service_request_id": [posted(client)],
        "service_code": ["BACHE", "FUGA"],
        "token": [lamp.json()[0]["token"]],
        "jurisdiction_id": [CITY],
    }


def offer(document: Any, known: dict[str, list[str]], *, only: bool) -> None:
    """Puts what exists into the description, as what may be sent, or beside anything else."""
    schemas = {name: {"enum": values} if only else _either(values) for name, values in known.items()}
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    own = (one for operation in operations for one in operation["parameters"] if "name" in one)
    for parameter in (*document["components"]["parameters"].values(), *own):
        parameter["schema"] = schemas.get(parameter["name"], parameter["schema"])
    for operation in operations:
        for body in operation.get("requestBody", {}).get("content", {}).values():
            fields = body["schema"]["properties"]
            fields |= {name: schema for name, schema in schemas.items() if name in fields}


def _either(values: list[str]) -> dict[str, Any]:
    return {"anyOf": [{"enum": values}, {"type": "string"}]}


@pytest.mark.parametrize("mode", ["positive", "negative"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_no_call_breaks_the_description(
    client: TestClient, known: dict[str, list[str]], operation: Operation, mode: str
) -> None:
    import schemathesis  # a second, in each process of the tests, for the one that runs these
    from schemathesis import GenerationMode

    is_wrong = mode == "negative"
    document = client.get("openapi.json").json()
    offer(document, known, only=not is_wrong)
    schema = schemathesis.openapi.from_dict(document)
    schema.app = client.app
    as_json, as_xml = (schema[f"{operation.path}.{fmt}"][operation.method.upper()] for fmt in ("json", "xml"))
    headers = {"authorization": f"Bearer {known['api_key'][0]}"}
    seen: set[int] = set()

    @given(case=as_json.as_strategy(generation_mode=GenerationMode(mode)))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def run(case: "Case") -> None:
        response = case.call_and_validate(headers=headers, checks=checks())
        seen.add(response.status_code)
        twin = as_xml.Case(
            path_parameters=case.path_parameters,
            query=case.query,
            headers=case.headers,
            cookies=case.cookies,
            body=case.body,
            media_type=case.media_type,
        )
        compare(response, twin.call_and_validate(headers=headers, checks=checks()[:-1]))

    run()
    assert is_wrong or 200 in seen


def compare(as_json: "Response", as_xml: "Response") -> None:
    assert as_json.status_code == as_xml.status_code
    assert differences(as_xml.content, as_json.json()) == []
