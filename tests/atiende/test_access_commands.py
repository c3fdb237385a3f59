"""`atiende staff` and `atiende key`: what they make opens the console and the API, and what they end does not."""

import io
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session
from typer.testing import CliRunner

from agent_console import accounts
from atiende import database
from atiende.cli import app
from atiende.commands import key, staff
from intake.catalog import clients, keys
from kernel.errors import Conflict, InvalidInput, NotFound
from tests.factories import CITY, make_city

pytestmark = pytest.mark.database

NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)
WHO = "Ana.Perez@prueba.gob.example"


@pytest.fixture
def city(session: Session, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> Session:
    """The tiny city; the commands work in this test's transaction."""
    make_city(session)
    monkeypatch.setattr(database, "configure_storage", lambda settings: engine)
    monkeypatch.setenv("DATABASE_URL", "postgresql://of/this/test")
    return session


def add(email: str = WHO, role: str = "operator", agency: str | None = None, jurisdiction: str = CITY) -> None:
    staff.add(email, name="Ana Pérez", role=role, jurisdiction=jurisdiction, agency=agency, from_stdin=False)


def may_enter(session: Session, password: str) -> bool:
    token = accounts.sign_in(session, email=WHO, password=password, now=NOW)
    return token is not None and accounts.viewer_of(session, token, now=NOW) is not None


def test_an_account_gets_a_password_that_is_shown_once(city: Session, capsys: pytest.CaptureFixture[str]) -> None:
    add()
    shown = capsys.readouterr()
    password = shown.out.strip()
    assert len(password) >= 20
    assert password not in shown.err
    assert may_enter(city, password)
    assert not may_enter(city, password + "x")


def test_adding_again_gives_a_new_password_and_lets_in_again(city: Session, capsys: pytest.CaptureFixture[str]) -> None:
    add()
    first = capsys.readouterr().out.strip()
    staff.disable(WHO.lower())
    assert not may_enter(city, first)
    add(role="agency", agency="AGUAS")
    second = capsys.readouterr().out.strip()
    assert may_enter(city, second)
    assert not may_enter(city, first)


def test_disabling_ends_open_sessions(city: Session, capsys: pytest.CaptureFixture[str]) -> None:
    add()
    token = accounts.sign_in(city, email=WHO, password=capsys.readouterr().out.strip(), now=NOW)
    assert token is not None
    staff.disable(WHO)
    assert accounts.viewer_of(city, token, now=NOW) is None
    with pytest.raises(NotFound):
        staff.disable("nobody@prueba.gob.example")


def test_a_password_can_be_given(
    city: Session, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("a long enough password\n"))
    staff.add(WHO, name="Ana", role="admin", jurisdiction=CITY, agency=None, from_stdin=True)
    assert capsys.readouterr().out == ""
    assert may_enter(city, "a long enough password")
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    with pytest.raises(InvalidInput, match="12"):
        staff.add(WHO, name="Ana", role="admin", jurisdiction=CITY, agency=None, from_stdin=True)


@pytest.mark.parametrize(
    ("email", "role", "agency"),
    [
        ("no address", "operator", None),
        (WHO, "mayor", None),
        (WHO, "agency", None),
        (WHO, "operator", "AGUAS"),
        (WHO, "agency", "NOBODY"),
    ],
)
def test_values_that_do_not_go_together_are_refused(city: Session, email: str, role: str, agency: str | None) -> None:
    with pytest.raises(InvalidInput):
        add(email, role, agency)


def test_an_account_stays_in_its_city(city: Session) -> None:
    make_city(city, "otra.gob.example", sms_number=None).is_default = False
    add()
    with pytest.raises(Conflict, match=CITY):
        add(jurisdiction="otra.gob.example")
    with pytest.raises(NotFound):
        add("new@prueba.gob.example", jurisdiction="nowhere")


def test_a_key_opens_until_it_is_disabled(city: Session, capsys: pytest.CaptureFixture[str]) -> None:
    key.add(label="Aguas", jurisdiction=CITY, agency="AGUAS")
    made = capsys.readouterr().out.strip()
    found = clients.find(city, CITY, made, now=NOW)
    assert found is not None
    assert (found.label, found.agency_code) == ("Aguas", "AGUAS")
    with pytest.raises(Conflict):
        key.add(label="Aguas", jurisdiction=CITY, agency=None)
    key.list_()
    before = capsys.readouterr().out
    assert made not in before
    assert any(line.split("\t")[1:4] == [CITY, "Aguas", "AGUAS"] for line in before.splitlines())
    key.disable("Aguas")
    city.expire_all()
    assert clients.find(city, CITY, made, now=NOW) is None
    with pytest.raises(NotFound):
        key.disable("Aguas")
    key.list_()
    assert [line.endswith("\t-") for line in capsys.readouterr().out.splitlines()] == [True, False]
    key.add(label="Aguas", jurisdiction=CITY, agency=None)


def test_one_of_two_keys_is_named_by_its_id(city: Session) -> None:
    kept, ended = (keys.create(city, CITY, "twice", now=NOW) for _ in range(2))
    with pytest.raises(Conflict):
        key.disable("twice")
    found = clients.find(city, CITY, ended, now=NOW)
    assert found is not None
    key.disable(str(found.id))
    city.expire_all()
    assert clients.find(city, CITY, ended, now=NOW) is None
    assert clients.find(city, CITY, kept, now=NOW) is not None


def test_a_key_rotates_without_an_hour_in_which_nothing_works(
    city: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    key.add(label="App", jurisdiction=CITY, agency=None)
    first = capsys.readouterr().out.strip()
    key.rotate("App", overlap_days=7)
    second = capsys.readouterr().out.strip()
    assert first != second
    assert clients.find(city, CITY, first, now=NOW)
    assert clients.find(city, CITY, second, now=NOW)
    key.rotate("App", overlap_days=0)
    assert clients.find(city, CITY, second, now=NOW) is None
    assert clients.find(city, CITY, capsys.readouterr().out.strip(), now=NOW)
    with pytest.raises(NotFound):
        key.rotate("Another", overlap_days=7)


def test_the_list_says_what_each_key_may_do(city: Session, capsys: pytest.CaptureFixture[str]) -> None:
    key.add(
        label="Aguas",
        jurisdiction=CITY,
        agency="AGUAS",
        scopes=["read_private", "update"],
        expires="2999-12-31",
        writes_per_minute=30,
    )
    made = capsys.readouterr().out.strip()
    key.list_()
    (cells,) = [line.split("\t") for line in capsys.readouterr().out.splitlines() if "\tAguas\t" in line]
    assert cells[5:] == ["update,read_private", f"{made[:9]}…", "30", "-", "3000-01-01T06:00Z", "-", "-"]


@pytest.mark.parametrize("given", [{"scopes": ["everything"]}, {"scopes": ["update"]}, {"expires": "2020-01-01"}])
def test_a_key_that_does_not_hold_together_is_not_made(city: Session, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        key.add(label="x", jurisdiction=CITY, agency=None, **given)


@pytest.mark.parametrize("agency", ["NOBODY", ""])
def test_a_key_is_for_an_agency_of_the_city(city: Session, agency: str) -> None:
    with pytest.raises(InvalidInput):
        key.add(label="x", jurisdiction=CITY, agency=agency)


def test_the_command_line_reaches_them(city: Session) -> None:
    runner = CliRunner()
    made = runner.invoke(
        app, ["staff", "add", WHO, "--name", "Ana", "--role", "agency", "--jurisdiction", CITY, "--agency", "AGUAS"]
    )
    assert made.exit_code == 0
    assert may_enter(city, made.stdout.strip())
    assert runner.invoke(app, ["staff", "disable", WHO]).exit_code == 0
    assert not may_enter(city, made.stdout.strip())
    key_made = runner.invoke(app, ["key", "add", "--label", "a", "--jurisdiction", CITY])
    assert clients.find(city, CITY, key_made.stdout.strip(), now=NOW)
    assert runner.invoke(app, ["key", "disable", "a"]).exit_code == 0
    assert runner.invoke(app, ["key", "list"]).stdout.count(CITY) == 2
