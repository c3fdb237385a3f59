"""The worker: runs jobs, and keeps a relay beside it as a process of its own, so that either can be killed and comes back.

With Redis: relay process -> RQ queue -> this process. Without: one process, the relay with a pool of threads.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from types import FrameType

import structlog

from atiende import bootstrap
from atiende.subscriptions import PERIODIC, SUBSCRIPTIONS
from kernel.dispatch import Dispatcher, LocalPool, RedisQueue, make_queue
from kernel.relay import Relay
from kernel.settings import Settings

log = structlog.get_logger(__name__)

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_RELAY_STOP_S = 20.0
_RESTART_S = 0.5
_SETTLED_S = 10.0


def redis_url(settings: Settings) -> str | None:
    """Where Redis is; None when there is none, by the word `none` or by silence."""
    return None if settings.redis_url in (None, "", "none") else settings.redis_url


def run_worker(settings: Settings) -> None:
    """Works until SIGTERM or Ctrl-C; finishes what is running first."""
    url = redis_url(settings)
    if url is None:
        run_relay(settings)
        return
    stop = _stop_on_signal()
    bootstrap.configure(settings)
    relay = RelayProcess(stop)
    relay.start()
    _run_jobs(url, stop)
    stop.set()
    relay.join()


def run_relay(settings: Settings) -> None:
    """Relays until SIGTERM or Ctrl-C; finishes the jobs that run in this process first."""
    stop = _stop_on_signal()
    engine = bootstrap.configure(settings)
    pool = LocalPool()
    url = redis_url(settings)
    dispatch: Dispatcher = pool if url is None else RedisQueue(url, fallback=pool)
    log.info("relay started", redis=url is not None)
    Relay(engine, SUBSCRIPTIONS, dispatch, periodic=PERIODIC).run(stop)
    pool.close()


def stop_with_parent() -> None:
    """Ends this process as SIGTERM would when the other end of its standard input goes away: the parent died."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _stop_on_signal() -> threading.Event:
    stop = threading.Event()

    def set_stop(signum: int, frame: FrameType | None) -> None:
        stop.set()

    for number in _STOP_SIGNALS:
        signal.signal(number, set_stop)
    return stop


class RelayProcess(threading.Thread):
    """Keeps one relay process alive until `stop` is set. It dies with this process, however that ends."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__(name="relay")
        # Not `_stop`: threading.Thread keeps a method of that name.
        self._stopping = stop

    def run(self) -> None:
        while not self._stopping.is_set():
            started = time.monotonic()
            # The pipe is never written to: it closes when we end, and `stop_with_parent` sees that.
            with subprocess.Popen(
                [sys.executable, "-m", "atiende", "relay"], stdin=subprocess.PIPE, start_new_session=True
            ) as process:
                while process.poll() is None and not self._stopping.wait(0.2):
                    pass
                if self._stopping.is_set():
                    self._end(process)
                    return
            log.warning("relay ended, starting it again", code=process.returncode)
            if time.monotonic() - started < _SETTLED_S:
                self._stopping.wait(_RESTART_S)

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        process.terminate()
        try:
            process.wait(_RELAY_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _run_jobs(url: str, stop: threading.Event) -> None:
    """RQ's worker loop, begun again whenever Redis breaks it."""
    import redis.exceptions
    from rq import SimpleWorker
    from rq.serializers import JSONSerializer

    class JobWorker(SimpleWorker):
        max_connection_wait_time = 2.0

        def request_stop(self, signum: int, frame: FrameType | None) -> None:
            stop.set()
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # rq types only a part

    log.info("worker started")
    while not stop.is_set():
        try:
            queue = make_queue(url)
            JobWorker([queue], connection=queue.connection, serializer=JSONSerializer, log_job_description=False).work(
                logging_level="WARNING"
            )
        except redis.exceptions.RedisError as error:
            log.warning("worker lost Redis, trying again", error=type(error).__name__)
        for number in _STOP_SIGNALS:
            signal.signal(number, lambda signum, frame: stop.set())
        stop.wait(_RESTART_S)
