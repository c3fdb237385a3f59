"""The operator's line, whoever carries it: what we ask of a telephone network once a person is to talk with a person.

Every talk is a room (Twilio: a conference) from its first second: hold, transfer, whisper and barge are then only changes to who
sits in it and who hears whom. A transfer is no verb of its own: somebody is rung into the room, and somebody hangs up.

LineError                what was asked did not come about
├── Gone                 the call, seat or recording is not there any more: nothing is left to do
├── Refused              never, asked like this; `reason` says why
├── NotDone              certainly not: ask again
└── Uncertain            perhaps: look before asking again
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from channels.media_fetching import Opening

# How a supervisor is in the room: hears all, is heard by the operator only, or talks with everybody.
Mode = Literal["talk", "listen", "whisper"]
RecordingState = Literal["recording", "paused", "stopped", "available", "absent"]


class LineError(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Gone(LineError):
    pass


class Refused(LineError):
    pass


class NotDone(LineError):
    pass


class Uncertain(LineError):
    pass


@dataclass(frozen=True)
class Seat:
    """Somebody in a room, or on the way into it. label: our own id of a leg; "" for a caller."""

    provider_call_id: str
    label: str = ""
    is_connected: bool = True
    is_held: bool = False


@dataclass(frozen=True)
class Room:
    """Who is in it now. reference: the network's own name for it."""

    reference: str
    seats: tuple[Seat, ...] = ()

    def seat_of(self, provider_call_id: str | None = None, *, label: str | None = None) -> Seat | None:
        found = (
            seat
            for seat in self.seats
            if seat.provider_call_id == provider_call_id or (label is not None and seat.label == label)
        )
        return next(found, None)


@dataclass(frozen=True)
class Ring:
    """Somebody to be called into a room. address: `client:agent-<id>` or a telephone number; label: our id of this leg.

    is_heard: by all who are in it, from the moment they come in. ring_s: for how long.
    """

    address: str
    label: str
    sender: str
    is_heard: bool = True
    ring_s: int = 20


@dataclass(frozen=True)
class Dial:
    """Somebody outside to be called: on answering they are told who calls, and come into the room. label: our id of this call."""

    number: str
    room_name: str
    label: str
    sender: str
    ring_s: int = 25


@dataclass(frozen=True)
class Recorded:
    """A recording that the network knows of."""

    reference: str
    state: RecordingState
    duration_s: int | None = None


@dataclass(frozen=True)
class LineToken:
    """What an operator's browser signs in to the network with, for a few minutes."""

    token: str = field(repr=False)
    identity: str
    expires_at: datetime


class VoiceLine(Protocol):
    """One account at one telephone network. Knows the wire, not the database. Each method raises LineError, most of them Gone.

    room_name: ours, the same for the whole life of a call. reference: the network's, as `ring` and `look` give it.
    """

    name: str

    def bridge(self, provider_call_id: str, room_name: str, *, is_announced: bool) -> None:
        """Moves a waiting caller into the room; they hear that they are recorded on the way, unless they were told before."""

    def send_back(self, provider_call_id: str) -> None:
        """Moves a caller out of the room, which ends with it, into the documents of the waiting line."""

    def ring(self, room_name: str, ring: Ring) -> tuple[str, str]:
        """Calls somebody into the room: their provider_call_id and the room's reference, while it rings.

        Not to be repeated after Uncertain before `look` has shown that nobody with this label is there.
        """

    def dial(self, dial: Dial) -> str:
        """Calls somebody outside: their provider_call_id, while it rings.

        Not to be repeated after Uncertain before `calls_to` has shown that there is no such call.
        """

    def calls_to(self, number: str, *, since: datetime) -> list[str]:
        """The calls that we made to this number since then, the newest first."""

    def look(self, room_name: str) -> Room | None:
        """Who is in the room or rung into it; None when there is no such room now."""

    def is_up(self, provider_call_id: str) -> bool:
        """Whether this call is still going on."""

    def hold(self, reference: str, provider_call_id: str) -> None:
        """They hear music and the room does not hear them. Twice is as good as once, as with all that follow."""

    def unhold(self, reference: str, provider_call_id: str) -> None: ...

    def coach(self, reference: str, provider_call_id: str, *, mode: Mode, coached: str | None) -> None:
        """Changes how a supervisor is in the room; `talk` is to barge in. coached: whose provider_call_id hears the whisper."""

    def hang_up(self, provider_call_id: str) -> None:
        """Ends one call, whether it rings or talks."""

    def start_recording(self, provider_call_id: str, *, label: str) -> Recorded:
        """Records the caller's side of the room: what they say and what they hear. label: our id of it, for its reports.

        Not to be repeated after Uncertain before `recordings_of` has shown that there is none.
        """

    def recordings_of(self, provider_call_id: str) -> list[Recorded]:
        """Those that were begun with `start_recording`."""

    def messages_of(self, provider_call_id: str) -> list[Recorded]:
        """What was said after a tone."""

    def pause_recording(self, provider_call_id: str, reference: str) -> None:
        """Nothing of what is said meanwhile is in the file, not even its length."""

    def resume_recording(self, provider_call_id: str, reference: str) -> None: ...

    def stop_recording(self, provider_call_id: str, reference: str) -> None: ...

    def fetch_recording(self, reference: str) -> Opening:
        """The finished file. Raises channels.errors.FetchFailed, also while it is read."""

    def delete_recording(self, reference: str) -> None:
        """The network keeps no copy any more. Raises Gone when it has none."""

    def token(self, agent_id: UUID, *, now: datetime) -> LineToken | None:
        """For the browser of this agent and nobody else; None where the account has no key for it."""


def identity_of(agent_id: UUID) -> str:
    """What an operator's browser is called on the network."""
    return f"agent-{agent_id}"


_line: VoiceLine | None = None


def configure(line: VoiceLine | None) -> None:
    """Called once by a composition root, or by a test. None: nobody can be called from here."""
    global _line
    _line = line


def line() -> VoiceLine | None:
    return _line
