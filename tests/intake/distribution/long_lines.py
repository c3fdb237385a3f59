"""Lines of millions of people, of whom nothing is kept but sums, and what of a result is owed to them being unusual."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy

from tests.intake.distribution.simulation import WITHIN_S, Case


@dataclass(frozen=True)
class Totals:
    """Sums over the people who were counted. within: answered within `WITHIN_S`.

    chance: by how much more than they do in the long run, as a share, they came apart, talked, and would have waited.
    """

    people: int
    answered: int
    within: int
    waited_s: float
    chance: tuple[float, ...]


def long_fifo(case: Case, seed: int, size: int, *, warm: int) -> Totals:
    """`fifo` for millions of people, of whom nothing is kept but sums; the first `warm` are not counted."""
    draw = numpy.random.default_rng([seed, *case.name.encode()])
    free, at = [0.0] * case.servers, 0.0
    answered = within = 0
    waited_s = 0.0
    drawn = [0.0, 0.0, 0.0]
    left, to_warm = size + warm, warm
    while left:
        count = to_warm or min(left, 1 << 18)
        is_counted, to_warm, left = not to_warm, 0, left - count
        came_at = at + numpy.cumsum(draw.exponential(3600 / case.per_hour, count))
        talk = draw.exponential(case.aht_s, count)
        stays = draw.exponential(case.patience_s, count) if case.patience_s < float("inf") else numpy.empty(0)
        if is_counted:
            sums = (float(came_at[-1]) - at, float(talk.sum()), float(stays.sum()))
            drawn = [have + more for have, more in zip(drawn, sums, strict=True)]
        arrivals, talks, patience = came_at.tolist(), talk.tolist(), stays.tolist()
        at = arrivals[-1]
        for number, came in enumerate(arrivals):
            begin = free[0]
            wait = begin - came
            if wait <= 0:
                begin, wait = came, 0.0
            elif patience and wait >= patience[number]:
                continue
            heapq.heapreplace(free, begin + talks[number])
            if is_counted:
                answered += 1
                within += wait <= WITHIN_S
                waited_s += wait
    usual = [3600 / case.per_hour, case.aht_s, *([case.patience_s] if case.patience_s < float("inf") else [])]
    chance = tuple(one / size / mean - 1 for one, mean in zip(drawn, usual, strict=False))
    return Totals(size, answered, within, waited_s, chance)


def without_chance(found: Sequence[float], chance: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The mean of replications, and its standard error, once what is owed to their people being unusual is taken out.

    chance: of each replication, numbers whose expectation is 0. Source: control variates, with the weights that least squares
    give (Lavenberg and Welch, Management Science 27, 1981).
    """
    values, columns = numpy.array(found), numpy.column_stack([numpy.ones(len(found)), numpy.array(chance)])
    inverse = numpy.linalg.inv(columns.T @ columns)
    weights = inverse @ columns.T @ values
    left = values - columns @ weights
    variance = left @ left / (len(values) - columns.shape[1]) * inverse[0, 0]
    return float(weights[0]), float(variance**0.5)
