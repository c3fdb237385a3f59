"""Conferences: who is in, who hears whom, when one begins and ends, and what is told about it. All under the exchange's lock."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from channels.standin.voice.calls import Call, new_sid
from channels.standin.voice.fetching import NOWHERE, Address
from channels.standin.voice.parties import Input

EVENTS = ("start", "end", "join", "leave", "mute", "hold", "modify", "speaker", "announcement")
_FEWEST = 2


@dataclass(frozen=True)
class Manner:
    """How somebody takes part. wait, hold: what they hear meanwhile; an empty address is silence, None the provider's music."""

    label: str = ""
    is_muted: bool = False
    is_held: bool = False
    starts: bool = True
    ends: bool = False
    coaches: str = ""
    wait: Address | None = None
    hold: Address | None = None


@dataclass
class Member:
    call: Call
    manner: Manner
    is_in: bool = True
    state_changes: int = 0


@dataclass
class Room:
    """told: what happened and its form, for the conference's own callback. was_told_by: who named that callback."""

    name: str
    told: Callable[["Room", str, Mapping[str, str]], None]
    is_private: bool = False
    sid: str = field(default_factory=lambda: new_sid("CF"))
    status: str = "init"
    at: float = field(default_factory=time.time)
    ended_at: float | None = None
    reason: str = ""
    ended_by: str = ""
    callback: Address = NOWHERE
    events: frozenset[str] = frozenset()
    sequence: int = 0
    members: list[Member] = field(default_factory=list)
    past: list[dict[str, Any]] = field(default_factory=list)

    def join(self, call: Call, manner: Manner) -> Member:
        member = Member(call, manner)
        self.members.append(member)
        if not self.is_private:
            call.room = self.name
            call.note("city", "joined", self.name)
        self._tell("join", "participant-join", member)
        others = [one for one in self.members if one is not member]
        if self.status == "init" and len(self.members) >= _FEWEST and any(one.manner.starts for one in self.members):
            self.status = "in-progress"
            self._tell("start", "conference-start", member)
        for one in others:
            one.call.note("city", "other joined", _name(call))
        self._wake()
        return member

    def leave(self, member: Member) -> None:
        """No matter how often."""
        if not member.is_in:
            return
        member.is_in = False
        self.members.remove(member)
        member.call.is_with_people = False
        member.call.changed.notify_all()
        self.past.append(participant_row(self, member, "disconnected"))
        self._tell("leave", "participant-leave", member)
        for one in self.members:
            one.call.note("city", "other left", _name(member.call))
        if member.manner.ends or (self.is_private and self.members):
            self.end("participant-with-end-conference-on-exit-left", by=member.call.sid)
        elif not self.members:
            self.end("last-participant-left", by=member.call.sid)
        self._wake()

    def end(self, reason: str, by: str = "") -> None:
        if self.status == "completed":
            return
        self.status, self.reason, self.ended_by, self.ended_at = "completed", reason, by, time.time()
        for member in list(self.members):
            self.leave(member)
        self._tell("end", "conference-end", None)
        self._wake()

    def change(self, member: Member, **values: Any) -> None:
        """Of its manner: is_held, is_muted, ends, coaches, hold."""
        before, member.manner = member.manner, replace(member.manner, **values)
        member.state_changes += 1
        if member.manner.is_held != before.is_held:
            did = "held" if member.manner.is_held else "unheld"
            member.call.note("city", did)
            self._tell("hold", "participant-hold" if member.manner.is_held else "participant-unhold", member)
        if member.manner.is_muted != before.is_muted:
            self._tell("mute", "participant-mute" if member.manner.is_muted else "participant-unmute", member)
        if (member.manner.coaches, member.manner.ends) != (before.coaches, before.ends):
            self._tell("modify", "participant-modify", member)
        self._wake()

    def carry(self, member: Member, one: Input) -> None:
        """What a member says or presses is heard by all who can hear it."""
        did = "pressed" if one.kind == "dtmf" else "said"
        listeners = [other for other in self.members if other is not member and self.hears(other, member)]
        more: dict[str, Any] = {} if listeners else {"unheard": True}
        if member.manner.coaches:
            more["whispered"] = True
        member.call.note(member.call.who, did, one.text, **more)
        for other in listeners:
            who = member.call.who if member.call.who != other.call.who else "other"
            extra = {"whispered": True} if member.manner.coaches else {}
            other.call.note(who, did, one.text, name=_name(member.call), **extra)
            other.call.changed.notify_all()

    def hears(self, listener: Member, speaker: Member) -> bool:
        if self.status != "in-progress" or speaker.manner.is_muted or speaker.manner.is_held or listener.manner.is_held:
            return False
        return not speaker.manner.coaches or speaker.manner.coaches == listener.call.sid

    def is_talking(self, member: Member) -> bool:
        """Whether there is anybody to be heard by, or to hear."""
        return member.is_in and self.status == "in-progress" and not member.manner.is_held

    def _wake(self) -> None:
        for member in self.members:
            member.call.is_with_people = self.is_talking(member) and len(self.members) >= _FEWEST
            member.call.changed.notify_all()

    def _tell(self, kind: str, event: str, member: Member | None) -> None:
        if self.is_private:
            return
        form = {"StatusCallbackEvent": event, "ConferenceSid": self.sid, "FriendlyName": self.name}
        if member is not None:
            form |= {
                "CallSid": member.call.sid,
                "Muted": _word(member.manner.is_muted),
                "Hold": _word(member.manner.is_held),
                "Coaching": _word(bool(member.manner.coaches)),
                "EndConferenceOnExit": _word(member.manner.ends),
                "StartConferenceOnEnter": _word(member.manner.starts),
            }
            form |= {"ParticipantLabel": member.manner.label} if member.manner.label else {}
            form |= {"CallSidToCoach": member.manner.coaches} if member.manner.coaches else {}
        if kind == "end":
            form |= {"ReasonConferenceEnded": self.reason, "CallSidEndingConference": self.ended_by}
        self.told(self, kind, form)

    def row(self) -> dict[str, Any]:
        return {
            "sid": self.sid,
            "status": self.status,
            "name": self.name,
            "at": self.at,
            "ended_at": self.ended_at,
            "reason": self.reason,
            "ended_by": self.ended_by,
            "participants": [participant_row(self, one, _state(self)) for one in self.members] + self.past,
        }


def participant_row(room: Room, member: Member, status: str) -> dict[str, Any]:
    return {
        "conference_sid": room.sid,
        "call_sid": member.call.sid,
        "label": member.manner.label or None,
        "muted": member.manner.is_muted,
        "hold": member.manner.is_held,
        "coaching": bool(member.manner.coaches),
        "call_sid_to_coach": member.manner.coaches or None,
        "start_conference_on_enter": member.manner.starts,
        "end_conference_on_exit": member.manner.ends,
        "status": status,
        "at": member.call.created_at,
    }


def _state(room: Room) -> str:
    return "connected" if room.status != "completed" else "complete"


def _name(call: Call) -> str:
    return call.recipient if call.direction != "inbound" else call.sender


def _word(flag: bool) -> str:
    return "true" if flag else "false"
