"""An operator goes, by their own word or because their desk fell silent: what they had waits again, at the head of the line."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from intake.distribution import agents, items
from intake.distribution.lifecycle import ASSIGNED, OFFERED, WRAPPING
from intake.distribution.models import AgentSession, WorkItem
from kernel.rows import HELD, load

# In the order of their ids, and before the operator's row: as everybody does.
_THEIRS = """
    WHERE (agent_id = $1 AND state IN ('assigned', 'wrapping'))
       OR id IN (SELECT work_item_id FROM offer WHERE agent_id = $1 AND state = 'pending')
    ORDER BY id
"""


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


def force_off(session: Session, agent_id: UUID, *, why: str, now: datetime) -> AgentSession:
    """A supervisor closes somebody's desk, or their account was closed."""
    theirs = _theirs(session, agent_id)
    agent = agents.held_agent(session, agent_id)
    if agent.state != "offline":
        _leave(session, agent, theirs, why=why, now=now)
    return agent


def _theirs(session: Session, agent_id: UUID) -> list[WorkItem]:
    return load(session, WorkItem, f"{_THEIRS} {HELD}", [agent_id])


def _leave(session: Session, agent: AgentSession, theirs: list[WorkItem], *, why: str, now: datetime) -> None:
    for item in theirs:
        if item.state == WRAPPING:
            items.complete(session, item.id, disposition_code=None, now=now)
        elif item.state == ASSIGNED:
            items.give_back(session, item, why=why, is_front=True, now=now)
        elif item.state == OFFERED:
            items.give_back(session, item, why=why, now=now)
    session.refresh(agent)
    agents.put_state(session, agent, "offline", reason=why, now=now)
