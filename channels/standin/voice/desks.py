"""Operators' pages that are open: each is told what happens on its legs, and a leg ends when its page is gone for good."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from channels.standin.voice.calls import Call
from channels.standin.voice.parties import Live

if TYPE_CHECKING:
    from channels.standin.voice.exchange import Exchange

# A page that is loaded anew is back sooner; a cable that was pulled is not.
GONE_AFTER_S = 8.0
Tell = Callable[[str, Mapping[str, Any]], None]


@dataclass
class _Page:
    tell: Tell
    takes_by_itself: bool


@dataclass
class Desks:
    """Of one exchange. `tell` is called from the legs' threads while the exchange's lock is held: it must not wait."""

    exchange: "Exchange"
    _open: dict[str, list[_Page]] = field(default_factory=dict)

    def open(self, address: str, tell: Tell, *, takes_by_itself: bool) -> Callable[[], None]:
        """A page is there. Returns what is to be done when it goes."""
        page = _Page(tell, takes_by_itself)
        with self.exchange.lock:
            self._open.setdefault(address, []).append(page)
            legs = [summary(call) for call in self.exchange.calls() if call.recipient == address]
        tell("legs", {"legs": legs})
        return lambda: self._close(address, page)

    def is_open(self, address: str) -> bool:
        return bool(self._open.get(address))

    def takes_by_itself(self, address: str) -> bool:
        return any(page.takes_by_itself for page in self._open.get(address, []))

    def hear(self, call: Call, line: Mapping[str, Any]) -> None:
        """A line of a leg's transcript, or a change of its status."""
        for page in list(self._open.get(call.recipient, [])):
            name = "leg" if line["did"] == "status" else "line"
            page.tell(name, {"leg": summary(call), "line": dict(line)})

    def _close(self, address: str, page: _Page) -> None:
        with self.exchange.lock:
            self._open[address].remove(page)
        timer = threading.Timer(GONE_AFTER_S, self._end_legs, [address])
        timer.daemon = True
        timer.start()

    def _end_legs(self, address: str) -> None:
        if self.is_open(address):
            return
        for call in self.exchange.calls():
            if call.recipient == address and isinstance(call.party, Live):
                call.note("city", "page gone")
                call.end()


def summary(call: Call) -> dict[str, Any]:
    """A leg in short. room: the conference that it is in, or was."""
    return {
        "sid": call.sid,
        "status": call.status,
        "from": call.sender,
        "to": call.recipient,
        "label": call.label,
        "room": call.room,
        "is_with_people": call.is_with_people,
        "at": call.created_at,
    }
