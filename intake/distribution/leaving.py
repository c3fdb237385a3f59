"""An operator goes, by their own word or because their desk fell silent: what they had waits again, at the head of the line."""

from contextlib import suppress
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from intake.distribution import agents, items, offers
from intake.distribution.lifecycle import ASSIGNED, OFFERED, WRAPPING
from intake.distribution.models import AgentSession, Offer, WorkItem
from kernel import db
from kernel.errors import Conflict
from kernel.outbox import record
from kernel.rows import HELD, change, load, load_one

# In the order of their ids, and before the operator's row: as everybody does. What rests waits for nobody who is here, and goes
# on resting: whoever is there when the person writes gets it.
_THEIRS = """
    WHERE (agent_id = $1 AND state IN ('assigned', 'wrapping') AND resting_since IS NULL)
       OR id IN (SELECT work_item_id FROM offer WHERE agent_id = $1 AND state = 'pending')
    ORDER BY id
"""
_ORPHAN = """
    SELECT 1 FROM work_item
    LEFT JOIN offer ON offer.work_item_id = work_item.id AND offer.state = 'pending'
    JOIN agent_session ON agent_session.agent_id = coalesce(work_item.agent_id, offer.agent_id)
    WHERE work_item.id = $1 AND agent_session.state = 'offline' AND held_points > 0
"""


def set_state(
    session: Session, agent_id: UUID, *, epoch: int, state: str, reason: str = "", now: datetime
) -> AgentSession:
    """As `agents.set_state`. Whoever goes while something rings lets it ring elsewhere at once, before its time has passed."""
    if state != "available":
        ringing = load_one(session, Offer, "WHERE agent_id = $1 AND state = 'pending'", [agent_id])
        if ringing is not None:
            with suppress(Conflict):  # it ended in this moment, or the window may only look, as is said below
                offers.decline(session, ringing.id, agent_id=agent_id, epoch=epoch, reason=state, now=now)
    return agents.set_state(session, agent_id, epoch=epoch, state=state, reason=reason, now=now)


def sign_off(session: Session, agent_id: UUID, *, epoch: int, now: datetime) -> AgentSession:
    """The desk closes. What was not finished waits again. Raises Conflict for a desk that was opened again elsewhere."""
    theirs = _theirs(session, agent_id)
    agent = agents.live_agent(session, agent_id, epoch)
    _leave(session, agent, theirs, why="signed_off", now=now)
    return agent


def lapse(session: Session, agent_id: UUID, *, now: datetime) -> bool:
    """Gives up a desk that has not been heard of for too long; False when it has been heard of since."""
    theirs = _theirs(session, agent_id)
    agent = agents.held_agent(session, agent_id)
    if agent.state == "offline" or now < agent.lease_until:
        return False
    _leave(session, agent, theirs, why="lost", now=now)
    return True


def force_off(session: Session, agent_id: UUID, *, why: str, is_idle: bool = False, now: datetime) -> AgentSession:
    """A supervisor closes somebody's desk, or an account loses it. is_idle: only if they are leaving and hold nothing."""
    theirs = _theirs(session, agent_id)
    agent = agents.held_agent(session, agent_id)
    is_busy = bool(theirs) or agent.beside_leg_id is not None or agent.state != "leaving"
    if agent.state != "offline" and not (is_idle and is_busy):
        _leave(session, agent, theirs, why=why, now=now)
    return agent


def is_orphan(session: Session, item: WorkItem) -> bool:
    """Whether the (locked) item is offered to, or counts as held by, somebody who is not there any more.

    What an operator took by hand while no desk of theirs was open counts as none, and stays with them.
    """
    return bool(db.fetch(session, _ORPHAN, [item.id]))


def _theirs(session: Session, agent_id: UUID) -> list[WorkItem]:
    found = load(session, WorkItem, f"{_THEIRS} {HELD}", [agent_id])
    # Whom a colleague took it from while we waited for its row has it no more, though the offer is found as it was before.
    return [item for item in found if items.whose_is(session, item) == agent_id]


def _leave(session: Session, agent: AgentSession, theirs: list[WorkItem], *, why: str, now: datetime) -> None:
    for item in theirs:
        if item.state == WRAPPING:
            items.complete(session, item.id, disposition_code=None, now=now)
        elif item.state == ASSIGNED:
            items.give_back(session, item, why=why, is_front=True, now=now)
        elif item.state == OFFERED:
            items.give_back(session, item, why=why, now=now)
    session.refresh(agent)
    if agent.beside_leg_id is not None:
        record(session, "agent.left_call", at=now, agent_id=agent.agent_id, leg_id=agent.beside_leg_id)
        change(session, agent, beside_leg_id=None)
    agents.put_state(session, agent, "offline", reason=why, now=now)
