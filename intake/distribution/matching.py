"""Who gets whom: one pure decision over the people who wait and the operators who are free.

Order of the line: who has waited longest, where a priority counts as time waited. Everybody's place gets better at the same
pace, so that no priority starves another, and the order of two people never changes while they wait.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

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
    """What an operator must have for an item; equal for most of the line. language: None when it no longer matters."""

    cost: int
    skills: frozenset[str] = frozenset()
    language: str | None = HOME_LANGUAGE


@dataclass(frozen=True, slots=True)
class Waiting:
    """An item of the line. shunned: operators it is not offered to, until when. preferred: who gets it first, if free."""

    id: UUID
    needs: Needs
    shunned: Mapping[UUID, datetime] = field(default_factory=lambda: _NOBODY)
    preferred: UUID | None = None
    is_reserved: bool = False  # for the preferred one alone, for now


@dataclass(frozen=True, slots=True)
class Profile:
    """What an operator can do: equal for most of them. spare: points of capacity that are left, load: points in use."""

    spare: int
    load: int
    skills: Mapping[str, int]
    languages: frozenset[str] = frozenset({HOME_LANGUAGE})

    def fits(self, needs: Needs) -> bool:
        return (
            self.spare >= needs.cost
            and (needs.language is None or needs.language in self.languages)
            and needs.skills <= self.skills.keys()
        )

    def order(self, needs: Needs) -> tuple[int, int, int]:
        """Lower is asked first: more able in what is needed, then whoever has fewer other talents to spare, then less loaded."""
        level = sum(self.skills[skill] for skill in needs.skills)
        return (-level, len(self.skills) + len(self.languages), self.load)


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


def match(waiting: Iterable[Waiting], agents: Sequence[FreeAgent], now: datetime) -> list[Match]:
    """Offers to make now: each item to at most one operator, each operator at most one.

    waiting: in the order of the line, read only as far as there are operators left; agents: longest idle first.
    Among operators who are equally fit for an item the longest idle gets it.
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
    fitting: dict[Needs, list[list[_Line]]] = {}
    found: list[Match] = []
    for item in waiting:
        if left == 0:
            break
        tiers = fitting.get(item.needs)
        if tiers is None:
            tiers = fitting[item.needs] = _tiers(groups, item.needs)
        agent_id = _take(tiers, item, now)
        if agent_id is None:
            continue
        left -= 1
        reason = "preferred" if agent_id == item.preferred else "skilled" if item.needs.skills else "longest_idle"
        found.append(Match(item.id, agent_id, reason))
    return found


def _tiers(groups: Sequence[_Line], needs: Needs) -> list[list[_Line]]:
    """The lines that fit, those of equal order together, best first."""
    tiers: dict[tuple[int, int, int], list[_Line]] = {}
    for line in groups:
        if line.profile.fits(needs):
            tiers.setdefault(line.profile.order(needs), []).append(line)
    return [tiers[order] for order in sorted(tiers)]


def _take(tiers: Sequence[Sequence[_Line]], item: Waiting, now: datetime) -> UUID | None:
    if item.preferred is not None:
        for lines in tiers:
            for line in lines:
                for entry in line.agents:
                    if entry[1] == item.preferred and not _is_shunned(item, entry[1], now):
                        line.agents.remove(entry)
                        return entry[1]
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
            return best[1]
    return None


def _is_shunned(item: Waiting, agent_id: UUID, now: datetime) -> bool:
    until = item.shunned.get(agent_id)
    return until is not None and now < until
