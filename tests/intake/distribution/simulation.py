"""People who call, operators who answer, and a clock that nobody waits for.

The same afternoon is played in two rooms: one in memory, which asks the dispatcher's own decision (`matching.match`) and walks
its own table of steps, and one in the database, which is the dispatcher itself. `fifo` is the oracle: a line and its servers.
"""

import heapq
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Protocol
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from intake.distribution import actions, lifecycle, rounds
from intake.distribution.matching import HOLD_AFTER, FreeAgent, Needs, Profile, Waiting, match, rank_at
from intake.distribution.models import AgentSession
from intake.distribution.values import CAPACITY, COSTS, OFFER_S, SHUN_EXPIRED
from tests.factories import CITY, NOW

MISSED_S = 60.0
WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Person:
    """at, service_s and patience_s in seconds of the afternoon. let_pass: the first operator who is asked does not answer."""

    at: float
    service_s: float
    patience_s: float = float("inf")
    kind: str = "voice"
    priority: int = 0
    skills: frozenset[str] = frozenset()
    let_pass: bool = False


@dataclass(frozen=True)
class Case:
    """An hour as the planners of contact centres write it."""

    name: str
    per_hour: float
    aht_s: float
    servers: int
    patience_s: float = float("inf")

    @property
    def load(self) -> float:
        return self.per_hour * self.aht_s / 3600

    def people(self, seed: int, size: int, *, let_pass: float = 0.0) -> list[Person]:
        """Arrivals, talks, patience and misses each from a stream of their own: equal seeds give equal people."""
        arrivals, talks, patience, misses = (Random(f"{self.name}{seed}{what}") for what in ("a", "t", "p", "m"))
        at, found = 0.0, []
        for _ in range(size):
            at += arrivals.expovariate(self.per_hour / 3600)
            gives_up = patience.expovariate(1 / self.patience_s) if self.patience_s < float("inf") else float("inf")
            found.append(Person(at, talks.expovariate(1 / self.aht_s), gives_up, let_pass=misses.random() < let_pass))
        return found


CASES = [
    Case("S1", 150, 330, 18),
    Case("S2", 100, 240, 10),
    Case("S3", 625, 300, 59),
    Case("S4", 2500, 300, 219),
    Case("S5", 5000, 300, 429),
    Case("S6", 7040, 300, 600),
]


@dataclass
class Outcome:
    """waited: of each person, until somebody answered; None for who gave up. handled: points of work of each operator."""

    waited: list[float | None]
    handled: list[float]
    lost: int = 0
    double: int = 0
    over_cap: int = 0
    requeued: int = 0
    kinds: Sequence[Person] = field(default=(), repr=False)

    def _counted(self, of: "Pick | None" = None) -> list[float | None]:
        begin = len(self.waited) // 10
        picked = zip(self.waited[begin:], self.kinds[begin:], strict=True)
        return [wait for wait, person in picked if of is None or of(person)]

    def service_level(self, of: "Pick | None" = None, within_s: float = WITHIN_S) -> float:
        waits = self._counted(of)
        return sum(wait is not None and wait <= within_s for wait in waits) / len(waits)

    def mean_wait_s(self, of: "Pick | None" = None) -> float:
        waits = [wait for wait in self._counted(of) if wait is not None]
        return sum(waits) / len(waits)

    def waiting_share(self) -> float:
        waits = self._counted()
        return sum(wait is None or wait > 0 for wait in waits) / len(waits)

    def abandoned(self) -> float:
        waits = self._counted()
        return waits.count(None) / len(waits)

    def percentile_s(self, share: float, of: "Pick | None" = None) -> float:
        waits = sorted(wait for wait in self._counted(of) if wait is not None)
        return waits[int(share * (len(waits) - 1))]

    def jain(self) -> float:
        """1 is perfectly fair."""
        return sum(self.handled) ** 2 / (len(self.handled) * sum(one * one for one in self.handled) or 1)


class Pick(Protocol):
    def __call__(self, person: Person) -> bool: ...


class Room(Protocol):
    """A line and its operators, who go by number."""

    over_cap: int

    def arrive(self, number: int, person: Person, at: float) -> None: ...
    def play(self, at: float) -> list[tuple[int, int]]: ...
    def accept(self, number: int, at: float) -> bool: ...
    def let_pass(self, number: int, at: float) -> None: ...
    def give_up(self, number: int, at: float) -> None: ...
    def finish(self, number: int, at: float) -> None: ...
    def come_back(self, agent: int, at: float) -> None: ...


def simulate(room: Room, people: Sequence[Person], servers: int, *, answer_s: float = 0.0) -> Outcome:
    """Plays it to the end. answer_s: from the offer to the answer. The caller hangs up first if both happen at once."""
    outcome = Outcome([None] * len(people), [0.0] * servers, kinds=people)
    serial = count()
    events: list[tuple[float, int, int, str, int]] = []

    def plan(at: float, order: int, what: str, number: int) -> None:
        heapq.heappush(events, (at, order, next(serial), what, number))

    for number, person in enumerate(people):
        plan(person.at, 3, "arrive", number)
    answered: set[int] = set()
    over: set[int] = set()
    shown: dict[int, tuple[int, float]] = {}
    seen: set[int] = set()
    while events:
        at, _, _, what, number = heapq.heappop(events)
        if what == "arrive":
            room.arrive(number, people[number], at)
            if people[number].patience_s < float("inf"):
                plan(at + people[number].patience_s, 0, "give_up", number)
        elif what == "give_up":
            if number in answered or number in over:
                continue
            room.give_up(number, at)
            over.add(number)
            shown.pop(number, None)
        elif what == "answer":
            if number not in shown or shown[number][1] + answer_s != at:
                continue
            agent, _ = shown.pop(number)
            if not room.accept(number, at):
                outcome.double += 1
                continue
            outcome.double += number in answered
            answered.add(number)
            outcome.waited[number] = at - people[number].at
            outcome.handled[agent] += people[number].service_s * COSTS[people[number].kind]
            plan(at + people[number].service_s, 1, "finish", number)
            continue
        elif what == "expire":
            if number not in shown or shown[number][1] + OFFER_S[people[number].kind] != at:
                continue
            agent, _ = shown.pop(number)
            room.let_pass(number, at)
            outcome.requeued += 1
            plan(at + MISSED_S, 2, "come_back", agent)
        elif what == "finish":
            room.finish(number, at)
            over.add(number)
        elif what == "come_back":
            room.come_back(number, at)
        for item, agent in room.play(at):
            outcome.double += item in shown or item in answered or item in over
            shown[item] = (agent, at)
            if people[item].let_pass and item not in seen:
                plan(at + OFFER_S[people[item].kind], 2, "expire", item)
            else:
                plan(at + answer_s, 2, "answer", item)
            seen.add(item)
    outcome.lost = len(people) - len(over)
    outcome.over_cap = room.over_cap
    return outcome


def instant(at: float) -> datetime:
    return NOW + timedelta(seconds=at)


@dataclass(slots=True)
class _Item:
    waiting: Waiting
    rank: datetime
    state: str = lifecycle.QUEUED
    agent: int | None = None


class Memory:
    """The dispatcher's own decision and table over plain values: a hundred thousand people in some seconds."""

    def __init__(self, skills: Sequence[dict[str, int]], *, kept_free: int = 0) -> None:
        self._skills = skills
        self._kept_free = kept_free
        self._load = [0] * len(skills)
        self._shown: list[bool] = [False] * len(skills)
        self._profiles: dict[tuple[int, tuple[tuple[str, int], ...]], Profile] = {}
        self._missed: set[int] = set()
        self._needs: dict[tuple[int, frozenset[str]], Needs] = {}
        self._items: dict[int, _Item] = {}
        self._line: list[tuple[datetime, int]] = []
        # Longest idle first: whoever begins or ends something goes to the end.
        self._free: dict[int, FreeAgent] = {}
        self.over_cap = 0
        for agent in range(len(skills)):
            self._settle(agent)

    def _settle(self, agent: int) -> None:
        self._free.pop(agent, None)
        load = self._load[agent]
        self.over_cap += not 0 <= load <= CAPACITY
        if load >= CAPACITY or self._shown[agent] or agent in self._missed:
            return
        key = (load, tuple(self._skills[agent].items()))
        if key not in self._profiles:
            self._profiles[key] = Profile(CAPACITY - load, load, self._skills[agent])
        self._free[agent] = FreeAgent(UUID(int=agent), self._profiles[key])

    def arrive(self, number: int, person: Person, at: float) -> None:
        cost = COSTS[person.kind]
        key = (cost, person.skills)
        needs = self._needs.setdefault(key, Needs(cost, person.skills))
        rank = rank_at(instant(at), person.priority)
        self._items[number] = _Item(Waiting(UUID(int=number), needs, held_from=instant(at) + HOLD_AFTER), rank)
        insort(self._line, (rank, number))

    def play(self, at: float) -> list[tuple[int, int]]:
        if not self._line or not self._free:
            return []
        line: Iterator[Waiting] = (self._items[number].waiting for _, number in self._line)
        found = []
        for made in match(line, list(self._free.values()), instant(at), kept_free=self._kept_free):
            number, agent = made.item_id.int, made.agent_id.int
            item = self._items[number]
            self._move(item, "offer")
            item.agent = agent
            self._load[agent] += item.waiting.needs.cost
            self._shown[agent] = True
            self._settle(agent)
            found.append((number, agent))
        for number, _ in found:
            self._line.remove((self._items[number].rank, number))
        return found

    def accept(self, number: int, at: float) -> bool:
        item = self._items[number]
        if not lifecycle.may(item.state, "accept"):
            return False
        self._move(item, "accept")
        assert item.agent is not None
        self._shown[item.agent] = False
        self._settle(item.agent)
        return True

    def let_pass(self, number: int, at: float) -> None:
        item = self._items[number]
        agent = item.agent
        assert agent is not None
        self._missed.add(agent)
        self._back(item, "give_back")
        until = instant(at) + SHUN_EXPIRED
        item.waiting = replace(item.waiting, shunned={**item.waiting.shunned, UUID(int=agent): until})
        insort(self._line, (item.rank, number))

    def give_up(self, number: int, at: float) -> None:
        item = self._items[number]
        if item.state == lifecycle.QUEUED:
            self._line.remove((item.rank, number))
        self._back(item, "abandon")
        del self._items[number]

    def finish(self, number: int, at: float) -> None:
        item = self._items[number]
        self._move(item, "wrap")
        self._back(item, "complete")
        del self._items[number]

    def come_back(self, agent: int, at: float) -> None:
        self._missed.discard(agent)
        self._settle(agent)

    def _back(self, item: _Item, step: str) -> None:
        self._move(item, step)
        agent, item.agent = item.agent, None
        if agent is not None:
            self._load[agent] -= item.waiting.needs.cost
            if step != "complete":
                self._shown[agent] = False
            self._settle(agent)

    @staticmethod
    def _move(item: _Item, step: str) -> None:
        item.state = lifecycle.after(item.state, step)


class Database:
    """The dispatcher itself, in one transaction that the test rolls back, at the simulation's time."""

    def __init__(self, session: Session, skills: Sequence[dict[str, int]]) -> None:
        self._session = session
        self._agents = [UUID(int=number) for number in range(len(skills))]
        self._offers: dict[int, tuple[UUID, UUID]] = {}
        self._items: dict[int, UUID] = {}
        self._numbers: dict[UUID, int] = {}
        self.over_cap = 0
        for agent_id, able in zip(self._agents, skills, strict=True):
            actions.sign_on(session, jurisdiction_id=CITY, agent_id=agent_id, name="Operador", now=NOW)
            for skill, level in able.items():
                actions.grant_skill(session, agent_id, skill, jurisdiction_id=CITY, level=level)
        session.execute(text("UPDATE agent_session SET lease_until = lease_until + interval '1 year'"))
        session.expire_all()

    def arrive(self, number: int, person: Person, at: float) -> None:
        item = actions.enqueue(
            self._session,
            jurisdiction_id=CITY,
            kind=person.kind,
            source_ref=f"person:{number}",
            priority=person.priority,
            skills=person.skills,
            now=instant(at),
        )
        self._items[number] = item.id
        self._numbers[item.id] = number

    def play(self, at: float) -> list[tuple[int, int]]:
        found = []
        again = True
        while again:
            made, again = rounds.play(self._session, CITY, now=instant(at))
            for one in made:
                number = self._numbers[one.work_item_id]
                self._offers[number] = (one.offer_id, one.agent_id)
                found.append((number, one.agent_id.int))
        return found

    def accept(self, number: int, at: float) -> bool:
        offer_id, agent_id = self._offers[number]
        item = actions.accept(self._session, offer_id, agent_id=agent_id, epoch=1, now=instant(at))
        return item.agent_id == agent_id

    def let_pass(self, number: int, at: float) -> None:
        assert actions.expire(self._session, self._offers[number][0], now=instant(at))

    def give_up(self, number: int, at: float) -> None:
        actions.abandon(self._session, f"person:{number}", why="hang_up", now=instant(at))

    def finish(self, number: int, at: float) -> None:
        actions.finish(self._session, self._items[number], now=instant(at))
        actions.complete(self._session, self._items[number], disposition_code="done", now=instant(at))

    def come_back(self, agent: int, at: float) -> None:
        agent_id = self._agents[agent]
        epoch = self._session.get_one(AgentSession, agent_id).epoch
        actions.set_state(self._session, agent_id, epoch=epoch, state="available", now=instant(at))


def fifo(people: Sequence[Person], servers: int, *, answer_s: float = 0.0) -> Outcome:
    """The oracle: whoever came first goes to the server that is free first. Knows nothing of our code."""
    free = [0.0] * servers
    waited: list[float | None] = []
    for person in people:
        begin = max(person.at, free[0])
        if begin + answer_s >= person.at + person.patience_s:
            if begin < person.at + person.patience_s:
                heapq.heapreplace(free, person.at + person.patience_s)
            waited.append(None)
            continue
        heapq.heapreplace(free, begin + answer_s + person.service_s)
        waited.append(begin + answer_s - person.at)
    return Outcome(waited, [], kinds=people)
