"""`atiende standin`: the stand-in for the SMS provider, with its phone page."""

import os
import socket
from collections.abc import Callable
from functools import partial

import uvicorn

from channels.standin.app import create_app
from channels.standin.config import from_environ
from kernel.processes import give_way


def prepare(host: str | None, port: int | None, descriptor: int | None = None) -> Callable[[], None]:
    """What serves until it is told to stop. Raises MisconfiguredError for missing or wrong settings.

    `descriptor`: a bound socket to serve on, inherited from the parent; callers wait there while this process starts.
    """
    give_way()  # as it would if it were somebody else's machine
    config = from_environ(os.environ)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(config),
            host=host or config.host,
            port=config.port if port is None else port,
            log_config=None,
            timeout_graceful_shutdown=3,
        )
    )
    return partial(server.run, None if descriptor is None else [socket.socket(fileno=descriptor)])
