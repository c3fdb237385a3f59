"""The dispatcher's loop. It holds nothing that matters: kill it, run ten of it, flush Redis; the tables are the truth."""

import threading
import time
from datetime import datetime, timedelta

import orjson
import structlog
from sqlalchemy.exc import SQLAlchemyError

from intake.distribution import agents, rounds
from intake.distribution.sweeping import sweep
from kernel import clock, db
from kernel.listener import listen
from kernel.outbox import CHANNEL

# With nothing to hear of, this often: overdue callbacks, overflow and languages change by the clock alone.
POLL_S = 0.5
SWEEP_S = 1.0
_AGAIN_S = 0.02
_MOST_ROUNDS = 50
_KEEP_RESERVE_S = 30.0
_SKEW_WORTH_TELLING = timedelta(seconds=2)
# What may make a match possible.
WAKES = frozenset({"work_item.queued", "work_item.requeued", "work_item.resting", "work_item.ended", "agent.changed"})

log = structlog.get_logger(__name__)


class Dispatcher:
    """One dispatcher. listen_url: where notifications arrive, past any pooler."""

    def __init__(self, listen_url: str) -> None:
        self._listen_url = listen_url
        self._swept_at = -SWEEP_S
        self._reserves: dict[str, tuple[float, int]] = {}
        self._ahead = timedelta()

    def run(self, stop: threading.Event) -> None:
        """Works until `stop` is set. Outlives its database."""
        is_away = False
        log.info("dispatcher started")
        for batch in listen(self._listen_url, CHANNEL, stop, poll_s=POLL_S):
            is_news = not batch.payloads or any(_wakes(payload) for payload in batch.payloads)
            if not is_news and time.monotonic() - self._swept_at < SWEEP_S:
                continue
            try:
                self.tick(stop)
                is_away = False
            except SQLAlchemyError as error:
                if not is_away:
                    log.warning("dispatcher interrupted, trying again", error=type(error).__name__)
                is_away = True
                stop.wait(POLL_S)

    def tick(self, stop: threading.Event) -> None:
        """Everything that can be done now."""
        if time.monotonic() - self._swept_at >= SWEEP_S:
            self._swept_at = time.monotonic()
            self._set_clock()
            sweep(self._now())
        with db.read_transaction() as session:
            waiting = rounds.jurisdictions_waiting(session)
        for jurisdiction_id in waiting:
            for _ in range(_MOST_ROUNDS):
                with db.transaction() as session:
                    now = self._now()
                    kept_free = self._kept_free(jurisdiction_id, now)
                    played = rounds.play(session, jurisdiction_id, now=now, kept_free=kept_free)
                if not played.is_again or (not played.made and stop.wait(_AGAIN_S)):
                    break

    def _set_clock(self) -> None:
        """By the database's clock, which is one for all: one that is minutes ahead would give up every desk at once."""
        with db.read_transaction() as session:
            ahead = clock.now() - agents.database_now(session)
        if abs(ahead - self._ahead) > _SKEW_WORTH_TELLING:
            log.warning("clock of this machine differs from the database's", seconds=round(ahead.total_seconds(), 1))
        self._ahead = ahead

    def _now(self) -> datetime:
        return clock.now() - self._ahead

    def _kept_free(self, jurisdiction_id: str, now: datetime) -> int:
        known = self._reserves.get(jurisdiction_id)
        if known is None or time.monotonic() - known[0] > _KEEP_RESERVE_S:
            with db.read_transaction() as session:
                known = (time.monotonic(), rounds.kept_free(session, jurisdiction_id, now=now))
            self._reserves[jurisdiction_id] = known
        return known[1]


def _wakes(payload: str) -> bool:
    try:
        event = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return False
    return isinstance(event, dict) and event.get("name") in WAKES
