"""A thread that was answered and waits for its resident: it rests, and takes nobody's capacity until they write again.

It stays its operator's. When the resident writes it is theirs again at once, if they are there and have room; else it waits in
the line at the place that it always had, and they are asked first.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from intake.distribution import agents
from intake.distribution.items import awake, complete, give_back, held_item, let_go
from intake.distribution.ledger import note_item
from intake.distribution.lifecycle import ASSIGNED
from intake.distribution.models import AgentSession, ContactQueue, WorkItem
from intake.distribution.values import REST_ENDS, REST_S
from kernel import db
from kernel.errors import Conflict
from kernel.rows import HELD, change, load_one

# So long the operator who knows them may still get it first, when they had no room at once.
_PREFERRED_FOR = timedelta(seconds=20)
_BEYOND = f"SELECT beyond FROM agent_session {agents.HANDS} WHERE agent_session.agent_id = $1"  # noqa: S608  # words of our own


def answered(session: Session, item: WorkItem, *, now: datetime) -> None:
    """The operator wrote last: after the line's time of silence the (locked) thread goes to rest."""
    # What was taken by hand beyond the capacity, or without a desk, takes none: it stays in their hands.
    if item.state != ASSIGNED or not item.held_points:
        return
    rest_s = session.get_one(ContactQueue, item.queue_id).rest_s
    change(session, item, rest_at=now + timedelta(seconds=rest_s if rest_s is not None else REST_S[item.kind]))


def rest(
    session: Session, work_item_id: UUID, *, agent_id: UUID | None = None, is_due: bool = False, now: datetime
) -> WorkItem:
    """The thread rests from now on; twice does it once. agent_id: whose it must be; is_due: only if its time has come.

    Raises Conflict for somebody else's, and for what no text thread in somebody's hands is.
    """
    item = held_item(session, work_item_id)
    is_overdue = item.rest_at is not None and item.rest_at <= now
    if item.resting_since is not None or (is_due and not is_overdue):
        return item
    if agent_id not in (None, item.agent_id):
        raise Conflict("Ese contacto ya no es tuyo.")
    if item.kind != "text" or item.state != ASSIGNED:
        raise Conflict("Ese contacto ya cambió: míralo otra vez.")
    points = item.held_points
    let_go(session, item, now=now)
    change(session, item, held_points=0, rest_at=None, resting_since=now)
    note_item(session, item, "resting", now=now, agent_id=item.agent_id, tell="work_item.resting", points=points)
    return item


def heard(session: Session, work_item_id: UUID, *, now: datetime) -> WorkItem:
    """The resident wrote: what rested is its operator's again, or waits in the line. Twice does it once."""
    item = held_item(session, work_item_id)
    if item.resting_since is None or item.agent_id is None:
        change(session, item, rest_at=None)
        return item
    if not _has_room(session, item.agent_id, item.cost, now):
        return give_back(session, item, why="woken", preferred_for=_PREFERRED_FOR, now=now)
    points = agents.take_points(session, item.agent_id, item.cost, now=now)
    change(session, item, held_points=points, **awake(item, now))
    note_item(session, item, "woken", now=now, agent_id=item.agent_id, tell="work_item.woken", points=points)
    return item


def end_silent(session: Session, work_item_id: UUID, *, now: datetime) -> bool:
    """Over, when it has rested for a day; False when it has not."""
    item = held_item(session, work_item_id)
    if item.resting_since is None or now < item.resting_since + REST_ENDS:
        return False
    change(session, item, why="silent")
    complete(session, item.id, disposition_code=None, now=now)
    return True


def _has_room(session: Session, agent_id: UUID, points: int, now: datetime) -> bool:
    """Whether this (locked) operator is there and could take so much more. A thread of theirs reaches them in a call, too."""
    agent = load_one(session, AgentSession, f"WHERE agent_id = $1 {HELD}", [agent_id])
    if agent is None or agent.state != "available" or agent.lease_until <= now or agent.beside_leg_id is not None:
        return False
    ((beyond,),) = db.fetch(session, _BEYOND, [agent_id], prepare=True)
    return agent.cap_points - agent.load_points - int(beyond) >= points
