"""The relay turns committed events into running jobs.

Each event becomes one delivery per subscriber, in the transaction that marks the event as relayed. A due delivery is claimed
by moving its due time forward (the lease), committed, and only then handed over. What is not done when its lease ends is
handed over again. Several relays may run: they pass each other's rows by.
"""

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from kernel import clock, db
from kernel.dispatch import Claim, Dispatcher
from kernel.jobs import resolve
from kernel.listener import connection_string, listen
from kernel.outbox import CHANNEL, Lane

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=10)
POLL_S = 1.0
BATCH = 200
_NO_ROOM_S = 0.05
KEEP_DONE = timedelta(days=7)
KEEP_FAILED = timedelta(days=90)
_PRUNE_EVERY_S = 60.0
_PRUNE_BATCH = 500
_PRUNE_WINDOW = 5000

# To give a delivery twice, or to claim it again, does no harm: neither waits for the disk.
_FAN_OUT = f"""
    WITH batch AS (
        SELECT id, name FROM outbox_event WHERE relayed_at IS NULL ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
    ), subscription AS (
        SELECT * FROM unnest($2::text[], $3::text[], $4::smallint[])
        AS subscription (name, job, lane)
    ), made AS (
        INSERT INTO outbox_delivery (event_id, job, lane, state, attempts, due_at)
        SELECT batch.id, subscription.job, subscription.lane, 'pending', 0, $5
        FROM batch JOIN subscription USING (name) ORDER BY batch.id
        ON CONFLICT (event_id, job) DO NOTHING
    )
    UPDATE outbox_event SET relayed_at = $5 FROM batch WHERE outbox_event.id = batch.id RETURNING {db.UNHURRIED}
"""  # noqa: S608  # words of our own

_CLAIM = f"""
    WITH due AS (
        SELECT turn.id FROM unnest($1::smallint[]) AS lanes (number), LATERAL (
            SELECT id FROM outbox_delivery WHERE state = 'pending' AND lane = lanes.number AND due_at <= $2
            ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
        ) AS turn LIMIT $3
    )
    UPDATE outbox_delivery SET due_at = $4 FROM due WHERE outbox_delivery.id = due.id
    RETURNING outbox_delivery.lane, outbox_delivery.id, {db.UNHURRIED}
"""  # noqa: S608  # words of our own

# What failed and waits for its next try is in it too: once too early does no harm.
_CLAIM_AGAIN = text("""
    UPDATE outbox_delivery SET due_at = :now
    WHERE state = 'pending' AND running_until IS NULL AND due_at > :now AND due_at <= :until
""")

# Ids grow with time: looking at the oldest few is enough, and costs the same however many events a week holds.
_PRUNE = text("""
    WITH oldest AS (SELECT id, relayed_at FROM outbox_event ORDER BY id LIMIT :window)
    DELETE FROM outbox_event WHERE id IN (
        SELECT oldest.id FROM oldest
        WHERE oldest.relayed_at < :failed_before OR (
            oldest.relayed_at < :done_before AND NOT EXISTS (
                SELECT 1 FROM outbox_delivery AS delivery
                WHERE delivery.event_id = oldest.id AND delivery.state <> 'done'
            )
        )
        ORDER BY oldest.id LIMIT :batch
    )
""")


class Relay:
    """One relay. `subscriptions`: event name -> dotted paths of jobs; `periodic`: dotted path -> seconds between runs.

    first: jobs that go before the others; bulk: jobs that wait until nothing else is due. listen_url: where notifications
    arrive, when `engine` goes through a pooler that swallows them.
    """

    def __init__(
        self,
        engine: Engine,
        subscriptions: Mapping[str, Sequence[str]],
        dispatch: Dispatcher,
        *,
        periodic: Mapping[str, float] | None = None,
        first: Collection[str] = (),
        bulk: Collection[str] = (),
        listen_url: str | None = None,
    ) -> None:
        self._engine, self._alone = engine, db.alone(engine)
        self._listen_url = listen_url or connection_string(engine)
        pairs = [(name, job) for name, jobs in subscriptions.items() for job in jobs]
        self._names, self._jobs = [name for name, _ in pairs], [job for _, job in pairs]
        self._lanes = [
            int(Lane.FIRST if job in first else Lane.BULK if job in bulk else Lane.COMMON) for job in self._jobs
        ]
        self._dispatch = dispatch
        self._sweeps = [_Sweep(path, every_s) for path, every_s in (periodic or {}).items()]
        self._prune_at = time.monotonic() + _PRUNE_EVERY_S

    def fan_out(self, now: datetime) -> int:
        """Gives each new event its deliveries; how many events that were."""
        values = [BATCH, self._names, self._jobs, self._lanes, now]
        return len(db.change_alone(_FAN_OUT, values, self._alone))

    def claim(self, now: datetime, limit: int = BATCH) -> list[Claim]:
        """Leases due deliveries, in each lane the longest due first; of a lane only what those before it leave room for."""
        until = now + LEASE
        claimed = db.change_alone(_CLAIM, [list(map(int, Lane)), now, limit, until], self._alone)
        turns = sorted((lane, delivery_id) for lane, delivery_id, _ in claimed)
        lease = int(until.timestamp() * 1000)
        return [Claim(delivery_id, lease) for _, delivery_id in turns]

    def claim_again(self, now: datetime) -> None:
        """Ends every lease at once, after whoever had the jobs lost them."""
        with db.core_transaction(self._engine) as connection:
            connection.execute(_CLAIM_AGAIN, {"now": now, "until": now + LEASE})

    def prune(self, now: datetime) -> int:
        """Removes a batch of events whose every delivery was done a week ago; those that failed stay three months."""
        values = {"done_before": now - KEEP_DONE, "failed_before": now - KEEP_FAILED}
        with db.core_transaction(self._engine) as connection:
            return connection.execute(_PRUNE, values | {"batch": _PRUNE_BATCH, "window": _PRUNE_WINDOW}).rowcount

    def drain(self) -> bool:
        """Relays and hands over all that is due; True when it stopped for want of room, so that more may be waiting."""
        while True:
            events = self.fan_out(clock.now())
            room = min(self._dispatch.room(), BATCH)
            if self._dispatch.has_forgotten():
                self.claim_again(clock.now())
            if room == 0:
                return True
            claims = self.claim(clock.now(), room)
            if claims:
                self._dispatch.dispatch(claims)
            if events < BATCH and len(claims) < room:
                return False

    def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set: on every notification, and once a second in any case. Outlives its database."""
        is_away = False
        for _ in listen(self._listen_url, CHANNEL, stop, poll_s=POLL_S):
            try:
                while self.drain() and not stop.wait(_NO_ROOM_S):
                    self._chores()
                self._chores()
                is_away = False
            except SQLAlchemyError as error:
                if not is_away:
                    log.warning("relay interrupted, trying again", error=type(error).__name__)
                is_away = True
                stop.wait(POLL_S)
        for sweep in self._sweeps:
            sweep.join()

    def _chores(self) -> None:
        if time.monotonic() >= self._prune_at:
            pruned = self.prune(clock.now())
            # A full batch means more of the same: come back soon, but let events pass in between.
            self._prune_at = time.monotonic() + (POLL_S if pruned == _PRUNE_BATCH else _PRUNE_EVERY_S)
        for sweep in self._sweeps:
            sweep.run_if_due()


class _Sweep:
    """A job that runs by the clock, in a thread of its own and never twice at once in this process."""

    def __init__(self, path: str, every_s: float) -> None:
        self._path = path
        self._every_s = every_s
        self._due = time.monotonic()
        self._thread: threading.Thread | None = None

    def run_if_due(self) -> None:
        if time.monotonic() < self._due or (self._thread and self._thread.is_alive()):
            return
        self._due = time.monotonic() + self._every_s
        self._thread = threading.Thread(target=self._run, name=self._path)
        self._thread.start()

    def join(self) -> None:
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        try:
            resolve(self._path)()
        except Exception as error:  # the next round tries again; the relay itself must go on
            log.warning("sweep failed", job=self._path, exc_info=error)
