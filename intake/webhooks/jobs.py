"""Jobs of the webhooks. Each may run twice; no transaction is open during a call."""

from uuid import UUID

from intake.webhooks import delivery, queueing, sending
from intake.webhooks.config import config
from kernel import clock, db


def queue_deliveries(**_: object) -> None:
    """Makes the deliveries of changes that were numbered."""
    with db.read_transaction() as session:
        waiting = queueing.behind(session)
    for webhook_id in waiting:
        is_full = True
        while is_full:
            with db.transaction() as session:
                is_full = queueing.queue_next(session, webhook_id, now=clock.now())


def deliver_webhook(delivery_id: str, **_: object) -> None:
    """One try. When it fails the delivery itself knows when the next one is due, and the sweep asks for it."""
    wanted = UUID(delivery_id)
    with db.transaction() as session:
        claimed = delivery.claim(session, wanted, now=clock.now())
    if claimed is None:
        return
    outcome = sending.send(claimed.url, claimed.body, claimed.headers, config())
    with db.transaction() as session:
        delivery.note(session, wanted, outcome, now=clock.now())


def sweep() -> None:
    """Queues what was forgotten, wakes what is due, removes what is old. Runs every few seconds."""
    queue_deliveries()
    with db.transaction() as session:
        delivery.wake_due(session, now=clock.now())
    with db.transaction() as session:
        delivery.prune(session, now=clock.now())
