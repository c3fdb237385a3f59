"""The pauses that Telegram asks for, kept by this process so that nobody asks again in vain.

They are kept by chat: one person's flood stops nobody else. How fast all of them may go is `channels.pacing`.
"""

import threading
import time

_MOST = 1_000


class Pauses:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def left(self, chat: str) -> float:
        """The seconds in which nothing may be sent to this chat; 0 when it may."""
        with self._lock:
            return max(0.0, self._until.get(chat, 0.0) - time.monotonic())

    def begin(self, chat: str, seconds: float) -> None:
        """Nothing for this chat for so long."""
        now = time.monotonic()
        with self._lock:
            if len(self._until) >= _MOST:
                self._until = {name: until for name, until in self._until.items() if until > now}
            self._until[chat] = now + seconds
