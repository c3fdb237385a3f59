"""`atiende demo` through real processes: set up, resumed, killed, stopped. One life of one folder, told in order."""

import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from kernel.embedded.alive import wait_until
from kernel.embedded.postgres import PostgresServer
from kernel.embedded.valkey import ValkeyServer
from tests.running import process_name, processes_of

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("demo")]

KEYS = {
    "base_url": None,
    "open311": {"root", "jurisdiction_id", "other_jurisdiction_id", "api_key", "sample_point", "sample_address"},
    "console": {"url", "logins"},
    "sms": {"webhook", "public_base_url", "auth_token", "number"},
    "email": {"address", "smtp_host", "smtp_port"},
    "whatsapp": {"webhook", "auth_token", "number"},
    "telegram": {"webhook", "secret_token", "bot_token"},
    "voice": {"webhook", "auth_token", "number"},
    "web_chat": {"url"},
    "standin": {"url"},
    "database_url": None,
    "redis_url": None,
}


class Demo:
    """One data folder and the processes of its demo."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[str] | None = None

    def launch(self, **environ: str) -> "subprocess.Popen[str]":
        ours = {name: value for name, value in os.environ.items() if not name.startswith("ATIENDE_")}
        ours = {name: value for name, value in ours.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        return subprocess.Popen(
            [sys.executable, "-m", "atiende", "demo"],
            env={**ours, "PORT": str(self.port), "ATIENDE_DATA": str(self.folder), **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def start(self, timeout_s: float) -> float:
        """Seconds until it was ready."""
        began = time.monotonic()
        self.process = self.launch()
        assert wait_until(self.is_ready, timeout_s), self.logs()
        return time.monotonic() - began

    def is_ready(self) -> bool:
        return status(f"http://127.0.0.1:{self.port}/readyz") == 200

    @property
    def facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.folder / "demo.json").read_text())
        return facts

    def press_ctrl_c(self) -> int:
        assert self.process
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.communicate(timeout=40)
        return self.process.returncode

    def processes(self) -> set[int]:
        """Every process that was given this data folder."""
        found = set()
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                given = path.read_bytes()
            except OSError:
                continue
            if f"ATIENDE_DATA={self.folder}\0".encode() in given:
                found.add(int(path.parent.name))
        return found

    def has_other(self, part: str, than: int) -> bool:
        assert self.process
        return processes_of(self.process.pid).get(process_name(part), than) != than

    def logs(self) -> str:
        return "\n".join(path.read_text()[-3000:] for path in self.folder.glob("**/*.log"))


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return int(made.getsockname()[1])


def status(url: str, timeout_s: float = 5.0) -> int | None:
    try:
        with urllib.request.urlopen(url, timeout=timeout_s) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return None


class Yardstick:
    """Seconds that an interpreter takes meanwhile to load two libraries of ours: the machine's speed, and who else uses it."""

    def __enter__(self) -> "Yardstick":
        self._taken: list[float] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._measure)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        return statistics.mean(self._taken)

    def _measure(self) -> None:
        while not self._over.wait(1.0):
            began = time.monotonic()
            subprocess.run([sys.executable, "-c", "import fastapi, sqlmodel"], check=True)
            self._taken.append(time.monotonic() - began)


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    folder = Path(tempfile.mkdtemp(prefix="atiende-demo-")) / "data"
    demo = Demo(folder)
    yield demo
    if demo.process is not None and demo.process.poll() is None:
        demo.press_ctrl_c()
    PostgresServer(folder).stop()
    ValkeyServer(folder).stop()
    shutil.rmtree(folder.parent, ignore_errors=True)


@pytest.fixture(scope="module")
def first_facts(demo: Demo) -> dict[str, Any]:
    """What the first start announced; the later tests compare with it."""
    with Yardstick() as load:
        seconds = demo.start(timeout_s=180)
    print(f"first start {seconds:.1f} s, {seconds / load.seconds:.1f} loads", end="")
    assert seconds < 20 * load.seconds
    return demo.facts


def test_a_fresh_folder_becomes_a_city(demo: Demo, first_facts: dict[str, Any]) -> None:
    assert first_facts.keys() == KEYS.keys()
    for group, keys in KEYS.items():
        assert keys is None or first_facts[group].keys() == keys
    assert {login["role"] for login in first_facts["console"]["logins"]} == {
        "operator",
        "supervisor",
        "agency",
        "admin",
    }
    for private in ("installation.env", "demo.json"):
        assert (demo.folder / private).stat().st_mode & 0o077 == 0
    with psycopg.connect(first_facts["database_url"]) as connection:
        counted = connection.execute("SELECT count(*) FROM service_request").fetchone()
        assert counted is not None
        assert counted[0] >= 2000
    with redis.Redis.from_url(first_facts["redis_url"]) as client:
        assert client.ping()
    assert status(f"{first_facts['base_url']}/healthz") == 200
    open311 = first_facts["open311"]
    for jurisdiction_id in (open311["jurisdiction_id"], open311["other_jurisdiction_id"]):
        assert status(f"{open311['root']}/services.json?jurisdiction_id={jurisdiction_id}") == 200
    assert status(first_facts["web_chat"]["url"]) == 200
    assert wait_until(lambda: status(f"{first_facts['standin']['url']}/messages.json") == 200, 20)
    assert status(f"{first_facts['standin']['url']}/chat/ejemplo") == 200


def test_it_listens_on_loopback_only(demo: Demo, first_facts: dict[str, Any]) -> None:
    for url in (first_facts["base_url"], first_facts["standin"]["url"]):
        port = int(url.rpartition(":")[2])
        # Also this machine, and reached by a server that listens on every address.
        for address, expected in (("127.0.0.1", True), ("127.0.0.2", False)):
            with socket.socket() as caller:
                caller.settimeout(5)
                assert (caller.connect_ex((address, port)) == 0) is expected


def test_a_second_demo_is_refused_with_words(demo: Demo, first_facts: dict[str, Any]) -> None:
    same_folder = demo.launch(PORT=str(free_port()))
    said, _ = same_folder.communicate(timeout=30)
    assert same_folder.returncode == 1
    assert "Ya hay una demo" in said
    assert first_facts["base_url"] in said
    same_port = demo.launch(ATIENDE_DATA=str(demo.folder.parent / "other"))
    said, _ = same_port.communicate(timeout=30)
    assert same_port.returncode == 1
    assert str(demo.port) in said
    assert "PORT=" in said
    assert demo.is_ready()


def test_what_is_killed_comes_back(demo: Demo, first_facts: dict[str, Any]) -> None:
    postgres, valkey = PostgresServer(demo.folder), ValkeyServer(demo.folder)
    assert demo.process
    victims = {part: processes_of(demo.process.pid)[process_name(part)] for part in ("web", "jobs", "relay")}
    before = postgres.pid, valkey.pid
    for pid in (*victims.values(), *before):
        assert pid
        os.kill(pid, signal.SIGKILL)
    # Callers wait in the socket's queue while the web process is away: never a refusal.
    assert status(f"{first_facts['base_url']}/healthz", timeout_s=60) == 200
    assert wait_until(lambda: demo.is_ready() and valkey.is_ready(), 30), demo.logs()
    for part, victim in victims.items():
        assert wait_until(lambda part=part, victim=victim: demo.has_other(part, victim), 20)  # type: ignore[misc]
    assert postgres.pid != before[0]
    assert valkey.pid != before[1]


def test_after_ctrl_c_nothing_is_left(demo: Demo, first_facts: dict[str, Any]) -> None:
    assert demo.press_ctrl_c() == 0
    # What the others were forked from leaves when the last of them has.
    assert wait_until(lambda: demo.processes() == set(), 10)
    assert not (demo.folder / "demo.json").exists()
    assert PostgresServer(demo.folder).pid is None


def test_it_resumes_as_it_was(demo: Demo, first_facts: dict[str, Any]) -> None:
    with Yardstick() as load:
        seconds = demo.start(timeout_s=120)
    print(f"again {seconds:.1f} s, {seconds / load.seconds:.1f} loads", end="")
    assert demo.facts == first_facts
    assert seconds < 7 * load.seconds


def test_after_kill_9_the_children_go_and_the_next_start_works(demo: Demo, first_facts: dict[str, Any]) -> None:
    assert demo.process
    processes = set(processes_of(demo.process.pid).values())
    demo.process.kill()
    demo.process.communicate()
    # The last of them to leave may turn the servers off, or leave them to the next start.
    assert wait_until(lambda: not processes.intersection(demo.processes()), 20)
    demo.start(timeout_s=120)
    assert demo.facts == first_facts
    assert demo.press_ctrl_c() == 0
    assert wait_until(lambda: demo.processes() == set(), 10)
