"""From a provider's call to the screens of 200 operators: fifty messages a second into a whole demo, every console open.

What is measured is when the event of a message, which makes the page ask for what it shows, has come to each of them. Before it
begins the city has answered a few: a worker reads the streets of a city once.
ATIENDE_BENCH_CONSOLES says how many there are, ATIENDE_BENCH_SECONDS for how long.
"""

import itertools
import os
import re
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache

import pytest

from tests.benchmarks.report import report
from tests.benchmarks.streams import Streams
from tests.benchmarks.test_messages import (
    RATE,
    UNANSWERED,
    Poster,
    by_minute,
    percentiles,
    processor_s,
    residents,
)
from tests.faults.calls import Provider, rows
from tests.running import PARTS, RunningDemo, running_demo, wait_for

WARM = 40
CONSOLES = int(os.environ.get("ATIENDE_BENCH_CONSOLES", "200"))
SECONDS = float(os.environ.get("ATIENDE_BENCH_SECONDS", "60"))
IDS = "SELECT provider_message_id, id::text FROM message WHERE direction = 'inbound' AND provider_message_id = ANY(%s)"
_TOLD = re.compile(rb'"name":"message\.received"[^}]*"message_id":"([0-9a-f-]+)"')


@lru_cache(maxsize=64)
def _told(received: bytes) -> list[str]:
    return [one.decode() for one in _TOLD.findall(received)]


class Consoles:
    """Streams of signed-in operators: when each heard of each message."""

    def __init__(self, demo: RunningDemo) -> None:
        self.seen: defaultdict[str, list[float]] = defaultdict(list)
        self.resyncs = self._open = 0
        self._streams = Streams(demo)

    def __enter__(self) -> "Consoles":
        self._streams.start([self._read] * CONSOLES)
        wait_for(lambda: self._open == CONSOLES, 120, "the consoles")
        return self

    def __exit__(self, *_: object) -> None:
        self._streams.stop()

    async def _read(self) -> None:
        reader, writer = await self._streams.open()
        self._open += 1
        try:
            while received := await reader.read(65_536):
                at = time.perf_counter()
                self.resyncs += received.count(b'"resync"')
                for message_id in _told(received):
                    self.seen[message_id].append(at)
        finally:
            writer.close()


@pytest.fixture
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo(tmp_path_factory.mktemp("bench")) as demo:
        yield demo


@pytest.mark.benchmark
@pytest.mark.timeout(int(SECONDS * 3 + 600))
def test_messages_to_consoles(demo: RunningDemo) -> None:
    provider = Provider(demo)
    calls = list(itertools.islice(residents(provider), int(RATE * SECONDS)))
    for number in range(WARM):
        provider.deliver(
            provider.text(("sms", "whatsapp")[number % 2], f"+52559999{number:04}", "Hay una fuga de agua")
        )
    wait_for(lambda: rows(demo, UNANSWERED) == [(0,)], 120, "the first answers")
    poster = Poster(provider)
    with Consoles(demo) as consoles:
        before, ours = processor_s(demo), time.process_time()
        poster.run(calls)
        time.sleep(5)
        ours = time.process_time() - ours
        spent = {part: after - before[part] for part, after in processor_s(demo).items()}
        [(unanswered,)] = rows(demo, UNANSWERED)
    known = dict(rows(demo, IDS, [call.key for call in calls]))
    delays = [
        (at - poster.begun_at[key]) * 1000 for key, message_id in known.items() for at in consoles.seen[message_id]
    ]
    each = ", ".join(f"{part} {spent[part] / max(len(calls), 1) * 1000:.1f}" for part in PARTS)
    report(
        "consoles",
        [
            f"{RATE:.0f} messages a second for {SECONDS:.0f} s, {CONSOLES} consoles, everything on this machine",
            f"kept {len(known):,} of {len(calls):,}; told to consoles {len(delays):,} times of {len(calls) * CONSOLES:,}; "
            f"pages told to look again {consoles.resyncs:,} times",
            f"webhook: {percentiles(poster.taken_ms)}; p99 minute by minute: {by_minute(poster)} ms",
            f"from the call to the console: {percentiles(delays)}",
            f"processor ms a message: {each}; the callers' and consoles' own {ours / len(calls) * 1000:.1f}; "
            f"{unanswered:,} not answered yet then",
        ],
    )
    provider.client.close()
    assert statistics.fmean(len(seen) for seen in consoles.seen.values()) > 0
