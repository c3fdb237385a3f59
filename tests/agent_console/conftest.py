"""A console with a tiny city and one member of staff per role, in the test's own transaction."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TypeVar
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlmodel import Session, SQLModel

from agent_console import accounts, rate_limits
from agent_console.access import BASE, SESSION_COOKIE
from agent_console.accounts import Viewer
from agent_console.models import ConsoleUser
from agent_console.passwords import hash_password
from atiende.app import create_app
from georef.points import LonLat
from intake.service_requests import actions
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import Submission
from kernel import clock
from kernel.settings import Secrets, Settings, Sms, Web
from tests.agent_console.browserless import Browser
from tests.factories import CITY, IN_NORTE, make_city

Row = TypeVar("Row", bound=SQLModel)
PASSWORD = "correct horse battery"
STAFF = {
    "operator": ("Amir Torres", None),
    "supervisor": ("Iván Soto", None),
    "agency": ("Cuadrilla Norte", "ALC-N"),
    "admin": ("Rosa Cruz", None),
}


@cache
def _hashed() -> str:
    """Hashing costs what it should; once is enough for all tests."""
    return hash_password(PASSWORD)


def settings() -> Settings:
    return Settings(
        redis_url="none",
        secrets=Secrets.model_construct(data_key=b"d" * 32, lookup_key=b"l" * 32, session_key=b"s" * 32),
        web=Web(public_base_url="http://testserver"),
        sms=Sms(account_sid="AC1", auth_token=SecretStr("t"), number="+525500000311"),
    )


@dataclass
class Console:
    """The application, and ways to be somebody in it."""

    session: Session
    client: Callable[[], TestClient]
    users: dict[str, UUID] = field(default_factory=dict)

    def fresh(self, row: Row) -> Row:
        """The row as the database has it now: what this session read before a handler ran may be old."""
        self.session.flush()
        self.session.refresh(row)
        return row

    def anonymous(self) -> Browser:
        return Browser(self.client())

    def enter(self, role: str) -> Browser:
        """A browser of `<role>@prueba.example` that has a session; test_sign_in.py goes by the door."""
        browser = self.anonymous()
        browser.client.cookies.set(SESSION_COOKIE, self._token(role), path=BASE)
        return browser

    def viewer(self, role: str) -> Viewer:
        viewer = accounts.viewer_of(self.session, self._token(role), now=clock.now())
        assert viewer
        return viewer

    def _token(self, role: str) -> str:
        user = self.session.get_one(ConsoleUser, self.users[role])
        return accounts.begin_session(self.session, user, now=clock.now())

    def report(self, description: str = "Hay un bache", **values: object) -> ServiceRequest:
        """A request in the north, of agency ALC-N unless the service says otherwise."""
        given: dict[str, object] = {
            "jurisdiction_id": CITY,
            "service_code": "BACHE",
            "channel": "web",
            "description": description,
            "point": LonLat(*IN_NORTE),
        }
        return actions.submit(self.session, Submission(**(given | values)), now=clock.now())


@pytest.fixture
def console(session: Session) -> Iterator[Console]:
    make_city(session)
    rate_limits.sign_in_limits.cache_clear()
    app = create_app(settings())
    made = Console(session, lambda: TestClient(app, follow_redirects=False))
    for role, (name, agency) in STAFF.items():
        user = ConsoleUser(
            jurisdiction_id=CITY,
            email=f"{role}@prueba.example",
            name=name,
            role=role,
            agency_code=agency,
            password_hash=_hashed(),
        )
        session.add(user)
        made.users[role] = user.id
    session.flush()
    yield made
    rate_limits.sign_in_limits.cache_clear()
