"""The exchange: every leg, conference and recording of one stand-in, and who answers which phone. Its threads are the legs'."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import structlog

from channels.standin.voice.calls import OVER, Call, Next, Order
from channels.standin.voice.config import VoiceNumber
from channels.standin.voice.desks import Desks
from channels.standin.voice.fetching import Address, Fetcher
from channels.standin.voice.interpreter import Interpreter
from channels.standin.voice.ledger import VoiceLedger
from channels.standin.voice.notices import Notices
from channels.standin.voice.parties import Live, Party, Script, Step
from channels.standin.voice.recordings import Recording, Recordings
from channels.standin.voice.rooms import Manner, Room
from kernel.errors import TooMany

log = structlog.get_logger(__name__)
# As Twilio writes a number that was withheld.
WITHHELD = "+266696687"
MOST_AT_ONCE = 1000
_AT_PAGE_S = 12.0
# Who has answered: a person, or the machine of one.
ANSWERED = ("answer", "machine")
# How long the real provider listens until it says which.
_KNOWN_AFTER_S = 3.0
_RECENT = 500


@dataclass(frozen=True)
class Answering:
    """How a phone or an operator takes calls by itself. times: how many; None for all."""

    steps: tuple[Step, ...]
    after_s: float = 0.3
    times: int | None = None
    how: str = "answer"


class Exchange:
    """`start` and `stop` once. Safe to share between threads."""

    def __init__(
        self, ledger: VoiceLedger, number: VoiceNumber, *, account_sid: str, auth_token: str, timeout_s: float,
        own_url: str,
    ) -> None:  # fmt: skip
        self.ledger, self.number, self.account_sid, self.own_url = ledger, number, account_sid, own_url
        self.fetcher = Fetcher(auth_token, timeout_s)
        self.notices = Notices(ledger, self.fetcher)
        self.lock = threading.RLock()
        self.recordings = Recordings(self)
        self.desks = Desks(self)
        self._calls: dict[str, Call] = {}
        self._rooms: dict[str, Room] = {}
        self._answering: dict[str, Answering] = {}
        self._at_page: dict[str, float] = {}

    def start(self) -> None:
        """Calls of a stand-in that was killed were cut off."""
        for row in self.ledger.cut_off():
            row |= {"status": "completed" if row["answered_at"] else "failed", "ended_at": time.time()}
            self.ledger.keep("call", row)
            self._tell_row(row, "completed")
        self.notices.start()

    def stop(self) -> None:
        with self.lock:
            live = list(self._calls.values())
        for call in live:
            call.end()
        for call in live:
            call.done.wait(2)
        self.notices.stop()
        self.fetcher.close()

    # Legs

    def ring_in(self, sender: str, party: Party, *, speed: float = 1.0) -> Call:
        """Somebody calls the city. Raises TooMany."""
        number = self.number
        order = Order(
            Next(Address(number.webhook_url)), Address(number.fallback_url), Address(number.status_url)
        )  # fmt: skip
        call = self._new(order, party, sender=sender, recipient=number.number, direction="inbound", speed=speed)
        self.set_status(call, "ringing")
        self._begin(call)
        return call

    def ring_out(
        self, order: Order, *, sender: str, recipient: str, direction: str = "outbound-api", parent: Call | None = None,
        label: str = "", join: tuple[str, Manner] | None = None, then: Callable[[Call], None] | None = None,
    ) -> Call:  # fmt: skip
        """The city calls somebody. join: a conference to enter on answering; then: done in place of the first document."""
        party: Party = Live()
        answering = self._answering_of(recipient)
        if answering is not None and answering.how in ANSWERED:
            party = Script(answering.steps)
        elif answering is None and self.desks.takes_by_itself(recipient):
            answering = Answering(())
        call = self._new(
            order,
            party,
            sender=sender,
            recipient=recipient,
            direction=direction,
            parent=parent,
            speed=parent.speed if parent is not None else 1.0,
            label=label,
        )
        self._begin(call, answering=answering, join=join, then=then)
        return call

    def _new(self, order: Order, party: Party, *, sender: str, recipient: str, direction: str, parent: Call | None = None,
             speed: float = 1.0, label: str = "") -> Call:  # fmt: skip
        call = Call(
            self.lock, order, party, sender=sender, recipient=recipient, direction=direction, parent=parent,
            speed=speed, label=label, was_heard=self._heard,
        )  # fmt: skip
        with self.lock:
            if sum(not one.is_over for one in self._calls.values()) >= MOST_AT_ONCE:
                raise TooMany("Hay demasiadas llamadas a la vez.", retry_after_s=10)
            self._calls[call.sid] = call
            self._forget_old()
        self.ledger.keep("call", call.row())
        return call

    def _begin(self, call: Call, **how: Any) -> None:
        worker = Interpreter(self, call, **how)
        threading.Thread(target=worker.run, name=f"call-{call.sid[-6:]}", daemon=True).start()

    def _forget_old(self) -> None:
        over = [sid for sid, one in self._calls.items() if one.done.is_set()]
        for sid in over[: max(0, len(over) - _RECENT)]:
            del self._calls[sid]

    def live(self, sid: str) -> Call | None:
        """The leg while it goes on."""
        call = self._calls.get(sid)
        return call if call is not None and not call.is_over else None

    def row(self, sid: str) -> dict[str, Any] | None:
        """The leg as it is now or was."""
        call = self._calls.get(sid)
        return call.row() if call is not None else self.ledger.thing("call", sid)

    def calls(self) -> list[Call]:
        with self.lock:
            return [call for call in self._calls.values() if not call.is_over]

    def finish(self, call: Call, status: str) -> None:
        """The thread of the leg has ended."""
        self.set_status(call, status)
        call.done.set()

    def set_status(self, call: Call, status: str) -> None:
        """A leg that is over stays as it ended."""
        with self.lock:
            if call.status == status or call.is_over:
                return
            call.status = status
            now = time.time()
            if status == "in-progress":
                call.answered_at = now
            if status in OVER:
                call.ended_at = now
                self.recordings.end_of(call)
            row = call.row()
        self.ledger.keep("call", row)
        event = {"queued": "", "in-progress": "answered"}.get(status, "completed" if status in OVER else status)
        if event:
            with self.lock:
                row["sequence"] = call.sequence
                call.sequence += event in call.order.events
            self._tell_row(row, event)
            self._heard(call, {"did": "status", "text": status, "who": "city", "at": round(call.now(), 2)})

    def tell_who(self, call: Call, answering: Answering | None) -> None:
        """Whether a person or a machine has answered, to whoever asked for it."""
        who = "machine_start" if answering is not None and answering.how == "machine" else "human"
        form = self.form(call.row()) | {
            "AnsweredBy": who,
            "MachineDetectionDuration": str(round(_KNOWN_AFTER_S * 1000)),
        }
        self.notices.plan(call.sid, call.order.who, form, after_s=_KNOWN_AFTER_S / call.speed)

    def keep(self, call: Call) -> None:
        self.ledger.keep("call", call.row())

    def _heard(self, call: Call, line: Mapping[str, Any]) -> None:
        if call.is_client:
            self.desks.hear(call, line)

    # What is told about a leg

    def form(self, row: Mapping[str, Any]) -> dict[str, str]:
        """What every request about a leg says."""
        sender, recipient = str(row["from"]), str(row["to"])
        form = {
            "AccountSid": self.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": str(row["sid"]),
            "CallStatus": str(row["status"]),
            "Called": recipient,
            "Caller": sender,
            "Direction": str(row["direction"]),
            "From": sender,
            "To": recipient,
        }
        for side in ("From", "To", "Caller", "Called"):
            if not form[side].startswith("client:"):
                form |= {f"{side}City": "", f"{side}State": "", f"{side}Zip": "", f"{side}Country": "MX"}
        if row.get("parent_call_sid"):
            form["ParentCallSid"] = str(row["parent_call_sid"])
        return form

    def _tell_row(self, row: Mapping[str, Any], event: str) -> None:
        if event not in row["events"] or not row["status_url"]:
            return
        form = self.form(row) | {
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(row["sequence"]),
            "Timestamp": format_datetime(datetime.now(UTC)),
        }
        if event == "completed":
            form |= {"CallDuration": str(row["duration"]), "Duration": str(-(-int(row["duration"]) // 60))}
        self.notices.plan(row["sid"], Address(row["status_url"]), form)

    # Who answers

    def answer_by_itself(self, address: str, answering: Answering | None) -> None:
        """A phone, or `client:…`, that a script answers."""
        with self.lock:
            if answering is None:
                self._answering.pop(address, None)
            else:
                self._answering[address] = answering

    def answers_by_itself(self, address: str) -> bool:
        return address in self._answering

    def _answering_of(self, address: str) -> Answering | None:
        with self.lock:
            found = self._answering.get(address)
            if found is not None and found.times is not None:
                if found.times <= 1:
                    del self._answering[address]
                else:
                    self._answering[address] = Answering(found.steps, found.after_s, found.times - 1, found.how)
            return found

    def is_at_page(self, address: str) -> bool:
        """Whether somebody looked at the page of this phone or client a moment ago."""
        return self.desks.is_open(address) or time.monotonic() - self._at_page.get(address, -_AT_PAGE_S) < _AT_PAGE_S

    def looked(self, address: str) -> None:
        self._at_page[address] = time.monotonic()

    # Conferences

    def room(self, name: str) -> Room:
        """The conference of this name that goes on, else a new one."""
        with self.lock:
            for room in self._rooms.values():
                if room.name == name and room.status != "completed":
                    return room
            made = Room(name, self._tell_room)
            self._rooms[made.sid] = made
            return made

    def find_room(self, sid_or_name: str) -> Room | None:
        with self.lock:
            found = self._rooms.get(sid_or_name)
            if found is None:
                named = [one for one in self._rooms.values() if one.name == sid_or_name and one.status != "completed"]
                found = named[0] if named else None
            return found

    def private_room(self, name: str) -> Room:
        """Two legs that talk to each other, with nothing told about it."""
        return Room(name, self._tell_room, is_private=True)

    def _tell_room(self, room: Room, kind: str, form: Mapping[str, str]) -> None:
        self.ledger.keep("conference", room.row())
        if room.status == "completed" and kind == "end":
            self._rooms.pop(room.sid, None)
        if room.callback.url and kind in room.events:
            told = {
                **form,
                "AccountSid": self.account_sid,
                "SequenceNumber": str(room.sequence),
                "Timestamp": format_datetime(datetime.now(UTC)),
            }
            room.sequence += 1
            self.notices.plan(room.sid, room.callback, told)

    def recording(self, sid: str) -> Recording | None:
        return self.recordings.find(sid)
