"""The life of a one-time code: whatever happens in whatever order, against a model that counts on its fingers."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.people import proving
from intake.people.proving import LIVES_FOR, MOST_TRIES, Standing, judge
from tests.factories import NOW

HAPPENS = st.lists(st.tuples(st.booleans(), st.integers(0, 400)), max_size=12)


@given(HAPPENS)
def test_only_the_right_code_in_time_and_within_five_tries_proves(happens: list[tuple[bool, int]]) -> None:
    code, now, verdicts = Standing("open", 0, NOW), NOW, []
    elapsed, wrong, is_over = 0, 0, False
    for fits, seconds in happens:
        now, elapsed = now + timedelta(seconds=seconds), elapsed + seconds
        before = code
        code, verdict = judge(code, fits=fits, now=now)
        verdicts.append(verdict)
        may = not is_over and wrong < MOST_TRIES and elapsed < LIVES_FOR.total_seconds()
        assert (verdict == "right") == (may and fits)
        if may and not fits:
            wrong += 1
            assert verdict == ("used_up" if wrong == MOST_TRIES else "wrong")
            assert code.left == MOST_TRIES - wrong
        is_over = is_over or verdict == "right"
        if not may:
            # Nothing leads back, and nothing is counted any more.
            assert code == before.at(now)
            assert verdict in ("used_up", "expired", "over")
    assert verdicts.count("right") <= 1
    assert code.tries <= MOST_TRIES


@pytest.mark.parametrize("state", ["proved", "used_up", "expired", "replaced"])
@given(fits=st.booleans(), seconds=st.integers(0, 4000))
def test_what_is_over_stays_over(state: proving.State, fits: bool, seconds: int) -> None:
    code = Standing(state, 2, NOW)
    after, verdict = judge(code, fits=fits, now=NOW + timedelta(seconds=seconds))
    assert after == code
    assert verdict != "right"


def test_it_ends_exactly_after_ten_minutes() -> None:
    code = Standing("open", 0, NOW)
    assert judge(code, fits=True, now=NOW + LIVES_FOR - timedelta(microseconds=1))[1] == "right"
    assert judge(code, fits=True, now=NOW + LIVES_FOR)[1] == "expired"


@pytest.mark.parametrize("written", ["481730", "481 730", "4-8-1-7-3-0", " 48 17 30 ", "481.730", "４８１７３０"])
def test_six_digits_are_read_however_they_are_spaced(written: str) -> None:
    assert proving.read(written) == "481730"


@pytest.mark.parametrize("written", ["", "48173", "4817305", "48173a", "481730!", "+481730", "2648173053"])
def test_nothing_else_is_a_code(written: str) -> None:
    assert proving.read(written) is None


def test_new_codes_have_six_digits_and_differ() -> None:
    made = {proving.new_code() for _ in range(200)}
    assert len(made) > 150
    assert all(proving.read(code) == code for code in made)
