"""The worker as an installation starts it: keeps the processes that work, and works itself only where there is no Redis.

It loads nothing of what they load, and what they load they share: `kernel.forks`.
"""

import os
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from atiende.parts import WORKING, forks
from kernel.processes import Child, Program, stop_all, stop_on_signal
from kernel.settings import Settings

log = structlog.get_logger(__name__)

# Jobs that run are finished first: nearly all the time that compose.yaml gives a worker.
STOP_S = 50.0
_LOOK_S = 0.2


def prepare_worker(settings: Settings) -> Callable[[], None]:
    """Works until SIGTERM or Ctrl-C, when what is running is finished first.

    Ends with exit code 1 when a part says at its first start that a setting is wrong, as `serve` does.
    """
    if settings.queue_url is None:
        from atiende.worker import prepare_relay  # most of what there is to load

        return prepare_relay(settings)
    stop = stop_on_signal()
    starts = forks().start
    return partial(_keep, [Child(Program(name, [name]), starts) for name in WORKING], stop)


def _keep(children: Sequence[Child], stop: threading.Event) -> None:
    try:
        while not stop.is_set():
            for child in children:
                try:
                    code = child.tend()
                    if code == os.EX_CONFIG and child.restarts == 0:
                        sys.exit(1)
                    if code is not None:
                        log.warning(f"{child.name} ended, starting it again", code=code)
                except OSError as error:  # no process, memory or file to be had just now
                    log.warning(f"{child.name} cannot be started, trying again", error=type(error).__name__)
            stop.wait(_LOOK_S)
    finally:
        stop_all(children, grace_s=STOP_S)
