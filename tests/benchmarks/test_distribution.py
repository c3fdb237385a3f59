"""The waiting line: the reference afternoons S1 to S6 with ten seeds against formulas and oracle, and the load of an hour."""

import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from random import Random
from typing import NamedTuple
from uuid import UUID

import orjson
import pytest
from sqlalchemy import Engine, text

from intake.distribution import actions
from intake.distribution.values import HEARTBEAT
from kernel import clock, db
from kernel.errors import AtiendeError
from kernel.listener import connection_string, listen
from kernel.outbox import CHANNEL
from tests.benchmarks.report import report
from tests.factories import CITY
from tests.faults.test_distribution import start
from tests.intake.distribution import erlang
from tests.intake.distribution.desk import who
from tests.intake.distribution.simulation import CASES, Case, Memory, fifo, simulate
from tests.intake.distribution.test_at_once import breaches, ring, sign_on
from tests.intake.distribution.test_at_once import city as city  # the fixture
from tests.running import wait_for

pytestmark = pytest.mark.benchmark

SEEDS = range(1, 11)
ITEMS = 60_000
S4 = CASES[3]
IMPATIENT = [
    replace(S4, name="S4, 180 s", patience_s=180.0),
    replace(S4, name="3,000/h, 180 s", per_hour=3000, patience_s=180.0),
    Case("7,500/h, 180 s", 7500, 300, 600, 180.0),
    Case("9,000/h, 120 s", 9000, 300, 600, 120.0),
]


class Run(NamedTuple):
    sl: float
    oracle_sl: float
    asa_s: float
    oracle_asa_s: float
    p_wait: float
    gave_up: float
    oracle_gave_up: float
    bad: int
    jain: float


def one(case: Case, seed: int, let_pass: float = 0.0, answer_s: float = 0.0) -> Run:
    people = case.people(seed, ITEMS, let_pass=let_pass)
    ours = simulate(Memory([{}] * case.servers), people, case.servers, answer_s=answer_s)
    oracle = fifo(people, case.servers, answer_s=answer_s)
    return Run(
        ours.service_level(),
        oracle.service_level(),
        ours.mean_wait_s(),
        oracle.mean_wait_s(),
        ours.waiting_share(),
        ours.abandoned(),
        oracle.abandoned(),
        ours.lost + ours.double + ours.over_cap,
        ours.jain(),
    )


def mean(values: Iterator[float]) -> tuple[float, float]:
    """With its standard error."""
    found = list(values)
    return statistics.mean(found), statistics.stdev(found) / len(found) ** 0.5


def test_distribution_simulation() -> None:
    lines = [
        f"{ITEMS:,} people x {len(SEEDS)} seeds, the first tenth apart; mean ± standard error; the oracle has the same people",
        f"{'':19}{'SL20':28}{'ASA, s':28}{'gave up, %':22}lost, double,",
        f"{'case':15}{'n':4}{'ours':15}{'oracle':7}{'formula':8}{'ours':13}{'oracle':7}{'formula':8}"
        f"{'ours':7}{'oracle':7}{'formula':9}over cap  Jain",
    ]
    with ProcessPoolExecutor(2) as pool:
        jobs = {(case.name, seed): pool.submit(one, case, seed) for case in (*CASES, *IMPATIENT) for seed in SEEDS}
        for case in (*CASES, *IMPATIENT):
            runs = [jobs[case.name, seed].result() for seed in SEEDS]
            lines.append(_line(case, runs))
            assert sum(run.bad for run in runs) == 0
            for run in runs:
                assert abs(run.sl - run.oracle_sl) <= 0.01
                assert abs(run.asa_s - run.oracle_asa_s) <= max(1.0, 0.05 * run.oracle_asa_s)
                assert abs(run.gave_up - run.oracle_gave_up) <= 0.005
                assert run.jain >= 0.95
        delays = [(0.0, 3.0), (0.02, 0.0), (0.05, 0.0)]
        late = [[pool.submit(one, S4, seed, share, answer_s) for seed in SEEDS] for share, answer_s in delays]
        lines.append(
            "  "
            + ", ".join(f"{mean(job.result().sl for job in jobs)[0]:.3f}" for jobs in late)
            + ", none lost, double or over"
        )
        assert sum(job.result().bad for jobs in late for job in jobs) == 0
    report("distribution-simulation", lines)


def _line(case: Case, runs: list[Run]) -> str:
    sl, sl_se = mean(run.sl for run in runs)
    asa, asa_se = mean(run.asa_s for run in runs)
    gave_up, _ = mean(run.gave_up for run in runs)
    oracle_sl, oracle_asa = statistics.mean(r.oracle_sl for r in runs), statistics.mean(r.oracle_asa_s for r in runs)
    oracle_gave_up = statistics.mean(run.oracle_gave_up for run in runs)
    if case.patience_s == float("inf"):
        formula_sl = f"{erlang.service_level(case.load, case.servers, case.aht_s, 20):.3f}"
        formula_asa = f"{erlang.mean_wait_s(case.load, case.servers, case.aht_s):.1f}"
        formula_up = "-"
        assert abs(sl - float(formula_sl)) <= max(0.01, 3 * sl_se)
    else:
        formula_sl = formula_asa = "-"
        formula = erlang.abandoned(case.per_hour, case.servers, case.aht_s, case.patience_s)
        formula_up = f"{formula * 100:.2f}"
        assert abs(gave_up - formula) <= 0.005
    bad, jain = sum(run.bad for run in runs), min(run.jain for run in runs)
    return (
        f"{case.name:15}{case.servers:<4}{f'{sl:.3f} ± {sl_se:.3f}':15}{oracle_sl:<7.3f}{formula_sl:8}"
        f"{f'{asa:.1f} ± {asa_se:.1f}':13}{oracle_asa:<7.1f}{formula_asa:8}"
        f"{gave_up * 100:<7.2f}{oracle_gave_up * 100:<7.2f}{formula_up:9}{bad:<10}{jain:.3f}"
    )


OPERATORS = 600
PER_HOUR = 5_000
MEASURED_S = 90
DISPATCHERS = 4


class Floor:
    """600 desks in some threads of this process: they hear of offers as a console does, answer after a second, talk and end."""

    def __init__(self, engine: Engine, url: str) -> None:
        self.engine = engine
        self.stop, self.heard_first = threading.Event(), threading.Event()
        self.rang: dict[str, float] = {}
        self.matched_ms: list[float] = []
        self.heard_ms: list[float] = []
        self._due: list[tuple[float, str, tuple[object, ...]]] = []
        self._lock = threading.Lock()
        self._draw = Random(1)
        self._url = url
        self.refused = self.lapsed = 0
        self.epochs = [1] * OPERATORS
        self._numbers = {who(f"A{number}"): number for number in range(OPERATORS)}

    def hear(self) -> None:
        """One listening connection, as the live feed of a web process has."""
        for batch in listen(self._url, CHANNEL, self.stop, poll_s=0.5):
            for payload in batch.payloads:
                event, at = orjson.loads(payload), time.monotonic()
                if event["name"] == "work_item.offered":
                    self.heard_first.set()
                    began = self.rang.pop(event["work_item_id"], None)
                    if began is not None:
                        self.heard_ms.append((at - began) * 1000)
                    self._plan(at + 1.0, "accept", (event["offer_id"], event["agent_id"], event["work_item_id"]))

    def _plan(self, at: float, what: str, about: tuple[object, ...]) -> None:
        with self._lock:
            self._due.append((at, what, about))

    def work(self) -> None:
        while not self.stop.wait(0.02):
            now = time.monotonic()
            with self._lock:
                due = [one for one in self._due if one[0] <= now]
                self._due = [one for one in self._due if one[0] > now]
            for _, what, about in due:
                self._do(what, about)

    def _do(self, what: str, about: tuple[object, ...]) -> None:
        try:
            with db.transaction() as session:
                if what == "accept":
                    offer_id, agent_id, item_id = (UUID(str(one)) for one in about)
                    item = actions.accept(
                        session, offer_id, agent_id=agent_id, epoch=self.epoch_of(agent_id), now=clock.now()
                    )
                    talk_s = self._draw.expovariate(1 / (300 if item.kind == "voice" else 600))
                    self._plan(time.monotonic() + talk_s, "end", (item_id,))
                else:
                    actions.complete(session, UUID(str(about[0])), disposition_code="done", now=clock.now())
        except AtiendeError:
            self.refused += 1

    def beat(self) -> None:
        """Every desk says that it is there, each by itself as a browser does."""
        while not self.stop.is_set():
            began = time.monotonic()
            for number in range(OPERATORS):
                if self.stop.is_set():
                    return
                self._say_so(number)
                pause = began + HEARTBEAT.total_seconds() * (number + 1) / OPERATORS - time.monotonic()
                if pause > 0:
                    time.sleep(pause)

    def _say_so(self, number: int) -> None:
        agent_id = who(f"A{number}")
        try:
            with db.transaction() as session:
                actions.heartbeat(session, agent_id, epoch=self.epochs[number], now=clock.now())
        except AtiendeError:
            self.lapsed += 1
            with db.transaction() as session:
                signed_on = actions.sign_on(
                    session, jurisdiction_id=CITY, agent_id=agent_id, name=f"A{number}", now=clock.now()
                )
                self.epochs[number] = signed_on.epoch

    def epoch_of(self, agent_id: UUID) -> int:
        return self.epochs[self._numbers[agent_id]]

    def arrive(self, seconds: float, per_hour: float) -> int:
        draw, count = Random(2), 0
        began = at = time.monotonic()
        while True:
            at += draw.expovariate(per_hour / 3600)
            if at - began > seconds:
                return count
            time.sleep(max(0.0, at - time.monotonic()))
            count += 1
            kind = "voice" if draw.random() < 0.6 else "text"
            with db.transaction() as session:
                item = actions.enqueue(
                    session, jurisdiction_id=CITY, kind=kind, source_ref=f"b:{count}:{at}", now=clock.now()
                )
                self.rang[str(item.id)] = time.monotonic()


def test_distribution_load(city: Engine) -> None:
    """The whole way: who waits is committed, a dispatcher process wakes and offers, a console hears of the offer."""
    with db.transaction() as session:
        ring(session, "warm")
        actions.abandon(session, "warm", why="hang_up", now=clock.now())
    sign_on(OPERATORS)
    floor = Floor(city, connection_string(city))
    dispatchers: list[subprocess.Popen[bytes]] = [start(city) for _ in range(DISPATCHERS)]
    threads = [threading.Thread(target=one) for one in (floor.hear, floor.beat, floor.work, floor.work, floor.work)]
    lines = [
        f"{OPERATORS} operators (a beat every 5 s each), {DISPATCHERS} dispatchers, 60 % calls at 100 points, 40 % threads at 25"
    ]
    try:
        for thread in threads:
            thread.start()
        with db.transaction() as session:
            ring(session, "first")
        wait_for(lambda: floor.heard_first.is_set(), 120, "the dispatchers")
        time.sleep(5)
        for per_hour, seconds in ((PER_HOUR, MEASURED_S), (PER_HOUR * 5, 20)):
            floor.heard_ms.clear()
            count = floor.arrive(seconds, per_hour)
            time.sleep(3)
            with city.connect() as connection:
                waits = connection.scalars(text(_MATCHED), {"n": count}).all()
                staff = connection.scalar(text("SELECT count(*) FROM agent_session WHERE state = 'available'"))
            lines.append(
                f"{per_hour:6,} an hour, {count} in {seconds} s: waiting to offered median {_at(waits, 0.5):.0f} ms, "
                f"p99 {_at(waits, 0.99):.0f} ms; until a console hears median {_at(floor.heard_ms, 0.5):.0f} ms, "
                f"p99 {_at(floor.heard_ms, 0.99):.0f} ms; {len(floor.heard_ms)} heard, {staff} of {OPERATORS} still there"
            )
            if per_hour == PER_HOUR:
                assert len(floor.heard_ms) == count
                assert _at(waits, 0.99) <= 250
                assert _at(floor.heard_ms, 0.99) <= 1000
        assert breaches(city) == {}
        lines.append(f"no invariant broken, {floor.refused} answers refused, {floor.lapsed} desks silent for too long")
    finally:
        floor.stop.set()
        for one in dispatchers:
            one.kill()
            one.wait()
        for thread in threads:
            thread.join()
    report("distribution-load", lines)


# From the instant written with who waits to the one written with the first offer.
_MATCHED = """
    SELECT extract(epoch FROM offered_at - enqueued_at) * 1000 FROM offer JOIN work_item ON work_item.id = work_item_id
    WHERE seq = 1 ORDER BY enqueued_at DESC LIMIT :n
"""


def _at(values: object, share: float) -> float:
    found = sorted(float(value) for value in values)  # type: ignore[attr-defined]  # a sequence of numbers
    return found[int(share * (len(found) - 1))]


def test_distribution_rounds(city: Engine) -> None:
    """What one decision costs with 600 operators and a thousand who wait, of whom nobody can be served, and of whom one can."""
    from intake.distribution import rounds

    sign_on(OPERATORS, cap=50)
    with db.transaction() as session:
        for number in range(1000):
            ring(session, f"call:{number}")
    times = []
    for number in range(60):
        if number == 30:
            with db.transaction() as session:
                ring(session, "thread", "text")
        began = time.perf_counter()
        with db.transaction() as session:
            rounds.play(session, CITY, now=clock.now())
        times.append((time.perf_counter() - began) * 1000)
        with db.transaction() as session:
            session.connection().execute(text("UPDATE agent_session SET lease_until = now() + interval '1 hour'"))
    report(
        "distribution-rounds",
        [
            f"one round, {OPERATORS} operators, 1,000 who wait: "
            f"median {statistics.median(times):.1f} ms, most {max(times):.1f} ms"
        ],
    )
