"""Asks a case in both formats, and holds every answer to what holds for all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import pytest
from starlette.testclient import TestClient

from tests.factories import API_KEY, IN_NORTE
from tests.intake.open311.conformance.spark import differences

MEDIA_TYPES = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}
PROLOGUE = b'<?xml version="1.0" encoding="utf-8"?>'
ROOTS = {
    "discovery": "discovery",
    "services": "services",
    "requests": "service_requests",
    "tokens": "service_requests",
    "servicerequestupdates": "service_request_updates",
}
REPORT = {
    "api_key": API_KEY,
    "service_code": "BACHE",
    "lat": str(IN_NORTE[1]),
    "long": str(IN_NORTE[0]),
    "description": "Un hoyo enorme",
}


@dataclass(frozen=True)
class Ask:
    """A call without its suffix. `{open}` and the like, in any part, stand for what the world holds (see `world.py`)."""

    path: str
    query: str = ""
    form: Mapping[str, Any] | None = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    files: Any = None
    method: str = "GET"


def get(path: str, query: str = "", **headers: str) -> Ask:
    return Ask(path, query, headers={name.replace("_", "-"): value for name, value in headers.items()})


def post(changes: Mapping[str, Any] | None = None, **more: Any) -> Ask:
    """A report that is accepted, with `changes`; None takes a field away. more: of `Ask`."""
    fields = {**REPORT, **(changes or {})}
    return Ask(
        "requests", form={name: value for name, value in fields.items() if value is not None}, method="POST", **more
    )


def raw(body: bytes, content_type: str = "application/x-www-form-urlencoded") -> Ask:
    return Ask("requests", body=body, headers={"content-type": content_type}, method="POST")


def update(changes: Mapping[str, Any] | None = None) -> Ask:
    fields = {
        "api_key": "{agency_key}",
        "service_request_id": "{open}",
        "update_id": "77",
        "status": "IN_PROGRESS",
        "updated_datetime": "2026-11-19T12:59:00-06:00",
        "description": "Va la cuadrilla",
        **(changes or {}),
    }
    given = {name: value for name, value in fields.items() if value is not None}
    return Ask("servicerequestupdates", form=given, method="POST")


class Desk:
    """world: names for what exists, to be used in calls as `{name}`. Answers are JSON values, whatever was asked first."""

    def __init__(self, client: TestClient, fmt: str, world: Mapping[str, str]) -> None:
        self.client = client
        self.fmt = fmt
        self.world = world

    def get(self, path: str, query: str = "") -> Any:
        return self.ask(get(path, query))

    def get_error(self, path: str, query: str = "", status: int = 404) -> Any:
        return self.ask(get(path, query), status)

    def ask(self, ask: Ask, status: int = 200) -> Any:
        other = "xml" if self.fmt == "json" else "json"
        # A form that is sent again in the other format is a retry: the same report, and the same answer.
        answers = {fmt: self._send(ask, fmt) for fmt in (self.fmt, other)}
        for fmt, response in answers.items():
            assert response.status_code == status, f"{fmt}: {response.status_code} {response.text[:500]}"
            self._hold_to_the_rules(ask, fmt, response)
        value = answers["json"].json()
        assert differences(answers["xml"].content, value) == []
        return value

    def _send(self, ask: Ask, fmt: str) -> Any:
        where = f"{self._fill(ask.path)}.{fmt}" + (f"?{self._fill(ask.query)}" if ask.query else "")
        form = ask.form and {name: self._fill(value) for name, value in ask.form.items()}
        return self.client.request(
            ask.method,
            where,
            data=form,
            content=ask.body,
            headers={"accept-encoding": "identity"} | {name: self._fill(value) for name, value in ask.headers.items()},
            files=ask.files,
            follow_redirects=False,
        )

    def _fill(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._fill(item) for item in value]
        for name, known in self.world.items():
            value = value.replace("{" + name + "}", known)
        return value

    def _hold_to_the_rules(self, ask: Ask, fmt: str, response: Any) -> None:
        assert response.headers["content-type"] == MEDIA_TYPES[fmt]
        assert response.headers["access-control-allow-origin"] == "*"
        assert int(response.headers["content-length"]) == len(response.content)
        response.content.decode("utf-8", "strict")
        for secret in ("agency_key", "other_key"):
            assert self.world[secret] not in response.text
        if fmt == "xml":
            self._hold_xml(ask, response)
        else:
            self._hold_json(ask, response)

    def _hold_xml(self, ask: Ask, response: Any) -> None:
        assert response.content.startswith(PROLOGUE)
        root = ElementTree.fromstring(response.content)
        assert all("}" not in element.tag for element in root.iter()), "no namespace"
        if response.status_code >= 400:
            assert root.tag == "errors"
        elif ask.path.startswith("services/"):
            assert root.tag == "service_definition"
        else:
            assert root.tag == ROOTS[ask.path.removeprefix("../").split("/")[0]]

    def _hold_json(self, ask: Ask, response: Any) -> None:
        value = response.json()
        _hold_leaves(value)
        is_object = response.status_code < 400 and ("discovery" in ask.path or ask.path.startswith("services/"))
        assert isinstance(value, dict if is_object else list)
        if response.status_code >= 400:
            assert value
            assert all(set(error) == {"code", "description"} for error in value)
            assert {error["code"] for error in value} == {response.status_code}
            assert all(error["description"].strip() for error in value)


def _hold_leaves(value: Any) -> None:
    """What is absent is null: never "", "null" or {}."""
    if isinstance(value, dict | list):
        assert value != {}
        for item in value.values() if isinstance(value, dict) else value:
            _hold_leaves(item)
    else:
        assert value not in ("", "null", "None")


@dataclass(frozen=True)
class Case:
    """expect: what the answer must say, as a claim about its JSON value; it may ask the desk for more. words: in some error."""

    rule: str
    ask: Ask
    status: int = 200
    expect: Callable[[Desk, Any], object] | None = None
    words: tuple[str, ...] = ()


def run(desk: Desk, case: Case) -> None:
    value = desk.ask(case.ask, case.status)
    if case.expect is not None:
        assert case.expect(desk, value), value
    for word in case.words:
        assert any(word in error["description"] for error in value), (word, value)


def table(*cases: Case) -> pytest.MarkDecorator:
    """Parametrizes a test by cases, each named after its rule."""
    rules = [case.rule for case in cases]
    assert len(rules) == len(set(rules)), "two cases under one name"
    return pytest.mark.parametrize("case", cases, ids=rules)
