"""What a GeoReport call costs, beside a raw floor in the same run: CPU milliseconds of the server and of the database.

ATIENDE_BENCH_ROWS (10,000 by default) says how many requests the table holds.
"""

import base64
import http.client
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import text
from sqlmodel import Session

from kernel import db
from tests.benchmarks.report import report
from tests.conftest import make_database
from tests.factories import API_KEY, CITY, IN_NORTE, make_city

ROWS = int(os.environ.get("ATIENDE_BENCH_ROWS", "10000"))
CONNECTIONS = 8
SECONDS = 3.0
_TICKS = os.sysconf("SC_CLK_TCK")

_SEED = """
INSERT INTO service_request (id, jurisdiction_id, folio, service_code, channel, language, description, address_string, lat, lon,
    areas, attributes, media_urls, life, outcome_code, closed_at, status_notes, handover, agency_code, is_public, report_count,
    requested_at, updated_at, expected_at, version)
SELECT gen_random_uuid(), :city, '90' || lpad(n::text, 8, '0'),
    CASE n % 3 WHEN 0 THEN 'BACHE' WHEN 1 THEN 'FUGA' ELSE 'LUMINARIA' END,
    'sms', 'es', 'Hay un hoyo enorme frente al número ' || n || ', ya van tres llantas', 'Av. Sabinos ' || n, 19.42, -99.15,
    '{"district": [{"code": "N", "name": "Norte"}]}', '{}', '[]', CASE WHEN n % 4 = 0 THEN 'new' ELSE 'closed' END,
    CASE WHEN n % 4 = 0 THEN NULL ELSE 'resolved' END, CASE WHEN n % 4 = 0 THEN NULL ELSE now() END, 'Quedó reparado', 'accepted',
    'ALC-N', true, 1, now() - (n || ' minutes')::interval, now(), now(), 1
FROM generate_series(1, :rows) AS n
"""


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
        deadline = time.monotonic() + 30
        while True:
            try:
                if self.ask("GET", ready, None)[0] < 500:
                    break
            except OSError:
                assert time.monotonic() < deadline, f"{name} does not answer"
                time.sleep(0.1)

    def ask(self, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            return _ask(connection, method, path, body)
        finally:
            connection.close()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)


def _ask(connection: http.client.HTTPConnection, method: str, path: str, body: str | None) -> tuple[int, bytes]:
    headers = {"content-type": "application/x-www-form-urlencoded"} if body else {}
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response.status, response.read()


@pytest.fixture
def database() -> str:
    url = make_database("bench_open311")
    engine = db.make_engine(url)
    with Session(engine) as session, session.begin():
        make_city(session)
        session.connection().execute(text(_SEED), {"city": CITY, "rows": ROWS})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE service_request"))
    engine.dispose()
    return url


@pytest.fixture
def servers(database: str) -> Iterator[tuple[Server, Server]]:
    key = base64.b64encode(b"k" * 32).decode()
    settings = {
        "DATABASE_URL": database,
        "REDIS_URL": "none",
        # Counted like anybody else, and never refused.
        "ATIENDE_LIMITS_READS_PER_MINUTE": "1000000",
        "ATIENDE_LIMITS_WRITES_PER_MINUTE": "1000000",
        "ATIENDE_SECRETS_DATA_KEY": key,
        "ATIENDE_SECRETS_LOOKUP_KEY": key,
        "ATIENDE_SECRETS_SESSION_KEY": key,
        "ATIENDE_WEB_PUBLIC_BASE_URL": "http://127.0.0.1",
    }
    atiende = [sys.executable, "-m", "atiende", "serve", "--port"]
    floor = [sys.executable, "-m", "tests.benchmarks.open311_floor"]
    started: list[Server] = []
    try:
        started.append(Server("atiende", atiende, settings, "/open311/v2/services.json"))
        started.append(Server("floor", floor, {"DATABASE_URL": database}, "/requests.json?page_size=1"))
        yield started[0], started[1]
    finally:
        for server in started:
            server.stop()


def _cpu_s(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # a backend that has ended
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def _backends(url: str) -> list[int]:
    engine = db.make_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")).scalars()
        pids = [int(pid) for pid in found]
    engine.dispose()
    return pids


def _measure(
    server: Server, url: str, method: str, path: str, bodies: bool
) -> tuple[float, float, float, float, float]:
    """Requests a second, p50 and p99 in ms, CPU ms a request of the server and of the database."""

    def run(worker: int, seconds: float) -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        taken: list[float] = []
        end = time.perf_counter() + seconds
        while (start := time.perf_counter()) < end:
            status, _ = _ask(connection, method, path, _body(f"{worker}-{start}") if bodies else None)
            taken.append(time.perf_counter() - start)
            assert status == 200
        connection.close()
        return taken

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(run, range(CONNECTIONS), [0.5] * CONNECTIONS))
        backends = _backends(url)
        server_cpu, database_cpu = _cpu_s([server.process.pid]), _cpu_s(backends)
        start = time.perf_counter()
        taken = sorted(chain.from_iterable(pool.map(run, range(CONNECTIONS), [SECONDS] * CONNECTIONS)))
        elapsed = time.perf_counter() - start
        server_cpu, database_cpu = _cpu_s([server.process.pid]) - server_cpu, _cpu_s(backends) - database_cpu
    count = len(taken)
    p50, p99 = statistics.median(taken), taken[int(count * 0.99)]
    return count / elapsed, p50 * 1000, p99 * 1000, server_cpu / count * 1000, database_cpu / count * 1000


def _body(words: str) -> str:
    lon, lat = IN_NORTE
    return urlencode(
        {"api_key": API_KEY, "service_code": "BACHE", "lat": lat, "long": lon, "description": f"Un hoyo enorme {words}"}
    )


@pytest.mark.benchmark
def test_what_a_call_costs(servers: tuple[Server, Server], database: str) -> None:
    atiende, floor = servers
    folio = f"90{ROWS // 2:08d}"
    phases = [
        ("GET one", "GET", f"/requests/{folio}.json", False),
        ("list of 100, JSON", "GET", "/requests.json?page_size=100", False),
        ("list of 100, XML", "GET", "/requests.xml?page_size=100", False),
        ("filtered list", "GET", "/requests.json?page_size=100&status=open&service_code=BACHE", False),
        ("POST", "POST", "/requests.json", True),
    ]
    lines = [
        f"{ROWS} rows, {CONNECTIONS} connections, one web process",
        f"{'phase':<20}{'server':<10}{'rps':>8}{'p50 ms':>9}{'p99 ms':>9}{'cpu web':>9}{'cpu db':>8}{'of floor':>10}",
    ]
    for name, method, path, bodies in phases:
        rates: dict[str, float] = {}
        for server, root in ((floor, ""), (atiende, "/open311/v2")):
            if server is floor and (path.startswith("/requests.xml") or "status=" in path):
                continue
            rps, p50, p99, web, database_ms = _measure(server, database, method, root + path, bodies)
            rates[server.name] = rps
            share = f"{rps / rates['floor']:.2f}" if server is atiende and "floor" in rates else ""
            lines.append(
                f"{name:<20}{server.name:<10}{rps:>8.0f}{p50:>9.1f}{p99:>9.1f}{web:>9.2f}{database_ms:>8.2f}{share:>10}"
            )
        assert all(rates.values())
    report("open311", lines)
