"""Mistakes in the text of rules, each at its line."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intake.city_folder import rule_text
from routing.conditions import WEEKDAYS, Capacity, Hours
from routing.values import Rule

CITIES = Path(__file__).resolve().parents[3] / "cities"
GOOD = '[[rule]]\ncode = "A"\npriority = 5\nagency = "X"\n[rule.reason]\nes = "x"\nen = "x"\n'


def test_good_rules_have_none() -> None:
    rules, mistakes = rule_text.read(GOOD)
    assert ([rule.code for rule in rules], mistakes) == (["A"], [])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GOOD.replace("priority = 5", 'priority = "x"'), 3),
        (GOOD + "\n" + GOOD.replace('agency = "X"', "agency = 1"), 12),
        (GOOD + "\n" + GOOD.replace('agency = "X"\n', ""), 9),
        (GOOD.replace('es = "x"\n', ""), 5),
        (GOOD.replace("priority = 5", "priority = "), 3),
        ("rule = 5", 1),
        ("[[rule]", 1),
        (GOOD + '\n[[rule]]\ncode = "B\n', 10),
    ],
)
def test_a_mistake_has_its_line(text: str, line: int) -> None:
    _, mistakes = rule_text.read(text)
    assert mistakes[0].line == line
    assert mistakes[0].public_text("es")
    assert mistakes[0].public_text("en") != mistakes[0].public_text("es")


CODES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).map(lambda code: f"A{code}Z")
TEXTS = st.fixed_dictionaries({"es": CODES, "en": CODES}, optional={"pt-BR": CODES})
MINUTES = st.integers(0, 24 * 60 - 1)
HOURS = st.builds(
    Hours,
    st.sets(st.sampled_from(WEEKDAYS), min_size=1).map(frozenset),
    MINUTES,
    MINUTES | st.just(24 * 60),
)


@st.composite
def every_rule(draw: st.DrawFn) -> Rule:
    """Any rule that the rule language can say."""
    subject = draw(st.sampled_from(["service_code", "service_group", None]))
    values: dict[str, object] = {subject: draw(CODES)} if subject else {}
    if draw(st.booleans()):
        values["layer_key"] = draw(CODES)
        values["area_codes"] = draw(st.frozensets(CODES | st.just("*"), min_size=1, max_size=3))
        values["tolerance_m"] = draw(st.none() | st.floats(0.0, 200.0, exclude_min=True) | st.just(25.0))
    return Rule(
        code=draw(CODES),
        priority=draw(st.integers(-5, 10**6)),
        agency_code=draw(CODES),
        reason=draw(TEXTS),
        valid_from=draw(st.dates(max_value=date(2100, 1, 1))),
        valid_to=draw(st.none() | st.dates(min_value=date(2100, 1, 2))),
        answers=draw(
            st.none() | st.dictionaries(CODES, st.frozensets(st.text(max_size=5), min_size=1), min_size=1, max_size=2)
        ),
        hours=draw(st.none() | st.lists(HOURS, min_size=1, max_size=2).map(tuple)),
        capacity=draw(st.none() | st.builds(Capacity, st.integers(1, 10**6), CODES)),
        question=draw(st.none() | TEXTS),
        **values,  # type: ignore[arg-type]
    )


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(every_rule(), max_size=3))
def test_written_rules_are_read_as_they_were(rules: list[Rule]) -> None:
    found, mistakes = rule_text.read(rule_text.write(rules))
    assert (list(found), mistakes) == (rules, [])


def test_every_key_is_written_in_words_that_people_use() -> None:
    rule = Rule(
        "VIA-1",
        5,
        "OBRAS",
        {"es": "Es vía primaria.", "en": "It is a primary road."},
        date(2026, 1, 1),
        layer_key="road",
        area_codes=frozenset("*"),
        tolerance_m=25.0,
        answers={"TAMANO": frozenset(["grande"])},
        hours=(Hours(frozenset(["fri"]), 22 * 60, 6 * 60), Hours(frozenset(WEEKDAYS), 0, 60)),
        capacity=Capacity(400, "ALC"),
        question={"es": "¿En {a}?", "en": "In {a}?"},
    )
    assert (
        rule_text.write([rule])
        == """[[rule]]
code = "VIA-1"
priority = 5
layer = "road"
areas = ["*"]
tolerance_m = 25
answers = { TAMANO = ["grande"] }
hours = [{ days = ["fri"], from = "22:00", to = "06:00" }, { from = "00:00", to = "01:00" }]
agency = "OBRAS"
capacity = { open_limit = 400, agency = "ALC" }
valid_from = 2026-01-01
[rule.reason]
es = "Es vía primaria."
en = "It is a primary road."
[rule.question]
es = "¿En {a}?"
en = "In {a}?"
"""
    )


@pytest.mark.parametrize("city", ["jacaranda", "encinos", "cdmx"])
def test_the_rules_of_a_city_are_written_whole(city: str) -> None:
    rules, mistakes = rule_text.read((CITIES / city / "rules.toml").read_text(encoding="utf-8"))
    assert rules
    assert mistakes == []
    assert rule_text.read(rule_text.write(rules)) == (rules, [])


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_at_one_of_its_lines(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    _, mistakes = rule_text.read(text)
    assert all(1 <= mistake.line <= max(len(text.splitlines()), 1) for mistake in mistakes)
