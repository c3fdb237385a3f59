"""The embedded servers of the demo: started together, watched, started again when they die."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from kernel.errors import AtiendeError

_LOOK_EVERY_S = 0.2
_PAUSE_S = 2.0


class Server(Protocol):
    """PostgresServer or ValkeyServer."""

    @property
    def pid(self) -> int | None: ...
    def start(self) -> bool: ...
    def stop(self) -> None: ...


class ServerWatch:
    """Keeps `servers` (by name) running until `stop`. `say` gets one line for each death and each failure."""

    def __init__(self, servers: dict[str, Server], say: Callable[[str], None]) -> None:
        self._servers = servers
        self._say = say
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Starts or finds all of them, at the same time. Raises Unavailable when one will not start."""
        with ThreadPoolExecutor(max(1, len(self._servers))) as pool:
            for started in [pool.submit(server.start) for server in self._servers.values()]:
                started.result()
        for name, server in self._servers.items():
            thread = threading.Thread(target=self._watch, args=(name, server), name=f"watch-{name}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Ends them all, those found running included."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        with ThreadPoolExecutor(max(1, len(self._servers))) as pool:
            for stopped in [pool.submit(server.stop) for server in self._servers.values()]:
                stopped.result()

    def _watch(self, name: str, server: Server) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            if server.pid is not None:
                continue
            try:
                server.start()
                self._say(f"{name}: terminó y arrancó de nuevo / ended, started again")
            except AtiendeError as error:
                self._say(f"{name}: {error}")
                self._stopping.wait(_PAUSE_S)
