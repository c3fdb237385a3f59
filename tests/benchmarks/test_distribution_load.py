"""The waiting line under load: a whole demo, four dispatchers, 600 operators, each with a console of the demo open.

ATIENDE_BENCH_LINE_SECONDS says for how long. People arrive at random, 5,000 an hour, and the operators have in hand from the
first what they would have after hours of it, since talks are as long as they are whenever one looks. What is measured is when
the event of an offer has come to the consoles. Operators answer by the desk's own actions a second after their console heard.
"""

import asyncio
import heapq
import os
import re
import statistics
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import configure_mappers

from intake.distribution import actions
from intake.distribution.matching import reserve
from intake.distribution.values import HEARTBEAT
from kernel import clock, db
from kernel.errors import AtiendeError
from tests.benchmarks.report import report
from tests.benchmarks.servers import cpu_s
from tests.benchmarks.streams import Streams
from tests.benchmarks.test_messages import processor_s
from tests.faults.test_distribution import start
from tests.intake.distribution.desk import who
from tests.intake.distribution.test_at_once import breaches
from tests.journeys.test_sms_to_agency import Console, hidden_fields
from tests.running import PARTS, RunningDemo, running_demo, wait_for

OPERATORS = 600
PER_HOUR = 5_000
SECONDS = float(os.environ.get("ATIENDE_BENCH_LINE_SECONDS", "600"))
DISPATCHERS = 4
ANSWERS_AFTER_S = 1.0
TALK_S = {"voice": 300.0, "text": 600.0}
CALLS = 0.6
BEATS = 100
_OFFERED = re.compile(rb'\{[^}]*"name":"work_item\.offered"[^}]*\}')
_ID = re.compile(rb'"(work_item_id|agent_id|offer_id)":"([0-9a-f-]{36})"')

pytestmark = pytest.mark.benchmark


@lru_cache(maxsize=256)
def _offers(frame: bytes) -> list[dict[str, str]]:
    """The same frame comes to every console."""
    return [{key.decode(): id_.decode() for key, id_ in _ID.findall(event)} for event in _OFFERED.findall(frame)]


class Consoles:
    """A live stream for each operator, opened again when it ends, as browsers do; read in one thread."""

    def __init__(self, demo: RunningDemo, floor: "Floor") -> None:
        self.heard: defaultdict[str, list[float]] = defaultdict(list)
        self.own: dict[str, float] = {}
        self.resyncs = self.reopened = self.open = 0
        self._floor = floor
        self._streams = Streams(demo)
        self._is_over = False

    def __enter__(self) -> "Consoles":
        self._streams.start([partial(self._read, str(who(f"A{one}")), one) for one in range(OPERATORS)])
        wait_for(lambda: self.open == OPERATORS, 120, "the consoles")
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self._streams.stop()

    async def _read(self, agent_id: str, number: int) -> None:
        await asyncio.sleep(number * 0.05)  # nobody's shift begins in the same instant
        retry_s, is_first = 2.0, True
        while not self._is_over:
            reader, writer = await self._streams.open()
            try:
                self.open += is_first
                self.reopened += not is_first
                is_first = False
                # What happened while the line was down: the page asks for it when it is open again.
                await asyncio.to_thread(self._floor.look, agent_id)
                while True:
                    frame = await reader.readuntil(b"\n\n")
                    at = time.time()
                    if b"retry: " in frame:
                        retry_s = int(frame.split(b"retry: ")[1].split()[0]) / 1000
                    self.resyncs += b'"resync"' in frame
                    for offer in _offers(frame) if b"work_item.offered" in frame else ():
                        self.heard[offer["offer_id"]].append(at)
                        if offer["agent_id"] == agent_id:
                            self.own[offer["work_item_id"]] = at
                            self._floor.rings(offer)
            except asyncio.IncompleteReadError:
                await asyncio.sleep(retry_s)
            finally:
                writer.close()


class Floor:
    """The operators: they say that they are there every five seconds, answer what their console tells of, talk and end."""

    def __init__(self, engine: Engine, city: str) -> None:
        self.engine, self.city = engine, city
        self.stop = threading.Event()
        self.rang: dict[str, float] = {}
        self.refused = self.lapsed = 0
        self.epochs = {who(f"A{number}"): 0 for number in range(OPERATORS)}
        self._due: list[tuple[float, str, tuple[UUID, ...]]] = []
        self._seen: set[str] = set()
        self._lock = threading.Lock()
        self._draw = Random(1)

    def open_shifts(self) -> None:
        for number, agent_id in enumerate(self.epochs):
            self._sign_on(agent_id, f"A{number}")

    def _sign_on(self, agent_id: UUID, name: str) -> None:
        with db.transaction() as session:
            agent = actions.sign_on(session, jurisdiction_id=self.city, agent_id=agent_id, name=name, now=clock.now())
            self.epochs[agent_id] = agent.epoch

    def rings(self, offer: dict[str, str]) -> None:
        with self._lock:
            if offer["offer_id"] in self._seen:
                return
            self._seen.add(offer["offer_id"])
        self._plan(ANSWERS_AFTER_S, "accept", UUID(offer["offer_id"]), UUID(offer["agent_id"]))

    def look(self, agent_id: str) -> None:
        with self.engine.connect() as connection:
            for offer_id, item_id in connection.execute(text(_PENDING), {"id": agent_id}):
                self.rings({"offer_id": offer_id, "work_item_id": item_id, "agent_id": agent_id})

    def _plan(self, in_s: float, what: str, *about: UUID) -> None:
        with self._lock:
            heapq.heappush(self._due, (time.monotonic() + in_s, what, about))

    def work(self) -> None:
        while not self.stop.is_set():
            with self._lock:
                due = heapq.heappop(self._due) if self._due and self._due[0][0] <= time.monotonic() else None
            if due is None:
                self.stop.wait(0.02)
                continue
            try:
                self._do(due[1], due[2])
            except AtiendeError:
                self.refused += 1

    def _do(self, what: str, about: tuple[UUID, ...]) -> None:
        with db.transaction() as session:
            if what == "end":
                actions.complete(session, about[0], disposition_code="done", now=clock.now())
                return
            offer_id, agent_id = about
            item = actions.accept(session, offer_id, agent_id=agent_id, epoch=self.epochs[agent_id], now=clock.now())
        self._plan(self._draw.expovariate(1 / TALK_S[item.kind]), "end", item.id)

    def beat(self) -> None:
        while not self.stop.is_set():
            began = time.monotonic()
            for number, (agent_id, epoch) in enumerate(list(self.epochs.items()), start=1):
                try:
                    with db.transaction() as session:
                        actions.heartbeat(session, agent_id, epoch=epoch, now=clock.now())
                except AtiendeError:
                    self.lapsed += 1
                    self._sign_on(agent_id, f"A{number - 1}")
                if self.stop.wait(max(0.0, began + HEARTBEAT.total_seconds() * number / OPERATORS - time.monotonic())):
                    return

    def ring(self, ref: str, draw: Random) -> None:
        kind = "voice" if draw.random() < CALLS else "text"
        with db.transaction() as session:
            item = actions.enqueue(session, jurisdiction_id=self.city, kind=kind, source_ref=ref, now=clock.now())
            self.rang[str(item.id)] = time.time()

    def arrive(self, seconds: float) -> int:
        """People who come at random; as many as the hour has on the average."""
        draw, count = Random(2), 0
        began = at = time.monotonic()
        while (at := at + draw.expovariate(PER_HOUR / 3600)) - began <= seconds:
            time.sleep(max(0.0, at - time.monotonic()))
            self.ring(f"hour:{count}", draw)
            count += 1
        return count

    def fill(self) -> int:
        """As many in hand as there are on the average once the hour goes on, spread as the dispatcher spreads them."""
        hands = list(self.epochs)
        calls = round(PER_HOUR / 3600 * CALLS * TALK_S["voice"])
        threads = round(PER_HOUR / 3600 * (1 - CALLS) * TALK_S["text"])
        others = hands[calls : -reserve(OPERATORS, has_calls=True)]
        for number in range(calls + threads):
            kind = "voice" if number < calls else "text"
            agent_id = hands[number] if number < calls else others[number % len(others)]
            with db.transaction() as session:
                item = actions.enqueue(
                    session, jurisdiction_id=self.city, kind=kind, source_ref=f"before:{number}", now=clock.now()
                )
                actions.claim(session, item.id, agent_id=agent_id, now=clock.now())
            self._plan(self._draw.expovariate(1 / TALK_S[kind]), "end", item.id)
        return calls + threads

    def counted(self, sql: str) -> int:
        with self.engine.connect() as connection:
            return int(connection.scalar(text(sql)) or 0)


_PENDING = "SELECT id::text, work_item_id::text FROM offer WHERE agent_id = cast(:id AS uuid) AND state = 'pending'"
_THERE = "SELECT count(*) FROM agent_session WHERE state = 'available' AND name ~ '^A[0-9]+$'"
_EXPIRED = "SELECT count(*) FROM offer WHERE state = 'expired'"
# From the instant written with who waits to the one written with the first offer, of who found somebody free.
_MATCHED = """
    SELECT offer.id::text, extract(epoch FROM offered_at)::float8, extract(epoch FROM offered_at - enqueued_at)::float8 * 1000
    FROM offer JOIN work_item ON work_item.id = work_item_id WHERE seq = 1 AND source_ref LIKE 'hour:%'
"""


def _at(values: Sequence[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


def _spread(values: Sequence[float]) -> str:
    return f"median {statistics.median(values):.0f}, p99 {_at(values, 0.99):.0f}, most {max(values):,.0f} ms"


@pytest.fixture
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    with running_demo(tmp_path_factory.mktemp("bench")) as demo:
        yield demo


@pytest.fixture
def engine_of_demo(demo: RunningDemo) -> Iterator[Engine]:
    configure_mappers()
    engine = db.make_engine(demo.facts["database_url"])
    db.configure(engine)
    yield engine
    db.configure(None)
    engine.dispose()


def a_beat(demo: RunningDemo) -> str:
    """What one desk's own page costs: every five seconds it says that it is there, and gets what stands on it."""
    client = Console(demo, "operator").client
    fields = hidden_fields(client.get("/consola/atencion").text)
    opened = client.post("/consola/atencion/abrir", data=fields | {"rings": "true"})
    turn = re.search(r"turno=(\d+)", str(opened.url))
    assert turn
    body = {"csrf": fields["csrf"], "turno": turn[1], "contacto": ""}
    for _ in range(10):
        client.post("/consola/atencion/latido", data=body)
    costs = []
    for more, status in (({}, 200), ({"solo": "1"}, 204)):
        before, taken = processor_s(demo), []
        for _ in range(BEATS):
            began = time.perf_counter()
            assert client.post("/consola/atencion/latido", data=body | more).status_code == status
            taken.append((time.perf_counter() - began) * 1000)
        spent = {part: (after - before[part]) / BEATS * 1000 for part, after in processor_s(demo).items()}
        costs.append((statistics.median(taken), spent["web"] + spent["postgres"]))
    client.post("/consola/atencion/estado", data=body | {"state": "offline"})
    client.close()
    (whole, whole_cpu), (brief, brief_cpu) = costs
    all_of_them = (whole_cpu + 2 * brief_cpu) / 3 * OPERATORS / HEARTBEAT.seconds / 1000
    return (
        f"a desk's beat with its page {whole:.1f} ms ({whole_cpu:.1f} ms of a processor, web and PostgreSQL), without "
        f"{brief:.1f} ms ({brief_cpu:.1f}); all {OPERATORS}, one of three with its page: {all_of_them:.2f} processors"
    )


@pytest.mark.timeout(int(SECONDS * 2 + 900))
def test_distribution_load(demo: RunningDemo, engine_of_demo: Engine) -> None:
    engine = engine_of_demo
    with engine.connect() as connection:
        city = str(connection.scalar(text("SELECT id FROM jurisdiction WHERE is_default")))
    beat = a_beat(demo)
    floor = Floor(engine, city)
    # The worker of the demo keeps the first.
    dispatchers: list[subprocess.Popen[bytes]] = [start(engine) for _ in range(DISPATCHERS - 1)]
    threads = [threading.Thread(target=one) for one in (floor.beat, floor.work, floor.work, floor.work)]
    try:
        floor.open_shifts()
        for thread in threads:
            thread.start()
        in_hand = floor.fill()
        with Consoles(demo, floor) as consoles:
            time.sleep(5)
            refused, lapsed, expired = floor.refused, floor.lapsed, floor.counted(_EXPIRED)
            pids = [one.pid for one in dispatchers]
            before, ours, theirs = processor_s(demo), time.process_time(), cpu_s(pids)
            began = time.monotonic()
            count = floor.arrive(SECONDS)
            took = time.monotonic() - began
            spent = {part: (after - before[part]) / took for part, after in processor_s(demo).items()}
            ours, theirs = (time.process_time() - ours) / took, (cpu_s(pids) - theirs) / took
            time.sleep(5)
            refused, lapsed = floor.refused - refused, floor.lapsed - lapsed
            expired = floor.counted(_EXPIRED) - expired
        with engine.connect() as connection:
            rows = connection.execute(text(_MATCHED)).all()
        matched = [row[2] for row in rows]
        told = [(at - offered_at) * 1000 for offer_id, offered_at, _ in rows for at in consoles.heard[offer_id]]
        own = [(at - floor.rang[item_id]) * 1000 for item_id, at in consoles.own.items() if item_id in floor.rang]
        parts = ", ".join(f"{part} {spent[part] * 100:.0f}" for part in PARTS)
        report(
            "distribution-load",
            [
                f"{PER_HOUR:,} an hour for {took:,.0f} s into a whole demo, {OPERATORS} operators with a console each, "
                f"{DISPATCHERS} dispatchers; {CALLS:.0%} calls of 100 points, the others threads of 25",
                f"{count} people came, {in_hand} were in hand before: {len(rows)} offered, {expired} offers let pass, "
                f"{refused} answers refused, {lapsed} desks given up, {floor.counted(_THERE)} of {OPERATORS} still there",
                f"from waiting to offered: {_spread(matched)}",
                f"from offered to each console ({len(told) / max(len(rows), 1) / OPERATORS:.2%} heard): {_spread(told)}",
                f"from before the commit of who waits to the console of whom it is offered to ({len(own)}): {_spread(own)}",
                f"streams opened again {consoles.reopened:,} times, pages told to look again {consoles.resyncs:,} times",
                f"percent of a processor: {parts}, {len(dispatchers)} more dispatchers {theirs * 100:.0f}; "
                f"callers, operators and consoles themselves {ours * 100:.0f}",
                beat,
            ],
        )
        assert breaches(engine) == {}
        assert len(rows) == count
        assert _at(matched, 0.99) <= 250
        assert _at(told, 0.99) <= 1000
        assert _at(own, 0.99) <= 1250
        assert lapsed == 0
    finally:
        floor.stop.set()
        for one in dispatchers:
            one.kill()
            one.wait()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
