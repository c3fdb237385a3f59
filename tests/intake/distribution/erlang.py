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


def relaxation_s(load: float, servers: int, aht_s: float) -> float:
    """How long the line remembers: what is this far apart hardly depends on each other. Source: M/M/1 with the servers' sum."""
    return float(aht_s / (servers**0.5 - load**0.5) ** 2)


def impatient(per_hour: float, servers: int, aht_s: float, patience_s: float, within_s: float) -> tuple[float, float]:
    """Erlang A: the share answered within so long of all who come, and the mean wait of those who are answered.

    Who finds `ahead` people waiting is served when each of them has left the line and one more server is free: each step ends
    at the rate of the servers and of those before who give up, unless they give up first.
    """
    births, leave, give_up = per_hour / 3600, 1 / aht_s, 1 / patience_s
    # How probable it is to find everybody busy and so many waiting, beside finding a server free.
    free, weight = 0.0, 1.0
    for number in range(servers, 0, -1):
        weight *= number * leave / births
        free += weight
    found, weight = [1.0], 1.0
    while weight > 1e-15:
        weight *= births / (servers * leave + len(found) * give_up)
        found.append(weight)
    total = free + sum(found)
    served, waits, s, m = [], [], 1.0, 0.0
    for ahead in range(len(found)):
        step = servers * leave + (ahead + 1) * give_up
        gets_on = (step - give_up) / step
        s, m = gets_on * s, gets_on * (m + s / step)
        served.append(s)
        waits.append(m)
    within = _within(servers * leave, give_up, len(found), within_s)
    level = (free + sum(p * u for p, u in zip(found, within, strict=True))) / total
    answered = free + sum(p * u for p, u in zip(found, served, strict=True))
    return level, sum(p * u for p, u in zip(found, waits, strict=True)) / answered


def _within(leave: float, give_up: float, size: int, within_s: float) -> list[float]:
    """Of those who find 0, 1, 2… waiting, who is served in time: the chain of steps, by its jumps (uniformisation)."""
    most = leave + size * give_up
    now, weight = [0.0] * size, exp(-most * within_s)
    found = list(now)
    jumps = 0
    while jumps < most * within_s or weight > 1e-15:
        jumps += 1
        weight *= most * within_s / jumps
        now = [
            ((leave + ahead * give_up) * (now[ahead - 1] if ahead else 1.0) + (size - 1 - ahead) * give_up * now[ahead])
            / most
            for ahead in range(size)
        ]
        found = [have + weight * more for have, more in zip(found, now, strict=True)]
    return found


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
