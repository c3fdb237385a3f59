"""Everything through PgBouncer in transaction mode: two statements of one process rarely meet the same server connection."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
from sqlmodel import Session

from atiende.migrate import migrate, newest_revision
from kernel import crypto, db, outbox
from kernel.embedded.account import choose_account
from kernel.embedded.postgres import PostgresServer
from kernel.listener import listen
from kernel.live import RESYNC, LiveFeed
from tests.factories import API_KEY, CITY, IN_NORTE, make_city
from tests.running import wait_for
from tests.serving import Web

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = [
    pytest.mark.fault,
    pytest.mark.xdist_group("pgbouncer"),
    pytest.mark.timeout(300),
    pytest.mark.skipif(PGBOUNCER is None, reason="needs PgBouncer (apt-get install pgbouncer)"),
]

REPORTS = 60
SENDERS = 8
# Fewer than there are senders: connections really change hands.
POOL = 3


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    folder = Path(tempfile.mkdtemp(prefix="atiende-"))
    folder.chmod(0o755)
    made = PostgresServer(folder / "data")
    made.start()
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def pooled(server: PostgresServer) -> Iterator[str]:
    """The address of the same database behind a pooler."""
    folder = server.folder / "pooler"
    folder.mkdir()
    account = choose_account(server.folder, Path(str(PGBOUNCER)))
    config = folder / "pgbouncer.ini"
    config.write_text(
        f"""[databases]
* = host={server._sockets()} port=5432 user=atiende
[pgbouncer]
listen_addr =
listen_port = 6432
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = {POOL}
max_client_conn = 300
logfile = {folder}/pgbouncer.log
pidfile = {folder}/pgbouncer.pid
"""
    )
    account.own(folder)
    log = os.open(folder / "output.txt", os.O_CREAT | os.O_WRONLY)
    process: subprocess.Popen[bytes] = account.start([PGBOUNCER, config], folder, log)
    url = f"postgresql://atiende@/atiende?host={folder}&port=6432"

    def answers() -> bool:
        assert process.poll() is None, (folder / "output.txt").read_text()
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    wait_for(answers, 20, "PgBouncer")
    yield url
    process.send_signal(signal.SIGINT)
    process.wait(20)
    os.close(log)


@pytest.fixture(scope="module")
def city(pooled: str) -> str:
    """The schema and a city, made through the pooler by two processes' worth of migrations at once."""
    engine = db.make_engine(pooled)
    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(migrate, engine) for _ in range(2)]:
            one.result()
    crypto.configure(Web.VAULT)
    with Session(engine) as session, session.begin():
        make_city(session)
    crypto.configure(None)
    engine.dispose()
    return CITY


def test_migrations_ran_once(pooled: str, city: str) -> None:
    with psycopg.connect(pooled) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(newest_revision(),)]
        assert connection.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)


def test_reports_come_in_are_listed_and_their_jobs_run(pooled: str, city: str) -> None:
    lon, lat = IN_NORTE
    with Web(pooled) as web:
        web.run("worker")

        def report(number: int) -> str:
            form = {"api_key": API_KEY, "service_code": "BACHE", "lat": str(lat), "long": str(lon)}
            answer = httpx.post(
                f"{web.open311}/requests.json",
                data={**form, "description": f"Hoyo {number}"},
                headers={"Idempotency-Key": uuid4().hex},
                timeout=60,
                trust_env=False,
            )
            assert answer.status_code == 200, answer.text
            return str(answer.json()[0]["service_request_id"])

        with ThreadPoolExecutor(SENDERS) as pool:
            folios = set(pool.map(report, range(REPORTS)))
        listed = httpx.get(f"{web.open311}/requests.json?page_size=1000", timeout=60, trust_env=False).json()
        assert folios <= {row["service_request_id"] for row in listed}
        with psycopg.connect(pooled, autocommit=True, prepare_threshold=None) as connection:
            wait_for(lambda: _undone(connection) == 0, 60, "the jobs of every report")
            told = connection.execute("SELECT count(*) FROM outbox_event WHERE name = 'service_request.submitted'")
            assert told.fetchone() == (REPORTS,)


def test_no_statement_is_kept_that_the_pooler_would_lose(pooled: str, city: str) -> None:
    engine = db.make_engine(pooled, pool_size=1, pool_overflow=0)
    db.configure(engine)
    for n in range(8):
        with db.transaction() as session:
            assert db.fetch(session, "SELECT %(n)s::int", {"n": n}, prepare=True) == [(n,)]
            assert db.fetch(session, "SELECT count(*) FROM pg_prepared_statements", {}) == [(0,)]
    db.configure(None)
    engine.dispose()


def test_open_pages_look_again_although_no_notification_arrives(pooled: str, city: str) -> None:
    async def watch() -> None:
        feed = LiveFeed()
        feed.start(pooled)
        reader = feed.subscribe()
        await asyncio.sleep(2.5)  # until it has noticed that it hears nothing
        engine = db.make_engine(pooled)
        await asyncio.to_thread(_record, engine)
        assert (await asyncio.wait_for(anext(reader), 10)).events == (RESYNC,)
        engine.dispose()
        feed.close()
        feed.join()

    asyncio.run(watch())


def test_a_way_past_the_pooler_hears_at_once(server: PostgresServer, pooled: str, city: str) -> None:
    """`DATABASE_DIRECT_URL`: writes go through the pooler, notifications arrive on the direct connection."""
    stop = threading.Event()
    batches = listen(server.url, outbox.CHANNEL, stop, poll_s=5, mark=outbox.NEWEST)
    assert next(batches).is_fresh
    engine = db.make_engine(pooled)
    timer = threading.Timer(0.3, _record, (engine,))
    timer.start()
    assert [payload for batch in (next(batches),) for payload in batch.payloads] == ['{"name":"thing.happened"}']
    stop.set()
    timer.join()
    engine.dispose()


def _record(engine: object) -> None:
    with Session(engine) as session, session.begin():  # type: ignore[call-overload]  # any engine
        outbox.record(session, "thing.happened", at=datetime.now(UTC))


def _undone(connection: psycopg.Connection) -> int:
    row = connection.execute(
        "SELECT (SELECT count(*) FROM outbox_event WHERE relayed_at IS NULL)"
        " + (SELECT count(*) FROM outbox_delivery WHERE state <> 'done')"
    ).fetchone()
    assert row
    return int(row[0])
