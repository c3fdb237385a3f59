"""`atiende serve`: the web process."""

import os
import signal
import socket
import sys
from collections.abc import Callable
from functools import partial
from types import FrameType

import uvicorn

from atiende import bootstrap
from atiende.app import create_app
from kernel import log
from kernel.live import LiveFeed
from kernel.settings import load_settings


class _Server(uvicorn.Server):
    """Ends live pages first: an open console would otherwise hold the stop back until the time runs out."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        feed: LiveFeed = self.config.app.state.live  # type: ignore[union-attr]  # uvicorn types the app as any callable
        feed.close()
        super().handle_exit(sig, frame)


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


def prepare(host: str | None, port: int | None, descriptor: int | None = None) -> Callable[[], None]:
    """What serves until it is told to stop. Raises MisconfiguredError for missing or wrong settings.

    `descriptor`: a listening socket to serve on, inherited from the parent. Who connects while this process is being started
    again waits there instead of being refused.
    """
    settings = load_settings(os.environ)
    log.configure(settings.log_format)
    bootstrap.configure(settings)
    config = uvicorn.Config(
        create_app(settings),
        host=host or settings.web.host,
        port=settings.web.port if port is None else port,
        forwarded_allow_ips=settings.web.trusted_proxies,
        log_config=None,
        timeout_graceful_shutdown=5,
    )
    # When it has stopped, uvicorn raises the signal again for whoever was there before. The system's own way of dying of it would
    # leave out what is to be done at the end, and an embedded database would go on without anybody.
    signal.signal(signal.SIGTERM, _end)
    return partial(_Server(config).run, None if descriptor is None else [socket.socket(fileno=descriptor)])
