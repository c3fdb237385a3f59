"""Jobs of calls. Each opens its own transaction and may run twice."""

from datetime import timedelta
from uuid import UUID

from intake.calls import actions, limits, line_actions, queries, recordings, sensitive
from intake.calls.ending import end
from intake.calls.states import is_over
from kernel import clock, db

# The machine hears of who waits with music every half minute, and of others within the longest message and a question.
WAITS_WITHIN, SPEAKS_WITHIN = timedelta(minutes=2), timedelta(minutes=10)
_MOST_AT_ONCE = 100


def end_call(call_id: str, **_: object) -> None:
    """Does what is left to do once nobody is on the line."""
    with db.transaction() as session:
        call = queries.held(session, UUID(call_id))
        if is_over(call.state):
            end(session, call, now=clock.now())


def leave_call(leg_id: str, **_: object) -> None:
    """Takes somebody whose desk was closed out of the call that they were asked into."""
    with db.transaction() as session:
        line_actions.leave(session, UUID(leg_id), now=clock.now())


def leave_out_reported(service_request_id: str, **_: object) -> None:
    """Pauses the recording of whoever reports something sensitive while they talk."""
    with db.transaction() as session:
        for call_id in sensitive.calls_reporting(session, UUID(service_request_id)):
            recordings.pause(session, call_id, why=recordings.BY_SERVICE, now=clock.now())


def leave_out_filed(service_request_id: str, conversation_id: str, **_: object) -> None:
    """As `leave_out_reported`, where an operator put something they wrote with a sensitive request."""
    with db.transaction() as session:
        for call_id in sensitive.calls_beside(session, UUID(service_request_id), UUID(conversation_id)):
            recordings.pause(session, call_id, why=recordings.BY_SERVICE, now=clock.now())


def forget_counts() -> None:
    """Forgets how often calls back were asked for, once it says nothing any more."""
    with db.transaction() as session:
        limits.forget(session, now=clock.now())


def end_silent_calls() -> None:
    """Ends the calls that nothing is heard of any more: the report that they were over was lost. Runs every minute.

    Nobody is offered a caller who is not there, and what was told in them is made and answered.
    """
    now = clock.now()
    with db.transaction() as session:
        silent = queries.silent_since(session, now - WAITS_WITHIN, limit=_MOST_AT_ONCE)
    for call_id in silent:
        with db.transaction() as session:
            call = queries.held(session, call_id)
            limit = WAITS_WITHIN if call.script.get("stage") == "waiting" else SPEAKS_WITHIN
            if call.changed_at < now - limit and not queries.has_room(session, call_id):
                actions.report(session, call, "completed", ended_by="provider", now=now)
