"""Visitors' tokens: nobody else's opens, none lasts for ever, and what is no token is refused in one way."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.web_chat import tokens
from channels.web_chat.tokens import LIFETIME, Lost, Visitor, issue, name_message, newcomer, read
from tests.factories import CITY, NOW

KEY = b"s" * 32
ANYBODY = newcomer(KEY, CITY, "", now=NOW)

cities = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=60)
instants = st.integers(1_600_000_000, 3_900_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(city=cities, now=instants)
def test_a_token_says_again_who_it_was_made_for(city: str, now: datetime) -> None:
    visitor = newcomer(KEY, city, "", now=now)
    found = read(KEY, issue(KEY, visitor, now=now), now=now)
    assert (found.id, found.city) == (visitor.id, city)
    assert abs(found.issued_at - now) < timedelta(seconds=1)


@given(
    st.text()
    | st.text("ABCabc019-_=", max_size=120)
    | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode())
)
def test_what_is_no_token_is_lost_and_nothing_else(text: str) -> None:
    with pytest.raises(Lost):
        read(KEY, text, now=NOW)


@given(at=st.integers(0, 200), put=st.sampled_from("ABab01-_=+/. é"))
def test_one_letter_changed_and_it_opens_nothing(at: int, put: str) -> None:
    token = issue(KEY, ANYBODY, now=NOW)
    at %= len(token)
    changed = token[:at] + put + token[at + 1 :]
    if changed != token:
        with pytest.raises(Lost):
            read(KEY, changed, now=NOW)


@pytest.mark.parametrize("age", [LIFETIME, LIFETIME * 9, -timedelta(minutes=6)])
def test_it_ends_and_does_not_begin_tomorrow(age: timedelta) -> None:
    token = issue(KEY, ANYBODY, now=NOW)
    with pytest.raises(Lost):
        read(KEY, token, now=NOW + age)


def test_another_installations_token_is_none_of_ours() -> None:
    with pytest.raises(Lost):
        read(b"t" * 32, issue(KEY, ANYBODY, now=NOW), now=NOW)


def test_who_keeps_writing_keeps_the_thread() -> None:
    later = NOW + LIFETIME - timedelta(days=1)
    visitor = read(KEY, issue(KEY, ANYBODY, now=NOW), now=later)
    assert visitor.is_due(later)
    renewed = read(KEY, issue(KEY, visitor, now=later), now=later + timedelta(days=20))
    assert renewed.id == ANYBODY.id
    assert not Visitor(renewed.id, CITY, later).is_due(later + timedelta(hours=1))


def test_two_taps_on_one_page_are_one_newcomer_and_two_pages_are_two() -> None:
    name, other = name_message(KEY, now=NOW), name_message(KEY, now=NOW)
    assert newcomer(KEY, CITY, name, now=NOW).id == newcomer(KEY, CITY, name, now=NOW).id
    assert newcomer(KEY, CITY, name, now=NOW).id != newcomer(KEY, CITY, other, now=NOW).id
    assert newcomer(KEY, CITY, name, now=NOW).id != newcomer(KEY, "encinos", name, now=NOW).id


def test_a_name_that_anybody_can_make_up_opens_nobodys_thread() -> None:
    for name in ("", "12345678", "A" * 32, name_message(b"t" * 32, now=NOW)):
        assert newcomer(KEY, CITY, name, now=NOW).id != newcomer(KEY, CITY, name, now=NOW).id


def test_the_page_of_yesterday_makes_a_newcomer() -> None:
    name = name_message(KEY, now=NOW)
    late = NOW + tokens._NAME_LASTS
    assert newcomer(KEY, CITY, name, now=late).id != newcomer(KEY, CITY, name, now=late).id


def test_the_address_of_a_photo_opens_that_photo_for_a_day_or_two() -> None:
    seal = tokens.seal_photo(KEY, "p1", now=NOW)
    assert tokens.opens_photo(KEY, "p1", seal, now=NOW + timedelta(days=1))
    assert not tokens.opens_photo(KEY, "p1", seal, now=NOW + timedelta(days=2))
    assert not tokens.opens_photo(KEY, "p2", seal, now=NOW)
    assert not tokens.opens_photo(b"t" * 32, "p1", seal, now=NOW)
    for text in ("", "x", "é.é", seal + "x", seal.split(".")[1]):
        assert not tokens.opens_photo(KEY, "p1", text, now=NOW)
