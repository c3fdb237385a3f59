"""The chat of the tiny city, and two who visit it."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from channels import registry
from channels.web_chat.routes import install
from intake.conversations.models import Message
from kernel.live import LiveFeed
from kernel.settings import Limits, Settings
from tests.channels.chatting import Visitor
from tests.channels.conftest import make_settings
from tests.factories import make_city


def make_app(settings: Settings) -> FastAPI:
    app = FastAPI()
    app.state.settings = settings
    app.state.live = LiveFeed()
    install(app)
    return app


@pytest.fixture
def settings() -> Settings:
    return make_settings().model_copy(update={"limits": Limits(chat_per_visitor=0, chat_per_address=0)})


@pytest.fixture
def app(session: Session, settings: Settings) -> Iterator[FastAPI]:
    make_city(session)
    registry.connect(settings)
    yield make_app(settings)
    registry.disconnect()


@pytest.fixture
def ana(app: FastAPI, session: Session) -> Visitor:
    return Visitor(TestClient(app, base_url="https://testserver"), session)


@pytest.fixture
def beto(app: FastAPI, session: Session) -> Visitor:
    return Visitor(TestClient(app, base_url="https://testserver"), session)


def inbound(session: Session) -> list[Message]:
    return list(session.exec(select(Message).where(Message.direction == "inbound").order_by(col(Message.seq))))
