"""Sections 3 to 5: discovery, services, definitions."""

from datetime import datetime
from typing import Any

import pytest

from kernel import clock
from tests.intake.open311.conformance.claims import has, same
from tests.intake.open311.conformance.desk import Case, Desk, get, post, run, table
from tests.intake.open311.conftest import BASE

pytestmark = pytest.mark.database


def endpoint(claim: Any) -> Any:
    return lambda _, value: claim(value["endpoints"][0])


def service(code: str, **fields: Any) -> Any:
    return lambda _, value: all(
        {one["service_code"]: one for one in value}[code][name] == said for name, said in fields.items()
    )


def attribute(code: str, claim: Any) -> Any:
    return lambda _, value: claim({one["code"]: one for one in value["attributes"]}[code])


def in_the_past(changeset: str) -> bool:
    return datetime.fromisoformat(changeset) <= clock.now()


@table(
    Case("3.1 both places say the same", get("../discovery"), expect=same("discovery")),
    Case("3.2 no field is empty", get("discovery"), expect=lambda _, value: all(value.values())),
    Case(
        "3.3 the changeset lies in the past", get("discovery"), expect=lambda _, value: in_the_past(value["changeset"])
    ),
    Case(
        "3.3 the endpoint's changeset too", get("discovery"), expect=endpoint(lambda one: in_the_past(one["changeset"]))
    ),
    Case(
        "3.4 the specification to the letter",
        get("discovery"),
        expect=endpoint(lambda one: one["specification"] == "http://wiki.open311.org/GeoReport_v2"),
    ),
    Case(
        "3.5 the address has no slash behind it",
        get("discovery"),
        expect=endpoint(lambda one: one["url"] == f"{BASE}/open311/v2"),
    ),
    Case(
        "3.6 the type is one of two",
        get("discovery"),
        expect=endpoint(lambda one: one["type"] in ("production", "test")),
    ),
    Case(
        "3.7 formats are plain strings, XML among them",
        get("discovery"),
        expect=endpoint(lambda one: one["formats"] == ["text/xml", "application/json"]),
    ),
    Case("3.8 no field of the endpoint is empty", get("discovery"), expect=endpoint(lambda one: all(one.values()))),
    Case(
        "3.9 the fields of the standard come first",
        get("discovery"),
        expect=lambda _, value: list(value)[:4] == ["changeset", "contact", "key_service", "endpoints"],
    ),
    Case("3.10 how many requests a list holds", get("discovery"), expect=has(max_requests=1000)),
)
def test_discovery(desk: Desk, case: Case) -> None:
    run(desk, case)


@table(
    Case(
        "4.1 all seven fields, in order",
        get("services"),
        expect=lambda _, value: all(
            list(one) == ["service_code", "service_name", "description", "metadata", "type", "keywords", "group"]
            for one in value
        ),
    ),
    Case("4.2 codes are strings and keep their zeros", get("services"), expect=service("007", service_name="Encuesta")),
    Case("4.3 metadata is a boolean", get("services"), expect=service("BACHE", metadata=False)),
    Case("4.3 metadata is true with a definition", get("services"), expect=service("LUMINARIA", metadata=True)),
    Case("4.4 realtime", get("services"), expect=service("BACHE", type="realtime")),
    Case("4.4 batch", get("services"), expect=service("LUMINARIA", type="batch")),
    Case("4.4 blackbox", get("services"), expect=service("RUIDO", type="blackbox")),
    Case(
        "4.5 keywords by commas without blanks",
        get("services"),
        expect=service("BACHE", keywords="bache,hoyo,pavimento"),
    ),
    Case("4.5 no keywords are null", get("services"), expect=service("007", keywords=None)),
    Case("4.6 the group is one string", get("services"), expect=service("LUMINARIA", group="Alumbrado")),
    Case(
        "4.7 names are unique",
        get("services"),
        expect=lambda _, value: len({one["service_name"] for one in value}) == len(value),
    ),
    Case(
        "4.8 names in the language asked for",
        get("services", "locale=en"),
        expect=service("LUMINARIA", group="Lighting"),
    ),
    Case("4.8 an unknown language is the city's", get("services", "locale=fr"), expect=same("services")),
)
def test_services(desk: Desk, case: Case) -> None:
    run(desk, case)


FIELDS = ["variable", "code", "datatype", "required", "datatype_description", "order", "description", "values"]


@table(
    Case(
        "5.1 all fields of an attribute, in order",
        get("services/LUMINARIA"),
        expect=lambda _, value: all(list(one) == FIELDS for one in value["attributes"]),
    ),
    Case(
        "5.2 a service without questions is 200 and empty",
        get("services/BACHE"),
        expect=has(service_code="BACHE", attributes=[]),
    ),
    Case("5.3 an unknown code", get("services/NADA"), 404),
    Case("5.3 another case of a code", get("services/bache"), 404),
    Case(
        "5.4 order counts from 1",
        get("services/007"),
        expect=lambda _, value: [one["order"] for one in value["attributes"]] == [1, 2, 3, 4, 5, 6],
    ),
    Case(
        "5.5 every datatype",
        get("services/007"),
        expect=lambda _, value: (
            [one["datatype"] for one in value["attributes"]]
            == ["string", "text", "number", "datetime", "singlevaluelist", "multivaluelist"]
        ),
    ),
    Case(
        "5.6 values of a list",
        get("services/007"),
        expect=attribute("UNA", lambda one: one["values"][0] == {"key": "a", "name": "La a"}),
    ),
    Case(
        "5.6 no values where there is no list",
        get("services/007"),
        expect=attribute("NUMERO", lambda one: one["values"] == []),
    ),
    Case(
        "5.7 a notice is not variable and not required",
        get("services/LUMINARIA"),
        expect=attribute("AVISO", lambda one: (one["variable"], one["required"]) == (False, False)),
    ),
    Case(
        "5.8 required is a boolean",
        get("services/LUMINARIA"),
        expect=attribute("TIPO_FALLA", lambda one: one["required"] is True),
    ),
)
def test_definitions(desk: Desk, case: Case) -> None:
    run(desk, case)


def answer(code: str, value: Any, suffix: str = "") -> Any:
    return post({"service_code": "007", f"attribute[{code}]{suffix}": value})


ACCEPTED = {
    "LINEA": ["una línea", "ñ 😀"],
    "TEXTO": ["una\nlínea\ny otra"],
    "NUMERO": ["0", "-4412.50", "+7", ".5", "007", "9" * 40],
    "CUANDO": ["2026-11-19T10:00:00-06:00", "2026-11-19T10:00:00Z", "2026-11-19T10:00:00", "2026-11-19"],
    "UNA": ["a"],
    "VARIAS": ["a", ["a", "b"]],
}
REFUSED = {
    "LINEA": ["dos\nlíneas", "a" * 4001],
    "NUMERO": ["doce", "NaN", "Infinity", "1e5", "1,5", "١٢", "0x1F", "1 2", "-"],
    "CUANDO": ["ayer", "2026-02-30", "19/11/2026", "2026-11-19T25:00:00Z"],
    "UNA": ["d", "La a", "A", ["a", "b"]],
    "VARIAS": ["d", ["a", "d"], "a,b"],
}


@table(
    *(
        Case(f"5.9 {code} takes {value!r}", answer(code, value))
        for code, values in ACCEPTED.items()
        for value in values
    ),
    *(
        Case(f"5.9 {code} refuses {str(value)[:20]!r}", answer(code, value), 400, words=(code,))
        for code, values in REFUSED.items()
        for value in values
    ),
    *(Case(f"5.10 an empty {code} is not given", answer(code, "")) for code in ACCEPTED),
    Case("5.11 the list's own spelling", answer("VARIAS", ["a", "b"], "[]")),
    Case("5.11 one value in the list's spelling", answer("VARIAS", "a", "[]")),
    Case("5.11 a numbered spelling", answer("VARIAS", "a", "[0]")),
    Case("5.11 the same answer twice", answer("UNA", ["a", "a"])),
    Case(
        "5.12 an answer to a notice is ignored",
        post({"service_code": "LUMINARIA", "attribute[TIPO_FALLA]": "apagada", "attribute[AVISO]": "x"}),
    ),
    Case("5.13 unknown attributes are ignored", answer("easting", "529000")),
)
def test_answers_by_datatype(desk: Desk, case: Case) -> None:
    run(desk, case)
