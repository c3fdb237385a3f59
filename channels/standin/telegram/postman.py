"""Tells the webhook of every update, again until it answers with a success: several at once, and not always in order."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import structlog

from channels.standin.rounds import THREADS, TRY_FOR_S, Rounds, pause_s
from channels.standin.telegram.config import Bot
from channels.standin.telegram.ledger import News, TelegramLedger

log = structlog.get_logger(__name__)

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
    """Tells each update when it is due. `start` and `stop` once.

    answer: performs the method that a webhook may give as its answer.
    """

    def __init__(
        self, ledger: TelegramLedger, bot: Bot, timeout_s: float, answer: Callable[[str, dict[str, Any]], None]
    ) -> None:
        self._ledger = ledger
        self._bot = bot
        self._answer = answer
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False, trust_env=False)
        self._rounds = Rounds("telegram-postman", self._due, self._run, self._most)

    def start(self) -> None:
        self._rounds.start()

    def stop(self) -> None:
        """Waits for the calls under way."""
        self._rounds.stop()
        self._client.close()

    def _most(self) -> int:
        hook = webhook_of(self._ledger, self._bot)
        return min(THREADS, hook.max_connections) if hook.url else 0

    def _due(self, most: int) -> Sequence[News]:
        return self._ledger.due(time.time(), limit=most, in_order=not self._ledger.switches().reorder)

    def _run(self, news: News) -> None:
        hook = webhook_of(self._ledger, self._bot)
        if not hook.url:
            return
        kind = next(iter(news.payload))
        if hook.allowed_updates and kind not in hook.allowed_updates:
            self._ledger.finish(news.id, "not_allowed")
        else:
            self._call(news, hook)

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
            if now - news.created_at < TRY_FOR_S:
                self._ledger.postpone(news.id, now + pause_s(news.attempts))
            else:
                self._ledger.finish(news.id, "given_up")
            if news.attempts == 0:
                self._ledger.note("webhook_again", news.chat, at=now, **detail)
        log.info("standin.telegram.call", answer=answer, attempt=news.attempts + 1)
