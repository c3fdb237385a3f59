"""What resident pages need done by the clock."""

from channels.app import drafts
from kernel import clock, db


def forget_drafts() -> None:
    """Removes drafts whose day is over, also on a site that nobody visits."""
    with db.transaction() as session:
        drafts.forget(session, now=clock.now())
