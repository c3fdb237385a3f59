"""<Gather> and <Record>: what the caller presses and says, and where that leads."""

from typing import TYPE_CHECKING

from channels.standin.voice.calls import LETTERS_A_SECOND, HungUp, Next
from channels.standin.voice.fetching import NOWHERE, Address, DocumentError
from channels.standin.voice.parties import Input
from channels.standin.voice.twiml import InvalidTwiml, Node

if TYPE_CHECKING:
    from channels.standin.voice.interpreter import Interpreter

_WAIT_S = 5
_LONGEST_RECORDING_S = 3600


def gather(leg: "Interpreter", node: Node) -> Next | None:
    """Where the action leads; None when nothing was pressed or said: what stands below it is then performed."""
    accepts = frozenset(node.get("input", "dtmf").split())
    action = leg.at.near(node.get("action"), node.get("method"))
    heard_meanwhile = accepts if node.is_on("bargeIn", default=True) else frozenset[str]()
    # Keys of before are not for this question.
    if lost := leg.call.forget_keys():
        leg.call.note(leg.call.who, "pressed", lost, unheard=True)
    got = _prompted(leg, node, heard_meanwhile)
    timeout_s = float(node.whole("timeout", _WAIT_S))
    got = got or leg.wait(timeout_s, accepts)
    if got is not None and got.kind == "speech":
        leg.act()
        leg.call.note(leg.call.who, "said", got.text)
        return Next(action, {"SpeechResult": got.text, "Confidence": f"{got.confidence:.8f}"} | _language(node))
    digits, finish = _keys(leg, node, got, timeout_s)
    if digits:
        leg.act()
        return Next(action, {"Digits": digits, "FinishedOnKey": finish, "msg": "Gather End"})
    if node.is_on("actionOnEmptyResult"):
        empty = {"Digits": "", "FinishedOnKey": finish, "msg": "Gather End"} if "dtmf" in accepts else {}
        return Next(action, empty | ({"SpeechResult": "", "Confidence": "0.0"} if accepts == {"speech"} else {}))
    return None


def _language(node: Node) -> dict[str, str]:
    return {"Language": node.get("language")} if node.get("language") else {}


def _prompted(leg: "Interpreter", node: Node, accepts: frozenset[str]) -> Input | None:
    for prompt in node.children:
        if got := leg.prompt(prompt, accepts):
            return got
    return None


def _keys(leg: "Interpreter", node: Node, first: Input | None, timeout_s: float) -> tuple[str, str]:
    """The keys, and the one that ended them. Each key is waited for anew."""
    ends_on = node.get("finishOnKey", "#")
    most = node.whole("numDigits", 10**6)
    digits, got = "", first
    while got is not None and got.kind == "dtmf":
        if got.text in ends_on:
            leg.act()
            leg.call.note(leg.call.who, "pressed", digits + got.text)
            return digits, got.text
        digits += got.text
        if len(digits) >= most:
            break
        got = leg.wait(timeout_s, frozenset({"dtmf"}))
    if digits:
        leg.call.note(leg.call.who, "pressed", digits)
    return digits, ""


def record(leg: "Interpreter", node: Node) -> Next | None:
    """Where the action leads; None when nothing was said. Somebody who hangs up meanwhile has left a message too."""
    call = leg.call
    if node.is_on("playBeep", default=True):
        call.note("city", "beep")
    action = leg.at.near(node.get("action"), node.get("method"))
    recording = leg.exchange.recordings.begin(
        call,
        "RecordVerb",
        callback=_callback(leg, node),
        events=frozenset(node.get("recordingStatusCallbackEvent", "completed").split()),
    )
    before = call.heard_count()
    try:
        said, ended_by = _listened(leg, node)
    except HungUp:
        said = any(line["did"] == "said" and line["who"] == call.who for line in call.lines[before:])
        leg.exchange.recordings.stop(recording, is_absent=not said)
        if said:
            if leg.exchange.ledger.switches().end_first:
                leg.exchange.set_status(call, "completed")
                leg.exchange.notices.wait_told(call.sid)
            _tell_anyway(leg, Next(action, _recorded(leg, recording.sid, "hangup")))
        raise
    leg.exchange.recordings.stop(recording, is_absent=not said)
    if not said:
        return None
    leg.act()
    return Next(action, _recorded(leg, recording.sid, ended_by))


def _listened(leg: "Interpreter", node: Node) -> tuple[bool, str]:
    """Whether anything was said, and the key that ended it."""
    accepts = frozenset({"dtmf", "speech"})
    ends_on = node.get("finishOnKey", "1234567890*#")
    deadline = leg.call.now() + node.whole("maxLength", _LONGEST_RECORDING_S)
    said = False
    while (left := deadline - leg.call.now()) > 0:
        got = leg.wait(min(float(node.whole("timeout", _WAIT_S)), left), accepts)
        if got is None:
            break
        if got.kind == "dtmf":
            leg.call.note(leg.call.who, "pressed", got.text)
            if got.text in ends_on:
                return said, got.text
            continue
        said = True
        leg.call.note(leg.call.who, "said", got.text)
        leg.call.skip(min(len(got.text) / LETTERS_A_SECOND, left))
    return said, ""


def _callback(leg: "Interpreter", node: Node) -> Address:
    url = node.get("recordingStatusCallback")
    return leg.at.near(url, node.get("recordingStatusCallbackMethod")) if url else NOWHERE


def _recorded(leg: "Interpreter", sid: str, digits: str) -> dict[str, str]:
    row = leg.exchange.recordings.row(sid)
    assert row is not None
    return {
        "RecordingSid": sid,
        "RecordingUrl": row["url"],
        "RecordingDuration": str(row["duration"]),
        "Digits": digits,
    }


def _tell_anyway(leg: "Interpreter", following: Next) -> None:
    """The centre hears of it, though nobody is there for its answer."""
    try:
        leg.fetch(following)
    except (DocumentError, InvalidTwiml) as error:
        leg.call.note("city", "error", f"{error.code} {following.address.url}: {error}")
