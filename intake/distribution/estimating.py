"""How long somebody will wait: what a caller is told, and what decides whether to offer a callback."""

from datetime import datetime
from math import ceil
from uuid import UUID

from sqlmodel import Session

from intake.distribution.agents import HANDS
from intake.distribution.items import NOT_STOOD_FOR, queue_of
from intake.distribution.lines import served
from intake.distribution.matching import rank_at
from intake.distribution.models import ContactQueue, WorkItem
from intake.distribution.values import COSTS, GENERAL, Estimate
from kernel import db
from kernel.rows import load_one

# What a contact takes where none has ended lately, and how many are looked at.
USUAL_S = {"voice": 300.0, "text": 600.0, "callback": 300.0}
_RECENT = 50

# Of its own line, which is the position; and of all lines that the same operators serve, which is the wait.
_AHEAD = f"""
    SELECT count(*) FILTER (WHERE queue_id = $2), count(*), coalesce(sum(cost), 0)
    FROM work_item JOIN contact_queue ON contact_queue.id = queue_id
    WHERE work_item.jurisdiction_id = $1 AND state = 'queued' AND rank_at < $3 AND (due_at IS NULL OR due_at <= $4)
      AND work_item.id IS DISTINCT FROM $5 AND {NOT_STOOD_FOR}
      AND CASE WHEN closed_at IS NULL THEN skill END IS NOT DISTINCT FROM $6
"""  # noqa: S608  # words of our own
# Whoever may serve the line and is at work, also when they are busy just now.
_STAFF = f"""
    SELECT count(*) FILTER (WHERE cap_points - load_points - beyond >= $4 AND NOT is_talking
            AND coalesce(offer_id, beside_leg_id) IS NULL AND state = 'available'),
        coalesce(sum(cap_points), 0)
    FROM agent_session {HANDS} WHERE jurisdiction_id = $1 AND state IN ('available', 'missed') AND lease_until > $2
      AND ($3::text[] IS NULL OR EXISTS (
        SELECT 1 FROM agent_skill WHERE agent_skill.agent_id = agent_session.agent_id AND skill = ANY($3)
          AND (expires_at IS NULL OR expires_at > $2)))
"""  # noqa: S608  # words of our own
_LASTED = """
    SELECT avg(extract(epoch FROM ended_at - assigned_at) - rested_s) FROM (
        SELECT ended_at, assigned_at, rested_s FROM work_item
        WHERE queue_id = $1 AND kind = $2 AND state = 'done' AND assigned_at IS NOT NULL ORDER BY ended_at DESC LIMIT $3
    ) AS recent
"""


def estimate(
    session: Session,
    jurisdiction_id: str,
    queue_code: str = GENERAL,
    *,
    kind: str = "voice",
    priority: int = 0,
    work_item_id: UUID | None = None,
    now: datetime,
) -> Estimate:
    """Of somebody who would join the line now, or of an item that is in it: how many go first, and about how long that takes."""
    item = load_one(session, WorkItem, "WHERE id = $1", [work_item_id]) if work_item_id else None
    if item is not None:
        queue = session.get_one(ContactQueue, item.queue_id)
        rank, cost, kind = item.rank_at, item.cost, item.kind
    else:
        queue = queue_of(session, jurisdiction_id, queue_code)
        rank, cost = rank_at(now, priority, queue.head_start_s), COSTS[kind]
    line = served(session, queue.jurisdiction_id, now)[queue.id]
    skill = line.skill
    able = None if skill is None else [skill]
    if line.overflow and able is not None:
        able = None if line.overflow_skill is None else [*able, line.overflow_skill]
    who = [jurisdiction_id, queue.id, rank, now, work_item_id, skill]
    ((before, ahead, points),) = db.fetch(session, _AHEAD, who, prepare=True)
    ((free, capacity),) = db.fetch(session, _STAFF, [jurisdiction_id, now, able, cost], prepare=True)
    position = int(before) + 1
    if not capacity:
        return Estimate(position, None)
    if free > ahead:
        return Estimate(position, 0)
    ((lasted,),) = db.fetch(session, _LASTED, [queue.id, kind, _RECENT], prepare=True)
    each_s = float(lasted) if lasted is not None else USUAL_S[kind]
    return Estimate(position, ceil((int(points) + cost) / int(capacity) * each_s))
