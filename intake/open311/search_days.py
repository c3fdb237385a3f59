"""Searches by words, read a few days at a time from the end where the page begins. Pure.

The database keeps the words of each day apart (`public_search_days`), so that a search costs what it finds and not what the
whole history holds of a word. How often a word is used shows in the first day.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from intake.open311.filters import Span
from intake.open311.projection import Row

_FIRST_DAY = date(2000, 1, 1)
_MOMENT = timedelta(microseconds=1)
_FIRST, _MARGIN = timedelta(days=1), timedelta(hours=6)
_MORE_THAN_LIKELY = 1.5
# Of a page that a day fills to less than this the rest of the window holds little: it is read at once.
_FEW = 8


def tsquery_of_days(words: tuple[str, ...], span: Span) -> str:
    """PostgreSQL's tsquery for rows of these days with all of the words, which hold letters and digits, each as a beginning."""
    first, last = ((at.astimezone(UTC).date() - _FIRST_DAY).days for at in (span.since, span.until - _MOMENT))
    days = range(first, max(first, last) + 1)
    return " & ".join("(" + " | ".join(f"'{day}:{word}':*" for day in days) + ")" for word in words)


def read_by_days(
    window: Span, *, is_newest_first: bool, wanted: int, read: Callable[[Span, int], list[Row]]
) -> list[Row]:
    """`wanted` rows of the window in its order, or all there are.

    read: the first rows of a part of the window, at most as many as asked for, in the same order.
    """
    rows: list[Row] = []
    left, width = window, _FIRST
    while len(rows) < wanted and left.since < left.until:
        part, left = _cut(left, width, is_newest_first)
        rows += read(part, wanted - len(rows))
        passed = (window.until - window.since) - (left.until - left.since)
        if len(rows) * _FEW < wanted:
            width = left.until - left.since
        else:
            width = passed * ((wanted - len(rows)) / len(rows) * _MORE_THAN_LIKELY) + _MARGIN
    return rows


def _cut(span: Span, width: timedelta, is_newest_first: bool) -> tuple[Span, Span]:
    """The part of the span to read first, and the rest."""
    if is_newest_first:
        edge = max(span.since, span.until - width)
        return Span(edge, span.until), Span(span.since, edge)
    edge = min(span.until, span.since + width)
    return Span(span.since, edge), Span(edge, span.until)


def beyond(window: Span, key: datetime, *, is_newest_first: bool) -> Span:
    """What is left of the window from a row on, that row's own instant included."""
    if is_newest_first:
        return Span(window.since, min(window.until, key + _MOMENT))
    return Span(max(window.since, key), window.until)
