"""Jobs of calls. Each opens its own transaction and may run twice."""

from uuid import UUID

from intake.calls import queries
from intake.calls.ending import end
from intake.calls.states import is_over
from kernel import clock, db


def end_call(call_id: str, **_: object) -> None:
    """Does what is left to do once nobody is on the line."""
    with db.transaction() as session:
        call = queries.held(session, UUID(call_id))
        if is_over(call.state):
            end(session, call, now=clock.now())
