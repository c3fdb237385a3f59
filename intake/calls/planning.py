"""What to do next so that a room becomes as it is wanted: one step at a time, from what is known now. Pure.

Nobody remembers a half-done plan: whoever comes next, after whatever crash, is told the same. Asking somebody in is the only
step that must not be repeated blindly; after an answer that did not come the room is looked at first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

# An answer that has not come by then does not come: a request takes 5 s at most.
ANSWER_WITHIN = timedelta(seconds=6)
# What is moving or ringing tells of itself before; if not, its report was lost.
MOVES_WITHIN = timedelta(seconds=12)
RINGS_WITHIN = timedelta(seconds=30)
# Somebody outside may let it ring for so long, and is told who calls before they are in the room.
DIALS_WITHIN = timedelta(seconds=50)
# However quiet it is, a talk is looked at this often: reports may be lost.
LOOK_EVERY = timedelta(seconds=60)
# Nothing new is to be seen sooner.
LOOK_AGAIN = timedelta(seconds=2)
MOST_ATTEMPTS = 3
# Music without a word for so long; then the waiting line's documents say where in it they are, and what else there is.
BACK_AFTER = timedelta(minutes=1)

CallerState = Literal["outside", "moving", "inside", "gone"]
LegState = Literal["wanted", "asked", "ringing", "joined", "ended"]
Do = Literal[
    "move",
    "send_back",
    "dial",
    "look_call",
    "look",
    "check_caller",
    "ring",
    "drop",
    "hang_up_leg",
    "hang_up_caller",
    "hold",
    "unhold",
    "coach",
    "start_recording",
    "look_recording",
    "pause",
    "resume",
    "close",
]


@dataclass(frozen=True)
class LegFacts:
    """is_known: the network has given it a name, by which it can be hung up. serves: they talk for the city.

    mode: how they are to be heard in the room now; coached: by whom alone, if they whisper. As done: how they were told to be.
    """

    id: str
    state: str
    serves: bool = True
    is_wanted: bool = True
    is_known: bool = True
    mode: str = "talk"
    mode_done: str | None = "talk"
    coached: str | None = None
    coached_done: str | None = None
    since: datetime | None = None
    attempts: int = 0


@dataclass(frozen=True)
class RecordingFacts:
    state: str
    is_paused: bool = False
    wants_pause: bool = False
    since: datetime | None = None


@dataclass(frozen=True)
class Situation:
    """is_closing: the talk is over, and whoever is left is to be hung up. has_room: the network's name of the room is known.

    is_owner_lost: the operator's own leg ended and they did not ask for it: either their browser died, or the caller has hung up
    and that report is on its way. dials: we call them, and nobody has answered yet; may_dial: now; is_caller_known: the network
    has given that call a name. is_taken: somebody is to talk with the caller; waits_since: nobody is, and they wait in the line.
    """

    caller: str
    is_closing: bool = False
    is_taken: bool = True
    waits_since: datetime | None = None
    is_owner_lost: bool = False
    dials: bool = False
    may_dial: bool = True
    is_caller_known: bool = True
    caller_since: datetime | None = None
    has_room: bool = True
    wants_hold: bool = False
    is_held: bool = False
    legs: tuple[LegFacts, ...] = ()
    recording: RecordingFacts | None = None
    looked_at: datetime | None = None


@dataclass(frozen=True)
class Step:
    """leg: which one it is about."""

    do: Do
    leg: str = ""


@dataclass(frozen=True)
class Rest:
    """Nothing to do before `until`, unless something happens."""

    until: datetime


def plan(now_is: Situation, now: datetime) -> Step | Rest:
    """The next step, the most urgent first."""
    return (
        _ending(now_is, now)
        or _in_room(_coaching(now_is), now_is, now)
        or _coming(now_is, now)
        or _going(now_is)
        or _in_room(_holding(now_is), now_is, now)
        or _recording(now_is, now)
        or _returning(now_is, now)
        or _checking(now_is, now)
    )


def _ending(now_is: Situation, now: datetime) -> Step | Rest | None:
    if now_is.caller != "gone" and not now_is.is_closing:
        return None
    is_up = now_is.caller in ("moving", "inside")
    if is_up and now_is.is_caller_known:
        return Step("hang_up_caller")
    live = [leg for leg in now_is.legs if leg.state != "ended"]
    for leg in live:
        if leg.state == "wanted":
            return Step("drop", leg.id)
        if leg.is_known:
            return Step("hang_up_leg", leg.id)
    if is_up and not live:
        # Dialled, and no answer came: it is looked for, and then hung up.
        since = now_is.caller_since or now
        return (
            Step("look_call")
            if _is_late(since, ANSWER_WITHIN, now)
            else Rest(max(since + ANSWER_WITHIN, now + LOOK_AGAIN))
        )
    if not live:
        return Step("close")
    # Rung, and no answer came: the room knows.
    since = max((leg.since for leg in live if leg.since is not None), default=now)
    if _is_late(since, ANSWER_WITHIN, now) and _may_look(now_is, now):
        return Step("look")
    return Rest(max(since + ANSWER_WITHIN, now + LOOK_AGAIN))


def _coming(now_is: Situation, now: datetime) -> Step | None:
    if now_is.is_owner_lost:
        return Step("check_caller")
    if now_is.caller == "outside" and not now_is.dials:
        # Nobody is rung into an empty room.
        return Step("move") if now_is.is_taken else None
    for leg in now_is.legs:
        if leg.state == "wanted" and leg.is_wanted:
            return Step("ring", leg.id)
    # Nobody's telephone rings before somebody is there to talk to them.
    is_ready = any(leg.state == "joined" and leg.is_wanted for leg in now_is.legs)
    if now_is.caller == "outside" and is_ready and now_is.may_dial:
        return Step("dial")
    is_late = now_is.caller == "moving" and _is_late(now_is.caller_since, _caller_limit(now_is), now)
    if is_late and not now_is.is_caller_known:
        return Step("look_call")
    is_late = is_late or any(_is_late(leg.since, _limit(leg), now) for leg in now_is.legs if _is_on_the_way(leg))
    return Step("look") if is_late and _may_look(now_is, now) else None


def _caller_limit(now_is: Situation) -> timedelta:
    if not now_is.is_caller_known:
        return ANSWER_WITHIN
    return DIALS_WITHIN if now_is.dials else MOVES_WITHIN


def _is_on_the_way(leg: LegFacts) -> bool:
    return leg.state in ("asked", "ringing")


def _limit(leg: LegFacts) -> timedelta:
    return RINGS_WITHIN if leg.is_known else ANSWER_WITHIN


def _going(now_is: Situation) -> Step | None:
    for leg in now_is.legs:
        if leg.is_wanted or leg.state == "ended":
            continue
        if leg.state == "wanted":
            return Step("drop", leg.id)
        if leg.is_known:
            return Step("hang_up_leg", leg.id)
    return None


def _in_room(step: Step | None, now_is: Situation, now: datetime) -> Step | None:
    """What is done with a seat needs the network's name of the room."""
    if step is None or now_is.has_room:
        return step
    return Step("look") if _may_look(now_is, now) else None


def _coaching(now_is: Situation) -> Step | None:
    """Before anything else changes: whoever whispers is silent before the operator whom they mean goes."""
    for leg in now_is.legs:
        is_here = leg.state == "joined" and leg.is_wanted
        if is_here and (leg.mode, leg.coached) != (leg.mode_done, leg.coached_done):
            return Step("coach", leg.id)
    return None


def _holding(now_is: Situation) -> Step | None:
    if now_is.caller == "inside" and now_is.wants_hold != now_is.is_held:
        return Step("hold" if now_is.wants_hold else "unhold")
    return None


def _recording(now_is: Situation, now: datetime) -> Step | None:
    found = now_is.recording
    if found is None or now_is.caller != "inside":
        return None
    # A number outside was told nothing of it, and a caller alone speaks to nobody.
    is_served = any(leg.serves and leg.is_wanted and leg.state == "joined" for leg in now_is.legs)
    wants_pause = found.wants_pause or not is_served
    if found.state == "wanted":
        # Asked for in its own time: what begins paused would still have begun.
        return None if wants_pause else Step("start_recording")
    if found.state == "asked" and _is_late(found.since, ANSWER_WITHIN, now):
        return Step("look_recording")
    if found.state == "recording" and wants_pause != found.is_paused:
        return Step("pause" if wants_pause else "resume")
    return None


def _returning(now_is: Situation, now: datetime) -> Step | None:
    """What is recorded goes on with the call: not before it is settled that it is paused."""
    is_settled = now_is.recording is None or now_is.recording.state != "asked"
    is_waiting = now_is.caller == "inside" and now_is.waits_since is not None
    return Step("send_back") if is_waiting and is_settled and _is_late(now_is.waits_since, BACK_AFTER, now) else None


def _checking(now_is: Situation, now: datetime) -> Step | Rest:
    if _is_late(now_is.looked_at, LOOK_EVERY, now):
        return Step("look")
    waits = [(now_is.looked_at or now) + LOOK_EVERY]
    if now_is.caller == "moving" and now_is.caller_since is not None:
        waits.append(now_is.caller_since + _caller_limit(now_is))
    if now_is.caller == "inside" and now_is.waits_since is not None:
        waits.append(now_is.waits_since + BACK_AFTER)
    if now_is.caller == "outside" and not now_is.may_dial:
        waits.append(now + LOOK_AGAIN)
    waits += [leg.since + _limit(leg) for leg in now_is.legs if _is_on_the_way(leg) and leg.since is not None]
    if now_is.recording is not None and now_is.recording.state == "asked" and now_is.recording.since is not None:
        waits.append(now_is.recording.since + ANSWER_WITHIN)
    if not now_is.has_room and (_coaching(now_is) or _holding(now_is)) is not None:
        waits.append(now)
    return Rest(max(min(waits), now + LOOK_AGAIN))


def _may_look(now_is: Situation, now: datetime) -> bool:
    return _is_late(now_is.looked_at, LOOK_AGAIN, now)


def _is_late(since: datetime | None, limit: timedelta, now: datetime) -> bool:
    return since is None or now - since >= limit
