"""Section 1: what holds for every resource."""

import pytest
from sqlmodel import Session
from starlette.testclient import TestClient

from tests.factories import CITY, NOW, make_city
from tests.intake.open311.conformance.claims import empty, same
from tests.intake.open311.conformance.desk import Ask, Case, Desk, get, post, raw, run, table, update
from tests.intake.open311.test_lists import keep

pytestmark = pytest.mark.database

LISTS = (
    "services",
    "services/LUMINARIA",
    "requests",
    "requests/{open}",
    "tokens/t-0123456789abcdef",
    "servicerequestupdates",
)
RESOURCES = ("../discovery", "discovery", *LISTS)
OPTIONAL = [
    "jurisdiction_id",
    "locale",
    "service_request_id",
    "service_code",
    "start_date",
    "end_date",
    "status",
    "page",
    "page_size",
]

FIELDS = [
    "jurisdiction_id",
    "address_string",
    "address_id",
    "description",
    "media_url",
    "email",
    "phone",
    "first_name",
    "last_name",
    "device_id",
    "account_id",
    "zipcode",
    "attribute[NADA]",
]


@table(*(Case(f"1.1 {path} is there in both formats", get(path)) for path in RESOURCES))
def test_resources(desk: Desk, case: Case) -> None:
    run(desk, case)


@table(
    *(
        Case(f"1.1 the suffix decides {path} whatever Accept says: {accept}", get(path, accept=accept))
        for path in ("services", "requests", "discovery")
        for accept in ("text/html", "application/xml", "application/json", "*/*;q=0")
    ),
    Case("1.1 a refusal follows the suffix too", get("requests/nada", accept="text/html"), 404),
    Case("1.1 a suffix in upper case is unknown", get("services.JSON"), 404),
    Case("1.1 jsonp is unknown", get("services.jsonp"), 404),
    Case("1.1 a resource that is none", get("nada"), 404),
    Case("1.1 a resource below a single one", get("requests/{open}/notes"), 404),
    Case("1.1 the root", get(""), 404),
)
def test_the_suffix(desk: Desk, case: Case) -> None:
    run(desk, case)


@table(
    *(
        Case(f"1.6 {name}= is as good as absent", get("requests", f"{name}="), expect=same("requests"))
        for name in OPTIONAL
    ),
    *(
        Case(f"1.6 {name} of blanks is absent", get("requests", f"{name}=%20"), expect=same("requests"))
        for name in OPTIONAL
    ),
    Case("1.6 an empty locale in services", get("services", "locale="), expect=same("services")),
    *(Case(f"1.6 an empty {name} in a report is absent", post({name: ""})) for name in FIELDS),
    Case("1.6 empty coordinates beside an address", post({"lat": "", "long": "", "address_string": "El Carmen"})),
)
def test_empty_is_absent(desk: Desk, case: Case) -> None:
    run(desk, case)


@table(
    *(Case(f"1.7 {path} needs no key", get(path)) for path in LISTS),
    *(Case(f"1.7 a wrong key is harmless at {path}", get(path, "api_key=wrong")) for path in LISTS),
    Case("1.7 a wrong bearer token is harmless", get("requests", authorization="Bearer wrong")),
    Case("1.7 a report needs a key", post({"api_key": None}), 403),
    Case("1.7 an empty key is none", post({"api_key": ""}), 403),
    Case("1.7 an unknown key", post({"api_key": "nobody"}), 403),
    Case("1.7 a key in the address of a POST", post({"api_key": None}, query="api_key={agency_key}")),
    Case("1.7 a key as a bearer token", post({"api_key": None}, headers={"authorization": "Bearer {agency_key}"})),
    Case("1.7 an update needs a key", update({"api_key": None}), 403),
)
def test_keys(desk: Desk, case: Case) -> None:
    run(desk, case)


@table(
    *(Case(f"1.8 {path} of the city by name", get(path, f"jurisdiction_id={CITY}")) for path in RESOURCES),
    *(Case(f"1.8 {path} of an unknown city", get(path, "jurisdiction_id=nadie.example"), 404) for path in RESOURCES),
    Case("1.8 a report for the city in the form", post({"jurisdiction_id": CITY})),
    Case("1.8 a report for the city in the address", post(query=f"jurisdiction_id={CITY}")),
    Case(
        "1.8 a report for an unknown city", post({"jurisdiction_id": "nadie.example"}), 404, words=("jurisdiction_id",)
    ),
    Case("1.8 an update for an unknown city", update({"jurisdiction_id": "nadie.example"}), 404),
)
def test_jurisdictions(desk: Desk, case: Case) -> None:
    run(desk, case)


@pytest.mark.parametrize("path", [path for path in LISTS if "discovery" not in path])
def test_1_8_several_cities_want_a_name(session: Session, desk: Desk, path: str) -> None:
    make_city(session, "vecina.gob.example", sms_number=None)
    desk.ask(get(path), 400)
    desk.ask(get(path, f"jurisdiction_id={CITY}"))


def test_1_8_a_report_to_several_cities_wants_a_name(session: Session, desk: Desk) -> None:
    make_city(session, "vecina.gob.example", sms_number=None)
    desk.ask(post(), 400)
    desk.ask(post({"jurisdiction_id": CITY}))


HOSTILE = {
    "an end of CDATA": "a ]]> b",
    "a start of CDATA": "<![CDATA[ a",
    "an entity": "&lt; &#0; &nada; %lol;",
    "a doctype": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>&b;',
    "a comment": "a <!-- b -- c",
    "an instruction": "<?xml version='1.0'?><?php x ?>",
    "markup": "<script>alert(1)</script>",
    "quotes": "\"a\" 'b' \\ / `",
    "an emoji": "😀 🏴‍☠️ 👩🏽‍🚒",
    "right to left": "\u202eabc\u200f \u05e9\u05dc\u05d5\u05dd",
    "line separators": "a\u2028b\u2029c\x85d",
    "a tab and lines": "a\tb\nc",
    "a noncharacter beyond the plane": "a\U0001ffff b",
    "a soft hyphen and a mark": "a\u00adb\ufeffc",
    "combining": "e\u0301" * 50,
    "4,000 letters": "ñ" * 4000,
    "backslashes": "\\u0000 \\b \\f",
}


@table(
    *(
        Case(
            f"1.5 a description with {name} comes back as it was",
            post({"description": text}),
            expect=lambda desk, value, text=text: (
                desk.get(f"requests/{value[0]['service_request_id']}")[0]["description"] == text
            ),
        )
        for name, text in HOSTILE.items()
    ),
    *(
        Case(
            f"1.5 U+{ord(mark):04X} never reaches a list",
            post({"description": f"a{mark}b"}),
            expect=lambda desk, value: (
                desk.get(f"requests/{value[0]['service_request_id']}")[0]["description"] == "ab"
                and desk.get("requests")
            ),
        )
        for mark in "\x00\x01\x08\x0b\x0c\x0e\x1f\ufffe\uffff"
    ),
    Case(
        "1.5 CR LF becomes LF",
        post({"description": "a\r\nb\rc"}),
        expect=lambda desk, value: (
            desk.get(f"requests/{value[0]['service_request_id']}")[0]["description"] == "a\nb\nc"
        ),
    ),
    Case("1.5 a lone surrogate is no UTF-8", raw(b"api_key=x&description=%ED%A0%80"), 400),
    Case("1.5 an overlong form is no UTF-8", raw(b"api_key=x&description=%C0%80"), 400),
    Case("1.5 Latin-1 is no UTF-8", raw("api_key=x&description=ñ".encode("latin-1")), 400),
    Case("1.5 a query that is no UTF-8", get("requests", "service_code=%ff"), 400),
    Case("1.5 a query with NUL", get("requests", "service_code=%00"), 400),
    Case(
        "1.5 a percent sign that encodes nothing",
        get("requests", "service_code=%zz%"),
        expect=lambda _, value: value == [],
    ),
    Case("1.5 a path that is no UTF-8", get("requests/%ff"), 404),
    Case("1.5 a path with NUL", get("services/%00"), 404),
)
def test_text(desk: Desk, case: Case) -> None:
    run(desk, case)


@table(
    Case("1.9 an empty list is 200", get("requests", "service_code=NADA"), expect=empty),
    Case("1.9 no updates are an empty list", get("servicerequestupdates"), expect=empty),
    Case("1.10 no callback is reflected", get("services", "callback=x"), expect=same("services")),
    Case("1.10 an unknown parameter is ignored", get("requests", "nada=1"), expect=same("requests")),
)
def test_answers(desk: Desk, case: Case) -> None:
    run(desk, case)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "PURGE"])
@pytest.mark.parametrize("path", ["services", "requests", "requests/{open}", "discovery"])
def test_1_11_other_methods_are_405(desk: Desk, method: str, path: str) -> None:
    desk.ask(Ask(path, method=method), 405)


@pytest.mark.parametrize("path", RESOURCES)
def test_1_11_head_is_get_without_its_body(client: TestClient, world: dict[str, str], fmt: str, path: str) -> None:
    where = f"{path.replace('{open}', world['open'])}.{fmt}"
    got, head = client.get(where), client.head(where)
    assert (head.status_code, head.content) == (200, b"")
    for headers in (got.headers, head.headers):
        del headers["ratelimit"]
    assert head.headers == got.headers


def test_1_12_what_is_stored_by_other_ways_in_never_breaks_a_list(session: Session, desk: Desk) -> None:
    keep(session, 99, NOW, description="a\x0bb\ufffec\x1f", address_string="d\x08")
    shown = desk.get("requests")[0]
    assert (shown["description"], shown["address"]) == ("a\ufffdb\ufffdc\ufffd", "d\ufffd")
