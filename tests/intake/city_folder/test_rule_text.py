"""Mistakes in the text of rules, each at its line."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.city_folder import rule_text
from routing.values import Rule

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
    ],
)
def test_a_mistake_has_its_line(text: str, line: int) -> None:
    _, mistakes = rule_text.read(text)
    assert mistakes[0].line == line
    assert mistakes[0].public_text("es")
    assert mistakes[0].public_text("en")


@given(
    st.lists(
        st.builds(
            Rule,
            code=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).map(
                lambda code: f"A{code}Z"
            ),
            priority=st.integers(0, 500),
            agency_code=st.just("X"),
            reason=st.just({"es": 'por "esto"', "en": "x\\y"}),
            valid_from=st.just(date(2026, 1, 1)),
            valid_to=st.sampled_from([None, date(2027, 1, 1)]),
            service_code=st.sampled_from([None, "BACHE"]),
            layer_key=st.just("district"),
            area_codes=st.sets(st.sampled_from("NSEW"), min_size=1).map(frozenset),
        ),
        max_size=4,
    )
)
def test_written_rules_are_read_as_they_were(rules: list[Rule]) -> None:
    found, mistakes = rule_text.read(rule_text.write(rules))
    assert (list(found), mistakes) == (rules, [])


def test_what_the_text_cannot_say_is_not_written() -> None:
    rule = Rule("A", 1, "X", {"es": "x"}, date(2026, 1, 1), answers={"TIPO": frozenset(["a"])})
    assert rule_text.write([rule]) == ""


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_at_one_of_its_lines(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    _, mistakes = rule_text.read(text)
    assert all(1 <= mistake.line <= max(len(text.splitlines()), 1) for mistake in mistakes)
