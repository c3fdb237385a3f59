"""What a draft says otherwise than what is in force, in codes that people know."""

from typing import Any

from routing.rule_sets import changes, rule_content
from tests.routing.cast import rule


def content(*rules: Any, tests: tuple[str, ...] = (), default: str = "MESA") -> dict[str, Any]:
    return {
        "rules": [rule_content(one) for one in rules],
        "tests": [{"code": code} for code in tests],
        "default_agency_code": default,
    }


def test_the_same_says_nothing_in_whatever_order() -> None:
    one, two = rule("A", "OBRAS"), rule("B", "AGUAS")
    assert not changes(content(one, two, tests=("T",)), content(two, one, tests=("T",)))


def test_each_kind_of_change_is_told_by_its_code() -> None:
    found = changes(
        content(rule("A", "OBRAS"), rule("B", "AGUAS"), rule("C", "AGUAS"), tests=("T1", "T2")),
        content(rule("A", "PARQUES"), rule("B", "AGUAS"), rule("D", "AGUAS"), tests=("T2", "T3"), default="OBRAS"),
    )
    assert (found.added, found.changed, found.removed) == (("D",), ("A",), ("C",))
    assert (found.tests_removed, found.default_agency_code) == (("T1",), "OBRAS")
    assert found
