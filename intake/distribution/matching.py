"""Who gets whom: one pure decision over the people who wait and the operators who are free.

Order of the line: who has waited longest, where a priority counts as time waited. Everybody's place gets better at the same
pace, so that no priority starves another, and the order of two people never changes while they wait.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

# After so long somebody who does not speak the language is better than nobody.
LANGUAGE_PATIENCE = timedelta(seconds=60)
# Whoever has waited so long and found nobody with room for all of it gets an operator who takes nothing new until there is.
HOLD_AFTER = timedelta(seconds=30)
# Of the operators at work, so many are kept wholly free for calls while threads can go to others: one in so many.
RESERVE_ONE_IN = 20
# What one step of priority is worth, as time waited.
PRIORITY_STEP = timedelta(minutes=5)
# Whoever lost their operator, or was transferred, goes before all who have not been answered yet.
FRONT = timedelta(hours=12)
HOME_LANGUAGE = "es"

_NOBODY: Mapping[UUID, datetime] = {}


def rank_at(enqueued_at: datetime, priority: int, head_start_s: int = 0, *, is_front: bool = False) -> datetime:
    """The place in the line: older is sooner. It never depends on how often an offer failed."""
    return (
        enqueued_at - PRIORITY_STEP * priority - timedelta(seconds=head_start_s) - (FRONT if is_front else timedelta())
    )


@dataclass(frozen=True, slots=True)
class Needs:
    """What an operator must have for an item; equal for most of the line. language: None when it no longer matters.

    skills: all of them; one_of: one of them at least, if there are any.
    """

    cost: int
    skills: frozenset[str] = frozenset()
    language: str | None = HOME_LANGUAGE
    one_of: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Served:
    """How one line is served. skill: of those who serve it, None of a line that is everybody's.

    overflow_skill: of those who may too once it overflows, None where everybody may. overflow: why it does now, `nobody` or
    `closed`, however short somebody waits; "" when it does not.
    """

    skill: str | None = None
    overflow_after: timedelta | None = None
    overflow_skill: str | None = None
    overflow: str = ""

    def overflows(self, waited: timedelta) -> str:
        """Why others may answer somebody who waited so long; "" while they may not."""
        if self.overflow:
            return self.overflow
        return "waited" if self.overflow_after is not None and waited >= self.overflow_after else ""

    def needs(self, cost: int, skills: Iterable[str], language: str, waited: timedelta) -> Needs:
        """What an item of the line needs once it has waited so long."""
        hard = frozenset(skills)
        if self.overflows(waited):
            both = (self.skill, self.overflow_skill)
            return Needs(cost, hard, None, frozenset(one for one in both if one) if all(both) else frozenset())
        speaks = None if waited >= LANGUAGE_PATIENCE else language
        return Needs(cost, hard | ({self.skill} if self.skill else frozenset()), speaks)


def reserve(staff: int, *, has_calls: bool) -> int:
    """How many operators are kept wholly free: with four threads each, forty could otherwise leave nobody for a call."""
    return -(-staff // RESERVE_ONE_IN) if has_calls else 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """An item of the line. shunned: operators it is not offered to, until when. preferred: who gets it first, if free.

    held_from: since when an operator is kept for it who has too much in hand still.
    """

    id: UUID
    needs: Needs
    shunned: Mapping[UUID, datetime] = field(default_factory=lambda: _NOBODY)
    preferred: UUID | None = None
    is_reserved: bool = False  # for the preferred one alone, for now
    overflow: str = ""  # why others than those of its line are asked, too
    line_skill: str | None = None
    held_from: datetime | None = None

    def reason(self, agent_id: UUID, profile: "Profile") -> str:
        """Why it comes to this operator, in a code."""
        if agent_id == self.preferred:
            return "preferred"
        if self.overflow and self.line_skill is not None and self.line_skill not in profile.skills:
            return f"overflow_{self.overflow}"
        return "skilled" if self.needs.skills or self.needs.one_of else "longest_idle"


@dataclass(frozen=True, slots=True)
class Profile:
    """What an operator can do: equal for most of them. spare: points of capacity that are left, load: points in use."""

    spare: int
    load: int
    skills: Mapping[str, int]
    languages: frozenset[str] = frozenset({HOME_LANGUAGE})

    def fits(self, needs: Needs) -> bool:
        return self.spare >= needs.cost and self._is_able(needs)

    def will_fit(self, needs: Needs) -> bool:
        """They lack nothing but room, which they will have when what they do is over."""
        return self.spare < needs.cost <= self.spare + self.load and self._is_able(needs)

    def _is_able(self, needs: Needs) -> bool:
        return (
            (needs.language is None or needs.language in self.languages)
            and needs.skills <= self.skills.keys()
            and (not needs.one_of or not needs.one_of.isdisjoint(self.skills))
        )

    def order(self, needs: Needs, *, is_scarce: bool) -> tuple[int, int, int]:
        """Lower is asked first: more able in what is needed, then whoever has fewer other talents, then who does less.

        is_scarce: few are wholly free, so that what fits beside other work goes where there is some.
        """
        level = sum(self.skills[skill] for skill in needs.skills)
        level += max((self.skills.get(skill, 0) for skill in needs.one_of), default=0)
        return (-level, len(self.skills) + len(self.languages), -self.load if is_scarce else self.load)


@dataclass(frozen=True, slots=True)
class FreeAgent:
    """An operator who may be shown something now; they are given longest idle first."""

    id: UUID
    profile: Profile


@dataclass(frozen=True, slots=True)
class Match:
    item_id: UUID
    agent_id: UUID
    reason: str


class _Line:
    """The free operators of one profile, longest idle first."""

    __slots__ = ("agents", "profile")

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.agents: deque[tuple[int, UUID]] = deque()


def match(waiting: Iterable[Waiting], agents: Sequence[FreeAgent], now: datetime, *, kept_free: int = 0) -> list[Match]:
    """Offers to make now: each item to at most one operator, each operator at most one.

    waiting: in the order of the line, read only as far as there are operators left; agents: longest idle first.
    kept_free: as `reserve` says. Nobody waits for its sake: when only wholly free operators fit, one of them is asked.
    Among operators who are equally fit for an item the longest idle gets it.
    Whoever has waited too long for an operator with room keeps the one who is nearest to it from those behind them in the
    line: else small things fill every gap before a call.
    """
    lines: dict[int, _Line] = {}
    by_profile: dict[tuple[int, int, frozenset[tuple[str, int]], frozenset[str]], _Line] = {}
    for place, agent in enumerate(agents):
        profile = agent.profile
        line = lines.get(id(profile))
        if line is None:
            key = (profile.spare, profile.load, frozenset(profile.skills.items()), profile.languages)
            line = lines[id(profile)] = by_profile.setdefault(key, _Line(profile))
        line.agents.append((place, agent.id))
    groups = list(by_profile.values())
    left = len(agents)
    empty = sum(len(line.agents) for line in groups if line.profile.load == 0)
    fitting: dict[tuple[Needs, bool], list[list[_Line]]] = {}
    filling: dict[Needs, list[list[_Line]]] = {}
    found: list[Match] = []
    for item in waiting:
        if left == 0:
            break
        is_scarce = empty <= kept_free
        tiers = fitting.get((item.needs, is_scarce))
        if tiers is None:
            tiers = fitting[item.needs, is_scarce] = _tiers(groups, item.needs, is_scarce)
        taken = _take(tiers, item, now)
        if taken is None:
            if item.held_from is not None and item.held_from <= now and not item.is_reserved:
                if item.needs not in filling:
                    filling[item.needs] = _nearest(groups, item.needs)
                left -= _take(filling[item.needs], replace(item, preferred=None), now) is not None
            continue
        agent_id, line = taken
        left -= 1
        empty -= line.profile.load == 0
        found.append(Match(item.id, agent_id, item.reason(agent_id, line.profile)))
    return found


def _tiers(groups: Sequence[_Line], needs: Needs, is_scarce: bool) -> list[list[_Line]]:
    """The lines that fit, those of equal order together, best first."""
    tiers: dict[tuple[int, int, int], list[_Line]] = {}
    for line in groups:
        if line.profile.fits(needs):
            tiers.setdefault(line.profile.order(needs, is_scarce=is_scarce), []).append(line)
    return [tiers[order] for order in sorted(tiers)]


def _nearest(groups: Sequence[_Line], needs: Needs) -> list[list[_Line]]:
    """The lines that lack nothing but room, those of equal load together, the least first."""
    loads: dict[int, list[_Line]] = {}
    for line in groups:
        if line.profile.will_fit(needs):
            loads.setdefault(line.profile.load, []).append(line)
    return [loads[load] for load in sorted(loads)]


def _take(tiers: Sequence[Sequence[_Line]], item: Waiting, now: datetime) -> tuple[UUID, _Line] | None:
    if item.preferred is not None:
        for lines in tiers:
            for line in lines:
                for entry in line.agents:
                    if entry[1] == item.preferred and not _is_shunned(item, entry[1], now):
                        line.agents.remove(entry)
                        return entry[1], line
        if item.is_reserved:
            return None
    for lines in tiers:
        best: tuple[int, UUID] | None = None
        owner: _Line | None = None
        for line in lines:
            for entry in line.agents:
                if best is not None and entry[0] > best[0]:
                    break
                if not item.shunned or not _is_shunned(item, entry[1], now):
                    best, owner = entry, line
                    break
        if best is not None and owner is not None:
            if owner.agents[0] is best:
                owner.agents.popleft()
            else:
                owner.agents.remove(best)
            return best[1], owner
    return None


def _is_shunned(item: Waiting, agent_id: UUID, now: datetime) -> bool:
    until = item.shunned.get(agent_id)
    return until is not None and now < until
