"""How each line is served at an instant, and the rules by which those of another line may answer its people, too.

Nobody is moved: who waits keeps line and place, and more operators are asked for them. It is one step: whoever a line overflows
to answers for it, and not for what overflows to that line.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson
from sqlmodel import Session

from intake.catalog import cities
from intake.distribution.items import queue_of
from intake.distribution.ledger import note_line
from intake.distribution.matching import Served
from intake.distribution.models import ContactQueue
from kernel import db
from kernel.errors import InvalidInput
from kernel.rows import change, load
from routing.calendars import WorkingCalendar

_DAY = timedelta(days=1)
LONGEST_S = 24 * 3600
# Whoever serves the line and is at work, also when they are busy or on a break.
_LINES = """
    SELECT line.id, CASE WHEN line.closed_at IS NULL THEN line.skill END, line.overflow_after_s,
        CASE WHEN other.closed_at IS NULL THEN other.skill END, line.hours, timezone,
        line.overflow_if_nobody AND NOT EXISTS (
            SELECT 1 FROM agent_session JOIN agent_skill USING (agent_id)
            WHERE agent_session.jurisdiction_id = $1 AND skill = line.skill AND (expires_at IS NULL OR expires_at > $2)
                AND state NOT IN ('offline', 'leaving') AND lease_until > $2
        )
    FROM contact_queue AS line JOIN jurisdiction ON jurisdiction.id = line.jurisdiction_id
    LEFT JOIN contact_queue AS other
        ON other.jurisdiction_id = line.jurisdiction_id AND other.code = line.overflow_to
    WHERE line.jurisdiction_id = $1
"""


def open_lines(session: Session, jurisdiction_id: str) -> list[ContactQueue]:
    """The lines of a city that are not closed, by name."""
    return load(
        session, ContactQueue, "WHERE jurisdiction_id = $1 AND closed_at IS NULL ORDER BY name", [jurisdiction_id]
    )


def served(session: Session, jurisdiction_id: str, now: datetime) -> dict[UUID, Served]:
    """Every line of a city, by its id."""
    found = {}
    for id_, skill, after_s, other, hours, timezone, is_empty in db.fetch(
        session, _LINES, [jurisdiction_id, now], prepare=True
    ):
        why = "closed" if not is_open(hours, timezone, now) else "nobody" if is_empty else ""
        after = None if after_s is None else timedelta(seconds=after_s)
        found[id_] = Served(skill, after, other, why if skill is not None else "")
    return found


def is_open(hours: Mapping[str, Any] | None, timezone: str, at: datetime) -> bool:
    """Whether a line with these hours is open then; without any it always is."""
    if not hours:
        return True
    calendar = _calendar(orjson.dumps(hours), timezone)
    today = calendar.local_date(at)
    # Last night's hours may still last.
    return any(start <= at < end for day in (today - _DAY, today) for start, end in calendar.blocks(day))


@lru_cache(256)
def _calendar(hours: bytes, timezone: str) -> WorkingCalendar:
    return WorkingCalendar({**orjson.loads(hours), "timezone": timezone})


def set_overflow(
    session: Session,
    jurisdiction_id: str,
    code: str,
    *,
    after_s: int | None,
    if_nobody: bool,
    hours: Mapping[str, Any] | None,
    to: str | None,
    by: UUID,
    now: datetime,
) -> ContactQueue:
    """When and to whom a line overflows, from the next round on; who said so is in the record. to: another line; None: everybody.

    Raises NotFound for a line that is not there, InvalidInput for hours or times that mean nothing.
    """
    line = queue_of(session, jurisdiction_id, code)
    if after_s is not None and not 0 <= after_s <= LONGEST_S:
        raise InvalidInput("Di un tiempo de 0 segundos a un día.", field="after")
    if to is not None and (to == code or queue_of(session, jurisdiction_id, to).closed_at is not None):
        raise InvalidInput("Elige otra fila, y que esté abierta.", field="to")
    if hours:
        WorkingCalendar({**hours, "timezone": cities.city(session, jurisdiction_id).timezone})
    change(
        session,
        line,
        overflow_after_s=after_s,
        overflow_if_nobody=if_nobody,
        hours=dict(hours) if hours else None,
        overflow_to=to,
    )
    note_line(
        session, line, "overflow_set", now=now, by=by, code=code, after_s=after_s, if_nobody=int(if_nobody), to=to
    )
    return line
