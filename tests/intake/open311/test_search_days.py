"""Reading by days gives what reading everything gives, whatever the rows and however they are spread."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.open311.filters import Span
from intake.open311.search_days import beyond, read_by_days, tsquery_of_days

END = datetime(2026, 11, 26, 13, 5, 7, tzinfo=UTC)
WINDOW = Span(END - timedelta(days=90), END)

instants = st.lists(st.floats(0, 89.99).map(lambda days: END - timedelta(days=days, microseconds=1)), max_size=300)


class Table:
    """Rows of one instant each, and the parts of the window that somebody asked for."""

    def __init__(self, instants: list[datetime], is_newest_first: bool) -> None:
        self.rows = sorted(instants, reverse=is_newest_first)
        self.asked: list[Span] = []

    def read(self, part: Span, limit: int) -> list[Any]:
        self.asked.append(part)
        return [(at,) for at in self.rows if part.since <= at < part.until][:limit]


@given(instants, st.integers(1, 120), st.booleans())
def test_the_page_is_that_of_the_whole_window(found: list[datetime], wanted: int, is_newest_first: bool) -> None:
    table = Table(found, is_newest_first)
    rows = read_by_days(WINDOW, is_newest_first=is_newest_first, wanted=wanted, read=table.read)
    assert [at for (at,) in rows] == table.rows[:wanted]
    # Each part begins where the one before ended, so that no row is read twice.
    for one, following in pairwise(table.asked):
        assert (one.since == following.until) if is_newest_first else (one.until == following.since)


def test_a_frequent_word_is_read_from_a_day_and_a_rare_one_from_all_the_rest() -> None:
    frequent = Table([END - timedelta(minutes=10 * n) for n in range(1, 9000)], True)
    assert len(read_by_days(WINDOW, is_newest_first=True, wanted=101, read=frequent.read)) == 101
    assert frequent.asked == [Span(END - timedelta(days=1), END)]
    rare = Table([WINDOW.since], True)
    assert len(read_by_days(WINDOW, is_newest_first=True, wanted=101, read=rare.read)) == 1
    assert rare.asked[1:] == [Span(WINDOW.since, END - timedelta(days=1))]


def test_nothing_is_read_of_an_empty_window() -> None:
    table = Table([END], True)
    assert read_by_days(Span(END, END), is_newest_first=True, wanted=5, read=table.read) == []
    assert table.asked == []


@pytest.mark.parametrize(("words", "expected"), [(("hoyo",), "('9825:hoyo':* | '9826:hoyo':*)")])
def test_a_part_asks_for_the_days_it_touches(words: tuple[str, ...], expected: str) -> None:
    midnight = datetime(2026, 11, 27, tzinfo=UTC)
    assert tsquery_of_days(words, Span(midnight - timedelta(days=2), midnight)) == expected
    assert tsquery_of_days(("a", "b"), Span(midnight, midnight + timedelta(hours=1))) == "('9827:a':*) & ('9827:b':*)"


def test_a_cursor_leaves_what_lies_beyond_it_with_its_own_instant() -> None:
    key = END - timedelta(days=3)
    assert beyond(WINDOW, key, is_newest_first=True) == Span(WINDOW.since, key + timedelta(microseconds=1))
    assert beyond(WINDOW, key, is_newest_first=False) == Span(key, WINDOW.until)
    assert beyond(WINDOW, END + timedelta(days=1), is_newest_first=True) == WINDOW
