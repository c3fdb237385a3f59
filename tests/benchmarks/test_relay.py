"""How many events a second travel from a committed row to a finished job, and how long one takes when nothing waits."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import Engine, text
from sqlmodel import Session

from kernel import db, outbox
from kernel.dispatch import Dispatcher, LocalPool, RedisQueue, make_queue
from kernel.embedded.valkey import ValkeyServer
from kernel.relay import Relay
from tests.benchmarks.report import report

EVENTS = 2000
SINGLE = 40


def _job(**ids: object) -> None:
    with db.transaction() as session:
        session.connection().execute(text("SELECT 1"))


@pytest.fixture
def connected(engine: Engine) -> Iterator[Engine]:
    db.configure(engine)
    yield engine
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE outbox_event, outbox_delivery"))
    db.configure(None)


@contextmanager
def running(engine: Engine, dispatch: Dispatcher) -> Iterator[None]:
    stop = threading.Event()
    relay = Relay(engine, {"thing.happened": [f"{__name__}._job"]}, dispatch)
    thread = threading.Thread(target=relay.run, args=(stop,))
    thread.start()
    time.sleep(0.5)
    yield
    stop.set()
    thread.join()


def _record(engine: Engine, count: int) -> None:
    with Session(engine) as session:
        for _ in range(count):
            outbox.record(session, "thing.happened", at=datetime.now(UTC))
        session.commit()


def _wait(engine: Engine, done: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with engine.begin() as connection:
            if connection.scalar(text("SELECT count(*) FROM outbox_delivery WHERE state = 'done'")) == done:
                return
        time.sleep(0.002)
    raise AssertionError("the relay did not finish")


@pytest.mark.benchmark
def test_events_per_second_and_latency_in_process(connected: Engine) -> None:
    pool = LocalPool(threads=4)
    delays_ms = []
    with running(connected, pool):
        for number in range(1, SINGLE + 1):
            started = time.monotonic()
            _record(connected, 1)
            _wait(connected, number)
            delays_ms.append((time.monotonic() - started) * 1000)
        started = time.monotonic()
        _record(connected, EVENTS)
        _wait(connected, SINGLE + EVENTS)
        rate = EVENTS / (time.monotonic() - started)
    pool.close()
    p99 = statistics.quantiles(delays_ms, n=100)[98]
    report(
        "relay-in-process",
        [
            f"relay in process: {EVENTS} events, {rate:.0f}/s",
            f"one event, from commit to done: median {statistics.median(delays_ms):.1f} ms, p99 {p99:.1f} ms",
        ],
    )


@pytest.mark.benchmark
def test_events_per_second_through_one_rq_worker(connected: Engine, tmp_path: Path) -> None:
    valkey = ValkeyServer(tmp_path)
    valkey.start()
    pool = LocalPool(threads=1)
    queue = make_queue(valkey.url)
    worker = SimpleWorker([queue], connection=queue.connection, serializer=JSONSerializer, log_job_description=False)
    with running(connected, RedisQueue(valkey.url, fallback=pool)):
        started = time.monotonic()
        _record(connected, EVENTS)
        worker.work(max_jobs=EVENTS, logging_level="WARNING")
        _wait(connected, EVENTS)
        rate = EVENTS / (time.monotonic() - started)
    pool.close()
    queue.connection.close()
    valkey.stop()
    report("relay-valkey", [f"relay -> Valkey -> one worker: {EVENTS} events, {rate:.0f}/s"])
