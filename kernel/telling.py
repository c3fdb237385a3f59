"""Notifications of what has been committed, sent together a moment later by a thread of the process.

A transaction that notifies commits under a lock which all others of the server wait for, the writing to disk included: eight
clients that report at once were measured at half the rate for it. So the transaction only writes, and its hint comes after.
"""

import atexit
import time
from collections.abc import Sequence
from threading import Event, Lock, Thread

import structlog
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

log = structlog.get_logger(__name__)

# Long enough that a busy process sends many at once, far too short for anybody who waits to see it.
GATHER_S = 0.02
_IDLE_S = 5.0
_TELL = text(
    "SELECT pg_notify(channel, body) FROM unnest(CAST(:channels AS text[]), CAST(:bodies AS text[])) AS t(channel, body)"
)

# A channel and a payload.
Notification = tuple[str, str]


class Teller:
    """Sends over connections of `engine`, by a thread that is there while there is something to tell."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._wake = Event()
        self._waiting: list[Notification] = []
        self._thread: Thread | None = None
        self._is_closed = False

    def tell(self, notifications: Sequence[Notification]) -> None:
        """Sends them soon, in this order and after those told before; sooner if the process ends. One that fails is lost."""
        with self._lock:
            self._waiting += notifications
            if self._thread is None and not self._is_closed:
                self._thread = Thread(target=self._run, name="telling", daemon=True)
                self._thread.start()
                atexit.register(self.close)
        if self._is_closed:
            self._send()
        else:
            self._wake.set()

    def close(self) -> None:
        """Sends what is waiting, and ends the thread; whatever is told after that is sent at once."""
        atexit.unregister(self.close)
        with self._lock:
            self._is_closed = True
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join()
        self._send()

    def _run(self) -> None:
        while not self._is_over():
            if not self._is_closed:
                time.sleep(GATHER_S)
            self._wake.clear()
            self._send()

    def _is_over(self) -> bool:
        """Waits for something to be told; whether nothing was for a while, or nothing will be."""
        if not self._is_closed and self._wake.wait(_IDLE_S) and not self._is_closed:
            return False
        with self._lock:
            if self._waiting and not self._is_closed:
                return False
            self._thread = None
            return True

    def _send(self) -> None:
        with self._lock:
            told, self._waiting = self._waiting, []
        if not told:
            return
        channels, bodies = (list(column) for column in zip(*told, strict=True))
        try:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(_TELL, {"channels": channels, "bodies": bodies})
        except SQLAlchemyError as error:
            # Whoever listens looks by itself from time to time.
            log.warning("notifications were lost", count=len(told), error=type(error).__name__)
