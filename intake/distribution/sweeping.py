"""What time brings about: offers nobody answered, desks that fell silent, notes that took too long, threads
that rest. From the tables alone."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from intake.distribution import items, leaving, offers, resting
from intake.distribution.lifecycle import OFFERED, WRAPPING
from intake.distribution.values import REST_ENDS
from kernel import db
from kernel.errors import AtiendeError

_DUE = """
    SELECT 'offer', id FROM offer WHERE state = 'pending' AND expires_at <= $1
    UNION ALL SELECT 'desk', agent_id FROM agent_session WHERE state <> 'offline' AND lease_until <= $1
    UNION ALL SELECT 'notes', id FROM work_item WHERE state = 'wrapping' AND wrap_until <= $1
    UNION ALL SELECT 'rest', id FROM work_item WHERE rest_at <= $1
    UNION ALL SELECT 'silent', id FROM work_item WHERE resting_since <= $2
    UNION ALL SELECT 'leaver', agent_id FROM agent_session WHERE state = 'leaving' AND load_points = 0
        AND beside_leg_id IS NULL
        AND NOT EXISTS (SELECT 1 FROM work_item WHERE work_item.agent_id = agent_session.agent_id
                        AND work_item.state IN ('assigned', 'wrapping') AND resting_since IS NULL)
    UNION ALL SELECT 'orphan', work_item_id FROM offer JOIN agent_session USING (agent_id)
        WHERE offer.state = 'pending' AND agent_session.state = 'offline'
    UNION ALL SELECT 'orphan', work_item.id FROM work_item JOIN agent_session USING (agent_id)
        WHERE work_item.state IN ('assigned', 'wrapping') AND held_points > 0 AND agent_session.state = 'offline'
"""

log = structlog.get_logger(__name__)


def sweep(now: datetime) -> int:
    """Does what is due, each in a transaction of its own; how many that were. Two at once do each once."""
    with db.read_transaction() as session:
        due = db.fetch(session, _DUE, [now, now - REST_ENDS], prepare=True)
    done = 0
    for kind, id_ in due:
        try:
            with db.transaction() as session:
                done += bool(_DO[kind](session, id_, now))
        except (AtiendeError, SQLAlchemyError) as error:  # one that cannot be done must not keep the others waiting
            log.warning("sweep of the line failed", kind=kind, id=str(id_), error=type(error).__name__)
    return done


def _end_notes(session: Session, work_item_id: UUID, now: datetime) -> bool:
    item = items.held_item(session, work_item_id)
    if item.state != WRAPPING or item.wrap_until is None or now < item.wrap_until:
        return False
    items.complete(session, item.id, disposition_code=None, now=now)
    return True


def _see_off(session: Session, agent_id: UUID, now: datetime) -> bool:
    return leaving.force_off(session, agent_id, why="left", is_idle=True, now=now).state == "offline"


def _take_in_orphan(session: Session, work_item_id: UUID, now: datetime) -> bool:
    """Offered to, or held by, an operator who went in the same moment."""
    item = items.held_item(session, work_item_id)
    if not leaving.is_orphan(session, item):
        return False
    if item.state == WRAPPING:
        items.complete(session, item.id, disposition_code=None, now=now)
    else:
        items.give_back(session, item, why="lost", is_front=item.state != OFFERED, now=now)
    return True


_DO: dict[str, Callable[[Session, UUID, datetime], bool]] = {
    "offer": lambda session, id_, now: offers.expire(session, id_, now=now),
    "desk": lambda session, id_, now: leaving.lapse(session, id_, now=now),
    "notes": _end_notes,
    "rest": lambda session, id_, now: resting.rest(session, id_, is_due=True, now=now).resting_since == now,
    "silent": lambda session, id_, now: resting.end_silent(session, id_, now=now),
    "leaver": _see_off,
    "orphan": _take_in_orphan,
}
