"""A client of the Open311 API in front of the tiny city, in the test's own transaction."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from sqlmodel import Session
from starlette.testclient import TestClient

from intake.catalog.models import Jurisdiction
from intake.open311.routes import install
from kernel.settings import Settings
from tests.factories import make_city

BASE = "https://311.prueba.example"


def settings() -> Settings:
    key = base64.b64encode(b"k" * 32).decode()
    secrets: dict[str, Any] = {"data_key": key, "lookup_key": key, "session_key": key}
    return Settings(secrets=secrets, web={"public_base_url": BASE})  # type: ignore[arg-type]  # parsed by pydantic


def make_app() -> FastAPI:
    app = FastAPI()
    app.state.settings = settings()
    install(app)
    return app


@pytest.fixture
def city(session: Session) -> Jurisdiction:
    return make_city(session)


@pytest.fixture
def client(city: Jurisdiction) -> Iterator[TestClient]:
    with TestClient(make_app(), base_url="http://testserver/open311/v2/", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(params=["json", "xml"])
def fmt(request: pytest.FixtureRequest) -> str:
    fmt: str = request.param
    return fmt
