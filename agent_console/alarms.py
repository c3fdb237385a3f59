"""What waits for a supervisor to decide about surges and abuse, counted for the tab."""

from sqlmodel import Session

from kernel import db

_WAITING = """
    SELECT (SELECT count(*) FROM incident WHERE jurisdiction_id = $1 AND state = 'proposed')
        + (SELECT count(*) FROM spending_breaker WHERE jurisdiction_id = $1 AND reset_at IS NULL)
        + (SELECT count(*) FROM target_flag WHERE jurisdiction_id = $1 AND reviewed_at IS NULL)
        + (SELECT count(*) FROM caller_flag WHERE jurisdiction_id = $1 AND reviewed_at IS NULL)
"""


def count(session: Session, jurisdiction_id: str) -> int:
    """Proposed incidents, breakers that stand open, addresses and callers that were flagged."""
    ((waiting,),) = db.fetch(session, _WAITING, [jurisdiction_id], prepare=True)
    return int(waiting)
