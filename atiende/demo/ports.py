"""Ports of the demo, on the loopback address only."""

import errno
import os
import socket
import time

from kernel.errors import Unavailable

LOOPBACK = "127.0.0.1"


def reserve(port: int, *, patience_s: float = 0.0) -> socket.socket:
    """A socket bound to `port` (0: any), not listening yet: until then callers are refused, not kept waiting.

    Tries for `patience_s` seconds, for a port that a dying process still holds. Raises Unavailable when it is taken.
    """
    deadline = time.monotonic() + patience_s
    while True:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((LOOPBACK, port))
            # Linux lets a second socket bind beside one that does not listen yet, but not beside one that does.
            return made
        except OSError as error:
            made.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES) or time.monotonic() >= deadline:
                raise Unavailable(
                    "El puerto {port} no está libre ({reason}). Usa otro: PORT={other} make demo",
                    port=port,
                    reason=os.strerror(error.errno or 0),
                    other=port + 10,
                ) from None
        time.sleep(0.1)


def free_port(preferred: int) -> int:
    """`preferred` when nobody listens there, else any free port."""
    try:
        with reserve(preferred) as made:
            return int(made.getsockname()[1])
    except (Unavailable, OverflowError):
        with reserve(0) as made:
            return int(made.getsockname()[1])
