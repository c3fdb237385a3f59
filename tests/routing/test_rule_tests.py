"""Examples that a rule set must get right."""

from datetime import UTC, datetime

import pytest

from routing.rule_tests import RuleTest, failures, in_lines, run
from tests.routing.cast import EAST_RULE, NOW, WEST_RULE, book, layers, rule

WEST, EAST, AWAY = (-99.18, 19.45), (-99.12, 19.45), (-99.5, 19.4)


def test_a_test_survives_being_kept() -> None:
    test = RuleTest("T-1", "BACHE", "ALC-W", *WEST, "calles", {"B": "x", "A": ["y"]}, NOW, "Av. Uno", "SI-1")
    assert RuleTest.of(test.as_json()) == test
    assert list(test.as_json()["answers"]) == ["A", "B"]
    assert RuleTest.of({"code": "T", "service_code": "B", "expects": "outside"}).at is None


@pytest.mark.parametrize(
    ("expects", "point", "got", "passes"),
    [
        ("ALC-W", WEST, "ALC-W", True),
        ("ALC-E", WEST, "ALC-W", False),
        ("outside", AWAY, "outside", True),
        ("ALC-W", AWAY, "outside", False),
        ("default", EAST, "default", True),
        ("MESA", EAST, "MESA", True),
        ("default", WEST, "ALC-W", False),
        ("MESA", (None, None), "MESA", True),
    ],
)
def test_what_a_test_expects(expects: str, point: tuple[float | None, float | None], got: str, passes: bool) -> None:
    result = run(book(WEST_RULE), layers(), [RuleTest("T", "BACHE", expects, *point, "calles")], NOW)[0]
    assert (result.got, result.passed) == (got, passes)


def test_a_test_may_name_its_own_day() -> None:
    new = rule("E-2", "OBRAS", 50, valid_from=datetime(2027, 1, 1, tzinfo=UTC).date())
    tests = [
        RuleTest("T-1", "BACHE", "ALC-E", *EAST),
        RuleTest("T-2", "BACHE", "OBRAS", *EAST, at=datetime(2027, 1, 5, tzinfo=UTC)),
    ]
    assert not failures(run(book(EAST_RULE, new), layers(), tests, NOW))


def test_failures_are_told_in_a_line_each() -> None:
    tests = [RuleTest("T-1", "BACHE", "ALC-E", *WEST), RuleTest("T-2", "BACHE", "ALC-W", *WEST)]
    failed = failures(run(book(WEST_RULE), layers(), tests, NOW))
    assert in_lines(failed) == "T-1: BACHE -99.18000 19.45000 → ALC-E; ALC-W (W-1)"
