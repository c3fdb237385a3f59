"""Doing what is due, several things at once, and again later what did not work: what the stand-in's postmen have in common."""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

import structlog

log = structlog.get_logger(__name__)

THREADS = 8
# Real providers give up sooner or later than this, which must outlast a restart of everything, so that tests can count.
TRY_FOR_S = 900.0
_IDLE_S = 0.05
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 3.0


class Due(Protocol):
    """Something to be done, known by its id."""

    @property
    def id(self) -> int: ...


_Task = TypeVar("_Task", bound=Due)


class Rounds(Generic[_Task]):
    """A thread that asks what is due and a few that do it, never one thing twice at once. `start` and `stop` once.

    due: at most so many things, oldest first. most: how many may be under way now.
    """

    def __init__(
        self,
        name: str,
        due: Callable[[int], Sequence[_Task]],
        do: Callable[[_Task], None],
        most: Callable[[], int] = lambda: THREADS,
    ) -> None:
        self._name, self._due, self._do, self._most = name, due, do, most
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix=name)
        self._running: set[int] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Waits for what is under way."""
        self._stopping.set()
        self._thread.join()
        self._pool.shutdown(wait=True)

    def _look(self) -> None:
        while not self._stopping.wait(_IDLE_S):
            with self._lock:
                busy = set(self._running)
            room = min(THREADS, self._most()) - len(busy)
            if room <= 0:
                continue
            for task in [task for task in self._due(room + len(busy)) if task.id not in busy][:room]:
                with self._lock:
                    self._running.add(task.id)
                self._pool.submit(self._run, task)

    def _run(self, task: _Task) -> None:
        try:
            self._do(task)
        except (sqlite3.Error, KeyError) as error:
            # It stays due, and is looked at again.
            log.error("standin.rounds", who=self._name, error=repr(error))
        finally:
            with self._lock:
                self._running.discard(task.id)


def pause_s(attempts: int) -> float:
    """How long to wait after so many attempts that were not taken."""
    return min(_FIRST_PAUSE_S * 2.0 ** min(attempts, 10), _LONGEST_PAUSE_S)
