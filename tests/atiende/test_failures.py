"""Commands pointed at an installation that cannot serve them: one clear line in each language, never a traceback."""

import re
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from atiende.commands.failures import explained
from tests.atiende.test_city_commands import atiende
from tests.conftest import make_database

POINT = ("where", "--", "-101.4184", "21.8780")


def said(*arguments: str, **environ: str) -> str:
    done = atiende(*arguments, **environ)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr, done.stderr
    assert len(done.stderr.strip().splitlines()) == 2, done.stderr
    return done.stderr


@pytest.mark.database
def test_a_database_without_our_tables_says_to_migrate() -> None:
    # What initdb makes: there, and empty.
    url = re.sub("/test_failures[^?]*", "/postgres", make_database("test_failures"))
    for arguments in (POINT, ("city", "import", "cities/encinos")):
        assert "run “atiende migrate”" in said(*arguments, DATABASE_URL=url)


def test_a_database_that_is_away_is_named_by_its_setting_only() -> None:
    told = said(*POINT, DATABASE_URL="postgresql://ana:secreto@127.0.0.1:1/x")
    assert "The database of DATABASE_URL could not be used: " in told
    assert "secreto" not in told


@pytest.mark.parametrize(("port", "limit"), [("99999", "65535"), ("-1", "0")])
def test_a_port_that_no_computer_has_is_refused(port: str, limit: str, tmp_path: Path) -> None:
    done = atiende("demo", PORT=port, ATIENDE_DATA=str(tmp_path))
    assert done.returncode == 2
    assert f"equal to {limit}" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_mistake_of_ours_keeps_its_traceback() -> None:
    assert explained(ValueError("x")) is None
    away = OperationalError("SELECT 1", {}, psycopg.OperationalError("server closed\nmore"))
    told = explained(away)
    assert told is not None
    assert told.public_text("en").endswith("could not be used: server closed")
