"""Events as they are committed, for pages that are open now: one LISTEN connection per web process, fanned out to its readers.

A reader gets ids, never data, and fetches what it may see. Missed events are not stored: after a reconnection, or when a
reader was too slow, it gets `{"name": "resync"}` and should read its page again.

What is committed in a burst is handed over together: to wake a reader costs more than to tell it of ten events, and there are
hundreds of them.
"""

import asyncio
import math
import threading
from collections import deque
from collections.abc import Sequence
from functools import cached_property
from typing import Any
from weakref import WeakSet

import orjson

from kernel.listener import listen
from kernel.outbox import CHANNEL, NEWEST

Event = dict[str, Any]
RESYNC: Event = {"name": "resync"}
MAX_WAITING = 256
# Nobody sees less of a delay; a reader is woken twenty times a second at most.
GATHER_S = 0.05
# So that a page tells silence from a lost connection. One timer for all of them: a timer each, and a task to wait with it, cost
# more than what is told.
TICK_S = 10.0
_POLL_S = 0.5


class Batch:
    """Events in the order of their commits; none of them is a tick, which a reader gets now and then.

    frames: as server-sent events named `change`, or one `tick`, written once for all readers.
    """

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = tuple(events)

    @cached_property
    def frames(self) -> bytes:
        told = (b"event: change\ndata: " + orjson.dumps(event) + b"\n\n" for event in self.events)
        return b"".join(told) or b"event: tick\ndata: {}\n\n"


TICK = Batch(())
_ALL_AGAIN = Batch([RESYNC])


class Subscription:
    """One reader's batches of events, in order; ends when the feed closes. Belongs to the event loop it was made on."""

    def __init__(self, is_closed: bool) -> None:
        self._waiting: deque[Batch] = deque()
        self._wake = asyncio.Event()
        self._is_closed = is_closed

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Batch:
        while not self._waiting:
            if self._is_closed:
                raise StopAsyncIteration
            self._wake.clear()
            await self._wake.wait()
        return self._waiting.popleft()

    def _offer(self, batch: Batch) -> None:
        if not batch.events and self._waiting:
            return
        if sum(len(waiting.events) for waiting in self._waiting) + len(batch.events) > MAX_WAITING:
            # A reader this far behind gains nothing from the rest: one look at the page as it is now replaces them all.
            self._waiting.clear()
            batch = _ALL_AGAIN
        self._waiting.append(batch)
        self._wake.set()

    def _close(self) -> None:
        self._is_closed = True
        self._wake.set()


class LiveFeed:
    """The fan-out of one web process. A subscription that nobody holds any more is forgotten by itself."""

    def __init__(self) -> None:
        self._readers: WeakSet[Subscription] = WeakSet()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gathered: list[Event] = []
        self._handed_at = -math.inf

    def start(self, url: str) -> None:
        """Begins to listen at the PostgreSQL address `url`; called on the event loop that serves the readers."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._listen, args=(url,), name="live", daemon=True)
        self._thread.start()
        self._loop.call_later(TICK_S, self._tick)

    def subscribe(self) -> Subscription:
        """What is committed from now on, as an asynchronous iterator of batches of `{"name": …, ids…}`."""
        reader = Subscription(self._stop.is_set())
        self._readers.add(reader)
        return reader

    @property
    def readers(self) -> int:
        return len(self._readers)

    def close(self) -> None:
        """Ends every subscription, so that open pages do not hold the server back; safe from a signal handler or thread."""
        self._stop.set()
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._close_readers)

    def join(self) -> None:
        """Waits for the listening thread, half a second at most."""
        if self._thread:
            self._thread.join(timeout=_POLL_S * 2)

    def publish(self, events: Sequence[Event]) -> None:
        """Hands `events` to every reader, at once or with what comes in the next moment; on the feed's event loop."""
        is_due = not self._gathered
        self._gathered += events
        if is_due:
            loop = asyncio.get_running_loop()
            loop.call_at(max(loop.time(), self._handed_at + GATHER_S), self._flush)

    def _flush(self) -> None:
        self._handed_at = asyncio.get_running_loop().time()
        batch = Batch(self._gathered)
        self._gathered = []
        self._offer(batch)

    def _tick(self) -> None:
        if not self._stop.is_set():
            self._offer(TICK)
            asyncio.get_running_loop().call_later(TICK_S, self._tick)

    def _offer(self, batch: Batch) -> None:
        for reader in list(self._readers):
            reader._offer(batch)

    def _close_readers(self) -> None:
        for reader in list(self._readers):
            reader._close()

    def _listen(self, url: str) -> None:
        is_first = True
        for batch in listen(url, CHANNEL, self._stop, poll_s=_POLL_S, mark=NEWEST):
            if batch.is_fresh and not is_first:
                self._hand_over([RESYNC])
            is_first = False
            if batch.payloads:
                self._hand_over([_read(payload) for payload in batch.payloads])

    def _hand_over(self, events: Sequence[Event]) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.publish, events)


def _read(payload: str) -> Event:
    """The event of a notification; what no event of ours is (anybody in the database may notify) makes pages look again."""
    try:
        event = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return RESYNC
    return event if isinstance(event, dict) else RESYNC
