"""Conditional GET and the choice of an encoding: header in, answer out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.open311.freshness import accepts_gzip, entity_tag, is_known

TAG = 'W/"abc"'
MONDAY = "Mon, 16 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("if_none_match", "known"),
    [
        ('W/"abc"', True),
        ('"abc"', True),  # weak comparison: only the opaque part counts
        ("*", True),
        (" * ", True),
        ('"x", W/"abc"', True),
        ('W/"x",W/"abc","y"', True),
        ('"x"', False),
        ('"abcd"', False),
        ("abc", False),
        ('"', False),
        ("", False),
        ('W/"ab', False),
    ],
)
def test_if_none_match(if_none_match: str, known: bool) -> None:
    assert is_known({"if-none-match": if_none_match}, TAG, None) is known


@pytest.mark.parametrize(
    ("since", "known"),
    [
        (MONDAY, True),
        ("Tue, 17 Nov 2026 12:00:00 GMT", True),
        ("Mon, 16 Nov 2026 11:59:59 GMT", False),
        ("Monday", False),
        ("", False),
        ("Mon, 16 Nov 2026 12:00:00", False),
        ("Mon, 16 Nov 99999 12:00:00 GMT", False),
        ("Mon, 99 Nov 2026 12:00:00 GMT", False),
    ],
)
def test_if_modified_since(since: str, known: bool) -> None:
    assert is_known({"if-modified-since": since}, TAG, MONDAY) is known
    assert is_known({"if-modified-since": since}, TAG, None) is False


def test_a_tag_wins_over_a_date() -> None:
    assert is_known({"if-none-match": '"other"', "if-modified-since": MONDAY}, TAG, MONDAY) is False


@given(st.text(), st.text())
def test_no_header_is_too_strange(if_none_match: str, since: str) -> None:
    assert is_known({"if-none-match": if_none_match}, TAG, MONDAY) in (True, False)
    assert is_known({"if-modified-since": since}, TAG, MONDAY) in (True, False)
    assert accepts_gzip(if_none_match) in (True, False)


@given(st.binary(), st.binary())
def test_a_tag_names_a_body(one: bytes, other: bytes) -> None:
    assert (entity_tag(one) == entity_tag(other)) is (one == other)
    assert is_known({"if-none-match": entity_tag(one)}, entity_tag(one), None)


@pytest.mark.parametrize(
    ("accept_encoding", "accepted"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("gzip, deflate, br", True),
        ("br;q=1.0, gzip;q=0.5", True),
        ("br, gzip ; q = 0.001", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("gzip;q=.", False),
        ("identity", False),
        ("x-gzip2", False),
        ("*", False),
        ("", False),
        (None, False),
    ],
)
def test_gzip_is_sent_to_those_who_take_it(accept_encoding: str | None, accepted: bool) -> None:
    assert accepts_gzip(accept_encoding) is accepted
