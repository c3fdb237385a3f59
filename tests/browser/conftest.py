"""The real program in its own process on a database of its own, and a real Chromium to look at it.

`live_server` gives the address and the cast; `page_at` opens pages in a chosen width, colour scheme and language. Without
Chromium these tests are skipped: set ATIENDE_CHROMIUM to its path if it is not /usr/bin/chromium.
"""

import base64
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import Engine

from intake.media import storage
from intake.media.storage import Folder, Shelf
from kernel import crypto, db
from kernel.crypto import Vault
from kernel.settings import Media
from tests.browser.cast import Cast, make_cast
from tests.conftest import make_database

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# A machine that runs many tests at once is slow, not wrong.
expect.set_options(timeout=20_000)
# Every layout and every colour once: what goes wrong in a colour does so in each layout.
LOOKS = pytest.mark.parametrize(("width", "scheme"), [(1366, "light"), (320, "dark")])
_KEYS = {"DATA": b"d" * 32, "LOOKUP": b"l" * 32, "SESSION": b"s" * 32}


class LiveServer:
    """A running installation. Work inside `at_work()` is committed where the server sees it."""

    def __init__(self, base_url: str, engine: Engine, vault: Vault, cast: Cast) -> None:
        self.base_url = base_url
        self.cast = cast
        self._engine = engine
        self._vault = vault

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Points this process's database and keys at the server's for the length of the block."""
        db.configure(self._engine)
        crypto.configure(self._vault)
        try:
            yield
        finally:
            db.configure(None)
            crypto.configure(None)


@pytest.fixture(scope="session")
def live_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    worker = getattr(request.config, "workerinput", {}).get("workerid", "main")
    with installation(f"browser_{worker}", tmp_path_factory.mktemp("photos")) as made:
        yield made


@contextmanager
def installation(name: str, photos: Path, *commands: str) -> Iterator[LiveServer]:
    """The cast on a database of its own, served. commands: parts of the program that run beside it (`worker`)."""
    url = make_database(name)
    engine, vault = db.make_engine(url, pool_size=2), Vault(_KEYS["DATA"], _KEYS["LOOKUP"])
    db.configure(engine)
    crypto.configure(vault)
    storage.configure(Shelf(Folder(photos), Media(), ""))
    with db.transaction() as session:
        cast = make_cast(session)
    for seam in (db, crypto, storage):
        seam.configure(None)  # type: ignore[attr-defined]  # each has it
    with _served(url, photos, commands) as base_url:
        yield LiveServer(base_url, engine, vault, cast)
    engine.dispose()


@contextmanager
def _served(database_url: str, photos: Path, commands: Sequence[str]) -> Iterator[str]:
    port = _free_port()
    base_url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "REDIS_URL": "none",
        "ATIENDE_WEB_PUBLIC_BASE_URL": base_url,
        "ATIENDE_MEDIA_URL": str(photos),
        **{f"ATIENDE_SECRETS_{name}_KEY": base64.b64encode(key).decode() for name, key in _KEYS.items()},
    }
    environment.pop("ATIENDE_DATA", None)
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "atiende", *command], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
        )
        for command in (["serve", "--port", str(port)], *([one] for one in commands))
    ]
    try:
        _wait_until_ready(base_url, processes[0])
        yield base_url
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=30)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(base_url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended by itself"
        try:
            if httpx.get(f"{base_url}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError("the server did not become ready")


PageAt = Callable[..., Page]


@pytest.fixture
def page_at(chromium: Browser, live_server: LiveServer) -> Iterator[PageAt]:
    """`page_at(path, width=1366, scheme="light", role=None, scripts=True, language="es")`: an open page, signed in as `role`."""
    contexts: list[BrowserContext] = []

    def open_page(
        path: str,
        *,
        width: int = 1366,
        height: int = 768,
        scheme: str = "light",
        role: str | None = None,
        scripts: bool = True,
        language: str = "es",
    ) -> Page:
        context = chromium.new_context(
            base_url=live_server.base_url,
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]  # light or dark
            locale="es-MX" if language == "es" else "en-GB",
            java_script_enabled=scripts,
        )
        context.set_default_timeout(20_000)
        contexts.append(context)
        if role is not None:
            context.add_cookies(
                [
                    {
                        "name": "atiende_console",
                        "value": live_server.cast.tokens[role],
                        "url": f"{live_server.base_url}/consola",
                    }
                ]
            )
        page = context.new_page()
        answer = page.goto(path)
        assert answer is not None
        assert answer.status < 400, (path, answer.status)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def assert_accessible() -> Callable[[Page], None]:
    """No axe violation (every rule, `target-size` on), nothing scrolls sideways, and no pane hangs out of the window."""
    if not AXE.exists():
        pytest.skip(f"needs axe-core: run npm ci ({AXE.relative_to(ROOT)} does not exist)")

    def check(page: Page) -> None:
        # The page's own policy forbids foreign scripts; evaluate() is the debugger's, which it does not bind.
        page.evaluate(AXE.read_text())
        found = page.evaluate(
            """async () => {
                // A colour on its way from one scheme to the other is no colour of the page.
                const still = Promise.all(document.getAnimations().map(a => a.finished.catch(() => null)));
                await Promise.race([still, new Promise(done => setTimeout(done, 500))]);
                const { violations } = await axe.run(document, { rules: { "target-size": { enabled: true } } });
                return violations.map(v => v.id + ": " + v.nodes.slice(0, 3).map(n => n.html).join(" | "));
            }"""
        )
        assert found == [], page.url
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"{page.url} is {wider} px too wide"
        # Where each pane scrolls by itself, the window has nothing to scroll to.
        blank = page.evaluate(
            """() => getComputedStyle(document.querySelector(".app.panes > main") ?? document.body).overflowY === "auto"
                ? document.documentElement.scrollHeight - innerHeight : 0"""
        )
        assert blank <= 0, f"{page.url} scrolls {blank} px past its end"

    return check
