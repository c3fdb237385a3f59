"""Tells the webhook of every update, again until it answers with a success: several at once, and not always in order."""

import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import structlog

from channels.standin.telegram.config import Bot
from channels.standin.telegram.ledger import News, TelegramLedger

log = structlog.get_logger(__name__)

_THREADS = 8
_IDLE_S = 0.05
# The real one keeps updates for a day; this one must outlast a restart of everything, so that tests can count.
_TRY_FOR_S = 900.0
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 3.0
_SECRET = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  the name of a header


@dataclass(frozen=True)
class Hook:
    """Where updates go. allowed_updates: their kinds; none named: all."""

    url: str
    secret_token: str = ""
    max_connections: int = 40
    allowed_updates: tuple[str, ...] = ()


def webhook_of(ledger: TelegramLedger, bot: Bot) -> Hook:
    """What `setWebhook` said last, else what the installation's settings say."""
    kept = ledger.setting("webhook")
    if kept is None:
        return Hook(bot.webhook_url, bot.secret_token)
    return Hook(
        kept["url"],
        kept.get("secret_token", ""),
        kept.get("max_connections", 40),
        tuple(kept.get("allowed_updates", ())),
    )


class TelegramPostman:
    """A thread that looks for due updates and a few that tell them. `start` and `stop` once.

    answer: performs the method that a webhook may give as its answer.
    """

    def __init__(
        self, ledger: TelegramLedger, bot: Bot, timeout_s: float, answer: Callable[[str, dict[str, Any]], None]
    ) -> None:
        self._ledger = ledger
        self._bot = bot
        self._answer = answer
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False, trust_env=False)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="telegram-postman")
        self._running: set[int] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look, name="telegram-postman", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Waits for the calls under way."""
        self._stopping.set()
        self._thread.join()
        self._pool.shutdown(wait=True)
        self._client.close()

    def _look(self) -> None:
        while not self._stopping.wait(_IDLE_S):
            hook = webhook_of(self._ledger, self._bot)
            with self._lock:
                room = min(_THREADS, hook.max_connections) - len(self._running)
                busy = set(self._running)
            if room <= 0 or not hook.url:
                continue
            in_order = not self._ledger.switches().reorder
            due = self._ledger.due(time.time(), limit=room + len(busy), in_order=in_order)
            for news in [news for news in due if news.id not in busy][:room]:
                with self._lock:
                    self._running.add(news.id)
                self._pool.submit(self._run, news, hook)

    def _run(self, news: News, hook: Hook) -> None:
        try:
            kind = next(iter(news.payload))
            if hook.allowed_updates and kind not in hook.allowed_updates:
                self._ledger.finish(news.id, "not_allowed")
            else:
                self._call(news, hook)
        except (sqlite3.Error, KeyError) as error:
            # It stays due, and is looked at again.
            log.error("standin.telegram", error=repr(error))
        finally:
            with self._lock:
                self._running.discard(news.id)

    def _call(self, news: News, hook: Hook) -> None:
        update = {"update_id": news.update_id, **news.payload}
        headers = {"Content-Type": "application/json"} | ({_SECRET: hook.secret_token} if hook.secret_token else {})
        told: list[Any] = []
        for _ in range(2 if self._ledger.repeats(news.id) else 1):
            try:
                answer = self._client.post(hook.url, content=orjson.dumps(update), headers=headers)
                told.append(answer.status_code)
                if answer.is_success:
                    self._obey(answer)
            except httpx.TransportError as error:
                told.append(type(error).__name__)
        self._conclude(news, told[-1])

    def _obey(self, answer: httpx.Response) -> None:
        """A webhook may answer with a call; nobody is told what became of it."""
        try:
            asked = answer.json()
        except ValueError:
            return
        if isinstance(asked, dict) and isinstance(asked.get("method"), str):
            self._answer(asked["method"], asked)

    def _conclude(self, news: News, answer: int | str) -> None:
        now = time.time()
        taken = isinstance(answer, int) and 200 <= answer < 300
        detail = {"answer": answer, "attempt": news.attempts + 1, "kind": next(iter(news.payload))}
        with self._ledger.together():
            if taken:
                self._ledger.finish(news.id, "done")
                if news.number is not None:
                    self._ledger.move(news.chat, news.number, "received")
                self._ledger.note("webhook_taken", news.chat, at=now, **detail)
                return
            message = f"Wrong response from the webhook: {answer}" if isinstance(answer, int) else str(answer)
            self._ledger.set_setting("last_error", {"at": int(now), "message": message})
            if now - news.created_at < _TRY_FOR_S:
                pause_s = min(_FIRST_PAUSE_S * 2.0 ** min(news.attempts, 10), _LONGEST_PAUSE_S)
                self._ledger.postpone(news.id, now + pause_s)
            else:
                self._ledger.finish(news.id, "given_up")
            if news.attempts == 0:
                self._ledger.note("webhook_again", news.chat, at=now, **detail)
        log.info("standin.telegram.call", answer=answer, attempt=news.attempts + 1)
