"""Jobs of requests. Each opens its own transactions and may run twice."""

from intake.service_requests import rule_use
from intake.service_requests.escalating import BATCH, record_due
from kernel import clock, db


def escalate() -> None:
    """Records the steps of promises that have fallen due, batch after batch until none is left."""
    while True:
        with db.transaction() as session:
            if record_due(session, now=clock.now()) < BATCH:
                return


def count_rule_use() -> None:
    """Counts what rules decided since the last time, batch after batch until none is full."""
    while True:
        with db.transaction() as session:
            if rule_use.count(session, now=clock.now()) < rule_use.BATCH:
                return
