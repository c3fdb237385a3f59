"""One round of the dispatcher: read who waits and who is free, decide, write the offers. All of it in one short transaction.

Correct with any number of dispatchers at once; the lock only keeps them from doing the same work twice.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session

from intake.distribution import lines
from intake.distribution.agents import HANDS
from intake.distribution.items import NOT_STOOD_FOR
from intake.distribution.matching import HOLD_AFTER, HOME_LANGUAGE, FreeAgent, Profile, Served, Waiting, match, reserve
from intake.distribution.offers import Made, offer_all
from intake.distribution.values import LANGUAGE
from kernel import db

# Of each class of items the first so many are looked at: more can hardly be offered in one round.
_OF_EACH = 64

_ALONE = "SELECT pg_try_advisory_xact_lock(hashtextextended('distribution:' || $1, 0))"
# Items of one class need the same operators: the first of each class must be seen, however long another class is.
_LINE = f"""
    SELECT id, queue_id, cost, skills, language, greatest(coalesce(waiting_since, enqueued_at), due_at), shunned,
        preferred_agent_id, preferred_until > $2 AND EXISTS (
            SELECT 1 FROM agent_session {HANDS} WHERE agent_session.agent_id = preferred_agent_id
                AND agent_session.state = 'available' AND lease_until > $2 AND beside_leg_id IS NULL
                AND NOT is_talking AND cap_points - load_points - beyond >= line.cost
        ), (SELECT array_agg(skill) FROM agent_skill WHERE agent_id = preferred_agent_id
            AND (expires_at IS NULL OR expires_at > $2))
        FROM (
        SELECT *, row_number() OVER (
            PARTITION BY queue_id, cost, skills, language, shunned = '{{}}', preferred_agent_id IS NULL ORDER BY rank_at, id
        ) AS place
        FROM work_item WHERE jurisdiction_id = $1 AND state = 'queued' AND (due_at IS NULL OR due_at <= $2)
            AND {NOT_STOOD_FOR}
    ) AS line WHERE place <= $3 ORDER BY rank_at, id
"""  # noqa: S608  # words of our own
_FREE = f"""
    SELECT agent_session.agent_id, cap_points - load_points - beyond, load_points + beyond,
        able.skills, able.levels FROM agent_session {HANDS}
    LEFT JOIN (
        SELECT agent_id, array_agg(skill ORDER BY skill) AS skills, array_agg(level ORDER BY skill) AS levels
        FROM agent_skill WHERE jurisdiction_id = $1 AND (expires_at IS NULL OR expires_at > $2) GROUP BY agent_id
    ) AS able ON able.agent_id = agent_session.agent_id
    WHERE jurisdiction_id = $1 AND state = 'available' AND lease_until > $2 AND offer_id IS NULL
        AND beside_leg_id IS NULL AND cap_points - load_points >= $3
        AND NOT is_talking AND cap_points - load_points - beyond >= $3
    ORDER BY idle_since, agent_session.agent_id
"""  # noqa: S608  # words of our own
_STAFF = """
    SELECT count(*) FILTER (WHERE state = 'available' AND lease_until > $2),
        EXISTS (SELECT 1 FROM contact_queue JOIN work_item ON work_item.queue_id = contact_queue.id
                WHERE contact_queue.jurisdiction_id = $1 AND kind <> 'text' AND enqueued_at > $3)
    FROM agent_session WHERE jurisdiction_id = $1
"""
_WAITING_IN = "SELECT DISTINCT jurisdiction_id FROM work_item WHERE state = 'queued'"
_CALLS_LATELY = timedelta(hours=1)


class Round(NamedTuple):
    """is_again: somebody was passed by, more wait than were looked at, or another dispatcher was at it: look again."""

    made: list[Made]
    is_again: bool = False


_NOTHING = Round([])


def jurisdictions_waiting(session: Session) -> list[str]:
    """Where anybody waits."""
    return [row[0] for row in db.fetch(session, _WAITING_IN, [], prepare=True)]


def play(session: Session, jurisdiction_id: str, *, now: datetime, kept_free: int = 0, is_alone: bool = True) -> Round:
    """Offers what can be offered now, in this transaction. is_alone: only if no other dispatcher is in a round of this city."""
    if is_alone and not db.fetch(session, _ALONE, [jurisdiction_id], prepare=True)[0][0]:
        return Round([], is_again=True)
    rows = db.fetch(session, _LINE, [jurisdiction_id, now, _OF_EACH], prepare=True)
    if not rows:
        return _NOTHING
    agents = free_agents(session, jurisdiction_id, now, least=min(row[2] for row in rows))
    if not agents:
        return _NOTHING
    served = lines.served(session, jurisdiction_id, now)
    waiting = [_waiting(row, served[row[1]], now) for row in rows]
    matches = match(waiting, agents, now, kept_free=kept_free)
    if not matches:
        return _NOTHING
    made = offer_all(session, matches, now=now)
    return Round(made, is_again=len(made) < len(matches) or len(made) >= _OF_EACH)


def kept_free(session: Session, jurisdiction_id: str, *, now: datetime) -> int:
    """How many operators of a city are kept wholly free for calls; good for a while."""
    ((staff, has_calls),) = db.fetch(session, _STAFF, [jurisdiction_id, now, now - _CALLS_LATELY])
    return reserve(int(staff), has_calls=bool(has_calls))


def free_agents(session: Session, jurisdiction_id: str, now: datetime, *, least: int) -> list[FreeAgent]:
    """Who could be shown something of `least` points, longest idle first."""
    profiles: dict[object, Profile] = {}
    found = []
    for agent_id, spare, load, skills, levels in db.fetch(session, _FREE, [jurisdiction_id, now, least], prepare=True):
        key = (spare, load, tuple(skills or ()), tuple(levels or ()))
        profile = profiles.get(key)
        if profile is None:
            profile = profiles[key] = profile_of(spare, load, dict(zip(skills or (), levels or (), strict=True)))
        found.append(FreeAgent(agent_id, profile))
    return found


def profile_of(spare: int, load: int, able: Mapping[str, int]) -> Profile:
    """Whoever is said to speak no language speaks the home one."""
    languages = frozenset(skill.removeprefix(LANGUAGE) for skill in able if skill.startswith(LANGUAGE))
    skills = {skill: level for skill, level in able.items() if not skill.startswith(LANGUAGE)}
    return Profile(spare, load, skills, languages or frozenset({HOME_LANGUAGE}))


def _waiting(row: tuple[object, ...], served: Served, now: datetime) -> Waiting:
    id_, _, cost, skills, language, since, shunned, preferred, is_near, able = row
    assert isinstance(id_, UUID)
    assert isinstance(cost, int)
    assert isinstance(language, str)
    assert isinstance(since, datetime)
    assert isinstance(skills, list)
    assert isinstance(shunned, dict)
    assert able is None or isinstance(able, list)
    needs = served.needs(cost, skills, language, now - since)
    return Waiting(
        id_,
        needs,
        {UUID(agent): datetime.fromisoformat(until) for agent, until in shunned.items()},
        preferred if isinstance(preferred, UUID) else None,
        # Kept for nobody who cannot serve it.
        bool(is_near) and profile_of(cost, 0, dict.fromkeys(able or (), 1)).fits(needs),
        served.overflows(now - since),
        served.skill,
        since + HOLD_AFTER,
    )
