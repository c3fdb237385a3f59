"""Child processes that answer HTTP, and what a call costs them and the database in processor time, from the operating system."""

import http.client
import os
import socket
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from sqlalchemy import text

from kernel import db

CONNECTIONS = 8
SECONDS = 2.0
ROUNDS = 3
_turns = count()
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Call:
    """What to ask: the `n`-th path of a worker, and the body, None for GET."""

    path: Callable[[int], str]
    body: Callable[[int], str] | None = None


@dataclass(frozen=True)
class Cost:
    """Medians of the rounds. web_ms, database_ms: processor milliseconds a call."""

    rps: float
    p50_ms: float
    p99_ms: float
    web_ms: float
    database_ms: float

    @property
    def total_ms(self) -> float:
        return self.web_ms + self.database_ms


class Server:
    """A child process that answers on its own port."""

    def __init__(self, name: str, command: list[str], environ: dict[str, str], ready: str) -> None:
        self.name = name
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [*command, str(self.port)], env=os.environ | environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while True:
            try:
                if self.ask(ready)[0] < 500:
                    break
            except OSError:
                assert time.monotonic() < deadline, f"{name} does not answer"
                time.sleep(0.1)

    def ask(self, path: str, body: str | None = None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            return _ask(connection, path, body)
        finally:
            connection.close()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


@contextmanager
def running(*servers: tuple[str, list[str], dict[str, str], str]) -> Iterator[list[Server]]:
    """All of them started, and stopped however the block ends."""
    started: list[Server] = []
    try:
        for one in servers:
            started.append(Server(*one))
        yield started
    finally:
        for server in started:
            server.stop()


def _ask(connection: http.client.HTTPConnection, path: str, body: str | None) -> tuple[int, bytes]:
    headers = {"content-type": "application/x-www-form-urlencoded"} if body else {}
    connection.request("POST" if body else "GET", path, body, headers)
    response = connection.getresponse()
    return response.status, response.read()


def measure(server: Server, database_url: str, call: Call) -> Cost:
    """The cost of a call in a closed loop, after a warm-up. Every answer must be 200."""
    rounds = [_round(server, database_url, call) for _ in range(ROUNDS)]
    return Cost(*(statistics.median(values) for values in zip(*rounds, strict=True)))


def _round(server: Server, url: str, call: Call) -> tuple[float, float, float, float, float]:
    def run(worker: int, seconds: float) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        taken: list[float] = []
        end = time.perf_counter() + seconds
        # Never the same twice: a form that was sent before is answered without being made again.
        turn = next(_turns) * 1_000_003
        while (start := time.perf_counter()) < end:
            turn += 1
            try:
                status, content = _ask(connection, call.path(turn), call.body(turn) if call.body else None)
            except http.client.RemoteDisconnected as error:
                raise AssertionError(
                    f"{server.name} hung up on {call.path(turn)}; it has {'ended' if server.process.poll() else 'not ended'}"
                ) from error
            taken.append(time.perf_counter() - start)
            assert status == 200, content[:300]
        connection.close()
        return taken

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(run, range(CONNECTIONS), [0.5] * CONNECTIONS))
        pids = backends(url)
        web, database = cpu_s([server.process.pid]), cpu_s(pids)
        start = time.perf_counter()
        taken = sorted(chain.from_iterable(pool.map(run, range(CONNECTIONS), [SECONDS] * CONNECTIONS)))
        elapsed = time.perf_counter() - start
        web, database = cpu_s([server.process.pid]) - web, cpu_s(pids) - database
    made = len(taken)
    p50, p99 = statistics.median(taken), taken[int(made * 0.99)]
    return made / elapsed, p50 * 1000, p99 * 1000, web / made * 1000, database / made * 1000


def cpu_s(pids: list[int]) -> float:
    """Processor seconds of these processes so far."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # a backend that has ended
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def backends(url: str) -> list[int]:
    """Processes of the database that work for somebody, and those that write for all."""
    engine = db.make_engine(url)
    with engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
                " AND backend_type IN ('client backend', 'walwriter', 'background writer', 'checkpointer')"
            )
        ).scalars()
        pids = [int(pid) for pid in found]
    engine.dispose()
    return pids
