"""What became of a contact, said after its notes ran out of time: nothing ends unexplained."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from intake.distribution.items import held_item
from intake.distribution.ledger import note_item
from intake.distribution.lifecycle import DONE
from intake.distribution.models import WorkItem
from kernel.errors import Conflict
from kernel.rows import change, load

# A shift and its end.
OWED_FOR = timedelta(hours=12)
_OWED = """
    WHERE agent_id = $1 AND state = 'done' AND disposition_code IS NULL AND why <> 'silent' AND ended_at > $2
    ORDER BY ended_at DESC LIMIT 9
"""


def owed(session: Session, agent_id: UUID, *, now: datetime) -> list[WorkItem]:
    """What this operator ended lately without saying what became of it, newest first."""
    return load(session, WorkItem, _OWED, [agent_id, now - OWED_FOR])


def label(session: Session, work_item_id: UUID, disposition_code: str, *, agent_id: UUID, now: datetime) -> WorkItem:
    """Says it of a contact that is over; the first word stands. Raises NotFound, Conflict."""
    item = held_item(session, work_item_id)
    if item.agent_id != agent_id or item.state != DONE:
        raise Conflict("Ese contacto ya no es tuyo.")
    if item.disposition_code is None:
        change(session, item, disposition_code=disposition_code)
        note_item(session, item, "labelled", now=now, agent_id=agent_id, disposition=disposition_code)
    return item
