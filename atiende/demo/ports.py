"""Ports of the demo, on the loopback address only."""

import errno
import os
import socket
import time

from kernel.errors import Unavailable

LOOPBACK = "127.0.0.1"
_BACKLOG = 2048


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


def reserve_near(preferred: int, *, patience_s: float = 0.0) -> socket.socket:
    """As `reserve`, with any free port in place of a taken one."""
    try:
        return reserve(preferred, patience_s=patience_s)
    except (Unavailable, OverflowError):
        return reserve(0)


def listen(bound: socket.socket) -> None:
    """From now on callers wait in its queue. Raises Unavailable when somebody took the port since it was reserved."""
    try:
        bound.listen(_BACKLOG)
    except OSError as error:
        raise Unavailable("El puerto {port} lo tomó otro programa.", port=port_of(bound)) from error


def port_of(bound: socket.socket) -> int:
    return int(bound.getsockname()[1])
