"""A whole demo as people run it, for tests: `atiende demo` on a free port and its own folder, looked at from outside only."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg

from kernel.embedded.alive import read_pid
from kernel.settings import INSTALLATION_FILE, read_env_file
from tests import prepared

T = TypeVar("T")
PARTS = ("web", "jobs", "relay", "postgres", "valkey")
# Ten seconds on a machine of its own; several times that was seen where ten others keep two cores busy.
_START_WITHIN_S = 180.0
_PROCESSES = ("web", "jobs", "relay", "dispatcher", "standin")
_PID_FILES = {"postgres": "postgres/postmaster.pid", "valkey": "valkey/valkey.pid"}


def process_name(part: str) -> str:
    """What `ps -e` shows of it: Linux keeps fifteen letters."""
    return f"atiende-{part}"[:15]


def processes_of(pid: int) -> dict[str, int]:
    """Its children and theirs that run, by what `ps -e` calls them."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid=,stat=,comm="], capture_output=True, text=True, check=True)
    rows = [line.split(None, 3) for line in listed.stdout.splitlines()]
    ours = {str(pid)}
    for _ in range(4):
        ours |= {row[0] for row in rows if row[1] in ours}
    return {name[0]: int(one) for one, parent, state, *name in rows if parent in ours and state[0] not in "ZX"}


def wait_for(look: Callable[[], T], timeout_s: float = 60, what: str = "") -> T:
    """The first true answer of `look`, asked every 50 ms."""
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {timeout_s} s in vain for {what or look}"
        time.sleep(0.05)
    return found


@contextmanager
def running_demo(folder: Path, *, asks: bool = False, **environment: str) -> Iterator["RunningDemo"]:
    """A demo that is ready, and that ends well. asks: whether it says "is it the same?" of what was told already."""
    demo = RunningDemo(folder, environment)
    demo.start()
    if not asks:
        demo.ask_nobody()
    yield demo
    assert demo.stop() == 0


@dataclass
class RunningDemo:
    """One demo in `folder`. `facts` is its demo.json."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)

    def start(self) -> None:
        """Returns when it is ready to take reports."""
        if not (self.folder / "data").exists():
            prepared.copy_to(self.folder / "data")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ATIENDE_")}
        kept = {name: value for name, value in kept.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        self.output = (self.folder / "output.txt").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "atiende", "demo"],
            env={**kept, "PORT": str(_free_port()), "ATIENDE_DATA": str(self.folder / "data"), **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=subprocess.STDOUT,
        )
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()  # nobody else would: a fixture that fails has nothing to take down
            raise

    def _wait_until_ready(self) -> None:
        announced = self.folder / "data" / "demo.json"
        said = self.folder / "output.txt"
        try:
            wait_for(lambda: announced.exists() or self.process.poll() is not None, _START_WITHIN_S, "demo.json")
        except AssertionError as late:
            raise AssertionError(f"{late}; it runs, and has said: {said.read_text()!r}") from None
        assert self.process.poll() is None, said.read_text()
        self.facts = json.loads(announced.read_text())
        wait_for(self.is_ready, 60, "/readyz")
        # The web is there first; a test may ask for any of the others at once.
        parts = _PROCESSES if self.facts["redis_url"] else ["web"]
        wait_for(lambda: all(self.pid(part) for part in parts), 60, "every process")

    def stop(self) -> int:
        """Its exit code after Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.output.close()
        return code

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.base_url}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    @property
    def base_url(self) -> str:
        return str(self.facts["base_url"])

    def setting(self, name: str) -> str:
        """A line of the installation's own environment file."""
        return read_env_file(self.folder / "data" / INSTALLATION_FILE)[name]

    def pid(self, part: str) -> int | None:
        """The process of `part` as `ps` sees it now: this demo's child or grandchild, or the server in its folder."""
        if part in _PID_FILES:
            pid = read_pid(self.folder / "data" / _PID_FILES[part])
            return pid if pid and is_running(pid) else None
        return processes_of(self.process.pid).get(process_name(part))

    def ask_nobody(self) -> None:
        """Tests tell of the same few things: each is to become a request of its own, without "is it the same?"."""
        with psycopg.connect(self.facts["database_url"], autocommit=True) as connection:
            connection.execute("""UPDATE service SET duplicates = '{"offer": false}'""")
            connection.execute("UPDATE jurisdiction SET catalog_changed_at = now()")

    def kill(self, part: str) -> int:
        """kill -9; returns the pid that was killed."""
        pid = wait_for(lambda: self.pid(part), what=part)
        os.kill(pid, signal.SIGKILL)
        return pid

    def texts(self, phone: str | None = None, direction: str | None = None) -> list[dict[str, str]]:
        """What the provider's stand-in carried, oldest first."""
        listed = httpx.get(f"{self.facts['standin']['url']}/messages.json", timeout=20).json()
        return [
            text
            for text in sorted(listed, key=lambda text: text["at"])
            if (phone is None or phone in (text["from"], text["to"]))
            and (direction is None or text["direction"] == direction)
        ]

    def write(self, phone: str, body: str) -> None:
        """A resident writes a text message."""
        url = f"{self.facts['standin']['url']}/phones/{phone}/messages"
        httpx.post(url, json={"body": body}, timeout=20).raise_for_status()


def is_running(pid: int) -> bool:
    """Whether `pid` is a process and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
