"""Section 2: errors. That each is a list of code and description in the right format is checked at every answer."""

import pytest

from tests.intake.open311.conformance.desk import Ask, Case, Desk, get, post, raw, run, table, update

pytestmark = pytest.mark.database
LAMP = {"service_code": "LUMINARIA"}


@table(
    Case("2.1 a report without service_code", post({"service_code": None}), 400, words=("service_code required",)),
    Case("2.1 a report without a place", post({"lat": None, "long": None}), 400, words=("lat", "long")),
    Case("2.1 lat without long", post({"long": None}), 400, words=("long",)),
    Case("2.1 long without lat", post({"lat": None}), 400, words=("lat",)),
    Case("2.1 a place in words", post({"lat": "norte"}), 400, words=("lat",)),
    Case("2.1 a place off the globe", post({"lat": "90.1"}), 400),
    Case("2.1 a place around the globe", post({"long": "-180.5"}), 400),
    *(
        Case(f"2.1 {number} is no coordinate", post({"lat": number}), 400)
        for number in ("NaN", "inf", "-Infinity", "1,5", "19°", "0x13", "1_0", "١٩", "19.4 N", "--1", "1e400")
    ),
    Case("2.1 a description of 4,001 letters", post({"description": "a" * 4001}), 400, words=("4000",)),
    Case("2.1 a required answer is missing", post(LAMP), 400, words=("TIPO_FALLA required",)),
    Case("2.1 an answer that is no option", post(LAMP | {"attribute[TIPO_FALLA]": "x"}), 400, words=("TIPO_FALLA",)),
    Case("2.1 a start that is no date", get("requests", "start_date=ayer"), 400, words=("start_date",)),
    Case("2.1 an end that is no date", get("requests", "end_date=2026-02-30T00:00:00Z"), 400, words=("end_date",)),
    Case("2.1 a status that is none", get("requests", "status=resolved"), 400, words=("status",)),
    Case("2.1 a page that is no number", get("requests", "page=x"), 400, words=("page",)),
    Case("2.1 a page below one", get("requests", "page=0"), 400, words=("page",)),
    Case("2.2 a missing key is 403, never 401", post({"api_key": None}), 403, words=("api_key",)),
    Case(
        "2.2 a key of an agency's own scope is 403 for reports",
        post({"api_key": "{other_key}"}),
        403,
        words=("api_key",),
    ),
    Case("2.2 a key without the scope of updates", update({"api_key": "test-key"}), 403, words=("api_key",)),
    Case("2.3 an unknown service in a report", post({"service_code": "NADA"}), 404, words=("NADA",)),
    Case("2.3 an unknown service in a definition", get("services/NADA"), 404, words=("NADA",)),
    Case("2.3 an unknown request", get("requests/2600000000"), 404, words=("service_request_id",)),
    Case("2.3 an unknown token", get("tokens/t-00"), 404, words=("token",)),
    Case("2.3 something that is no token", get("tokens/%27%3B--"), 404),
    Case("2.3 an update of an unknown request", update({"service_request_id": "2600000000"}), 404),
    Case("2.3 an update of another agency's request", update({"api_key": "{other_key}"}), 404),
    Case("2.4 a JSON body", raw(b'{"service_code":"BACHE"}', "application/json"), 415),
    Case("2.4 an XML body", raw(b"<service_requests/>", "text/xml"), 415),
    Case("2.4 a body of no type", raw(b"api_key=x", ""), 415),
    Case("2.4 a garbled type", raw(b"a", 'multipart/form-data; boundary="'), 400),
    Case("2.4 a torn multipart body", raw(b"--x\r\nContent-Disp", "multipart/form-data; boundary=x"), 400),
    Case("2.4 a multipart body without a boundary", raw(b"--x--", "multipart/form-data"), 400),
    Case("2.4 a body that is too long", raw(b"description=" + b"a" * 300_000), 413),
    Case("2.4 thousands of fields", raw(b"a=1&" * 3000), 400),
    Case("2.4 an endless address", get("requests", "q=" + "a" * 40_000), 414),
    Case("2.4 PUT", Ask("requests", method="PUT"), 405),
    Case("2.4 a report where none is taken", Ask("services", form={"api_key": "x"}, method="POST"), 405),
    Case(
        "2.5 an endless unknown code is not repeated whole",
        get("services/" + "x" * 9000),
        404,
        expect=lambda _, value: len(value[0]["description"]) < 500,
    ),
)
def test_errors(desk: Desk, case: Case) -> None:
    run(desk, case)


def test_2_6_all_faults_of_a_form_come_at_once(desk: Desk) -> None:
    value = desk.ask(post(LAMP | {"lat": "x", "media_url": "y", "description": "a" * 4001}), 400)
    assert len(value) == 4


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"jurisdiction_id": "nadie", "api_key": "x", "service_code": "NADA", "lat": "x"}, 404),
        ({"api_key": "x", "service_code": "NADA", "lat": "x"}, 403),
        ({"service_code": "NADA", "lat": "x"}, 404),
        ({"lat": "x"}, 400),
    ],
)
def test_2_7_jurisdiction_then_key_then_service_then_the_rest(desk: Desk, wrong: dict[str, str], status: int) -> None:
    desk.ask(post(wrong), status)


def test_2_8_errors_speak_the_language_asked_for(desk: Desk) -> None:
    spanish, english = (desk.get_error("requests/2600000000", f"locale={one}") for one in ("es", "en"))
    assert spanish != english
