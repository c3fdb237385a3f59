"""Where a claimed delivery runs: in threads of this process, or as an RQ job on whichever worker is free.

Both take ids only. Redis is a hint: what it forgets, the lease on the row brings back; while it is away, jobs run here.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock, Semaphore
from typing import TYPE_CHECKING, Protocol

import structlog

from kernel.jobs import run_patiently

if TYPE_CHECKING:
    from rq import Queue

log = structlog.get_logger(__name__)

QUEUE_NAME = "atiende"
JOB = "kernel.jobs.run_patiently"
# Enough to keep workers busy between two looks of the relay, and so few that they are begun before their lease ends: a queue
# that nobody empties must not fill with second copies.
MAX_WAITING = 100
# What a job costs RQ and Redis is more than what many a delivery costs us: under load they share one.
BATCH = 25
JOB_TIMEOUT_S = 120
_REDIS_PAUSE_S = 2.0
_MARK = f"{QUEUE_NAME}:remembers"


@dataclass(frozen=True)
class Claim:
    """A delivery leased to us. `lease` tells one claim of a delivery from the next."""

    delivery_id: int
    lease: int


class Dispatcher(Protocol):
    def room(self) -> int:
        """How many more deliveries may be handed over now."""

    def dispatch(self, claims: Sequence[Claim]) -> None:
        """Starts them; never waits for them and never raises because something is down."""

    def has_forgotten(self) -> bool:
        """True once after what was handed over may have been lost; then it is to be claimed again."""


class LocalPool:
    """Runs deliveries in threads of this process."""

    def __init__(self, threads: int = 4, run: Callable[[int], None] = run_patiently) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="job")
        self._run = run
        self._waiting = 0
        self._lock = Lock()
        self._free = Semaphore(threads)

    def room(self) -> int:
        return max(0, MAX_WAITING - self._waiting)

    def dispatch(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            with self._lock:
                self._waiting += 1
            self._pool.submit(self._run, claim.delivery_id).add_done_callback(self._finished)

    def start(self, delivery_id: int) -> None:
        """Waits until a thread is free and lets it run this delivery: whoever takes from a queue takes no more than he can do."""
        self._free.acquire()
        with self._lock:
            self._waiting += 1
        running = self._pool.submit(self._run, delivery_id)
        running.add_done_callback(lambda _: self._free.release())
        running.add_done_callback(self._finished)

    def has_forgotten(self) -> bool:
        return False

    def _finished(self, future: Future[None]) -> None:
        with self._lock:
            self._waiting -= 1
        if not future.cancelled() and (error := future.exception()):
            # Its row is still pending and comes back when the lease ends.
            log.warning("delivery interrupted", error=type(error).__name__)

    def close(self) -> None:
        """Finishes what is running; what has not started stays pending in the database."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class RedisQueue:
    """Hands deliveries to RQ workers; to `fallback` while Redis does not answer."""

    def __init__(self, url: str, fallback: LocalPool) -> None:
        self._url = url
        self._fallback = fallback
        self._queue: Queue | None = None
        self._is_down = False
        self._is_empty = False
        self._retry_at = 0.0

    def room(self) -> int:
        waiting = self._try(self._look)
        return self._fallback.room() if waiting is None else max(0, MAX_WAITING - BATCH * waiting)

    def has_forgotten(self) -> bool:
        was_empty, self._is_empty = self._is_empty, False
        return was_empty

    def _look(self, queue: "Queue") -> int:
        """How many wait. A mark that is missing was taken by whatever took the jobs: FLUSHALL, or a start with no memory."""
        with queue.connection.pipeline(transaction=False) as pipeline:
            pipeline.set(_MARK, "1", nx=True)
            pipeline.llen(queue.key)
            is_new, waiting = pipeline.execute()
        self._is_empty = self._is_empty or bool(is_new)
        return int(waiting)

    def dispatch(self, claims: Sequence[Claim]) -> None:
        if self._try(lambda queue: self._enqueue(queue, claims)) is None:
            self._fallback.dispatch(claims)

    def _enqueue(self, queue: "Queue", claims: Sequence[Claim]) -> int:
        jobs = [
            queue.prepare_data(
                JOB,
                args=tuple(claim.delivery_id for claim in batch),
                job_id=f"outbox-{batch[0].delivery_id}-{batch[0].lease:x}",
                timeout=JOB_TIMEOUT_S,
                result_ttl=0,
                failure_ttl=60,
                description=JOB,
            )
            for batch in (claims[start : start + BATCH] for start in range(0, len(claims), BATCH))
        ]
        return len(queue.enqueue_many(jobs))

    def _try(self, use: "Callable[[Queue], int]") -> int | None:
        """What `use` gives; None while Redis is away (it is asked again every two seconds)."""
        import redis.exceptions  # 0.3 s, and only where there is a Redis

        if time.monotonic() < self._retry_at:
            return None
        try:
            result = use(self._connected())
        except redis.exceptions.RedisError as error:
            if not self._is_down:
                log.warning("Redis does not answer: jobs run in this process", error=type(error).__name__)
            self._is_down = True
            self._retry_at = time.monotonic() + _REDIS_PAUSE_S
            return None
        if self._is_down:
            log.info("Redis answers again")
            self._is_down = False
        return result

    def _connected(self) -> "Queue":
        if self._queue is None:
            self._queue = make_queue(self._url, timeout_s=2)
        return self._queue


def make_queue(url: str, *, timeout_s: float | None = None) -> "Queue":
    """The RQ queue of this program at `url`; without `timeout_s` reads may block, as a worker's must."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
    from rq import Queue
    from rq.serializers import JSONSerializer

    # The client's own retries would hold a wake-up for seconds; ours are the lease and the pause above.
    connection = Redis.from_url(
        url, socket_connect_timeout=2, socket_timeout=timeout_s, retry=Retry(NoBackoff(), 0), health_check_interval=0
    )
    return Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)
