"""Sections 6 and 7: posting a report, and what a token becomes."""

import pytest

from tests.intake.open311.conformance.claims import has, reads_back
from tests.intake.open311.conformance.desk import Case, Desk, get, post, raw, run, table

pytestmark = pytest.mark.database
LAMP = {"service_code": "LUMINARIA", "attribute[TIPO_FALLA]": "apagada"}
NO_POINT = {"lat": None, "long": None}
WHOLE = b"api_key=test-key&service_code=LUMINARIA&lat=19.42&long=-99.15&description=x"
PRIVATE = {
    "email": "ana@example.org",
    "phone": "5512345678",
    "first_name": "Ana",
    "last_name": "Lazcano",
    "device_id": "device-77",
    "account_id": "account-88",
}


def fields(*names: str):  # type: ignore[no-untyped-def]  # a claim
    return lambda _, value: list(value[0]) == list(names)


@table(
    Case(
        "6.1 realtime: an id and no token", post(), expect=fields("service_request_id", "service_notice", "account_id")
    ),
    Case("6.1 batch: a token and no id", post(LAMP), expect=fields("token", "service_notice", "account_id")),
    Case("6.1 blackbox: neither", post({"service_code": "RUIDO"}), expect=fields("service_notice", "account_id")),
    Case("6.2 the id is a string", post(), expect=lambda _, value: isinstance(value[0]["service_request_id"], str)),
    Case("6.3 a list of one", post(), expect=lambda _, value: len(value) == 1),
    Case("6.4 a position", post(), expect=reads_back(lat=19.42, long=-99.15)),
    Case("6.4 zero is a position", post({"lat": "0", "long": "0"}), expect=reads_back(lat=0.0, long=0.0)),
    Case("6.4 a position with a sign and an exponent", post({"lat": "+1.942e1"}), expect=reads_back(lat=19.42)),
    Case("6.4 blanks around a number", post({"lat": " 19.42 "}), expect=reads_back(lat=19.42)),
    Case(
        "6.5 an address alone",
        post(NO_POINT | {"address_string": "Eje 1, Obrera"}),
        expect=reads_back(address="Eje 1, Obrera"),
    ),
    Case("6.5 an id of an address alone", post(NO_POINT | {"address_id": "42"}), expect=reads_back(address_id="42")),
    Case(
        "6.5 all of them are kept",
        post({"address_string": "Eje 1", "address_id": "42", "zipcode": "06800"}),
        expect=reads_back(address="Eje 1", address_id="42", zipcode="06800", lat=19.42),
    ),
    Case("6.6 no description is needed", post({"description": None}), expect=reads_back(description=None)),
    Case("6.6 4,000 letters", post({"description": "ñ" * 4000})),
    Case(
        "6.7 the address of a photo",
        post({"media_url": "https://e.org/a.jpg"}),
        expect=reads_back(media_url="https://e.org/a.jpg"),
    ),
    Case(
        "6.7 several addresses of photos",
        post({"media_url": ["https://e.org/a.jpg", "https://e.org/b.jpg"]}),
        expect=reads_back(media_url="https://e.org/a.jpg"),
    ),
    *(
        Case(f"6.7 {url} is no photo", post({"media_url": url}), 400, words=("media_url",))
        for url in (
            "javascript:alert(1)",
            "ftp://e.org/a",
            "data:image/png;base64,x",
            "file:///etc/passwd",
            "a.jpg",
            "https://",
        )
    ),
    Case("6.8 who reports is kept to ourselves", post(PRIVATE)),
    Case("6.8 a one-word name, as FixMyStreet sends it", post({"first_name": "Ana", "last_name": ""})),
    Case("6.8 neither telephone nor e-mail", post({"first_name": "Ana"})),
    Case("6.8 a telephone that is none does not lose the report", post({"phone": "no tengo"})),
    Case("6.9 unknown fields are ignored", post({"interface_used": "x", "attribute[fixmystreet_id]": "7", "": "x"})),
    Case("6.10 multipart without a file", post(files={"media": ("", b"")})),
    Case(
        "6.10 a charset in the type",
        raw(WHOLE.replace(b"LUMINARIA", b"BACHE"), "application/x-www-form-urlencoded; charset=utf-8"),
    ),
    Case("6.10 a type in upper case", raw(WHOLE.replace(b"LUMINARIA", b"BACHE"), "Application/X-WWW-Form-URLencoded")),
    Case("6.11 encoded brackets", raw(WHOLE + b"&attribute%5BTIPO_FALLA%5D=apagada")),
    Case("6.11 plain brackets", raw(WHOLE + b"&attribute[TIPO_FALLA]=apagada")),
    Case("6.11 brackets as PHP writes them", raw(WHOLE + b"&attribute[TIPO_FALLA][0]=apagada")),
    Case("6.11 raw UTF-8", raw(WHOLE + "&attribute[TIPO_FALLA]=apagada&address_string=Cañón".encode())),
    Case(
        "6.12 a repeated field: the last counts",
        post({"service_code": ["FUGA", "BACHE"]}),
        expect=reads_back(service_code="BACHE"),
    ),
    Case("6.13 an Idempotency-Key", post(headers={"Idempotency-Key": "a-1"})),
)
def test_posting(desk: Desk, case: Case) -> None:
    run(desk, case)


@pytest.mark.parametrize("secret", PRIVATE.values())
def test_6_14_private_data_comes_out_nowhere(desk: Desk, secret: str) -> None:
    made = desk.ask(post(PRIVATE))
    said = [made]
    for path in ("requests", f"requests/{made[0]['service_request_id']}", "servicerequestupdates"):
        said += [desk.get(path), desk.get(path, "extensions=true&notes=true")]
    assert secret not in repr(said)


@table(
    Case(
        "7.1 a token becomes an id",
        get("tokens/{token_text}"),
        expect=has(service_request_id="{token}", token="{token_text}"),
    ),
    Case("7.2 an unknown token", get("tokens/t-ffff"), 404, words=("token",)),
    Case("7.2 an id is no token", get("tokens/{open}"), 404),
    Case("7.2 another case of a token", get("tokens/T-0123456789ABCDEF"), 404),
)
def test_tokens(desk: Desk, case: Case) -> None:
    run(desk, case)


def test_7_3_a_token_is_resolved_at_once(desk: Desk) -> None:
    token = desk.ask(post(LAMP))[0]["token"]
    (found,) = desk.get(f"tokens/{token}")
    assert found["token"] == token
    assert desk.get(f"requests/{found['service_request_id']}")[0]["service_code"] == "LUMINARIA"
