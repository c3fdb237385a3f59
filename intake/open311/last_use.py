"""When each key was last used, to the minute: written at most once a minute by each process, in a transaction of its own.

Never in the call's own transaction: calls with one key would then wait for one another on the key's row.
"""

import logging
import time
from datetime import datetime
from uuid import UUID

from sqlalchemy.exc import OperationalError

from intake.catalog import keys
from kernel import db

log = logging.getLogger(__name__)
_EVERY_S = 60.0


class LastUses:
    """What this process has written lately."""

    def __init__(self) -> None:
        self._written_at: dict[UUID, float] = {}

    def note(self, key_id: UUID, *, now: datetime) -> None:
        """Keeps that the key was used. The call is over by now, whatever becomes of this."""
        tick = time.monotonic()
        if tick - self._written_at.get(key_id, -_EVERY_S) < _EVERY_S:
            return
        self._written_at[key_id] = tick
        try:
            with db.transaction() as session:
                keys.note_use(session, key_id, now=now)
        except OperationalError as error:
            log.warning("open311: the last use of a key was not kept: %s", type(error).__name__)
