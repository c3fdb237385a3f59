"""The waiting line: the reference afternoons S1 to S6 with ten seeds against an oracle, the oracle against the formulas."""

import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from intake.distribution import rounds
from kernel import clock, db
from tests.benchmarks.report import report
from tests.factories import CITY, make_city
from tests.intake.distribution import erlang
from tests.intake.distribution.long_lines import Totals, long_fifo, without_chance
from tests.intake.distribution.simulation import (
    CASES,
    Case,
    Database,
    Memory,
    fifo,
    simulate,
)
from tests.intake.distribution.test_at_once import city as city  # the fixture
from tests.intake.distribution.test_at_once import ring, sign_on

pytestmark = pytest.mark.benchmark

SEEDS = range(1, 11)
ITEMS = 60_000
IN_DATABASE = int(os.environ.get("ATIENDE_BENCH_PEOPLE", "2000"))
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
    apart_s: float


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
        max(abs((a or 0) - (b or 0)) for a, b in zip(ours.waited, oracle.waited, strict=True)),
    )


def mean(values: Iterator[float]) -> tuple[float, float]:
    """With its standard error."""
    found = list(values)
    return statistics.mean(found), statistics.stdev(found) / len(found) ** 0.5


def test_distribution_simulation() -> None:
    """The dispatcher's decision gives every single person the wait that the oracle gives them."""
    lines = [
        f"{ITEMS:,} people x {len(SEEDS)} seeds, the first tenth apart; mean ± standard error; the oracle has the same people",
        f"{'case':15}{'n':4}{'SL20':16}{'ASA, s':14}{'gave up, %':12}{'most apart, s':15}{'lost, double, over':20}Jain",
    ]
    with ProcessPoolExecutor(2) as pool:
        jobs = {(case.name, seed): pool.submit(one, case, seed) for case in (*CASES, *IMPATIENT) for seed in SEEDS}
        for case in (*CASES, *IMPATIENT):
            runs = [jobs[case.name, seed].result() for seed in SEEDS]
            lines.append(_line(case, runs))
            assert sum(run.bad for run in runs) == 0
            for run in runs:
                assert run.apart_s < 1e-3
                assert run.sl == run.oracle_sl
                assert run.gave_up == run.oracle_gave_up
                assert run.jain >= 0.95
        delays = [(0.0, 3.0), (0.02, 0.0), (0.05, 0.0)]
        late = [[pool.submit(one, S4, seed, share, answer_s) for seed in SEEDS] for share, answer_s in delays]
        lines.append(
            "S4 when each answers after 3 s, when 2 % and 5 % of offers pass unanswered: SL20 "
            + ", ".join(f"{mean(job.result().sl for job in jobs)[0]:.3f}" for jobs in late)
            + ", none lost, double or over"
        )
        assert sum(job.result().bad for jobs in late for job in jobs) == 0
    report("distribution-simulation", lines)


def test_distribution_database(session: Session) -> None:
    """The dispatcher itself, in the database, with the reference afternoons: each person waits as long as in memory."""
    make_city(session)
    lines = [
        f"{IN_DATABASE:,} people each, in PostgreSQL: rounds, offers, leases, steps; answered after 1 s, an offer of fifty never",
        f"{'case':15}{'n':4}{'SL20':8}{'gave up':9}{'most apart, s':15}{'lost, double, over':20}ms a person",
    ]
    for case in (*CASES, IMPATIENT[0]):
        people = case.people(1, IN_DATABASE, let_pass=0.02)
        quick = simulate(Memory([{}] * case.servers), people, case.servers, answer_s=1.0)
        with session.begin_nested() as apart:
            began = time.perf_counter()
            real = simulate(Database(session, [{}] * case.servers), people, case.servers, answer_s=1.0)
            took = (time.perf_counter() - began) * 1000 / IN_DATABASE
            apart.rollback()
        far = max(abs((a or 0) - (b or 0)) for a, b in zip(real.waited, quick.waited, strict=True))
        bad = real.lost + real.double + real.over_cap
        lines.append(
            f"{case.name:15}{case.servers:<4}{real.service_level():<8.3f}{real.abandoned():<9.3f}{far:<15.6f}{bad:<20}{took:.0f}"
        )
        assert (bad, real.requeued) == (0, quick.requeued)
        assert far < 1e-3
    report("distribution-database", lines)


def _line(case: Case, runs: list[Run]) -> str:
    sl, sl_se = mean(run.sl for run in runs)
    asa, asa_se = mean(run.asa_s for run in runs)
    gave_up, _ = mean(run.gave_up for run in runs)
    bad, jain, apart_s = sum(run.bad for run in runs), min(run.jain for run in runs), max(run.apart_s for run in runs)
    return (
        f"{case.name:15}{case.servers:<4}{f'{sl:.3f} ± {sl_se:.3f}':16}{f'{asa:.1f} ± {asa_se:.1f}':14}{gave_up * 100:<12.2f}"
        f"{apart_s:<15.6f}{bad:<20}{jain:.3f}"
    )


# Of a line that is busy for 97 of 100 seconds each quarter of an hour resembles the next: how many million people it takes
# until the standard error is a third of what is to be told apart; everywhere else `FEW` do.
REPLICATIONS = 32
FEW = 4
PEOPLE = {"S3": 8, "S4": 24, "S5": 44, "S6": 80}
SL_APART, ASA_APART, GAVE_UP_APART = 0.01, 0.05, 0.005


def test_distribution_formulas() -> None:
    """The oracle, played until the standard error allows the judgement, against Erlang C and A."""
    lines = [
        f"the oracle, {REPLICATIONS} replications of each, begun empty, counted from ten relaxation times on",
        "± standard error, both without what is owed to people who by chance came, talked and stayed otherwise than usual",
        f"{'case':15}{'n':4}{'people':>7}  {'SL20':19}{'formula':9}{'ASA, s':17}{'formula':9}{'gave up, %':15}formula",
    ]
    cases = [*CASES, *IMPATIENT]
    with ProcessPoolExecutor(2) as pool:
        jobs = {
            case.name: [pool.submit(_long, case, seed) for seed in range(100, 100 + REPLICATIONS)]
            for case in sorted(cases, key=lambda case: -PEOPLE.get(case.name, FEW))
        }
        verdicts = [_judged(case, [job.result() for job in jobs[case.name]]) for case in cases]
    report("distribution-formulas", [*lines, *(line for line, _ in verdicts)])
    assert [line for line, is_told_apart in verdicts if not is_told_apart] == []


def _long(case: Case, seed: int) -> Totals:
    size = PEOPLE.get(case.name, FEW) * 1_000_000 // REPLICATIONS
    warm_s = 0.0 if case.patience_s < float("inf") else 10 * erlang.relaxation_s(case.load, case.servers, case.aht_s)
    return long_fifo(case, seed, size, warm=int(warm_s * case.per_hour / 3600) + 10_000)


def _judged(case: Case, found: list[Totals]) -> tuple[str, bool]:
    """Its line, and whether service level, wait and who gave up are the formulas' as far as .01, 5 % and half a point.

    The standard errors are to be a third of that at most: else the people are too few to say so.
    """
    chance = [one.chance for one in found]
    sl, sl_se = without_chance([one.within / one.people for one in found], chance)
    asa, asa_se = without_chance([one.waited_s / one.answered for one in found], chance)
    gave_up, up_se = without_chance([1 - one.answered / one.people for one in found], chance)
    if case.patience_s == float("inf"):
        formula_sl = erlang.service_level(case.load, case.servers, case.aht_s, 20)
        formula_asa, formula_up = erlang.mean_wait_s(case.load, case.servers, case.aht_s), 0.0
    else:
        formula_sl, formula_asa = erlang.impatient(case.per_hour, case.servers, case.aht_s, case.patience_s, 20)
        formula_up = erlang.abandoned(case.per_hour, case.servers, case.aht_s, case.patience_s)
    is_known = 3 * sl_se <= SL_APART and 3 * asa_se <= ASA_APART * formula_asa and 3 * up_se <= GAVE_UP_APART
    is_near = abs(sl - formula_sl) <= SL_APART and abs(asa - formula_asa) <= ASA_APART * formula_asa
    people = sum(one.people for one in found)
    told_up = f"{gave_up * 100:.2f} ± {up_se * 100:.2f}"
    return (
        f"{case.name:15}{case.servers:<4}{people / 1e6:>6.0f}M  {f'{sl:.4f} ± {sl_se:.4f}':19}{formula_sl:<9.4f}"
        f"{f'{asa:.2f} ± {asa_se:.2f}':17}{formula_asa:<9.2f}{told_up:15}{formula_up * 100:.2f}",
        is_known and is_near and abs(gave_up - formula_up) <= GAVE_UP_APART,
    )


def test_distribution_rounds(city: Engine) -> None:
    """What one decision costs with 600 operators and a thousand who wait, of whom nobody can be served, and of whom one can."""
    sign_on(600, cap=50)
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
            f"one round, {600} operators, 1,000 who wait: "
            f"median {statistics.median(times):.1f} ms, most {max(times):.1f} ms"
        ],
    )
