"""`atiende publish texts` says how far it has come, and goes on from there."""

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session
from typer.testing import CliRunner

from atiende import database
from atiende.cli import app
from georef.points import LonLat
from intake.service_requests.actions import submit
from intake.service_requests.values import Submission
from tests.factories import CITY, IN_NORTE, NOW, make_city

pytestmark = pytest.mark.database


@pytest.fixture
def rows(session: Session, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> Session:
    make_city(session)
    for n in range(3):
        submit(session, Submission(CITY, "BACHE", "web", description=f"{n}", point=LonLat(*IN_NORTE)), now=NOW)
    session.connection().execute(text("UPDATE service_request SET public_text_version = NULL"))
    monkeypatch.setattr(database, "configure_storage", lambda settings: engine)
    monkeypatch.setenv("DATABASE_URL", "postgresql://of/this/test")
    return session


def test_every_batch_says_where_to_go_on(rows: Session) -> None:
    runner = CliRunner()
    done = runner.invoke(app, ["publish", "texts", "--batch", "2"])
    assert done.stdout == "3\n"
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["2", "3"]
    assert runner.invoke(app, ["publish", "texts"]).stdout == "0\n"
    behind = done.stderr.split()[1]
    assert runner.invoke(app, ["publish", "texts", "--all", "--after", behind]).stdout == "1\n"


def test_a_wrong_id_is_said_to_be_wrong(rows: Session) -> None:
    assert "--after" in str(CliRunner().invoke(app, ["publish", "texts", "--after", "x"]).exception)
