"""The reference afternoons, small enough for every run; S1 to S6 with ten seeds: tests/benchmarks/test_distribution.py."""

import statistics
from dataclasses import replace
from random import Random

import pytest
from sqlmodel import Session

from intake.distribution.matching import reserve
from tests.factories import make_city
from tests.intake.distribution import erlang
from tests.intake.distribution.long_lines import long_fifo, without_chance
from tests.intake.distribution.simulation import (
    CASES,
    Case,
    Database,
    Memory,
    Outcome,
    Person,
    fifo,
    simulate,
)

S2, S4 = CASES[1], CASES[3]


def plain(servers: int) -> Memory:
    return Memory([{}] * servers)


def flawless(outcome: Outcome) -> bool:
    return (outcome.lost, outcome.double, outcome.over_cap) == (0, 0, 0)


@pytest.mark.parametrize(
    ("case", "p_wait", "asa_s", "sl"),
    list(
        zip(
            CASES,
            (0.205, 0.175, 0.259, 0.357, 0.437, 0.473),
            (15.9, 12.6, 11.2, 10.0, 10.6, 10.6),
            (0.841, 0.868, 0.837, 0.825, 0.808, 0.806),
            strict=True,
        )
    ),
    ids=lambda value: value.name if isinstance(value, Case) else "",
)
def test_the_formulas_are_the_textbooks(case: Case, p_wait: float, asa_s: float, sl: float) -> None:
    assert erlang.erlang_c(case.load, case.servers) == pytest.approx(p_wait, abs=0.001)
    assert erlang.mean_wait_s(case.load, case.servers, case.aht_s) == pytest.approx(asa_s, abs=0.06)
    assert erlang.service_level(case.load, case.servers, case.aht_s, 20) == pytest.approx(sl, abs=0.001)


def test_giving_up_is_the_textbooks() -> None:
    assert erlang.abandoned(2500, 219, 300, 180) == pytest.approx(0.0115, abs=0.0003)
    assert erlang.abandoned(9000, 600, 300, 120) == pytest.approx(0.2, abs=0.001)


def test_without_delays_it_is_the_oracle_person_by_person() -> None:
    people = S2.people(1, 8_000)
    ours, oracle = simulate(plain(S2.servers), people, S2.servers), fifo(people, S2.servers)
    assert ours.waited == pytest.approx(oracle.waited)
    assert flawless(ours)
    assert ours.jain() >= 0.95
    expected = erlang.service_level(S2.load, S2.servers, S2.aht_s, 20)
    assert ours.service_level() == pytest.approx(expected, abs=0.05)


def test_with_impatience_it_is_the_oracle_too() -> None:
    case = replace(S4, patience_s=180.0)
    people = case.people(2, 8_000)
    ours, oracle = simulate(plain(case.servers), people, case.servers), fifo(people, case.servers)
    assert ours.abandoned() == pytest.approx(oracle.abandoned(), abs=0.005)
    assert ours.service_level() == pytest.approx(oracle.service_level(), abs=0.01)
    assert flawless(ours)


def test_what_answering_late_costs_is_what_it_must_cost() -> None:
    people = S2.people(3, 4_000)
    ours = simulate(plain(S2.servers), people, S2.servers, answer_s=3.0)
    oracle = fifo(people, S2.servers, answer_s=3.0)
    assert ours.waited == pytest.approx(oracle.waited)
    assert flawless(ours)


def test_offers_that_nobody_answers_lose_nobody() -> None:
    people = S2.people(4, 4_000, let_pass=0.05)
    ours = simulate(plain(S2.servers), people, S2.servers)
    assert flawless(ours)
    assert ours.requeued > 100
    assert ours.service_level() < simulate(plain(S2.servers), S2.people(4, 4_000), S2.servers).service_level()


@pytest.mark.database
def test_the_database_plays_the_same_afternoon(session: Session) -> None:
    """The real path: the same people at the same times get the same operators' attention as in memory."""
    make_city(session)
    case = Case("small", 100, 240, 8, patience_s=120)
    people = [
        replace(person, kind="text" if number % 5 == 4 else "voice", priority=int(number % 7 == 0))
        for number, person in enumerate(case.people(5, 120, let_pass=0.05))
    ]
    skills = [{"agua": 1} if number == 0 else {} for number in range(case.servers)]
    real = simulate(Database(session, skills), people, case.servers, answer_s=2.0)
    quick = simulate(Memory(skills), people, case.servers, answer_s=2.0)
    assert flawless(real)
    assert real.waited == pytest.approx(quick.waited, abs=1e-3)
    assert real.requeued == quick.requeued > 0


def test_no_priority_starves_another() -> None:
    case = replace(S4, patience_s=120.0, per_hour=3000.0)
    draw = Random(6)
    people = [replace(person, priority=draw.choice((0, 0, 0, 1))) for person in case.people(6, 9_000)]
    ours = simulate(plain(case.servers), people, case.servers)
    assert flawless(ours)
    urgent = ours.percentile_s(0.99, lambda person: person.priority == 1)
    common = ours.percentile_s(0.99, lambda person: person.priority == 0)
    assert urgent < 20
    assert common < 300


def test_threads_leave_somebody_for_a_call() -> None:
    """Blended operators: four threads fill one, and a call needs a whole one."""
    draw = Random(7)
    servers, people, at = 60, list[Person](), 0.0
    for _ in range(9_000):
        at += draw.expovariate(900 / 3600)
        is_call = draw.random() < 0.5
        people.append(Person(at, draw.expovariate(1 / (240 if is_call else 480)), kind="voice" if is_call else "text"))
    wise = simulate(Memory([{}] * servers, kept_free=reserve(servers, has_calls=True)), people, servers)
    blind = simulate(Memory([{}] * servers), people, servers)

    def calls(outcome: Outcome) -> float:
        return outcome.service_level(lambda person: person.kind == "voice")

    assert flawless(wise)
    assert calls(wise) > calls(blind) + 0.1
    assert wise.service_level(lambda person: person.kind == "text") > 0.99
    assert wise.jain() >= 0.9


def surging(is_apart: bool) -> Outcome:
    """Five times the calls of one topic for two hours; apart: in a line of their own with temporary skills."""
    case, draw = Case("surge", 500, 300, 59), Random(8)
    usual = case.people(8, 2_000)
    storm, at = list[Person](), 3600.0
    while at < 3600.0 * 3:
        at += draw.expovariate(625 / 3600)
        storm.append(Person(at, draw.expovariate(1 / 300), 600.0, skills=frozenset({"fuel"} if is_apart else ())))
    people = sorted([*usual, *storm], key=lambda person: person.at)
    marked = [replace(person, priority=0) for person in people]
    return simulate(Memory([{"fuel": 1} if number < 6 else {} for number in range(59)]), marked, 59)


def test_a_surge_in_a_line_of_its_own_leaves_the_others_alone() -> None:
    calm = simulate(
        Memory([{"fuel": 1} if n < 6 else {} for n in range(59)]), Case("surge", 500, 300, 59).people(8, 2_000), 59
    )
    apart, together = surging(is_apart=True), surging(is_apart=False)
    assert flawless(apart)
    usual = apart.service_level(lambda person: not person.skills)
    assert calm.service_level() - usual < 0.05
    assert together.service_level(lambda person: person.patience_s == float("inf")) < 0.6


@pytest.mark.parametrize("servers", [0, 1])
def test_a_room_with_one_or_nobody(servers: int) -> None:
    people = [Person(float(at), 30.0, 200.0) for at in range(0, 600, 20)]
    ours = simulate(plain(servers), people, servers)
    assert flawless(ours)
    assert (ours.abandoned() == 1) == (servers == 0)


def test_one_with_a_rare_skill_and_everybody_at_the_same_instant() -> None:
    rare = frozenset({"lsm"})
    people = [Person(0.0, 60.0, skills=rare if number % 5 == 0 else frozenset()) for number in range(50)]
    ours = simulate(Memory([{"lsm": 1}, *[{}] * 4]), people, 5)
    assert flawless(ours)
    # Ten with the rare need, one who can: the tenth waits for nine, and the others never take that one first.
    assert max(wait for wait in ours.waited if wait is not None) == pytest.approx(600.0, abs=61)


def test_giving_up_is_the_textbooks_for_who_is_answered_too() -> None:
    """Against the birth and death of everybody: who is answered and who gives up are all who come."""
    level, wait_s = erlang.impatient(2500, 219, 300, 180, 100)
    assert level == pytest.approx(1 - erlang.abandoned(2500, 219, 300, 180), abs=1e-6)
    assert wait_s > 0
    # Hardly anybody gives up: the same as waiting for ever.
    level, wait_s = erlang.impatient(100, 10, 240, 1e7, 20)
    assert level == pytest.approx(erlang.service_level(100 * 240 / 3600, 10, 240, 20), abs=1e-3)
    assert wait_s == pytest.approx(erlang.mean_wait_s(100 * 240 / 3600, 10, 240), rel=1e-3)


@pytest.mark.parametrize("case", [S2, replace(S4, patience_s=180.0)], ids=["C", "A"])
def test_the_long_line_is_the_formulas(case: Case) -> None:
    totals = long_fifo(case, 1, 60_000, warm=5_000)
    level = totals.within / totals.people
    expected = (
        erlang.service_level(case.load, case.servers, case.aht_s, 20)
        if case is S2
        else erlang.impatient(case.per_hour, case.servers, case.aht_s, case.patience_s, 20)[0]
    )
    assert level == pytest.approx(expected, abs=0.03)


def test_what_is_owed_to_unusual_people_is_taken_out() -> None:
    """Many short afternoons of one line: their own errors tell of the people's, and less is left of them."""
    afternoons = [long_fifo(S2, seed, 4_000, warm=500) for seed in range(100)]
    shares = [one.within / one.people for one in afternoons]
    assert all(abs(part) < 0.1 for one in afternoons for part in one.chance)
    _, error = without_chance(shares, [one.chance for one in afternoons])
    assert 0 < error < 0.8 * statistics.stdev(shares) / len(shares) ** 0.5
    # What is owed to nothing else is known exactly.
    owed = [7.0 - 30 * one.chance[0] + 50 * one.chance[1] for one in afternoons]
    assert without_chance(owed, [one.chance for one in afternoons]) == pytest.approx((7.0, 0.0), abs=1e-9)
