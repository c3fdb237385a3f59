"""How long a commit takes to reach 200 open consoles, and 1,000, through one listening connection."""

import asyncio
import statistics
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from kernel import outbox
from kernel.listener import connection_string
from kernel.live import LiveFeed, Subscription
from tests.benchmarks.report import report

EVENTS = 50


async def _read(reader: Subscription, delays_ms: list[float]) -> None:
    async for batch in reader:
        delays_ms += [(time.monotonic_ns() - int(event["sent_ns"])) / 1e6 for event in batch.events]


def _record(engine: Engine) -> None:
    with Session(engine) as session:
        outbox.record(session, "thing.happened", at=datetime.now(UTC), sent_ns=time.monotonic_ns())
        session.commit()


async def _measure(engine: Engine, consoles: int) -> list[float]:
    feed, delays_ms = LiveFeed(), list[float]()
    feed.start(connection_string(engine))
    await asyncio.sleep(0.5)
    readers = [asyncio.create_task(_read(feed.subscribe(), delays_ms)) for _ in range(consoles)]
    for _ in range(EVENTS):
        await asyncio.to_thread(_record, engine)
        await asyncio.sleep(0.02)
    deadline = time.monotonic() + 20
    while len(delays_ms) < consoles * EVENTS and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    feed.close()
    await asyncio.gather(*readers)
    await asyncio.to_thread(feed.join)
    return delays_ms


@pytest.mark.benchmark
@pytest.mark.parametrize("consoles", [200, 1000])
def test_commit_to_console(engine: Engine, consoles: int) -> None:
    delays_ms = asyncio.run(_measure(engine, consoles))
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE outbox_event, outbox_delivery"))
    assert len(delays_ms) == consoles * EVENTS
    median, p99 = statistics.median(delays_ms), statistics.quantiles(delays_ms, n=100)[98]
    report(
        f"live-{consoles}",
        [
            f"{consoles} consoles x {EVENTS} events, from commit to console: median {median:.1f} ms, p99 {p99:.1f} ms,"
            " none lost"
        ],
    )
