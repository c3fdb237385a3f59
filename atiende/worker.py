"""The worker: runs jobs, and keeps a relay and a dispatcher beside it as processes, so that any can be killed and comes back.

With Redis: relay process -> RQ queue -> threads of this process. Without: one process, the relay with a pool of threads, and the
dispatcher of the waiting line as one more.
A provider that does not answer holds the threads that talk to it, and no other's messages. Who waits for a page or a webhook goes
first: jobs have the lower priority on a machine that they share with the web.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
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
from kernel.processes import Child, own_command, stop_all
from kernel.relay import Relay
from kernel.settings import Settings

log = structlog.get_logger(__name__)

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_RELAY_STOP_S = 20.0
_RETRY_S = 0.5
_LOOK_S = 0.2
_NICE = 10


def redis_url(settings: Settings) -> str | None:
    """Where Redis is; None when there is none, by the word `none` or by silence."""
    return None if settings.redis_url in (None, "", "none") else settings.redis_url


def prepare_worker(settings: Settings) -> Callable[[], None]:
    """Loads what works until SIGTERM or Ctrl-C and finishes what is running first. It exits with 1 if nobody can keep its relay
    alive any more.
    """
    url = redis_url(settings)
    if url is None:
        _give_way()
        return prepare_relay(settings)
    stop = _stop_on_signal()
    # Before this process gives way: somebody waits for what the dispatcher does.
    dispatcher = Child("dispatcher", own_command("dispatcher"))
    dispatcher.start()
    _give_way()
    # It loads while this process does: a worker that died took its relay along, and until that is back nothing is relayed.
    relay = Child("relay", own_command("relay"))
    relay.start()
    _load_jobs(settings)
    return partial(_work, url, settings.worker.threads, [relay, dispatcher], stop)


def _work(url: str, threads: int, children: Sequence[Child], stop: threading.Event) -> None:
    has_failed = threading.Event()
    keeper = threading.Thread(target=_keep, args=(children, stop, has_failed), name="relay")
    keeper.start()
    pool = LocalPool(threads)
    _run_jobs(url, stop, pool)
    stop.set()
    pool.close()
    keeper.join()
    if has_failed.is_set():
        sys.exit(1)


def prepare_relay(settings: Settings) -> Callable[[], None]:
    """Loads what relays until SIGTERM or Ctrl-C and finishes the jobs that run in this process first."""
    stop = _stop_on_signal()
    engine = _load_jobs(settings)
    return partial(_relay, settings, engine, stop)


def _relay(settings: Settings, engine: Engine, stop: threading.Event) -> None:
    pool = LocalPool(settings.worker.threads)
    url = redis_url(settings)
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
    stop = _stop_on_signal()
    engine = configure_storage(settings)
    return partial(_make_dispatcher(settings, engine).run, stop)


def _load_jobs(settings: Settings) -> Engine:
    from atiende import bootstrap  # half of what a process can load, and the dispatcher sends nothing

    engine = bootstrap.configure(settings)
    load(job_paths())
    return engine


def _make_dispatcher(settings: Settings, engine: Engine) -> LineDispatcher:
    return LineDispatcher(settings.database_direct_url or connection_string(engine))


def _give_way() -> None:
    """Called before there are threads: each has a priority of its own, which it has from whoever made it."""
    os.setpriority(os.PRIO_PROCESS, 0, max(_NICE, os.getpriority(os.PRIO_PROCESS, 0)))


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()

    def set_stop(signum: int, frame: FrameType | None) -> None:
        stop.set()

    for number in _STOP_SIGNALS:
        signal.signal(number, set_stop)
    return stop


def _keep(children: Sequence[Child], stop: threading.Event, has_failed: threading.Event) -> None:
    try:
        while not stop.wait(_LOOK_S):
            for child in children:
                try:
                    if (code := child.tend()) is not None:
                        log.warning(f"{child.name} ended, starting it again", code=code)
                except OSError as error:  # no process, memory or file to be had just now
                    log.warning(f"{child.name} cannot be started, trying again", error=type(error).__name__)
    except Exception as error:  # a worker whose relay nobody watches looks alive and relays nothing
        log.critical("nobody keeps the relay any more: the worker ends", exc_info=error)
        has_failed.set()
        os.kill(os.getpid(), signal.SIGTERM)
    finally:
        stop_all(children, grace_s=_RELAY_STOP_S)


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
        for number in _STOP_SIGNALS:
            signal.signal(number, lambda signum, frame: stop.set())
        stop.wait(_RETRY_S)
