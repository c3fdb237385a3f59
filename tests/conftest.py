"""One PostgreSQL for the whole run, one database per xdist worker, every database test rolled back."""

import gc
import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import hypothesis
import pytest
import structlog
from playwright.sync_api import Browser
from sqlalchemy import Engine, text
from sqlmodel import Session
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from intake.media import storage
from intake.media.storage import Folder, Shelf
from kernel import crypto, db
from kernel.crypto import Vault
from kernel.settings import Media
from tests import prepared

# No test fails on a wall-clock time, so neither does the making of its examples. What else hypothesis does in CI stays.
hypothesis.settings.register_profile(
    "suite", hypothesis.settings(), deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")

# By itself structlog prints the variables of each frame of a traceback: half a second each time something fails on purpose.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%Y-%m-%d %H:%M:%S", utc=False),
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ],
    cache_logger_on_first_use=False,
)

# Ten thousand tests are loaded and kept: looking for garbage among them took a third of the loading.
gc.set_threshold(50_000)

TESTS = Path(__file__).resolve().parent
SHARED_DATA = TESTS.parents[1] / "shared" / "data"
# Tests of one file that are handed out together: some seconds of them.
PART = 20
_URL_VARIABLE = "ATIENDE_TEST_DATABASE_URL"


def pytest_configure(config: pytest.Config) -> None:
    """The controller starts the server before the workers inherit its address."""
    if hasattr(config, "workerinput") or _URL_VARIABLE in os.environ or config.option.collectonly:
        return
    from atiende.migrate import migrate
    from kernel.embedded.postgres import PostgresServer

    folder = Path(tempfile.mkdtemp(prefix="atiende-test-"))
    server = PostgresServer(folder)
    server.start()
    os.environ[_URL_VARIABLE] = server.url
    os.environ[prepared.RUN_FOLDER] = str(folder)
    engine = db.make_engine(server.url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE template_atiende"))
    template = db.make_engine(server.url.replace("/atiende?", "/template_atiende?"))
    migrate(template)
    template.dispose()
    engine.dispose()

    def stop() -> None:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
        del os.environ[_URL_VARIABLE], os.environ[prepared.RUN_FOLDER]

    config.add_cleanup(stop)


def pytest_collection_finish() -> None:
    gc.freeze()


class ByGroup(LoadScopeScheduling):
    """Files that name a group (`xdist_group`) go to one process together: their demos and browsers are started once.

    Other tests go out by parts of a file, so that its fixtures are made about once and few parts are kept count of. Groups
    begin first, since the longest of them lasts minutes; they wait more than they compute, so one process computes meanwhile.
    xdist's own way writes the group into a test's id, which pytest 9.2 no longer lets it.
    """

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        self._scopes: dict[str, str] = {}
        self._counted: Counter[str] = Counter()

    def _split_scope(self, nodeid: str) -> str:
        scope = self._scopes.get(nodeid)
        if scope is None:
            file = nodeid.split("::")[0]
            scope = _group_of(file) or f"{file}#{self._counted[file] // PART}"
            self._counted[file] += 1
            self._scopes[nodeid] = scope
        return scope

    def _assign_work_unit(self, node: WorkerController) -> None:
        elsewhere = [work for other, work in self.assigned_work.items() if other is not node]
        in_groups = sum(
            any("#" not in scope and False in part.values() for scope, part in work.items()) for work in elsewhere
        )
        wants_group = in_groups < max(1, self.numnodes - 1)
        found = next((scope for scope in self.workqueue if ("#" not in scope) == wants_group), None)
        if found is not None:
            self.workqueue.move_to_end(found, last=False)
        super()._assign_work_unit(node)


@cache
def _group_of(file: str) -> str | None:
    found = re.search(r'xdist_group\("(\w+)"\)', (TESTS.parent / file).read_text())
    return found and found.group(1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByGroup | None:
    return ByGroup(config, log) if config.getvalue("dist") == "loadgroup" else None


def make_database(name: str) -> str:
    """A fresh, migrated database, of this xdist worker alone; returns its URL."""
    url = os.environ[_URL_VARIABLE]
    name = f"{name}_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    engine = db.make_engine(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE template_atiende'))
    engine.dispose()
    return url.replace("/atiende?", f"/{name}?")


@pytest.fixture(scope="session")
def database_url(request: pytest.FixtureRequest) -> str:
    """This worker's own database: for tests that need several connections; they clean up after themselves."""
    return make_database(f"test_{getattr(request.config, 'workerinput', {}).get('workerid', 'main')}")


@pytest.fixture(scope="session")
def engine(database_url: str) -> Iterator[Engine]:
    engine = db.make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def vault() -> Iterator[Vault]:
    """Fixed keys for one test."""
    made = Vault(b"d" * 32, b"l" * 32)
    crypto.configure(made)
    yield made
    crypto.configure(None)


@pytest.fixture
def session(engine: Engine, vault: Vault) -> Iterator[Session]:
    """A session in a transaction that is rolled back; handlers and jobs of the test share its connection."""
    with engine.connect() as connection:
        outer = connection.begin()
        db.configure(connection)
        with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
            yield session
        db.configure(None)
        outer.rollback()


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    """Photos are kept in a folder of this test."""
    made = Shelf(Folder(tmp_path / "media"), Media(), "https://311.prueba.example")
    storage.configure(made)
    yield made
    storage.configure(None)


@pytest.fixture
def shared_data() -> Path:
    """The folder of real boundaries and rows, which is never committed."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the real boundaries and request rows (../shared/data), which are not part of the repository")
    return SHARED_DATA


CHROMIUM = os.environ.get("ATIENDE_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"


# One module at a time: while it is open, Playwright keeps an event loop of its own in this thread.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real browser, from Debian's package."""
    from playwright.sync_api import sync_playwright

    if not Path(CHROMIUM).exists():
        pytest.skip(f"needs Chromium: {CHROMIUM} does not exist (apt-get install chromium, or set ATIENDE_CHROMIUM)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--headless"])
        yield browser
        browser.close()
