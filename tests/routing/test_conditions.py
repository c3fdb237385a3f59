"""Hours and answers: a table of cases, and hours against walking through a week minute by minute."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import InvalidInput
from routing import rule_sets
from routing.conditions import WEEKDAYS, Capacity, Case, Hours, RuleFailed, answered
from routing.decide import choose
from tests.routing.cast import book, rule

ON = date(2026, 11, 19)
NIGHT = Hours.parse({"days": ["fri"], "from": "22:00", "to": "06:00"})


@pytest.mark.parametrize(
    ("weekday", "minute", "expected"),
    [
        (4, 22 * 60, True),
        (4, 22 * 60 - 1, False),
        (5, 0, True),
        (5, 6 * 60 - 1, True),
        (5, 6 * 60, False),
        (4, 3 * 60, False),
        (5, 23 * 60, False),
    ],
)
def test_a_night_belongs_to_the_day_it_starts_on(weekday: int, minute: int, expected: bool) -> None:
    assert NIGHT.holds(weekday, minute) is expected


@given(st.sets(st.sampled_from(WEEKDAYS), min_size=1), st.integers(0, 1439), st.integers(0, 1440))
def test_hours_are_the_minutes_counted_from_their_start(days: set[str], start: int, end: int) -> None:
    hours = Hours(frozenset(days), start, end)
    length = (end - start) if end > start else (end - start + 1440)
    monday = datetime(2026, 11, 16)  # noqa: DTZ001  # a week on the wall
    held = set()
    for number, day in enumerate(WEEKDAYS):
        if day in days:
            first = monday + timedelta(days=number, minutes=start)
            for minute in range(0, length, 7):
                at = first + timedelta(minutes=minute)
                held.add((at.weekday(), at.hour * 60 + at.minute))
                assert hours.holds(at.weekday(), at.hour * 60 + at.minute)
            past = first + timedelta(minutes=length)
            if past.weekday() == (number + 1) % 7 and len(days) == 1 and length < 1440:
                assert not hours.holds(past.weekday(), past.hour * 60 + past.minute)
    assert Hours.parse(hours.as_json()) == hours


@pytest.mark.parametrize(
    "raw",
    [
        {"from": "22:00"},
        {"from": "25:00", "to": "06:00"},
        {"from": "9:60", "to": "10:00"},
        {"from": "24:00", "to": "06:00"},
        {"days": ["vie"], "from": "22:00", "to": "06:00"},
        {"days": [], "from": "22:00", "to": "06:00"},
        {"days": "fri", "from": "22:00", "to": "06:00"},
        {"from": "22:00", "to": "06:00", "until": "x"},
    ],
)
def test_wrong_hours_are_refused(raw: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Hours.parse(raw)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"TAMANO": "grande"}, True),
        ({"TAMANO": "chico"}, False),
        ({}, False),
        ({"TAMANO": ["chico", "grande"]}, True),
        ({"TAMANO": []}, False),
        ({"OTRA": "grande"}, False),
    ],
)
def test_an_attribute_needs_one_of_its_accepted_answers(answers: dict[str, str | list[str]], expected: bool) -> None:
    assert answered({"TAMANO": frozenset(["grande", "mediano"])}, answers) is expected


def test_every_attribute_must_be_answered() -> None:
    wanted = {"A": frozenset("1"), "B": frozenset("2")}
    assert answered(wanted, {"A": "1", "B": "2"})
    assert not answered(wanted, {"A": "1"})


BIG = rule("BIG", "OBRAS", answers={"TAMANO": frozenset(["grande"])})
LATE = rule("LATE", "AGUAS", hours=(NIGHT,))
PLAIN = rule("A-PLAIN", "ALC-W")


@pytest.mark.parametrize(
    ("case", "agency"),
    [
        (Case(), "ALC-W"),
        (Case({"TAMANO": "grande"}), "OBRAS"),
        (Case({"TAMANO": "chico"}), "ALC-W"),
        (Case(clock=(4, 1400)), "AGUAS"),
        (Case(clock=(4, 600)), "ALC-W"),
        # as many conditions: answers are asked before hours
        (Case({"TAMANO": "grande"}, (4, 1400)), "OBRAS"),
    ],
)
def test_rules_with_conditions_come_before_those_without(case: Case, agency: str) -> None:
    for made in (book(PLAIN, BIG, LATE), book(LATE, BIG, PLAIN)):
        assert choose(made, "BACHE", "calles", ON, {}, case=case).agency_code == agency


def test_more_conditions_come_first() -> None:
    both = rule("Z", "PARQUES", answers={"TAMANO": frozenset(["grande"])}, hours=(NIGHT,))
    choice = choose(book(BIG, LATE, both), "BACHE", "calles", ON, {}, case=Case({"TAMANO": "grande"}, (4, 1400)))
    assert choice.agency_code == "PARQUES"


def test_an_agency_that_has_enough_open_passes_to_its_fallback() -> None:
    known = book(rule("R", "OBRAS", capacity=Capacity(100, "AGUAS")))
    for load, agency in ((None, "OBRAS"), (99, "OBRAS"), (100, "AGUAS"), (5000, "AGUAS")):
        case = Case(loads={} if load is None else {"OBRAS": load})
        choice = choose(known, "BACHE", "calles", ON, {}, case=case)
        assert (choice.agency_code, choice.is_full) == (agency, agency == "AGUAS")
    assert known.asked("BACHE", "calles", ON).limits == (("OBRAS", 100),)


def test_a_fallback_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidInput, match="NADIE"):
        book(rule("R", "OBRAS", capacity=Capacity(100, "NADIE")))


@pytest.mark.parametrize(
    ("broken", "case"),
    [
        (rule("R", "OBRAS", answers={"A": None}), Case({"A": "1"})),
        (rule("R", "OBRAS", hours=("22:00",)), Case(clock=(0, 0))),
        (rule("R", "OBRAS", capacity=Capacity(3, "AGUAS")), Case(loads={"OBRAS": None})),  # type: ignore[dict-item]
    ],
)
def test_a_rule_that_fails_says_so_and_is_never_passed_over(broken: Any, case: Case) -> None:
    with pytest.raises(RuleFailed) as failed:
        choose(book(broken, rule("Z", "ALC-W", 200)), "BACHE", "calles", ON, {}, case=case)
    assert failed.value.rule_code == "R"


def test_a_rule_is_kept_whole() -> None:
    full = rule(
        "R",
        "OBRAS",
        layer_key="road",
        area_codes=["VP-1"],
        answers={"B": frozenset(["2", "1"]), "A": frozenset("x")},
        hours=(NIGHT,),
        tolerance_m=12.5,
        capacity=Capacity(7, "AGUAS"),
        question={"es": "¿Está en {a} o en {b}?", "en": "On {a} or on {b}?"},
    )
    kept = rule_sets.rule_content(full)
    assert kept["hours"] == [{"days": ["fri"], "from": "22:00", "to": "06:00"}]
    assert rule_sets._rule(kept) == full
    plain = rule_sets.rule_content(PLAIN)
    assert set(plain) == {
        "code", "priority", "agency_code", "reason", "valid_from", "valid_to", "service_code", "service_group", "layer_key",
        "area_codes",
    }  # fmt: skip
