"""The shape of a city's requests, as numbers drawn from a generator: which service, when, how long, where. Pure."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

LARGEST = 0.22
YEARS = 3
# By month, January first; by weekday, Monday first; by hour of the day.
_MONTHS = np.array((0.9, 0.9, 0.95, 1.0, 1.05, 1.2, 1.3, 1.3, 1.25, 1.0, 0.85, 0.8))
_WEEKDAYS = np.array((1.15, 1.1, 1.05, 1.0, 1.0, 0.7, 0.5))
_HOURS = np.array((1, 1, 1, 1, 1, 2, 5, 12, 20, 26, 28, 26, 22, 18, 16, 17, 20, 24, 26, 22, 16, 10, 5, 2), dtype=float)
_GROWTH = 0.35  # over all the years
# Open however old: what nobody ever closed. Together with the recent ones this makes four to six in a hundred.
_NEVER_CLOSED = 0.035
_MEDIAN_HOURS = (20, 400)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def shares(count: int, largest: float = LARGEST) -> Floats:
    """Weights that fall off as in Zipf's law, the first one `largest` (or as near as so few allow), together 1."""
    ranks = np.arange(1, count + 1, dtype=float)
    low, high = 0.0, 8.0
    for _ in range(60):
        exponent = (low + high) / 2
        low, high = (exponent, high) if 1 / np.sum(ranks**-exponent) < largest else (low, exponent)
    weights = ranks**-low
    return np.asarray(weights / weights.sum())


def days_of(rng: np.random.Generator, count: int, last: date, years: int = YEARS) -> Ints:
    """How many requests fall on each day, oldest first; the last one is `last`."""
    days = [last - timedelta(days=back) for back in range(years * 365 - 1, -1, -1)]
    months = _MONTHS[[day.month - 1 for day in days]]
    weekdays = _WEEKDAYS[[day.weekday() for day in days]]
    weights = months * weekdays * np.linspace(1, 1 + _GROWTH, len(days)) * rng.lognormal(0, 0.12, len(days))
    return np.asarray(rng.multinomial(count, weights / weights.sum()))


def seconds_of_day(rng: np.random.Generator, count: int) -> Ints:
    """Seconds since local midnight, in order, with the rush of a working day."""
    hours = rng.choice(24, count, p=_HOURS / _HOURS.sum())
    return np.sort(hours * 3600 + rng.integers(0, 3600, count))


def hours_to_close(rng: np.random.Generator, services: Ints, service_count: int) -> Floats:
    """How long each request takes; infinite for those that are never closed. Every service has a pace of its own."""
    pace = np.geomspace(*_MEDIAN_HOURS, service_count)[(services * 7) % service_count]
    hours = pace * rng.lognormal(0, 0.8, len(services))
    hours[rng.random(len(services)) < _NEVER_CLOSED] = np.inf
    return np.asarray(hours)


def lengths(rng: np.random.Generator, count: int) -> Ints:
    """Letters in what people wrote: half of them under eighty, a few over a thousand."""
    return np.clip(rng.lognormal(4.35, 0.75, count), 8, 2500).astype(int)


def texts(rng: np.random.Generator, sentences: Sequence[str], count: int) -> list[str]:
    """That many descriptions of such lengths, made of whole words."""
    made = []
    for most in lengths(rng, count).tolist():
        text = ""
        while len(text) < most:
            text += sentences[int(rng.integers(len(sentences)))] + " "
        made.append(text[:most].rsplit(" ", 1)[0].strip() or text[:most])
    return made
