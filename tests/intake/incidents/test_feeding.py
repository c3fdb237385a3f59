"""Alerts that a program sends with a key: who may, what is refused, and that the same one twice is one."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import Session, select

from intake.catalog import keys
from intake.incidents.api import install
from intake.incidents.cap.reading import MOST_BYTES
from intake.incidents.cap.writing import write_alert
from intake.incidents.models import Incident
from kernel import clock
from tests.factories import CITY, NOW, make_city, make_rule
from tests.intake.incidents.test_alerts import ALERT

pytestmark = pytest.mark.database
OTHER = "otra.gob.example"


@pytest.fixture
def city(session: Session, monkeypatch: pytest.MonkeyPatch) -> Session:
    make_city(session)
    make_rule(session, "todo", "ALC-S")
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(hours=1))
    return session


@pytest.fixture
def client(city: Session) -> Iterator[TestClient]:
    app = FastAPI()
    app.state.settings = SimpleNamespace(
        web=SimpleNamespace(public_base_url="https://311.example", trusted_proxies=()),
        limits=SimpleNamespace(writes_per_minute=5),
        secrets=SimpleNamespace(session_key=b"s" * 32),
        redis_url=None,
    )
    install(app)
    with TestClient(app) as made:
        yield made


def send(client: TestClient, secret: str, body: bytes | None = None) -> tuple[int, dict[str, str]]:
    headers = {"authorization": f"Bearer {secret}"} if secret else {}
    content = write_alert(ALERT) if body is None else body
    answer = client.post("/incidentes.cap", params={"jurisdiction_id": CITY}, content=content, headers=headers)
    return answer.status_code, answer.json()


@pytest.fixture
def secret(city: Session) -> str:
    return keys.create(city, CITY, "Protección Civil", scopes=("alert",), now=NOW)


def test_who_has_the_scope_proposes_once(city: Session, client: TestClient, secret: str) -> None:
    assert send(client, secret) == (201, {"outcome": "proposed"})
    assert send(client, secret) == (200, {"outcome": "known"})
    assert [one.state for one in city.exec(select(Incident))] == ["proposed"]
    over = replace(ALERT, identifier="A-2", message_type="Cancel", references=(ALERT.reference,))
    assert send(client, secret, write_alert(over)) == (200, {"outcome": "withdrawn"})


def test_nobody_else_does(city: Session, client: TestClient) -> None:
    other = keys.create(city, CITY, "Una app", scopes=("submit",), now=NOW)
    assert [send(client, given)[0] for given in ("", "atk_nada", other)] == [401, 401, 403]
    assert city.exec(select(Incident)).all() == []


def test_a_key_is_not_taken_from_the_address(client: TestClient, secret: str) -> None:
    answer = client.post(f"/incidentes.cap?jurisdiction_id={CITY}&api_key={secret}", content=write_alert(ALERT))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b'<!DOCTYPE a [<!ENTITY b "b">]><alert>&b;</alert>', 400),
        (write_alert(replace(ALERT, status="Exercise")), 400),
        (b"<alert>" + b" " * MOST_BYTES + b"</alert>", 413),
    ],
)
def test_what_is_no_alert_for_here_is_refused_in_words(
    city: Session, client: TestClient, secret: str, body: bytes, status: int
) -> None:
    answered, said = send(client, secret, body)
    assert (answered, set(said)) == (status, {"error"})
    assert city.exec(select(Incident)).all() == []


def test_a_program_that_never_stops_is_asked_to_wait(client: TestClient, secret: str) -> None:
    # Before its key is known to the process, the first call counts for its address.
    assert [send(client, secret)[0] for _ in range(8)] == [201, *[200] * 5, 429, 429]


def test_a_city_that_nobody_knows_is_told_so(client: TestClient) -> None:
    for answer in (
        client.get("/incidentes.atom?jurisdiction_id=nada"),
        client.post("/incidentes.cap?jurisdiction_id=nada"),
    ):
        assert (answer.status_code, set(answer.json())) == (404, {"error"})
