"""/readyz as a load balancer asks it."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from sqlmodel import Session

from atiende.health import router
from atiende.migrate import newest_revision
from kernel import db
from tests.factories import make_city

pytestmark = pytest.mark.database


@pytest.fixture
def client() -> Iterator[TestClient]:
    app = FastAPI()
    app.include_router(router)
    with TestClient(app) as client:
        yield client


def ready(client: TestClient) -> tuple[int, str]:
    answer = client.get("/readyz")
    return answer.status_code, answer.text.strip()


def test_it_is_ready_with_its_schema_and_a_city(session: Session, client: TestClient) -> None:
    assert session.connection().scalar(text("SELECT version_num FROM alembic_version")) == newest_revision()
    assert ready(client) == (503, "no jurisdiction")
    make_city(session)
    assert ready(client) == (200, "ready")


def test_an_older_schema_is_not_ready_and_a_newer_one_is(session: Session, client: TestClient) -> None:
    make_city(session)
    for revision, status in (("0001", 503), ("9999", 200)):
        session.connection().execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
        assert ready(client)[0] == status
    session.connection().execute(text("DELETE FROM alembic_version"))
    assert ready(client) == (503, "schema")


def test_a_database_that_was_never_migrated_is_not_ready(session: Session, client: TestClient) -> None:
    session.connection().execute(text("DROP TABLE alembic_version"))
    assert ready(client) == (503, "database")


def test_no_free_connection_is_no_crash(engine: Engine, client: TestClient) -> None:
    small = db.make_engine(
        engine.url.render_as_string(hide_password=False), pool_size=1, pool_overflow=0, pool_timeout_s=0.1
    )
    db.configure(small)
    try:
        with small.connect():
            assert ready(client) == (503, "database")
    finally:
        db.configure(None)
        small.dispose()
    assert client.get("/healthz").status_code == 200
