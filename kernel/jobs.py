"""Running one delivery: the job its row names, with the ids of its event.

A job is a top-level function named by its dotted path, called with the event's ids as keywords. It opens its own
transactions and may run twice: what makes that right is the state it looks at, never this file. Small jobs of one event may
share a delivery (`together`): to hand over, begin and end one costs more than many a job.
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

from kernel import clock, db
from kernel.errors import AtiendeError, Unavailable

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 10
# Longer than one call to a provider may take (settings.sms.timeout_s is 15).
RUN_LEASE = timedelta(seconds=20)
_TOGETHER = " + "
_FIRST_RETRY_S = 0.5
_LAST_RETRY_S = 900.0
# Of each job, and each a unit of work by itself: they cost more than many a job.
# A server that loses its memory may forget that a job began or ended: then it runs twice, as it may. What the job itself has
# written waits for the disk; and so does the third try and every one after it, for it may be the job that ends the server.
_BEGIN = f"""
    WITH mine AS (
        UPDATE outbox_delivery SET running_until = $2, due_at = $2, attempts = attempts + 1
        WHERE id = $1 AND state = 'pending' AND (running_until IS NULL OR running_until <= $3)
        RETURNING job, attempts, event_id
    )
    SELECT mine.job, mine.attempts, outbox_event.payload, CASE WHEN mine.attempts < 3 THEN {db.UNHURRIED} END
    FROM mine JOIN outbox_event ON outbox_event.id = mine.event_id
"""  # noqa: S608  # words of our own
_END = f"""
    UPDATE outbox_delivery SET running_until = NULL, state = coalesce($3, state), done_at = coalesce($4, done_at),
        due_at = coalesce($5, due_at), attempts = coalesce($6, attempts), last_error = $7
    WHERE id = $1 AND running_until = $2 RETURNING {db.UNHURRIED}
"""  # noqa: S608  # words of our own
_GIVE_UP = """
    UPDATE outbox_delivery SET state = 'dead', attempts = $3, running_until = NULL,
        last_error = coalesce(last_error, 'worker died')
    WHERE id = $1 AND running_until = $2 RETURNING 1
"""
# A server that was killed is back within seconds; whoever waits here takes nothing else from the queue meanwhile.
_PAUSES_S = (0.2, 0.4, 0.8, 1.6, 2.0, 3.0)


class Later(Exception):
    """Raised by a job that has nothing to do before `at`: it is run again then, and no failure is counted."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at.isoformat())
        self.at = at


def together(*paths: str) -> str:
    """The name of jobs that share one delivery: one runs after the other, also when one fails; then all of them run again."""
    return _TOGETHER.join(paths)


def paths_of(job: str) -> list[str]:
    """The dotted paths of a delivery's job, in their order: mostly one."""
    return job.split(_TOGETHER)


def resolve(path: str) -> Callable[..., object]:
    """The function that a dotted path names. Raises ImportError or AttributeError when there is none."""
    module, _, name = path.rpartition(".")
    function: Callable[..., object] = getattr(import_module(module), name)
    return function


def load(paths: Iterable[str]) -> None:
    """Imports the modules of jobs before threads begin: two that import at once may each be handed half of what the other loads.

    Raises ImportError or AttributeError when a path names nothing.
    """
    for path in paths:
        resolve(path)


def retry_after(attempts: int) -> timedelta:
    """How long to wait after the `attempts`-th failure: 0.5 s, 2, 8, 32, 128, 512, then 15 minutes; about an hour in all."""
    return timedelta(seconds=min(_FIRST_RETRY_S * 4.0 ** (attempts - 1), _LAST_RETRY_S))


def run_patiently(*delivery_ids: int) -> None:
    """`run_delivery` of each, again while the database is away; after some eight seconds it is left to the end of its lease."""
    for delivery_id in delivery_ids:
        _run_patiently(delivery_id)


def _run_patiently(delivery_id: int) -> None:
    for pause_s in _PAUSES_S:
        try:
            run_delivery(delivery_id)
            return
        except (OperationalError, InterfaceError) as error:
            log.warning("database away under a job", delivery_id=delivery_id, error=type(error).__name__)
            time.sleep(pause_s)


def run_delivery(delivery_id: int) -> None:
    """Runs the job of a pending delivery and notes how it ended; does nothing when it is done or somebody is at it.

    Who runs it is written down and committed first, so that no transaction of ours is open while a job talks to a provider.
    So is the attempt: a job that kills its worker each time ends dead like one that fails each time.
    A worker that was killed is given up when its time ends; a job that outlives its own may meet a second run of itself.
    Raises OperationalError when the database goes away.
    """
    now = clock.now()
    mine = now + RUN_LEASE
    rows = db.change_alone(_BEGIN, [delivery_id, mine, now])
    if not rows:
        return
    job, attempts, payload, _ = rows[0]
    if attempts > MAX_ATTEMPTS:
        log.error("job given up: its worker died under it", delivery_id=delivery_id, job=job, attempts=MAX_ATTEMPTS)
        db.change_alone(_GIVE_UP, [delivery_id, mine, MAX_ATTEMPTS])
        return
    outcome = _outcome(delivery_id, job, attempts, payload)
    ended = [outcome.get(name) for name in ("state", "done_at", "due_at", "attempts", "last_error")]
    db.change_alone(_END, [delivery_id, mine, *ended])


def _outcome(delivery_id: int, job: str, attempts: int, payload: dict[str, Any]) -> dict[str, object]:
    """Calls the job; the columns that tell how it ended."""
    try:
        _run(job, payload)
    except Later as later:
        return {"due_at": later.at, "attempts": attempts - 1, "last_error": None}
    except Exception as error:  # a job may fail in any way; none of them may stop the others
        return _failure(delivery_id, job, attempts, error)
    return {"state": "done", "done_at": clock.now(), "last_error": None}


def _run(job: str, payload: dict[str, Any]) -> None:
    errors: list[Exception] = []
    for path in paths_of(job):
        try:
            resolve(path)(**payload)
        except Exception as error:  # the others must not wait for what this one lacks
            errors.append(error)
    if errors:
        raise next((error for error in errors if not isinstance(error, Later)), errors[0])


def _failure(delivery_id: int, job: str, attempts: int, error: Exception) -> dict[str, object]:
    # Only our own texts may be kept: a driver's message can quote the row, and with it a phone number.
    text = f"{type(error).__name__}: {error.text}" if isinstance(error, AtiendeError) else type(error).__name__
    noted = {"delivery_id": delivery_id, "job": job, "attempts": attempts, "error": text}
    if attempts >= MAX_ATTEMPTS:
        log.error("job given up", exc_info=error, **noted)
        return {"state": "dead", "last_error": text}
    is_expected = isinstance(error, Unavailable | OperationalError)
    log.warning("job failed, will be tried again", exc_info=None if is_expected else error, **noted)
    pause = retry_after(attempts)
    if isinstance(error, Unavailable) and error.retry_after_s:
        pause = max(pause, timedelta(seconds=min(error.retry_after_s, _LAST_RETRY_S)))
    return {"due_at": clock.now() + pause, "last_error": text}
