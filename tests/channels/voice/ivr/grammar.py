"""TwiML as Twilio takes it: which verb may stand in which, with which attributes and values. Written from its documentation."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit
from xml.etree import ElementTree

from tests.channels.conftest import BASE_URL

_NUMBER = re.compile(r"\d{1,5}")
_LANGUAGE = re.compile(r"[a-z]{2}-[A-Z]{2}")
_POST = re.compile("POST|GET")
_FLAG = re.compile("true|false")
_KEYS = re.compile(r"[0-9*#]{0,12}")
_ANY = re.compile(r".{1,4000}", re.DOTALL)
_ROOM_EVENT = "(start|end|join|leave|mute|hold|modify|speaker|announcement)"
_ROOM_NAME = re.compile(r"[\w-]{1,128}")
_URL = "url"

Rule = re.Pattern[str] | str

ATTRIBUTES: Mapping[str, Mapping[str, Rule]] = {
    "Response": {},
    "Say": {"language": _LANGUAGE, "voice": _ANY, "loop": _NUMBER},
    "Play": {"loop": _NUMBER, "digits": _ANY},
    "Pause": {"length": _NUMBER},
    "Redirect": {"method": _POST},
    "Hangup": {},
    "Gather": {
        "input": re.compile("dtmf|speech|dtmf speech|speech dtmf"), "action": _URL, "method": _POST, "timeout": _NUMBER,
        "speechTimeout": re.compile(r"auto|\d{1,3}"), "numDigits": re.compile(r"[1-9]\d?"), "finishOnKey": _KEYS,
        "language": _LANGUAGE, "hints": _ANY, "actionOnEmptyResult": _FLAG, "profanityFilter": _FLAG, "bargeIn": _FLAG,
    },
    "Record": {
        "action": _URL, "method": _POST, "maxLength": _NUMBER, "timeout": _NUMBER, "finishOnKey": _KEYS, "playBeep": _FLAG,
        "trim": re.compile("trim-silence|do-not-trim"), "recordingStatusCallback": _URL,
    },
    "Dial": {"action": _URL, "method": _POST, "timeout": _NUMBER, "timeLimit": _NUMBER, "callerId": _ANY,
             "answerOnBridge": _FLAG},
    # Not `record`: a restart could begin it before the notice; nor `coach`, which is told once who coaches is in.
    "Conference": {
        "startConferenceOnEnter": _FLAG, "endConferenceOnExit": _FLAG, "muted": _FLAG,
        "beep": re.compile("true|false|onEnter|onExit"), "participantLabel": re.compile(r"[\w-]{1,128}"),
        "statusCallback": _URL, "statusCallbackMethod": _POST,
        "statusCallbackEvent": re.compile(rf"{_ROOM_EVENT}( {_ROOM_EVENT})*"),
        "waitUrl": _URL, "waitMethod": _POST, "maxParticipants": re.compile(r"[2-9]|\d\d|1\d\d|2[0-4]\d|250"),
    },
}  # fmt: skip
INSIDE: Mapping[str, frozenset[str]] = {
    "Response": frozenset(("Say", "Play", "Pause", "Redirect", "Hangup", "Gather", "Record", "Dial")),
    "Gather": frozenset(("Say", "Play", "Pause")),
    "Dial": frozenset(("Conference",)),
}
# Nothing after these is ever reached.
_ENDS = ("Redirect", "Hangup", "Dial")
MOST_BYTES = 64 * 1024


def faults(document: str) -> list[str]:
    """What Twilio, or a caller, would stumble over; [] for a good document."""
    if len(document.encode()) > MOST_BYTES:
        return ["too long"]
    try:
        root = ElementTree.fromstring(document)  # our own
    except ElementTree.ParseError as problem:
        return [f"no XML: {problem}"]
    if root.tag != "Response":
        return [f"begins with {root.tag}"]
    found = _verb(root)
    verbs = [verb.tag for verb in root]
    if not verbs or verbs[-1] not in _ENDS:
        found.append("falls off its end")
    found += [f"{verb} is not the last" for verb in verbs[:-1] if verb in _ENDS]
    if any(verb.tag == "Gather" for verb in root) and verbs[-1] != "Redirect":
        found.append("nothing after Gather")
    return found


def _verb(element: ElementTree.Element) -> list[str]:
    name = element.tag
    rules = ATTRIBUTES.get(name)
    if rules is None:
        return [f"no verb {name}"]
    found = []
    for attribute, value in element.attrib.items():
        rule = rules.get(attribute)
        if rule is None:
            found.append(f"{name} has no {attribute}")
        elif isinstance(rule, str):
            found += _address(value)
        elif not rule.fullmatch(value):
            found.append(f"{name} {attribute}={value[:60]!r}")
    allowed = INSIDE.get(name, frozenset())
    for child in element:
        found += [f"{child.tag} in {name}"] if child.tag not in allowed else _verb(child)
    text = (element.text or "").strip()
    if name == "Say":
        found += [] if 0 < len(text) <= 4000 else ["Say of no length"]
        found += ["Say without a language"] if "language" not in element.attrib else []
    elif name == "Conference":
        found += [] if _ROOM_NAME.fullmatch(text) else [f"Conference of no name: {text!r}"]
    elif name in ("Redirect", "Play"):
        found += _address(text)
    elif text:
        found.append(f"words in {name}")
    if name == "Gather":
        found += _gather(element)
    if name in ("Gather", "Record", "Dial") and "action" not in element.attrib:
        found.append(f"{name} asks its own address again")
    return found


def _gather(element: ElementTree.Element) -> list[str]:
    found = []
    hints = element.attrib.get("hints", "").split(",")
    if len(hints) > 500 or any(len(hint.strip()) > 100 for hint in hints):
        found.append("too many hints, or too long")
    if "speech" not in element.attrib.get("input", "dtmf"):
        found += [f"{name} for keys alone" for name in ("hints", "speechTimeout") if name in element.attrib]
    if element.attrib.get("actionOnEmptyResult") != "true":
        found.append("falls through in silence")
    languages = {say.attrib.get("language") for say in element if say.tag == "Say"}
    if len(languages) == 1 and "language" in element.attrib and element.attrib["language"] not in languages:
        found.append("listens in another language than it speaks")
    return found


def _address(url: str) -> list[str]:
    ours, told = urlsplit(BASE_URL), urlsplit(url)
    is_ours = (told.scheme, told.netloc) == (ours.scheme, ours.netloc) and told.path.startswith("/webhooks/voice")
    return [] if is_ours else [f"not our own address: {url}"]
