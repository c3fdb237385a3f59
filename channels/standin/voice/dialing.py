"""<Dial>, <Conference> and <Enqueue>: bringing the caller together with somebody."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from channels.standin.voice.calls import LONGEST_S, Call, Left, Next, Order, Woken
from channels.standin.voice.fetching import NOWHERE, Address
from channels.standin.voice.rooms import Manner, Member, Room
from channels.standin.voice.twiml import Node, identity_of

if TYPE_CHECKING:
    from channels.standin.voice.interpreter import Interpreter

_BOTH = frozenset({"dtmf", "speech"})
_RING_S = 30
_ENDED = {"busy": "busy", "failed": "failed", "no-answer": "no-answer", "canceled": "no-answer"}


def dial(leg: "Interpreter", node: Node) -> Next | None:
    """Where the action leads, when it has one."""
    conference = next((child for child in node.children if child.name == "Conference"), None)
    leg.act()
    outcome = _confer(leg, node, conference) if conference is not None else _call_somebody(leg, node)
    action = node.get("action")
    return Next(leg.at.near(action, node.get("method")), outcome) if action else None


def _confer(leg: "Interpreter", node: Node, noun: Node) -> dict[str, str]:
    room = leg.exchange.room(noun.text)
    manner = Manner(
        label=noun.get("participantLabel"),
        is_muted=noun.is_on("muted"),
        starts=noun.is_on("startConferenceOnEnter", default=True),
        ends=noun.is_on("endConferenceOnExit"),
        coaches=noun.get("coach"),
        wait=_waiting(leg, noun),
    )
    with leg.exchange.lock:
        if not room.callback.url and noun.get("statusCallback"):
            room.callback = leg.at.near(noun.get("statusCallback"), noun.get("statusCallbackMethod"))
            room.events = frozenset(noun.get("statusCallbackEvent", "start end").split())
    if noun.get("record") in ("record-from-start", "true"):
        _record(leg, noun, "Conference", room.sid)
    elif node.get("record").startswith("record-") or node.get("record") == "true":
        _record(leg, node, "DialVerb", room.sid)
    attend(leg, room, manner, limit_s=node.whole("timeLimit", int(LONGEST_S)), star_ends=node.is_on("hangupOnStar"))
    return {"DialCallStatus": "answered", "DialCallSid": leg.call.sid}


def _waiting(leg: "Interpreter", noun: Node) -> Address | None:
    if "waitUrl" not in noun.attributes:
        return None
    return leg.at.near(noun.get("waitUrl"), noun.get("waitMethod")) if noun.get("waitUrl") else NOWHERE


def _record(leg: "Interpreter", node: Node, source: str, conference_sid: str = "") -> None:
    url = node.get("recordingStatusCallback")
    leg.exchange.recordings.begin(
        leg.call,
        source,
        callback=leg.at.near(url, node.get("recordingStatusCallbackMethod")) if url else NOWHERE,
        events=frozenset(node.get("recordingStatusCallbackEvent", "completed").split()),
        conference_sid=conference_sid,
    )


def attend(
    leg: "Interpreter", room: Room, manner: Manner, *, limit_s: float = LONGEST_S, star_ends: bool = False
) -> None:
    """In the conference until it ends, or this one leaves it."""
    with leg.exchange.lock:
        member = room.join(leg.call, manner)
    deadline = leg.call.now() + limit_s
    try:
        while member.is_in and leg.call.now() < deadline:
            _while_as_now(leg, room, member, deadline, star_ends=star_ends)
    finally:
        with leg.exchange.lock:
            room.leave(member)


def _while_as_now(leg: "Interpreter", room: Room, member: Member, deadline: float, *, star_ends: bool) -> None:
    """Until the conference begins, ends, or what this one may do in it changes."""
    mark = (room.status, member.state_changes)

    def is_other() -> bool:
        return not member.is_in or (room.status, member.state_changes) != mark or leg.call.now() >= deadline

    if not room.is_talking(member):
        music = member.manner.hold if member.manner.is_held else member.manner.wait
        if music is None and not room.is_private:
            leg.call.note("city", "music")
        if music is not None and music.url:
            leg.entertain(music, lambda: {"ConferenceSid": room.sid, "FriendlyName": room.name}, "conference", is_other)
            return
    try:
        got = leg.call.wait(deadline - leg.call.now(), _BOTH if room.is_talking(member) else frozenset(), is_other)
    except Woken:
        return
    if got is None:
        return
    leg.act()
    with leg.exchange.lock:
        room.carry(member, got)
    if got.kind == "dtmf" and got.text == "*" and star_ends:
        with leg.exchange.lock:
            room.leave(member)


# One person, no conference


def _call_somebody(leg: "Interpreter", node: Node) -> dict[str, str]:
    call, exchange = leg.call, leg.exchange
    nouns = node.children or (Node("Number", {}, node.text),)
    room = exchange.private_room(call.sid)
    legs = [_ring(leg, node, noun, room) for noun in nouns]
    call.note("city", "rings", ", ".join(one.recipient for one in legs))
    answered = _first_to_answer(leg, legs, node.whole("timeout", _RING_S))
    if answered is None:
        ends = [one.status for one in legs]
        status = next((_ENDED[end] for end in ("busy", "failed") if end in ends), "no-answer")
        return {"DialCallStatus": status, "DialCallSid": legs[-1].sid, "DialBridged": "false"}
    leg.answer()
    if node.get("record").startswith("record-") or node.get("record") == "true":
        _record(leg, node, "DialVerb")
    started = call.now()
    try:
        attend(leg, room, Manner(ends=True), limit_s=node.whole("timeLimit", int(LONGEST_S)),
               star_ends=node.is_on("hangupOnStar"))  # fmt: skip
    finally:
        answered.end()
    return {
        "DialCallStatus": "completed",
        "DialCallSid": answered.sid,
        "DialCallDuration": str(round(call.now() - started)),
        "DialBridged": "true",
    }


def _ring(leg: "Interpreter", node: Node, noun: Node, room: Room) -> Call:
    status = noun.get("statusCallback")
    recipient = f"client:{identity_of(noun)}" if noun.name == "Client" else noun.text
    whisper = noun.get("url")
    order = Order(
        Next(leg.at.near(whisper, noun.get("method"))) if whisper else Next(leg.at),
        status=leg.at.near(status, noun.get("statusCallbackMethod")) if status else NOWHERE,
        events=frozenset(noun.get("statusCallbackEvent", "completed").split()),
        timeout_s=float(node.whole("timeout", _RING_S)),
    )

    def talk(child: Call) -> None:
        other = type(leg)(leg.exchange, child)
        if whisper:
            other.perform(other.fetch(order.first), ("Say", "Play", "Pause", "Gather"))
        attend(other, room, Manner())

    return leg.exchange.ring_out(
        order, sender=node.get("callerId") or leg.call.sender, recipient=recipient, direction="outbound-dial",
        parent=leg.call, then=talk,
    )  # fmt: skip


def _first_to_answer(leg: "Interpreter", legs: list[Call], timeout_s: int) -> Call | None:
    """The others stop ringing."""
    found: Call | None = None
    deadline = leg.call.now() + timeout_s + 1
    try:
        while found is None and leg.call.now() < deadline and any(not one.is_over for one in legs):
            found = next((one for one in legs if one.status == "in-progress"), None)
            leg.wait(0.05)
    finally:
        for one in legs:
            if one is not found:
                one.end("canceled")
    return found


# A queue of the provider's own


def enqueue(leg: "Interpreter", node: Node) -> Next | None:
    """In the queue until it is left, or the leg is moved out of it."""
    call = leg.call
    leg.act()
    started = call.now()
    call.note("city", "queued", node.text)
    music = leg.at.near(node.get("waitUrl"), node.get("waitUrlMethod")) if node.get("waitUrl") else None

    def standing() -> Mapping[str, str]:
        waited = str(round(call.now() - started))
        return {"QueueSid": "QU" + "0" * 32, "QueuePosition": "1", "QueueTime": waited, "AvgQueueTime": waited,
                "CurrentQueueSize": "1"}  # fmt: skip

    result: dict[str, Any] = {"QueueResult": "leave"}
    try:
        if music is not None:
            leg.entertain(music, standing, "queue", lambda: False)
        else:
            call.note("city", "music")
            leg.wait(None)
    except Left:
        call.note("city", "left", node.text)
    action = node.get("action")
    told = {key: value for key, value in standing().items() if key in ("QueueSid", "QueueTime")}
    return Next(leg.at.near(action, node.get("method")), told | result) if action else None
