"""The command, against our own server as people run it: full marks, in both languages, and the exit codes it promises."""

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import uvicorn
from typer.testing import CliRunner, Result

from atiende import bootstrap
from atiende.app import create_app
from atiende.cli import app
from atiende.demo.history import generate
from intake.catalog import keys
from intake.city_folder.load import import_folder
from kernel import crypto, db
from kernel.settings import load_settings
from tests.atiende.open311_check.fake_city import KEY, FakeCity
from tests.conftest import make_database
from tests.house import ROOT
from tests.sockets import served

CITY = "jacaranda.gob.example"


@dataclass(frozen=True)
class Server:
    root: str
    key: str


@pytest.fixture(scope="module")
def ours() -> Iterator[Server]:
    """The demo city with a little history, on a port of this machine."""
    probe = socket.create_server(("127.0.0.1", 0))
    base_url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    environ = {
        f"ATIENDE_SECRETS_{name}": base64.b64encode(name.ljust(32).encode()).decode()
        for name in ("DATA_KEY", "LOOKUP_KEY", "SESSION_KEY")
    }
    environ |= {
        "DATABASE_URL": make_database("test_open311_check"),
        "REDIS_URL": "none",
        "ATIENDE_WEB_PUBLIC_BASE_URL": base_url,
    }
    settings = load_settings(environ)
    engine = bootstrap.configure(settings)
    now = datetime.now(UTC)
    with db.transaction() as session:
        import_folder(session, ROOT / "cities" / "jacaranda", now=now)
        key = keys.create(session, CITY, "check", now=now)
        generate(session, CITY, count=300, until=now, months=2)
    server = uvicorn.Server(uvicorn.Config(create_app(settings), log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [probe]})
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield Server(f"{base_url}/open311/v2", key)
    server.should_exit = True
    thread.join()
    engine.dispose()
    db.configure(None)
    crypto.configure(None)


def check(*arguments: str, key: str | None = None, language: str = "en_GB.UTF-8") -> Result:
    environ = {"ATIENDE_OPEN311_KEY": key or "", "LANG": language, "COLUMNS": "120"}
    return CliRunner().invoke(app, ["open311", "check", "--rate", "0", *arguments], env=environ)


def test_ours_gets_full_marks(ours: Server) -> None:
    done = check(ours.root, "--write", "--json", key=ours.key)
    account = json.loads(done.stdout)
    bad = [(r["id"], r["detail"]) for r in account["rules"] if r["result"] not in ("passed", "not_applicable")]
    assert bad == []
    assert account["full_marks"]
    assert done.exit_code == account["exit_code"] == 0
    # What our server has to show is looked at: only extensions may be absent.
    skipped = [r["id"] for r in account["rules"] if r["result"] == "not_applicable" and r["level"] != "extension"]
    assert skipped == []
    assert set(account["summary"]["must"]) == {"passed"}


def test_the_table_is_for_people_in_their_language(ours: Server) -> None:
    english = check(ours.root, "--only", "discovery", "--only", "services")
    assert english.exit_code == 0
    assert "ok         must      discovery.content-type" in english.stdout
    assert "discovery.xml states its exact type." in english.stdout
    assert "post." not in english.stdout
    assert "It keeps everything that was looked at." in english.stdout
    assert max(len(line) for line in english.stdout.splitlines()) <= 120
    spanish = check(ours.root, "--only", "discovery", language="es_MX.UTF-8")
    assert "discovery.xml dice su tipo exacto." in spanish.stdout


def test_without_write_nothing_is_posted_and_that_is_said(ours: Server) -> None:
    done = check(ours.root, "--jurisdiction", CITY, "--only", "post", key=ours.key)
    assert done.exit_code == 0
    assert "not tried" in done.stdout
    assert "What was not tried does not count as passed" in done.stdout
    assert "nothing is written without --write" in done.stdout


def test_a_pasted_resource_is_understood(ours: Server) -> None:
    done = check(f"{ours.root}/services.json", "--only", "services")
    assert done.exit_code == 0
    assert f"questions to {ours.root}\n" in done.stdout


def test_an_unknown_city_is_a_failure(ours: Server) -> None:
    done = check(ours.root, "--jurisdiction", "otra.example", "--only", "services")
    assert done.exit_code == 1
    assert "FAIL       must      services.json" in done.stdout


def test_a_server_with_a_defect_is_a_failure_that_says_what_was_seen() -> None:
    from tests.atiende.open311_check.breaking import at, typed

    with served(FakeCity(typed(at("services", "xml"), "application/xml")).app()) as url:
        done = check(f"{url}/open311/v2", "--only", "services", key=KEY)
    assert done.exit_code == 1
    assert "expected text/xml; charset=utf-8, got application/xml [GET Service List]" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["http://127.0.0.1:9/open311/v2"], "does not answer"),
        (["311.example"], "is not the address of a server"),
        (["ftp://311.example/x"], "is not the address of a server"),
        (["http://311.example/x?y=1"], "is not the address of a server"),
        (["http://[/x"], "is not the address of a server"),
        (["http://127.0.0.1:9/x", "--only", "nada"], "I do not know the section nada"),
        (["http://127.0.0.1:9/x", "--lat", "19.4"], "--lat and --long go together"),
        (["http://127.0.0.1:9/x", "--timeout", "0"], "--timeout must be more than zero"),
        (["http://127.0.0.1:9/x", "--rate", "-1"], "--timeout must be more than zero"),
        ([], "Missing argument"),
    ],
)
def test_usage_and_dead_addresses_leave_with_2(arguments: list[str], said: str) -> None:
    done = check(*arguments)
    assert done.exit_code == 2
    assert said in done.output


def test_the_key_is_shown_nowhere(ours: Server) -> None:
    done = check(ours.root, "--only", "privacy", "--write", "--jurisdiction", CITY, key=ours.key)
    assert done.exit_code == 0
    assert ours.key not in done.output
