"""The record of what was done with a call.

Each row's digest covers the row before it: one that is changed, or taken out from among others, is seen.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

import orjson
from sqlmodel import Session

from intake.calls.line_models import CallEvent
from kernel.rows import load, load_one

Actor = tuple[UUID | None, str]
NOBODY: Actor = (None, "")


def note(
    session: Session,
    call_id: UUID,
    name: str,
    *,
    actor: Actor = NOBODY,
    reason: str = "",
    recording_id: UUID | None = None,
    now: datetime,
    **data: str | int | None,
) -> CallEvent:
    """Adds to the record of this call, whose row the caller holds."""
    session.flush()
    last = load_one(session, CallEvent, "WHERE call_id = $1 ORDER BY id DESC LIMIT 1", [call_id])
    row = CallEvent(
        call_id=call_id,
        recording_id=recording_id,
        name=name,
        at=now,
        actor_id=actor[0],
        actor_name=actor[1],
        reason=reason,
        data={key: value for key, value in data.items() if value is not None},
        digest=b"",
    )
    row.digest = _digest(last.digest if last is not None else b"", row)
    session.add(row)
    session.flush()
    return row


def of_call(session: Session, call_id: UUID) -> Sequence[CallEvent]:
    return load(session, CallEvent, "WHERE call_id = $1 ORDER BY id", [call_id])


def is_whole(events: Sequence[CallEvent]) -> bool:
    """Whether nobody has changed these rows or taken one out from among them."""
    before = b""
    for event in events:
        if event.digest != _digest(before, event):
            return False
        before = event.digest
    return True


def _digest(before: bytes, row: CallEvent) -> bytes:
    said = [
        str(row.call_id),
        str(row.recording_id),
        row.name,
        row.at.isoformat(),
        str(row.actor_id),
        row.actor_name,
        row.reason,
        row.data,
    ]
    return sha256(before + orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).digest()
