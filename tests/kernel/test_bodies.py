"""Form bodies: what comes in, what is refused, and that no size of body gets past the limit."""

import asyncio
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from starlette.requests import Request
from starlette.testclient import TestClient
from starlette.types import Message

from kernel.bodies import MAX_FORM_BYTES, MAX_FORM_FIELDS, Form, FormDep, read_body
from kernel.errors import AtiendeError, InvalidInput

TYPE = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()

    @app.post("/")
    def echo(form: FormDep) -> dict[str, object]:
        return {"last": form.get("a"), "all": form.get_all("a"), "none": form.get("b")}

    @app.exception_handler(AtiendeError)
    def told(_: object, error: AtiendeError) -> PlainTextResponse:
        return PlainTextResponse(error.public_text("es"), error.status)

    return TestClient(app)


def test_repetitions_blanks_and_absent_names(client: TestClient) -> None:
    answer = client.post("/", content="a=1&a=&a=%C3%B1+%00x", headers=TYPE)
    assert answer.json() == {"last": "ñ x", "all": ["1", "", "ñ x"], "none": ""}


@pytest.mark.parametrize("body", [b"a=%ff", b"a=\xff", "&".join(["a=1"] * (MAX_FORM_FIELDS + 1)).encode()])
def test_what_is_no_form_is_said_to_be_none(client: TestClient, body: bytes) -> None:
    assert client.post("/", content=body, headers=TYPE).status_code == 400


def test_the_limit_counts_bytes_that_arrive_and_not_what_headers_promise(client: TestClient) -> None:
    fits = urlencode({"a": "x" * (MAX_FORM_BYTES - 2)}).encode()
    assert client.post("/", content=fits, headers=TYPE).status_code == 200
    assert client.post("/", content=fits + b"x", headers=TYPE).status_code == 413
    streamed = (b"a" * 1024 for _ in range(MAX_FORM_BYTES // 1024 + 1))
    assert client.post("/", content=streamed, headers=TYPE).status_code == 413


async def _cut_off() -> Message:
    return {"type": "http.disconnect"}


def test_a_sender_who_goes_away_halfway_is_no_fault_of_ours() -> None:
    half = Request({"type": "http", "method": "POST", "headers": []}, _cut_off)
    with pytest.raises(InvalidInput):
        asyncio.run(read_body(half))


@pytest.mark.parametrize("value", ["", "x", "-1", "1.5", "٣", "1234567890"])
def test_a_number_is_a_number(value: str) -> None:
    assert Form([("n", " 12 ")]).number("n") == 12
    with pytest.raises(InvalidInput) as raised:
        Form([("n", value)]).number("n")
    assert raised.value.field == "n"


@pytest.mark.parametrize("value", ["", "1", "True", "yes"])
def test_a_flag_is_one_of_two_words(value: str) -> None:
    assert Form([("f", "true")]).flag("f")
    assert not Form([("f", "false")]).flag("f")
    with pytest.raises(InvalidInput):
        Form([("f", value)]).flag("f")
