from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atiende.bench import shapes

LAST = date(2026, 11, 19)


def rng() -> np.random.Generator:
    return np.random.default_rng(311)


@given(st.integers(1, 300))
def test_shares_fall_off_and_make_one(count: int) -> None:
    found = shapes.shares(count)
    assert found.sum() == pytest.approx(1)
    assert all(first >= second for first, second in pairwise(found))
    assert found[0] == pytest.approx(max(shapes.LARGEST, 1 / count), abs=0.01)


def test_days_have_seasons_and_weekends() -> None:
    days = shapes.days_of(rng(), 1_000_000, LAST)
    assert days.sum() == 1_000_000
    assert len(days) == shapes.YEARS * 365
    weekdays = np.array([(LAST.toordinal() - back - 1) % 7 for back in range(len(days) - 1, -1, -1)])
    assert days[weekdays == 6].mean() < 0.6 * days[weekdays == 0].mean()
    assert days[-300:].sum() > days[:300].sum()


def test_hours_have_a_rush() -> None:
    seconds = shapes.seconds_of_day(rng(), 10_000)
    assert (np.diff(seconds) >= 0).all()
    assert seconds.max() < 86_400
    counts = np.bincount(seconds // 3600, minlength=24)
    assert counts[10] > 5 * counts[3]


def test_a_few_are_never_closed() -> None:
    hours = shapes.hours_to_close(rng(), np.arange(100_000) % 40, 40)
    assert 0.03 < np.isinf(hours).mean() < 0.04
    assert hours.min() > 0


def test_texts_are_mostly_short_and_sometimes_long() -> None:
    made = [len(text) for text in shapes.texts(rng(), ["Hay un hoyo enorme.", "Gracias."], 2000)]
    assert 50 < np.median(made) < 110
    assert max(made) > 400
    assert min(made) > 0
