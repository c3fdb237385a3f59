"""Jobs of requests. Each opens its own transactions and may run twice."""

from uuid import UUID

from intake.service_requests import rule_use, targeting
from intake.service_requests.escalating import BATCH, record_due
from kernel import clock, db


def look_at_address(service_request_id: str, **_: object) -> None:
    """Flags an address that is reported again and again, for a person to look at."""
    with db.transaction() as session:
        targeting.look(session, UUID(service_request_id), now=clock.now())


def look_at_joined_address(service_request_id: str, **_: object) -> None:
    """As `look_at_address`, once somebody else has said the same of a request that was there."""
    with db.transaction() as session:
        targeting.look(session, UUID(service_request_id), is_joined=True, now=clock.now())


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
