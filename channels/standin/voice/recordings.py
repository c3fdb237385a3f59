"""What was recorded of a leg, with its pauses; its sound is made when it is asked for."""

import io
import math
import struct
import time
import wave
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from channels.standin.voice.calls import LETTERS_A_SECOND, Call, new_sid
from channels.standin.voice.fetching import NOWHERE, Address

if TYPE_CHECKING:
    from channels.standin.voice.exchange import Exchange

_READY_AFTER_S = 0.3
_RECENT = 500
_RATE = 8000
_LONGEST_SOUND_S = 600
_PITCHES = {"caller": 220, "operator": 160, "other": 190}


@dataclass
class Recording:
    """spans: from where to where of the call it ran, in seconds of the call; the last may be open."""

    call: Call
    source: str
    callback: Address = NOWHERE
    events: frozenset[str] = frozenset({"completed"})
    conference_sid: str = ""
    channels: int = 1
    sid: str = field(default_factory=lambda: new_sid("RE"))
    status: str = "in-progress"
    at: float = field(default_factory=time.time)
    ready_at: float | None = None
    spans: list[tuple[float, float | None]] = field(default_factory=list)
    words: list[dict[str, Any]] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        now = self.call.now()
        return sum((now if end is None else end) - start for start, end in self.spans)

    @property
    def is_running(self) -> bool:
        return self.status in ("in-progress", "paused")

    def row(self, own_url: str, account_sid: str) -> dict[str, Any]:
        status = self.status
        if status == "processing" and self.ready_at is not None and time.time() >= self.ready_at:
            status = "completed"
        return {
            "sid": self.sid,
            "call_sid": self.call.sid,
            "conference_sid": self.conference_sid or None,
            "status": status,
            "source": self.source,
            "channels": self.channels,
            "at": self.at,
            "duration": round(self.seconds),
            "spans": [list(span) for span in self.spans],
            "words": self.words,
            "url": f"{own_url}/2010-04-01/Accounts/{account_sid}/Recordings/{self.sid}",
        }


class Recordings:
    """Of one exchange, under its lock."""

    def __init__(self, exchange: "Exchange") -> None:
        self._exchange = exchange
        self._all: dict[str, Recording] = {}

    def begin(self, call: Call, source: str, **how: Any) -> Recording:
        with self._exchange.lock:
            made = Recording(call, source, **how)
            made.spans.append((call.now(), None))
            self._all[made.sid] = made
            self._forget_old()
            call.note("city", "recording began")
            self._keep(made)
            self._tell(made, "in-progress")
            return made

    def pause(self, one: Recording) -> None:
        with self._exchange.lock:
            if one.status == "in-progress":
                self._close_span(one)
                one.status = "paused"
                one.call.note("city", "recording paused")
                self._keep(one)

    def resume(self, one: Recording) -> None:
        with self._exchange.lock:
            if one.status == "paused":
                one.spans.append((one.call.now(), None))
                one.status = "in-progress"
                one.call.note("city", "recording resumed")
                self._keep(one)

    def stop(self, one: Recording, *, is_absent: bool = False) -> None:
        with self._exchange.lock:
            if not one.is_running:
                return
            self._close_span(one)
            one.words = [line for line in one.call.lines if self._is_in(one, line)]
            one.status = "absent" if is_absent else "processing"
            one.ready_at = time.time() + _READY_AFTER_S
            one.call.note("city", "recording ended")
            self._keep(one)
            self._tell(one, "absent" if is_absent else "completed")

    def _forget_old(self) -> None:
        """Those that are long over are read from the ledger."""
        over = [sid for sid, one in self._all.items() if not one.is_running]
        for sid in over[: max(0, len(over) - _RECENT)]:
            del self._all[sid]

    def end_of(self, call: Call) -> None:
        for one in list(self._all.values()):
            if one.call is call and one.is_running:
                self.stop(one)

    def running_of(self, call_sid: str) -> list[Recording]:
        return [one for one in self._all.values() if one.call.sid == call_sid and one.is_running]

    def find(self, sid: str) -> Recording | None:
        return self._all.get(sid)

    def row(self, sid: str) -> dict[str, Any] | None:
        one = self._all.get(sid)
        if one is not None:
            return one.row(self._exchange.own_url, self._exchange.account_sid)
        kept = self._exchange.ledger.thing("recording", sid)
        if kept is not None and kept["status"] in ("in-progress", "paused", "processing"):
            kept["status"] = "completed"  # the stand-in was killed meanwhile
        return kept

    def delete(self, sid: str) -> None:
        with self._exchange.lock:
            self._all.pop(sid, None)
        self._exchange.ledger.forget(sid)

    @staticmethod
    def _is_in(one: Recording, line: Mapping[str, Any]) -> bool:
        return line["did"] in ("said", "pressed", "played") and any(
            start - 0.05 <= line["at"] <= (end if end is not None else math.inf) for start, end in one.spans
        )

    @staticmethod
    def _close_span(one: Recording) -> None:
        if one.spans and one.spans[-1][1] is None:
            one.spans[-1] = (one.spans[-1][0], one.call.now())

    def _keep(self, one: Recording) -> None:
        self._exchange.ledger.keep("recording", one.row(self._exchange.own_url, self._exchange.account_sid))

    def _tell(self, one: Recording, event: str) -> None:
        if not one.callback.url or event not in one.events:
            return
        row = one.row(self._exchange.own_url, self._exchange.account_sid)
        form = {
            "AccountSid": self._exchange.account_sid,
            "CallSid": one.call.sid,
            "RecordingSid": one.sid,
            "RecordingUrl": row["url"],
            "RecordingStatus": event,
            "RecordingDuration": str(row["duration"]),
            "RecordingChannels": str(one.channels),
            "RecordingSource": one.source,
            "RecordingStartTime": time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(one.at)),
            "ErrorCode": "0",
        } | ({"ConferenceSid": one.conference_sid} if one.conference_sid else {})
        self._exchange.notices.plan(one.call.sid, one.callback, form, after_s=_READY_AFTER_S * (event != "in-progress"))


def sound_of(row: Mapping[str, Any]) -> bytes:
    """A WAV as long as the recording: a murmur for whatever was said, silence between. Nothing of it is anybody's voice."""
    seconds = min(float(row["duration"]) or 1.0, _LONGEST_SOUND_S)
    samples = bytearray(2 * int(seconds * _RATE))
    for line in row["words"]:
        start = _place(row["spans"], line["at"])
        if start is None or line["did"] == "played":
            continue
        pitch = _PITCHES.get(line["who"], 280)
        for index in range(int(min(len(line["text"]) / LETTERS_A_SECOND, 8.0) * _RATE)):
            at = int(start * _RATE) + index
            if 2 * at + 2 > len(samples):
                break
            wobble = 0.5 + 0.5 * math.sin(2 * math.pi * 4 * index / _RATE)
            value = int(6000 * wobble * math.sin(2 * math.pi * pitch * index / _RATE))
            struct.pack_into("<h", samples, 2 * at, value)
    made = io.BytesIO()
    with wave.open(made, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(_RATE)
        out.writeframes(bytes(samples))
    return made.getvalue()


def _place(spans: list[list[float]], at: float) -> float | None:
    """Where in the recording a moment of the call is."""
    before = 0.0
    for start, end in spans:
        if start - 0.05 <= at <= (end if end is not None else math.inf):
            return before + max(0.0, at - start)
        before += (end or start) - start
    return None
