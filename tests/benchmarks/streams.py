"""Streams of signed-in consoles, all read in one thread of its own, away from whoever measures."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from urllib.parse import urlsplit

from tests.journeys.test_sms_to_agency import Console
from tests.running import RunningDemo

Reading = Callable[[], Coroutine[None, None, None]]


class Streams:
    """Every reading goes on until the block ends; what they say goes to whoever made them."""

    def __init__(self, demo: RunningDemo) -> None:
        self.url = urlsplit(demo.base_url)
        client = Console(demo, "operator").client
        self.cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        client.close()
        self._readings: list[asyncio.Task[None]] = []
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None

    def start(self, readings: Sequence[Reading]) -> None:
        self._thread = threading.Thread(target=self._run, args=(readings,), name="consoles")
        self._thread.start()

    def stop(self) -> None:
        for reading in self._readings:
            self._loop.call_soon_threadsafe(reading.cancel)
        if self._thread is not None:
            self._thread.join()
        self._loop.close()

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """One stream that the server has accepted, from its first header on."""
        reader, writer = await asyncio.open_connection(self.url.hostname, self.url.port)
        head = f"GET /consola/live HTTP/1.1\r\nHost: {self.url.netloc}\r\nCookie: {self.cookie}\r\n\r\n"
        writer.write(head.encode())
        try:
            assert (await reader.readline()).split()[1] == b"200"
        except BaseException:
            writer.close()
            raise
        return reader, writer

    def _run(self, readings: Sequence[Reading]) -> None:
        async def read_all() -> None:
            self._readings = [asyncio.create_task(reading()) for reading in readings]
            await asyncio.gather(*self._readings, return_exceptions=True)

        self._loop.run_until_complete(read_all())
