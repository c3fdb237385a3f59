"""The record of the line: every step is written once as a fact, and told to whoever waits for events."""

from datetime import datetime
from uuid import UUID

import orjson
from sqlmodel import Session

from intake.distribution.models import AgentSession, WorkItem
from kernel import db
from kernel.outbox import record

_WRITE = """
    INSERT INTO distribution_event (jurisdiction_id, name, at, work_item_id, agent_id, data)
    VALUES ($1, $2, $3, $4, $5, $6::jsonb) RETURNING 1
"""


def note_item(
    session: Session,
    item: WorkItem,
    name: str,
    *,
    now: datetime,
    agent_id: UUID | None = None,
    offer_id: UUID | None = None,
    tell: str | None = None,
    **data: str | int | None,
) -> None:
    """name: what happened to the item; tell: the event of the outbox that goes with it, where others act on it."""
    _write(session, item.jurisdiction_id, name, now, item.id, agent_id, data)
    if tell is not None:
        ids: dict[str, UUID | str | int] = {"work_item_id": item.id}
        for key, value in (
            ("conversation_id", item.conversation_id),
            ("agent_id", agent_id),
            ("offer_id", offer_id),
        ):
            if value is not None:
                ids[key] = value
        record(session, tell, at=now, **ids)


def note_agent(session: Session, agent: AgentSession, name: str, *, now: datetime, **data: str | int | None) -> None:
    """name: what an operator did, or what became of them; consoles are told."""
    _write(session, agent.jurisdiction_id, name, now, None, agent.agent_id, data)
    record(session, "agent.changed", at=now, agent_id=agent.agent_id)


def note_lines(
    session: Session, jurisdiction_id: str, name: str, *, now: datetime, by: UUID, **data: str | int | None
) -> None:
    """name: what somebody changed about a city's lines, or about who serves them."""
    _write(session, jurisdiction_id, name, now, None, by, data)


def _write(
    session: Session,
    jurisdiction_id: str,
    name: str,
    now: datetime,
    work_item_id: UUID | None,
    agent_id: UUID | None,
    data: dict[str, str | int | None],
) -> None:
    kept = {key: value for key, value in data.items() if value is not None}
    values = [jurisdiction_id, name, now, work_item_id, agent_id, orjson.dumps(kept).decode()]
    db.fetch(session, _WRITE, values, prepare=True)
