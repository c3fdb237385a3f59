"""What a worker is made of, each a process of its own so that any can be killed and comes back: jobs, relay and dispatcher.

With Redis: relay process -> RQ queue -> threads of the process that runs jobs. Without: one process, the relay with a pool of
threads, and the dispatcher of the waiting line as one more. `atiende.keeper` keeps them.
A provider that does not answer holds the threads that talk to it, and no other's messages. Who waits for a page or a webhook goes
first: jobs have the lower priority on a machine that they share with the web.
"""

import signal
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType

import structlog
from sqlalchemy import Engine

from atiende.database import configure_storage
from atiende.subscriptions import BULK, FIRST, PERIODIC, SUBSCRIPTIONS, job_paths
from intake.distribution.dispatcher import Dispatcher as LineDispatcher
from kernel.dispatch import Dispatcher, LocalPool, RedisQueue, make_queue
from kernel.jobs import load
from kernel.listener import connection_string
from kernel.processes import STOP_SIGNALS, give_way, stop_on_signal
from kernel.relay import Relay
from kernel.settings import Settings

log = structlog.get_logger(__name__)

_RETRY_S = 0.5


def prepare_jobs(settings: Settings) -> Callable[[], None]:
    """Loads what runs jobs until SIGTERM or Ctrl-C and finishes what is running first. Needs a Redis."""
    assert settings.queue_url
    stop = stop_on_signal()
    give_way()
    _load_jobs(settings)
    return partial(_work, settings.queue_url, settings.worker.threads, stop)


def _work(url: str, threads: int, stop: threading.Event) -> None:
    pool = LocalPool(threads)
    _run_jobs(url, stop, pool)
    pool.close()


def prepare_relay(settings: Settings) -> Callable[[], None]:
    """Loads what relays until SIGTERM or Ctrl-C and finishes the jobs that run in this process first."""
    stop = stop_on_signal()
    give_way()
    engine = _load_jobs(settings)
    return partial(_relay, settings, engine, stop)


def _relay(settings: Settings, engine: Engine, stop: threading.Event) -> None:
    pool = LocalPool(settings.worker.threads)
    url = settings.queue_url
    dispatch: Dispatcher = pool if url is None else RedisQueue(url, fallback=pool)
    log.info("relay started", redis=url is not None)
    relay = Relay(
        engine,
        SUBSCRIPTIONS,
        dispatch,
        periodic=PERIODIC,
        first=FIRST,
        bulk=BULK,
        listen_url=settings.database_direct_url,
    )
    line = None
    if url is None:
        line = threading.Thread(target=_make_dispatcher(settings, engine).run, args=(stop,), name="dispatcher")
        line.start()
    relay.run(stop)
    pool.close()
    if line is not None:
        stop.set()
        line.join()


def prepare_dispatcher(settings: Settings) -> Callable[[], None]:
    """Loads what matches who waits with who is free until SIGTERM or Ctrl-C."""
    stop = stop_on_signal()
    engine = configure_storage(settings)
    return partial(_make_dispatcher(settings, engine).run, stop)


def _load_jobs(settings: Settings) -> Engine:
    from atiende import bootstrap  # half of what a process can load, and the dispatcher sends nothing

    engine = bootstrap.configure(settings)
    load(job_paths())
    return engine


def _make_dispatcher(settings: Settings, engine: Engine) -> LineDispatcher:
    return LineDispatcher(settings.database_direct_url or connection_string(engine))


def _run_jobs(url: str, stop: threading.Event, pool: LocalPool) -> None:
    """RQ's worker loop, begun again whenever Redis breaks it. It takes a job when a thread of `pool` is free to run it."""
    import redis.exceptions
    from rq import SimpleWorker
    from rq.job import Job
    from rq.serializers import JSONSerializer

    class PooledJob(Job):
        def perform(self) -> None:
            for delivery_id in self.args:
                pool.start(delivery_id)

    class JobWorker(SimpleWorker):
        max_connection_wait_time = 2.0

        def _install_signal_handlers(self) -> None:
            super()._install_signal_handlers()  # type: ignore[no-untyped-call]  # rq types only a part
            # Whoever asked while it was being made asked ours, which cannot end its loop.
            self._stop_requested = stop.is_set()

        def request_stop(self, signum: int, frame: FrameType | None) -> None:
            stop.set()
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # rq types only a part

    log.info("worker started")
    while not stop.is_set():
        try:
            queue = make_queue(url)
            worker = JobWorker(
                [queue],
                connection=queue.connection,
                job_class=PooledJob,
                serializer=JSONSerializer,
                log_job_description=False,
            )
            worker.work(logging_level="WARNING")
        except redis.exceptions.RedisError as error:
            log.warning("worker lost Redis, trying again", error=type(error).__name__)
        for number in STOP_SIGNALS:
            signal.signal(number, lambda signum, frame: stop.set())
        stop.wait(_RETRY_S)
