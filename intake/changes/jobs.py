"""Numbers changes as soon as they are committed, and by the clock what nobody was told of."""

from uuid import UUID

from intake.changes import numbering
from kernel import clock, db


def number_changes(service_request_id: str | None = None, **_: object) -> None:
    """Numbers everything that waits for it; called for each event of a request."""
    with db.transaction() as session:
        if service_request_id is not None:
            numbering.remember_forgotten(session, UUID(service_request_id), now=clock.now())
        is_full = numbering.number(session) == numbering.BATCH
    if is_full:
        sweep()


def sweep() -> None:
    """Batch after batch, each in its own transaction, until none is full."""
    while True:
        with db.transaction() as session:
            if numbering.number(session) < numbering.BATCH:
                return
