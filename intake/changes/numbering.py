"""Numbers committed events, one numberer at a time: who reads up to a number, or up to a second, has read all there will ever be.

Events get their ids when they are written and become visible when they are committed, which is another order. So the
number is given afterwards, under a lock that is held until the numbers are visible themselves.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from kernel import clock, db

BATCH = 500
# A reader who asked for everything up to this second, by a clock that is a little ahead of ours, misses nothing.
AHEAD = timedelta(seconds=2)
# Clocks of several machines differ by less; more than that is a clock that was wrong, and must not bind us for years.
_MAX_DRIFT = timedelta(minutes=1)
_REPAIR_SPAN = timedelta(days=1)
_LOCK = 311_0007

# By its id, as the index of those that wait has it: without, a table that nobody has analysed is read from end to end.
_PENDING = "SELECT 1 FROM service_request_event WHERE is_pending_change ORDER BY id LIMIT 1"
_TAKE_TURN = "SELECT pg_advisory_xact_lock($1)"
_LAST = "SELECT published_at FROM service_request_change ORDER BY seq DESC LIMIT 1"
_NUMBER = """
    WITH pending AS (
        SELECT e.id, e.name, e.audience, e.service_request_id, r.jurisdiction_id, r.agency_code
        FROM service_request_event e JOIN service_request r ON r.id = e.service_request_id
        WHERE e.is_pending_change ORDER BY e.id LIMIT $1
    ), taken AS (
        UPDATE service_request_event SET is_pending_change = false FROM pending
        WHERE service_request_event.id = pending.id
    ), told AS (
        SELECT id, service_request_id, jurisdiction_id, agency_code, audience = 'public' AS is_public, false AS is_farewell
        FROM pending
        UNION ALL
        SELECT pending.id, pending.service_request_id, pending.jurisdiction_id, before.agency_code, false, true
        FROM pending CROSS JOIN LATERAL (
            SELECT agency_code FROM service_request_change AS change
            WHERE change.service_request_id = pending.service_request_id AND NOT change.is_farewell
            ORDER BY change.seq DESC LIMIT 1
        ) AS before
        WHERE pending.name = 'routed' AND before.agency_code <> coalesce(pending.agency_code, '')
    )
    INSERT INTO service_request_change
        (event_id, service_request_id, jurisdiction_id, agency_code, is_public, is_farewell, published_at)
    SELECT id, service_request_id, jurisdiction_id, agency_code, is_public, is_farewell, $2::timestamptz
    FROM told ORDER BY id, is_farewell
    ON CONFLICT (event_id, is_farewell) DO NOTHING
    RETURNING 1
"""
_HISTORY = text("""
    INSERT INTO service_request_change
        (event_id, service_request_id, jurisdiction_id, agency_code, is_public, is_farewell, published_at)
    SELECT e.id, e.service_request_id, r.jurisdiction_id, r.agency_code, e.audience = 'public', false, e.at
    FROM service_request_event e JOIN service_request r ON r.id = e.service_request_id
    WHERE e.audience IN ('public', 'agency') AND NOT e.is_pending_change
        AND r.jurisdiction_id = :jurisdiction_id
    ORDER BY e.at, e.id
    ON CONFLICT (event_id, is_farewell) DO NOTHING
""")
_FORGOTTEN = """
    UPDATE service_request_event AS e SET is_pending_change = true
    WHERE e.service_request_id = $1 AND e.audience IN ('public', 'agency')
        AND NOT e.is_pending_change AND e.at > $2
        AND NOT EXISTS (SELECT FROM service_request_change AS change WHERE change.event_id = e.id)
    RETURNING 1
"""


def number(session: Session, read_clock: Callable[[], datetime] = clock.now) -> int:
    """Gives numbers to a batch of events that have none; how many there were. Waits for its turn only when there are any.

    The clock is read after waiting: what is published must not be older than what a reader has meanwhile seen the end of.
    """
    session.flush()
    if not db.fetch(session, _PENDING, [], prepare=True):
        return 0
    # Each by itself: what was committed while this waited for its turn is to be seen.
    db.fetch(session, _TAKE_TURN, [_LOCK], prepare=True)
    published_at = read_clock().replace(microsecond=0) + AHEAD
    last = db.fetch(session, _LAST, [], prepare=True)
    if last and published_at < last[0][0] < published_at + _MAX_DRIFT:
        published_at = last[0][0]
    return len(db.fetch(session, _NUMBER, [BATCH, published_at], prepare=True))


def number_history(session: Session, jurisdiction_id: str) -> None:
    """Numbers what was written as history, oldest first and under its own times: for a city that begins with some.

    Only before anybody follows the feed, since these times lie in the past.
    """
    session.connection().execute(_HISTORY, {"jurisdiction_id": jurisdiction_id})


def remember_forgotten(session: Session, service_request_id: UUID, *, now: datetime) -> None:
    """Marks this request's fresh events that were never numbered: a release that knew no numbers may still write some."""
    session.flush()
    db.fetch(session, _FORGOTTEN, [service_request_id, now - _REPAIR_SPAN], prepare=True)
