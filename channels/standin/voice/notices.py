"""Tells what happens to calls, conferences and recordings: signed, in order, as late and as often as the switches say."""

import random
import secrets
import time
from collections.abc import Mapping

import structlog

from channels.standin.rounds import TRY_FOR_S, Rounds, pause_s
from channels.standin.voice.fetching import Address, Fetcher
from channels.standin.voice.ledger import Notice, VoiceLedger

log = structlog.get_logger(__name__)
_SECOND_COPY_AFTER_S = 0.3
_SHUFFLE_S = 3.0
_WAITED_FOR_S = 5.0


class Notices:
    """`start` and `stop` once."""

    def __init__(self, ledger: VoiceLedger, fetcher: Fetcher) -> None:
        self._ledger = ledger
        self._fetcher = fetcher
        self._rounds = Rounds("voice-notices", lambda most: ledger.due(time.time(), limit=most), self._tell)

    def start(self) -> None:
        self._rounds.start()

    def stop(self) -> None:
        self._rounds.stop()

    def plan(self, subject: str, address: Address, form: Mapping[str, str], *, after_s: float = 0.0) -> None:
        """It will be told, unless what is told is being lost."""
        if not address.url:
            return
        switches = self._ledger.switches()
        if switches.lose:
            return
        now = time.time()
        due = now + after_s + switches.delay_s + (random.uniform(0, _SHUFFLE_S) if switches.reorder else 0)  # noqa: S311
        token = secrets.token_hex(16)
        one = (subject, address.url, address.method, form, token)
        copies = [(*one, due, now)] + ([(*one, due + _SECOND_COPY_AFTER_S, now)] if switches.duplicate else [])
        self._ledger.plan(copies)

    def wait_told(self, subject: str) -> None:
        """Until all that is due of it by now has been told once, or for a few seconds."""
        now = time.time()
        while time.time() - now < _WAITED_FOR_S and any(
            row["state"] == "due" and row["attempts"] == 0 and row["due"] <= now
            for row in self._ledger.told_of(subject)
        ):
            time.sleep(0.02)

    def _tell(self, notice: Notice) -> None:
        answer = self._fetcher.tell(Address(notice.url, notice.method), notice.form, notice.token)
        now = time.time()
        if isinstance(answer, int) and answer < 300:
            self._ledger.told(notice.id, "done", answer)
            return
        log.info("standin.voice.notice", answer=answer, attempt=notice.attempts + 1)
        again = not isinstance(answer, int) or answer >= 500
        if again and now - notice.born < TRY_FOR_S:
            self._ledger.postpone(notice.id, now + pause_s(notice.attempts), answer)
        else:
            self._ledger.told(notice.id, "given_up", answer)
