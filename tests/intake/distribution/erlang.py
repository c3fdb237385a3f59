"""The textbook's answers: Erlang C for people who wait for ever, Erlang A for people who give up. Written without our code."""

from math import exp


def erlang_c(load: float, servers: int) -> float:
    """The share of people who have to wait."""
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    busy = load / servers
    return blocked / (1 - busy * (1 - blocked))


def service_level(load: float, servers: int, aht_s: float, within_s: float) -> float:
    return 1 - erlang_c(load, servers) * exp(-(servers - load) * within_s / aht_s)


def mean_wait_s(load: float, servers: int, aht_s: float) -> float:
    return erlang_c(load, servers) * aht_s / (servers - load)


def abandoned(per_hour: float, servers: int, aht_s: float, patience_s: float) -> float:
    """The share of people who give up, by the balance of births and deaths."""
    births, leave, give_up = per_hour / 3600, 1 / aht_s, 1 / patience_s
    # Relative to "everybody is busy and nobody waits", which is near the peak: far from it the numbers would run out.
    total, weight = 1.0, 1.0
    for number in range(servers, 0, -1):
        weight *= number * leave / births
        total += weight
    waiting, weight, queue = 0.0, 1.0, 0
    while weight > 1e-18:
        queue += 1
        weight *= births / (servers * leave + queue * give_up)
        total += weight
        waiting += queue * weight
    return waiting / total * give_up / births
