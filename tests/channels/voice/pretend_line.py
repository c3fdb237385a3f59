"""A telephone network in memory, as `VoiceLine` sees it: rooms, seats, recordings, and answers that are lost when told to be.

Its reports are kept in `reports`, for a test to deliver in any order, twice or never.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from channels.media_fetching import Opening, Stream
from channels.voice.line import (
    Dial,
    Gone,
    LineError,
    LineToken,
    Mode,
    NotDone,
    Recorded,
    Refused,
    Ring,
    Room,
    Seat,
    Uncertain,
    identity_of,
)

Report = tuple[str, dict[str, str], dict[str, str]]  # where, query, parameters


@dataclass
class Leg:
    sid: str
    address: str = ""
    label: str = ""
    status: str = "in-progress"
    room: str | None = None
    is_held: bool = False
    mode: Mode = "talk"
    coached: str | None = None
    # The attempt of ours that it is, and the room it is to come into.
    call: str = ""
    to_room: str = ""

    @property
    def is_up(self) -> bool:
        return self.status in ("ringing", "in-progress")


@dataclass
class PretendLine:
    name: str = "twilio"
    legs: dict[str, Leg] = field(default_factory=dict)
    rooms: dict[str, str] = field(default_factory=dict)
    recordings: dict[str, tuple[str, Recorded]] = field(default_factory=dict)
    messages: dict[str, tuple[str, Recorded]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    # What becomes of the next requests: None is done and answered, "lost" done without an answer, "not" not done, "never"
    # refused.
    faults: list[str | None] = field(default_factory=list)
    sequence: int = 0

    def caller(self, sid: str) -> None:
        self.legs[sid] = Leg(sid)

    def of(self, address: str) -> list[Leg]:
        return [leg for leg in self.legs.values() if leg.address == address]

    def in_room(self, room_name: str) -> list[Leg]:
        return [leg for leg in self.legs.values() if leg.room == room_name and leg.status == "in-progress"]

    def hears(self, listener: Leg, speaker: Leg) -> bool:
        """What is whispered to somebody who is not there is heard by all: no network says that it is not."""
        room = self.in_room(speaker.room or "")
        if listener is speaker or listener not in room or speaker not in room or speaker.mode == "listen":
            return False
        is_for_one = speaker.mode == "whisper" and any(leg.sid == speaker.coached for leg in room)
        return listener.sid == speaker.coached if is_for_one else not speaker.is_held and not listener.is_held

    # What people do

    def answer(self, sid: str) -> None:
        leg = self.legs[sid]
        leg.status = "in-progress"
        self._tell_leg(leg)
        if leg.call:
            self.reports.append(("bridge", {"room": leg.to_room, "announced": "0"}, {"CallSid": leg.sid}))
            self.rooms.setdefault(leg.to_room, f"CF{len(self.rooms):032x}")
            leg.room = leg.to_room
        self._tell_room(leg, "participant-join")

    def end(self, sid: str, status: str = "completed") -> None:
        leg = self.legs[sid]
        if not leg.is_up:
            return
        leg.status = status
        self._tell_leg(leg)
        room = leg.room
        if room is None or leg.label:
            leg.room = None
        else:
            self._end_room(leg)
            for sid_, (reference, made) in list(self.recordings.items()):
                if reference == leg.sid and made.state in ("recording", "paused"):
                    self.recordings[sid_] = reference, Recorded(sid_, "available", 42)

    def _end_room(self, leg: Leg) -> None:
        """With the caller the talk ends."""
        room, leg.room, leg.is_held = leg.room or "", None, False
        for other in self.in_room(room):
            self.end(other.sid)
        self.rooms.pop(room, None)

    def _tell_leg(self, leg: Leg) -> None:
        self.sequence += 1
        told = {"CallSid": leg.sid, "CallStatus": leg.status, "SequenceNumber": str(self.sequence)}
        if leg.call:
            self.reports.append(("called", {"call": leg.call}, told))
        elif leg.label:
            self.reports.append(("leg", {"leg": leg.label}, told))
        else:
            self.reports.append(("status", {}, told))

    def _tell_room(self, leg: Leg, event: str) -> None:
        if leg.room is None:
            return
        told = {"CallSid": leg.sid, "StatusCallbackEvent": event, "FriendlyName": leg.room}
        self.reports.append(("conference", {}, told | {"ConferenceSid": self.rooms[leg.room]}))

    # The port

    @contextmanager
    def _request(self, said: str) -> Iterator[None]:
        self.asked.append(said)
        fault = self.faults.pop(0) if self.faults else None
        if fault == "not":
            raise NotDone("provider_down")
        if fault == "never":
            raise Refused("vendor_1")
        yield
        if fault == "lost":
            raise Uncertain("no_answer")

    def _live(self, sid: str) -> Leg:
        leg = self.legs.get(sid)
        if leg is None or not leg.is_up:
            raise Gone("20404")
        return leg

    def bridge(self, provider_call_id: str, room_name: str, *, is_announced: bool) -> None:
        with self._request(f"bridge {int(is_announced)}"):
            leg = self._live(provider_call_id)
            self.rooms.setdefault(room_name, f"CF{len(self.rooms):032x}")
            leg.room, leg.is_held = room_name, False
            self.reports.append(
                ("bridge", {"room": room_name, "announced": str(int(is_announced))}, {"CallSid": leg.sid})
            )
            self._tell_room(leg, "participant-join")

    def send_back(self, provider_call_id: str) -> None:
        with self._request("send_back"):
            leg = self._live(provider_call_id)
            self._end_room(leg)
            self.reports.append(("back", {}, {"CallSid": leg.sid}))

    def ring(self, room_name: str, ring: Ring) -> tuple[str, str]:
        sid = f"CA{len(self.legs) + 100:032x}"
        with self._request(f"ring {ring.address}"):
            self.rooms.setdefault(room_name, f"CF{len(self.rooms):032x}")
            mode: Mode = "talk" if ring.is_heard else "listen"
            leg = Leg(sid, ring.address, ring.label, "ringing", room_name, mode=mode)
            self.legs[sid] = leg
            self._tell_leg(leg)
        return sid, self.rooms[room_name]

    def dial(self, dial: Dial) -> str:
        sid = f"CA{len(self.legs) + 100:032x}"
        with self._request(f"dial {dial.number}"):
            self.legs[sid] = Leg(sid, dial.number, status="ringing", call=dial.label, to_room=dial.room_name)
            self._tell_leg(self.legs[sid])
        return sid

    def calls_to(self, number: str, *, since: datetime) -> list[str]:
        with self._request("calls_to"):
            return [leg.sid for leg in self.of(number)][::-1]

    def look(self, room_name: str) -> Room | None:
        with self._request("look"):
            if room_name not in self.rooms:
                return None
            seats = [
                Seat(leg.sid, leg.label, is_connected=leg.status == "in-progress", is_held=leg.is_held)
                for leg in self.legs.values()
                if leg.room == room_name and leg.is_up
            ]
        return Room(self.rooms[room_name], tuple(seats))

    def is_up(self, provider_call_id: str) -> bool:
        with self._request("is_up"):
            return self.legs[provider_call_id].is_up

    def _seat(self, reference: str, sid: str) -> Leg:
        leg = self._live(sid)
        if leg.room is None or self.rooms.get(leg.room) != reference:
            raise Gone("20404")
        return leg

    def hold(self, reference: str, provider_call_id: str) -> None:
        with self._request("hold"):
            self._seat(reference, provider_call_id).is_held = True

    def unhold(self, reference: str, provider_call_id: str) -> None:
        with self._request("unhold"):
            self._seat(reference, provider_call_id).is_held = False

    def coach(self, reference: str, provider_call_id: str, *, mode: Mode, coached: str | None) -> None:
        with self._request(f"coach {mode}"):
            leg = self._seat(reference, provider_call_id)
            leg.mode, leg.coached = mode, coached

    def hang_up(self, provider_call_id: str) -> None:
        with self._request("hang_up"):
            self._live(provider_call_id)
            self.end(provider_call_id)

    def start_recording(self, provider_call_id: str, *, label: str) -> Recorded:
        sid = f"RE{len(self.recordings):032x}"
        with self._request("record"):
            self._live(provider_call_id)
            self.recordings[sid] = provider_call_id, Recorded(sid, "recording")
        return Recorded(sid, "recording")

    def recordings_of(self, provider_call_id: str) -> list[Recorded]:
        with self._request("recordings"):
            return [made for owner, made in self.recordings.values() if owner == provider_call_id]

    def messages_of(self, provider_call_id: str) -> list[Recorded]:
        with self._request("messages"):
            return [made for owner, made in self.messages.values() if owner == provider_call_id]

    def _set(self, sid: str, state: str, said: str) -> None:
        with self._request(said):
            owner, made = self.recordings[sid]
            if made.state not in ("recording", "paused"):
                raise Gone("20404")
            self.recordings[sid] = owner, Recorded(sid, state)  # type: ignore[arg-type]  # one of its words

    def pause_recording(self, provider_call_id: str, reference: str) -> None:
        self._set(reference, "paused", "pause")

    def resume_recording(self, provider_call_id: str, reference: str) -> None:
        self._set(reference, "recording", "resume")

    def stop_recording(self, provider_call_id: str, reference: str) -> None:
        self._set(reference, "stopped", "stop")

    def fetch_recording(self, reference: str) -> Opening:
        return self._stream(reference)

    @contextmanager
    def _stream(self, reference: str) -> Iterator[Stream]:
        with self._request("fetch"):
            data = self.files.get(reference, b"RIFF\0\0\0\0WAVE" + b"sound" * 20_000)
            yield Stream(iter([data]), len(data), "audio/wav")

    def delete_recording(self, reference: str) -> None:
        with self._request("delete"):
            if self.recordings.pop(reference, None) is None and self.messages.pop(reference, None) is None:
                raise Gone("20404")

    def token(self, agent_id: UUID, *, now: datetime) -> LineToken | None:
        return LineToken("token", identity_of(agent_id), now + timedelta(minutes=10))


__all__ = ["LineError", "PretendLine"]
