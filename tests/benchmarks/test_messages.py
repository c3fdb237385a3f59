"""Fifty messages a second, by SMS and WhatsApp, into a whole demo: what is kept, what is answered, how long the provider waits.

ATIENDE_BENCH_SECONDS says for how long, ATIENDE_BENCH_RATE how many a second. Calls are made when they are due, whether or not
those before them were answered. Whatever is not answered when the last call was made is waited for as long again.
"""

import http.client
import itertools
import os
import statistics
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest

from channels.standin.ledger import Ledger
from channels.standin.network import new_sid
from tests.benchmarks.report import report
from tests.benchmarks.servers import cpu_s
from tests.faults.calls import Call, Provider, rows
from tests.running import PARTS, RunningDemo, running_demo, wait_for

SECONDS = float(os.environ.get("ATIENDE_BENCH_SECONDS", "600"))
RATE = float(os.environ.get("ATIENDE_BENCH_RATE", "50"))
THREADS = 64
# How long somebody takes to write again.
WRITES_AGAIN_AFTER_S = 10

KEPT = """
    SELECT count(*), count(DISTINCT provider_message_id) FROM message
    WHERE direction = 'inbound' AND provider_message_id = ANY(%s)
"""
UNANSWERED = "SELECT count(*) FROM message WHERE direction = 'inbound' AND status = 'received'"
DELAYS = """
    SELECT extract(epoch FROM min(answer.at) - told.at) * 1000 FROM message AS told JOIN message AS answer
    ON answer.conversation_id = told.conversation_id AND answer.direction = 'outbound' AND answer.seq > told.seq
    WHERE told.provider_message_id = ANY(%s) GROUP BY told.id, told.at
"""
DOUBLED = """
    SELECT count(*) FROM (
        SELECT 1 FROM message GROUP BY conversation_id
        HAVING count(*) FILTER (WHERE direction = 'outbound' AND author_kind = 'dialogue')
            > count(*) FILTER (WHERE direction = 'inbound')
    ) AS thread
"""
OUTBOUND = "SELECT status, count(*) FROM message WHERE direction = 'outbound' GROUP BY status ORDER BY status"


@pytest.fixture
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo(tmp_path_factory.mktemp("bench")) as demo:
        yield demo


def residents(provider: Provider) -> Iterator[Call]:
    """First messages, whole reports, answers and questions about them, from ever new people, each of whom writes twice."""
    place = provider.demo.facts["open311"]["sample_address"]
    leak = f"Hay una fuga de agua en {place}"
    scripts = itertools.cycle(
        [("Hola", leak), (leak, "gracias"), ("hay un bache enorme", place), (leak, "¿cómo va mi reporte?")]
    )
    channels = itertools.cycle(["sms", "whatsapp", "sms", "whatsapp", "sms"])
    waiting: list[Call] = []
    ahead = int(RATE * WRITES_AGAIN_AFTER_S / 2)
    for number in itertools.count():
        channel, (first, second) = next(channels), next(scripts)
        phone = f"+52{5_580_000_000 + number}"
        waiting.append(provider.text(channel, phone, second))
        yield provider.text(channel, phone, first)
        if len(waiting) > ahead:
            yield waiting.pop(0)


def introduce(demo: RunningDemo, calls: Sequence[Call]) -> None:
    """The stand-in knows whoever writes by WhatsApp, as the network would: it takes no answer to somebody who never wrote."""
    ledger, now = Ledger(demo.folder / "data" / "standin" / "state.sqlite3"), time.time()
    with ledger.together():
        for sender in {call.content["From"] for call in calls if call.channel == "whatsapp"}:
            phone, number = sender.removeprefix("whatsapp:"), str(demo.facts["whatsapp"]["number"])
            ledger.add_text(new_sid(), "inbound", phone, number, "Hola", status="received", at=now, channel="whatsapp")
    ledger.close()


class Poster:
    """Calls by keep-alive connections, one a thread, at the times they are due."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.taken_ms: list[float] = []
        self.by_minute: defaultdict[int, list[float]] = defaultdict(list)
        self.late_ms: list[float] = []
        self.begun_at: dict[str, float] = {}
        self.answers: Counter[str] = Counter()
        self._start = 0.0
        self._local = threading.local()
        self._opened: list[http.client.HTTPConnection] = []
        self._host = urlsplit(provider.url("sms")).netloc

    def run(self, calls: Sequence[Call]) -> None:
        start = self._start = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            for number, call in enumerate(calls):
                due = start + number / RATE
                time.sleep(max(0.0, due - time.perf_counter()))
                pool.submit(self._post, call, due)
        for connection in self._opened:
            connection.close()

    def _post(self, call: Call, due: float) -> None:
        body = urlencode(call.content)
        headers = self.provider.headers(call) | {"Content-Type": "application/x-www-form-urlencoded"}
        started = self.begun_at[call.key] = time.perf_counter()
        answer = self._ask(urlsplit(self.provider.url(call.channel)).path, body, headers)
        while answer != "200":  # as a provider would, and the time counts on
            self.answers[answer] += 1
            if time.perf_counter() > started + 60:
                return
            time.sleep(0.5)
            answer = self._ask(urlsplit(self.provider.url(call.channel)).path, body, headers)
        self.answers["200"] += 1
        self.taken_ms.append((time.perf_counter() - started) * 1000)
        self.by_minute[int((due - self._start) // 60)].append(self.taken_ms[-1])
        self.late_ms.append((started - due) * 1000)

    def _ask(self, path: str, body: str, headers: dict[str, str]) -> str:
        if getattr(self._local, "connection", None) is None:
            self._local.connection = http.client.HTTPConnection(self._host, timeout=15)
            self._opened.append(self._local.connection)
        try:
            self._local.connection.request("POST", path, body, headers)
            response = self._local.connection.getresponse()
            response.read()
            return str(response.status)
        except OSError as error:
            self._local.connection.close()
            self._local.connection = None
            return type(error).__name__


def processor_s(demo: RunningDemo) -> dict[str, float]:
    """Processor seconds of each part so far; of PostgreSQL all its processes."""
    spent = {}
    for part in PARTS:
        pid = demo.pid(part)
        assert pid is not None, part
        pids = [pid]
        if part == "postgres":
            pids += [
                int(one)
                for task in Path(f"/proc/{pid}/task").iterdir()
                for one in (task / "children").read_text().split()
            ]
        spent[part] = cpu_s(pids)
    return spent


def p99(values: Sequence[float]) -> float:
    return sorted(values)[int(len(values) * 0.99)]


def by_minute(poster: Poster) -> str:
    return ", ".join(f"{p99(taken):,.0f}" for _, taken in sorted(poster.by_minute.items()))


def percentiles(values: Sequence[float]) -> str:
    ordered = sorted(values)
    if not ordered:
        return "none"
    at = [statistics.median(ordered), ordered[int(len(ordered) * 0.95)], ordered[int(len(ordered) * 0.99)], ordered[-1]]
    return "p50 {:,.0f} ms, p95 {:,.0f} ms, p99 {:,.0f} ms, worst {:,.0f} ms".format(*at)


@pytest.mark.benchmark
@pytest.mark.timeout(int(SECONDS * 3 + 600))
def test_messages(demo: RunningDemo) -> None:
    provider = Provider(demo)
    calls = list(itertools.islice(residents(provider), int(RATE * SECONDS)))
    warm = [provider.text(channel, "+525599990001", "Hola") for channel in ("sms", "whatsapp")]
    introduce(demo, [*calls, *warm])
    for call in warm:
        provider.deliver(call)
    wait_for(lambda: rows(demo, UNANSWERED) == [(0,)], 60, "the worker to have begun")

    poster = Poster(provider)
    before, started = processor_s(demo), time.monotonic()
    poster.run(calls)
    sent_s = time.monotonic() - started
    behind = rows(demo, UNANSWERED)[0][0]
    while rows(demo, UNANSWERED)[0][0] and time.monotonic() < started + sent_s + SECONDS:
        time.sleep(1)
    drained_s = time.monotonic() - started - sent_s
    spent = {part: after - before[part] for part, after in processor_s(demo).items()}

    keys = [call.key for call in calls]
    ((kept, distinct),) = rows(demo, KEPT, keys)
    delays = [float(row[0]) for row in rows(demo, DELAYS, keys)]
    unanswered = rows(demo, UNANSWERED)[0][0]
    answered = kept - unanswered
    each = ", ".join(f"{part} {seconds / max(len(calls), 1) * 1000:.1f}" for part, seconds in spent.items())
    minutes = by_minute(poster)
    report(
        "messages",
        [
            f"{RATE:.0f} messages a second for {SECONDS:.0f} s, SMS and WhatsApp, all processes and the caller on this machine",
            f"sent {len(calls):,}, kept {kept:,}, lost {len(calls) - distinct:,}, twice {kept - distinct:,}; "
            f"threads with more answers than messages {rows(demo, DOUBLED)[0][0]}",
            f"webhook: {percentiles(poster.taken_ms)}; answers {dict(poster.answers)}",
            f"webhook p99 minute by minute: {minutes} ms",
            f"calls begun late by: {percentiles(poster.late_ms)}",
            f"answered {answered:,}, {behind:,} still to do after the last call, {unanswered:,} after {drained_s:.0f} s more "
            f"({answered / (sent_s + drained_s):.1f} answered a second)",
            f"reply queued after: {percentiles(delays)}",
            f"processor ms a message (those unanswered included): {each}",
            f"what goes out: {', '.join(f'{status} {count:,}' for status, count in rows(demo, OUTBOUND))}",
        ],
    )
    provider.client.close()
    assert distinct == kept == len(calls)
