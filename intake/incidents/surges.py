"""A line of its own for the people who wait for an operator about an incident, and operators who are lent to it for a while.

The line is a queue with a skill; whoever has it serves that line besides what they serve already, and the skill runs out by
itself. When the incident ends, so does the lending; who still waits is served by everybody.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session, col, select

from intake.distribution import actions as distribution
from intake.distribution import items, lines
from intake.distribution.models import ContactQueue, WorkItem
from intake.incidents import actions
from intake.incidents.actions import By
from intake.incidents.models import Incident
from kernel.errors import Conflict, InvalidInput
from kernel.outbox import record

LONGEST = timedelta(hours=24)
# Nobody waits long for the few who were lent, nor at all once nobody is lent any more: then everybody serves the line.
# A supervisor may say otherwise later, and lending again leaves that as it is.
_OVERFLOW = {"overflow_after_s": lines.OVERFLOW_S, "overflow_if_nobody": True}


def code_of(incident_id: UUID) -> str:
    """The code of an incident's own line, and the skill that serves it."""
    return f"surge-{incident_id.hex[-12:]}"


def open_line(
    session: Session,
    incident_id: UUID,
    agent_ids: Sequence[UUID],
    hours: int,
    *,
    version: int,
    by: By,
    now: datetime,
) -> Incident:
    """Gives the incident a line of its own and lends these operators to it for some hours; the others are taken back.

    Raises Conflict, InvalidInput.
    """
    incident = actions.held(session, incident_id, version)
    if incident.state != "open":
        raise Conflict("Este incidente ya terminó.")
    span = timedelta(hours=hours)
    if not timedelta(0) < span <= LONGEST:
        raise InvalidInput("Elige de 1 a 24 horas.", field="hours")
    if not agent_ids:
        raise InvalidInput("Elige al menos a un operador.", field="agents")
    code = code_of(incident.id)
    distribution.open_queue(
        session,
        incident.jurisdiction_id,
        code,
        name=incident.title.get("es", ""),
        skill=code,
        **({} if incident.queue_code else _OVERFLOW),
    )
    distribution.revoke_skills(session, incident.jurisdiction_id, code)
    known = {one.id for one in operators(session, incident)}
    for agent_id in dict.fromkeys(agent_ids):
        if agent_id not in known:
            raise InvalidInput("Elige al menos a un operador.", field="agents")
        distribution.grant_skill(
            session, agent_id, code, jurisdiction_id=incident.jurisdiction_id, level=2, expires_at=now + span
        )
    incident.queue_code = code
    actions.changed(session, incident)
    record(session, "incident.edited", at=now, incident_id=incident.id)
    return incident


def close_line(session: Session, incident: Incident, *, now: datetime) -> None:
    """Nobody is lent any more; those who wait are everybody's."""
    if incident.queue_code is None:
        return
    lines.shut(session, items.queue_of(session, incident.jurisdiction_id, incident.queue_code), now=now)
    incident.queue_code = None
    session.add(incident)
    session.flush()


def operators(session: Session, incident: Incident) -> list[lines.Operator]:
    """Who ever opened their desk here, those that are there first, and until when they are lent."""
    return lines.operators(session, incident.jurisdiction_id, code_of(incident.id))


def waiting(session: Session, incident: Incident) -> int:
    """How many wait in its line."""
    if incident.queue_code is None:
        return 0
    return len(
        session.exec(
            select(WorkItem.id)
            .join(ContactQueue, col(ContactQueue.id) == col(WorkItem.queue_id))
            .where(
                ContactQueue.jurisdiction_id == incident.jurisdiction_id,
                ContactQueue.code == incident.queue_code,
                col(WorkItem.state).in_(("queued", "offered")),
            )
        ).all()
    )
