"""python-telegram-bot's Bot for code that is not async: one event loop in a thread of its own, which keeps the connections."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from telegram import Bot

T = TypeVar("T")

CONNECT_S = 5.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_CONNECTIONS = 16
_CLOSE_S = 5.0


class TooSlow(Exception):
    """The whole call took too long; what became of it is not known."""


class BotCalls:
    """Calls of one bot, from any thread. Nothing is connected, and the library not loaded, before the first of them."""

    def __init__(self, token: str, api_base_url: str, timeout_s: float) -> None:
        self._token = token
        self._base_url = api_base_url
        self._timeout_s = timeout_s
        self._deadline_s = min(CONNECT_S, timeout_s) + timeout_s
        self._lock = threading.Lock()
        self._running: tuple[asyncio.AbstractEventLoop, threading.Thread, Bot] | None = None

    def call(self, ask: "Callable[[Bot], Coroutine[Any, Any, T]]") -> T:
        """The answer of one method. Raises the library's TelegramError, or TooSlow."""
        loop, _, bot = self._started()
        answer = asyncio.run_coroutine_threadsafe(ask(bot), loop)
        try:
            # The library limits each step of a call, none their sum.
            return answer.result(self._deadline_s)
        except TimeoutError as error:
            answer.cancel()
            raise TooSlow from error

    def close(self) -> None:
        """Lets the connections go."""
        with self._lock:
            running, self._running = self._running, None
        if running is None:
            return
        loop, thread, bot = running
        asyncio.run_coroutine_threadsafe(bot.request.shutdown(), loop).result(_CLOSE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_CLOSE_S)
        loop.close()

    def _started(self) -> "tuple[asyncio.AbstractEventLoop, threading.Thread, Bot]":
        with self._lock:
            if self._running is None:
                loop = asyncio.new_event_loop()
                thread = threading.Thread(target=loop.run_forever, name="telegram", daemon=True)
                thread.start()
                self._running = loop, thread, self._bot()
            return self._running

    def _bot(self) -> "Bot":
        # The library's own switch for its coming meaning of durations; without it, each 429 warns of the old one.
        os.environ.setdefault("PTB_TIMEDELTA", "1")
        from telegram import Bot
        from telegram.request import HTTPXRequest

        def request() -> HTTPXRequest:
            return HTTPXRequest(
                connection_pool_size=_CONNECTIONS,
                connect_timeout=min(CONNECT_S, self._timeout_s),
                read_timeout=self._timeout_s,
                write_timeout=self._timeout_s,
                pool_timeout=self._timeout_s,
                httpx_kwargs={
                    # The proxy of the environment leads to the provider, not to a stand-in on this computer.
                    "trust_env": urlsplit(self._base_url).hostname not in LOOPBACK,
                    "follow_redirects": False,
                },
            )

        # `initialize` is not called: all it adds is a call of getMe at every start.
        return Bot(
            self._token,
            base_url=f"{self._base_url}/bot",
            base_file_url=f"{self._base_url}/file/bot",
            request=request(),
            get_updates_request=request(),
        )
