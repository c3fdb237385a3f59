"""Performs the documents of one leg, from its first ring to its end, as Twilio describes them; never for ever.

A document that cannot be had or read leads to the fallback address; when that fails too, the caller hears so and the call ends.
"""

import io
import time
import wave
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from channels.standin.voice import dialing, twiml
from channels.standin.voice.calls import Call, HungUp, Left, Moved, Next, Woken
from channels.standin.voice.fetching import Address, DocumentError
from channels.standin.voice.gathering import gather, record
from channels.standin.voice.parties import Input
from channels.standin.voice.rooms import Manner
from channels.standin.voice.twiml import InvalidTwiml, Node

if TYPE_CHECKING:
    from channels.standin.voice.exchange import Answering, Exchange

log = structlog.get_logger(__name__)
SORRY = "We are sorry, an application error has occurred. Goodbye."
# Documents in a row that took no time and in which nobody did anything; and all documents of a call.
MOST_IDLE_DOCUMENTS, MOST_DOCUMENTS = 40, 3000
LOOPS = 12998  # ours: the provider has no number for a call that goes round and round
_IDLE_BELOW_S = 0.5
_GUESSED_SOUND_S = 10.0
_SILENT = frozenset[str]()
# Verbs before which a call that comes in is not yet answered.
_UNANSWERED = ("Reject", "Pause", "Redirect", "Hangup")


@dataclass
class _Progress:
    """How the leg goes round: documents in a row in which nothing came of it.

    passed_s: seconds of the call that the document let pass in silence, in sounds or waiting; what it says takes none.
    """

    idle: int = 0
    acted: bool = False
    passed_s: float = 0.0


class Interpreter:
    """answering: how the other side takes the call by itself; None: somebody at a page, or nobody. See Exchange.ring_out."""

    def __init__(
        self, exchange: "Exchange", call: Call, *, answering: "Answering | None" = None,
        join: tuple[str, Manner] | None = None, then: Callable[[Call], None] | None = None,
    ) -> None:  # fmt: skip
        self.exchange, self.call = exchange, call
        self._answering, self._join, self._then = answering, join, then
        self.at = call.order.first.address
        self._progress = _Progress()
        self.until: Callable[[], bool] | None = None
        self._queues = 0

    def run(self) -> None:
        """The whole leg, in its own thread."""
        how = "failed"
        try:
            how = self._live()
        except HungUp:
            how = self._ended()
        except Exception:
            # A defect of the stand-in must not leave a leg that never ends.
            log.exception("standin.voice.leg", sid=self.call.sid)
            self.call.error = {"code": 0, "url": "", "message": "the stand-in failed"}
        finally:
            self.exchange.finish(self.call, how)

    def _live(self) -> str:
        if self.call.direction != "inbound":
            ended = self._ring()
            if ended is not None:
                return ended
        following: Next | None = self.call.order.first
        while following is not None:
            try:
                if self._then is not None:
                    then, self._then = self._then, None
                    then(self.call)
                    following = None
                elif self._join is not None:
                    (name, manner), self._join = self._join, None
                    dialing.attend(self, self.exchange.room(name), manner)
                    following = None
                else:
                    following = self._perform(following)
            except Moved as moved:
                following = moved.to
        return self._ended()

    def _ended(self) -> str:
        asked = self.call.end_asked or "completed"
        if self.call.answered_at is not None:
            return "completed"
        if asked != "completed":
            return asked
        return "failed" if self.call.error else "no-answer"

    def answer(self) -> None:
        """Somebody picks up: from here on it costs."""
        self.exchange.set_status(self.call, "in-progress")

    # Ringing at the other side

    def _ring(self) -> str | None:
        call, exchange = self.call, self.exchange
        exchange.set_status(call, "initiated")
        call.check()
        answering = self._answering
        if answering is not None and answering.how not in ("answer", "machine"):
            return answering.how
        if answering is None and not exchange.is_at_page(call.recipient):
            if call.is_client:
                return "no-answer"
            nobody = exchange.ledger.switches().nobody
            if nobody not in ("no-answer", "completed"):
                return nobody
            if nobody == "completed":
                exchange.set_status(call, "ringing")
                self.answer()
                return None
        exchange.set_status(call, "ringing")
        call.note("city", "ringing")
        wait_s = min(answering.after_s, call.order.timeout_s) if answering is not None else call.order.timeout_s
        with call.changed:
            deadline = call.now() + wait_s
            while call.is_picked_up is None and call.now() < deadline:
                call.check()
                call.changed.wait(deadline - call.now())
            call.check()
        if call.is_picked_up is False:
            return "busy"
        if call.is_picked_up is None and (answering is None or answering.after_s > call.order.timeout_s):
            return "no-answer"
        self.answer()
        call.note(call.who, "answered")
        exchange.tell_who(call, answering)
        return None

    # Documents

    def fetch(self, following: Next) -> tuple[Node, ...]:
        """Raises DocumentError, InvalidTwiml."""
        self.call.documents += 1
        if following.twiml:
            return twiml.read(following.twiml.encode())
        form = self.exchange.form(self.call.row()) | dict(following.extra)
        at, began = round(self.call.now(), 2), time.monotonic()
        answer: str | int = 0
        why = ""
        try:
            nodes = twiml.read(self.exchange.fetcher.document(following.address, form))
            answer = ", ".join(node.name for node in nodes)
        except (DocumentError, InvalidTwiml) as error:
            answer, why = error.code, str(error)
            raise
        finally:
            if len(self.call.requests) < MOST_DOCUMENTS:
                path, ms = urlsplit(following.address.url).path, round((time.monotonic() - began) * 1000)
                self.call.requests.append({"at": at, "path": path, "ms": ms, "answer": answer, "why": why})
        return nodes

    def _perform(self, following: Next) -> Next | None:
        """One document; the one that comes after it, or None at the end of the call."""
        call = self.call
        if self._is_endless():
            self._fail(LOOPS, following.address.url, "the same goes round and round")
            return None
        nodes = self._had(following)
        self.at = following.address
        self._progress.passed_s, self._progress.acted = 0.0, False
        result = self.perform(nodes) if nodes is not None else None
        is_idle = not self._progress.acted and self._progress.passed_s < _IDLE_BELOW_S
        self._progress.idle = self._progress.idle + 1 if is_idle else 0
        self.exchange.keep(call)
        return result

    def _is_endless(self) -> bool:
        return self._progress.idle >= MOST_IDLE_DOCUMENTS or self.call.documents >= MOST_DOCUMENTS

    def _had(self, following: Next) -> tuple[Node, ...] | None:
        """The document, or that of the fallback; None when there is neither."""
        try:
            return self.fetch(following)
        except (DocumentError, InvalidTwiml) as error:
            first = error
        url = getattr(first, "url", following.address.url)
        self._note_error(first.code, url, str(first))
        self.call.check()
        fallback = self.call.order.fallback
        if fallback.url and fallback.url != following.address.url:
            try:
                return self.fetch(Next(fallback, {"ErrorCode": str(first.code), "ErrorUrl": url}))
            except (DocumentError, InvalidTwiml) as error:
                self._note_error(error.code, getattr(error, "url", fallback.url), str(error))
        self._fail(first.code, url, str(first))
        return None

    def _note_error(self, code: int, url: str, why: str) -> None:
        self.call.note("city", "error", f"{code} {url}: {why}")
        self.call.error = {"code": code, "url": url, "message": why}

    def _fail(self, code: int, url: str, why: str) -> None:
        self._note_error(code, url, why)
        self.say(SORRY)

    def perform(self, nodes: Sequence[Node], allowed: tuple[str, ...] = twiml.VERBS) -> Next | None:
        """The verbs in order; where one leads, or None after the last. Raises HungUp, Moved, Woken."""
        for index, node in enumerate(nodes):
            self.call.check()
            if node.name not in allowed:
                self.call.note("city", "error", f"{twiml.NOT_TWIML} <{node.name}> cannot be performed here")
                continue
            if self.call.answered_at is None and not self._keeps_ringing(node):
                self.answer()
            following = self._verb(node, is_first=index == 0)
            if following is not None:
                return following
        return None

    @staticmethod
    def _keeps_ringing(node: Node) -> bool:
        return node.name in _UNANSWERED or (node.name == "Dial" and node.is_on("answerOnBridge"))

    def _verb(self, node: Node, *, is_first: bool) -> Next | None:
        match node.name:
            case "Say" | "Play" | "Pause":
                self.prompt(node, _SILENT)
            case "Gather":
                return gather(self, node)
            case "Record":
                return record(self, node)
            case "Redirect":
                return Next(self.at.near(node.text, node.get("method")))
            case "Dial":
                return dialing.dial(self, node)
            case "Enqueue":
                return dialing.enqueue(self, node)
            case "Reject" if self.call.answered_at is None:
                self.call.end("busy" if node.get("reason") == "busy" else "no-answer")
                raise HungUp
            case "Leave":
                if self._queues:
                    raise Left
            case _:
                self.call.note("city", "hung up")
                self.call.end()
                raise HungUp
        return None

    # What is heard

    def act(self) -> None:
        """Somebody did something: the call does not merely go round."""
        self._progress.acted = True

    def wait(self, seconds: float | None, accepts: frozenset[str] = _SILENT) -> Input | None:
        before = self.call.now()
        try:
            return self.call.wait(seconds, accepts, self.until)
        finally:
            self._progress.passed_s += self.call.now() - before

    def say(self, text: str) -> None:
        self.call.note("city", "said", text, language="en")
        self.call.speak(len(text), _SILENT, self.until)

    def prompt(self, node: Node, accepts: frozenset[str]) -> Input | None:
        """Says, plays or is silent; what the party does meanwhile, if that is listened for, cuts it short."""
        if node.name == "Pause":
            return self._sounding(float(node.whole("length", 1)), accepts)
        times = node.whole("loop", 1) or 1000
        if node.name == "Play" and not node.text:
            self.call.note("city", "pressed", node.get("digits"))
            return None
        seconds = self._length(node.text) if node.name == "Play" else 0.0
        for turn in range(times):
            if node.name == "Say":
                more = {"language": node.get("language")} if node.get("language") else {}
                self.call.note("city", "said", node.text, **more)
                got = self.call.speak(len(node.text), accepts, self.until)
            else:
                if turn == 0:
                    self.call.note("city", "played", self.at.near(node.text).url)
                got = self._sounding(seconds, accepts)
            if got is not None or self.call.party.is_hurried(accepts):
                return got
        return None

    def _sounding(self, seconds: float, accepts: frozenset[str]) -> Input | None:
        if accepts and self.call.party.is_hurried(accepts):
            self.call.skip(seconds)
            self._progress.passed_s += seconds
            return None
        return self.wait(seconds, accepts)

    def _length(self, url: str) -> float:
        """Of what is played from there, in seconds; what cannot be had is not heard, and said in the transcript."""
        where = self.at.near(url).url
        try:
            sound = self.exchange.fetcher.sound(where)
        except DocumentError as error:
            self.call.note("city", "error", f"{error.code} {where}: {error}")
            return 0.0
        try:
            with wave.open(io.BytesIO(sound)) as opened:
                return float(opened.getnframes() / max(opened.getframerate(), 1))
        except (wave.Error, EOFError):
            return _GUESSED_SOUND_S

    # What is heard while waiting for something else

    def entertain(
        self, address: Address, extra: Callable[[], Mapping[str, str]], kind: str, until: Callable[[], bool]
    ) -> None:
        """Asks for what is heard meanwhile, again and again, until `until()`. Raises HungUp, Moved, and from a queue Left."""
        at, before = self.at, self.until
        self.until = until
        self._queues += kind == "queue"
        idle = 0
        following = Next(address, extra())
        try:
            while not until():
                started = self.call.now()
                try:
                    nodes = self.fetch(following)
                except (DocumentError, InvalidTwiml) as error:
                    self._note_error(error.code, getattr(error, "url", following.address.url), str(error))
                    self.wait(None)
                    continue
                self.at = following.address
                onward = self.perform(nodes, twiml.WAITING_VERBS[kind])
                idle = idle + 1 if self.call.now() - started < _IDLE_BELOW_S else 0
                if not nodes or idle >= MOST_IDLE_DOCUMENTS or self.call.documents >= MOST_DOCUMENTS:
                    self.wait(None)
                following = onward or Next(address, extra())
        except Woken:
            return
        finally:
            self.at, self.until = at, before
            self._queues -= kind == "queue"
