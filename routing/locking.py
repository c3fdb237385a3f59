"""Writers of a city's rules take turns, so that versions follow each other and none overtakes another unseen."""

from sqlalchemy import text
from sqlmodel import Session

_TAKE_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended('rules ' || :jurisdiction_id, 0))")


def take_turn(session: Session, jurisdiction_id: str) -> None:
    """Nobody else writes this city's rules until the transaction ends."""
    session.connection().execute(_TAKE_TURN, {"jurisdiction_id": jurisdiction_id})
