"""Which version answers on which day."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.bulk import BulkRow, decide_many
from routing.in_force import DatedSet, RulesInForce, answering
from tests.routing.cast import book, layers, rule

DAYS = st.integers(0, 40).map(lambda n: date(2026, 1, 1) + timedelta(days=n))


@given(st.lists(DAYS, min_size=1, max_size=8), DAYS)
def test_the_highest_version_whose_day_has_come_answers(first_days: list[date], day: date) -> None:
    sets = [DatedSet(version, first) for version, first in enumerate(first_days, start=1)]
    kept = answering(sets)
    assert [known.valid_from for known in kept] == sorted({known.valid_from for known in kept})
    rules = RulesInForce(
        tuple(known.valid_from for known in kept), tuple(book(version=known.version) for known in kept)
    )
    due = [known.version for known in sets if known.valid_from <= day]
    assert rules.on(day).version == (max(due) if due else kept[0].version)


def test_an_import_leaves_nothing_to_those_before_it() -> None:
    sets = [DatedSet(1, date.min), DatedSet(2, date(2026, 5, 1)), DatedSet(3, date.min)]
    assert answering(sets) == [DatedSet(3, date.min)]


@pytest.mark.parametrize(
    ("at", "agency"),
    [
        (datetime(2027, 1, 1, 5, 59, tzinfo=UTC), "OBRAS"),  # still 23:59 of the 31st in Mexico City
        (datetime(2027, 1, 1, 6, 0, tzinfo=UTC), "AGUAS"),
    ],
)
def test_the_day_is_the_citys(at: datetime, agency: str) -> None:
    rules = RulesInForce(
        (date.min, date(2027, 1, 1)), (book(rule("A", "OBRAS"), version=1), book(rule("A", "AGUAS"), version=2))
    )
    assert rules.at(at).rules[0].agency_code == agency


def test_rows_of_many_days_are_decided_by_the_rules_of_their_own() -> None:
    old, new = book(rule("A", "OBRAS"), version=1), book(rule("A", "AGUAS"), version=2)
    rules = RulesInForce((date.min, date(2026, 6, 1)), (old, new))
    instants = [datetime(2026, month, 15, tzinfo=UTC) for month in (8, 2, 7, 3)]
    rows = [BulkRow(-99.18, 19.40, "BACHE", "calles", None, at) for at in instants]
    assert [answer.agency_code for answer in rules.decide_many(layers(), rows)] == ["AGUAS", "OBRAS", "AGUAS", "OBRAS"]
    alone = RulesInForce((date.min,), (old,))
    assert alone.decide_many(layers(), rows) == decide_many(old, layers(), rows)
