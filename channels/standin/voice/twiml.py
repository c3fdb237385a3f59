"""Reads TwiML strictly: what the real provider would only warn of is an error here, so that nobody writes it by mistake.

Source: Twilio's description of TwiML for voice. The tables say which attributes and which children every element takes.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree

MAX_BYTES = 64 * 1024
NOT_XML, NOT_TWIML = 12100, 12200
_METHODS = "GET|POST"
_BOOL = "true|false"
_LOOP = "#0-1000"
# A pattern of words, `#low-high` for a whole number, `url`, or `*` for anything.
_RECORD_MODES = (
    "do-not-record|record-from-answer|record-from-ringing|record-from-answer-dual|record-from-ringing-dual|true|false"
)


@dataclass(frozen=True)
class Shape:
    """What one element may have. text: whether words may stand in it; needs_text: whether they must."""

    attributes: Mapping[str, str] = field(default_factory=dict)
    children: tuple[str, ...] = ()
    text: bool = False
    needs_text: bool = False


_SSML = ("break", "emphasis", "lang", "p", "phoneme", "prosody", "s", "say-as", "sub", "w")
_PROMPTS = ("Say", "Play", "Pause")
_ENDS = {"action": "url", "method": _METHODS}
_STATUS = {"statusCallback": "url", "statusCallbackMethod": _METHODS, "statusCallbackEvent": "*"}
_RECORDING = {
    "recordingStatusCallback": "url",
    "recordingStatusCallbackMethod": _METHODS,
    "recordingStatusCallbackEvent": "*",
    "trim": "trim-silence|do-not-trim",
}
_ANSWERED = {"url": "url", "method": _METHODS} | _STATUS

GRAMMAR: dict[str, Shape] = {
    "Say": Shape({"voice": "*", "language": "*", "loop": _LOOP}, _SSML, text=True, needs_text=True),
    "Play": Shape({"loop": _LOOP, "digits": "*"}, text=True),
    "Pause": Shape({"length": "#0-600"}),
    "Gather": Shape(
        {
            "input": "dtmf|speech|dtmf speech|speech dtmf",
            "timeout": "#0-600|auto",
            "speechTimeout": "#0-600|auto",
            "finishOnKey": "*",
            "numDigits": "#1-1000",
            "actionOnEmptyResult": _BOOL,
            "bargeIn": _BOOL,
            "language": "*",
            "hints": "*",
            "profanityFilter": _BOOL,
            "enhanced": _BOOL,
            "speechModel": "*",
            "partialResultCallback": "url",
            "partialResultCallbackMethod": _METHODS,
            "dtmfDetection": "*",
            "maxSpeechTime": "#1-600",
            "debug": _BOOL,
        }
        | _ENDS,
        _PROMPTS,
    ),
    "Record": Shape(
        {
            "timeout": "#0-600",
            "finishOnKey": "*",
            "maxLength": "#1-14400",
            "playBeep": _BOOL,
            "recordingChannels": "mono|dual",
            "recordingTrack": "inbound|outbound|both",
            "transcribe": _BOOL,
            "transcribeCallback": "url",
        }
        | _RECORDING
        | _ENDS
    ),
    "Redirect": Shape({"method": _METHODS}, text=True, needs_text=True),
    "Dial": Shape(
        {
            "answerOnBridge": _BOOL,
            "callerId": "*",
            "callReason": "*",
            "hangupOnStar": _BOOL,
            "timeLimit": "#1-86400",
            "timeout": "#1-600",
            "record": _RECORD_MODES,
            "recordingTrack": "inbound|outbound|both",
            "ringTone": "*",
            "sequential": _BOOL,
        }
        | _RECORDING
        | _ENDS,
        ("Number", "Client", "Conference"),
        text=True,
    ),
    "Number": Shape({"sendDigits": "*", "byoc": "*"} | _ANSWERED, text=True, needs_text=True),
    "Client": Shape(_ANSWERED, ("Identity", "Parameter"), text=True),
    "Identity": Shape(text=True, needs_text=True),
    "Parameter": Shape({"name": "*", "value": "*"}),
    "Conference": Shape(
        {
            "muted": _BOOL,
            "startConferenceOnEnter": _BOOL,
            "endConferenceOnExit": _BOOL,
            "participantLabel": "*",
            "beep": "true|false|onEnter|onExit",
            "waitUrl": "*",
            "waitMethod": _METHODS,
            "maxParticipants": "#2-250",
            "record": "do-not-record|record-from-start|true|false",
            "coach": "*",
            "region": "*",
            "jitterBufferSize": "*",
            "eventCallbackUrl": "url",
        }
        | _STATUS
        | _RECORDING,
        text=True,
        needs_text=True,
    ),
    "Enqueue": Shape({"waitUrl": "*", "waitUrlMethod": _METHODS, "maxQueueSize": "#1-5000"} | _ENDS, text=True),
    "Hangup": Shape(),
    "Leave": Shape(),
    "Reject": Shape({"reason": "rejected|busy"}),
}
VERBS = ("Say", "Play", "Pause", "Gather", "Record", "Redirect", "Dial", "Enqueue", "Hangup", "Leave", "Reject")
# What may be heard by somebody who waits for a conference, is held, or stands in a queue.
WAITING_VERBS = {
    "conference": ("Say", "Play", "Pause", "Redirect"),
    "queue": ("Say", "Play", "Pause", "Gather", "Redirect", "Leave", "Hangup"),
}
_LONGEST_NAME = {"Conference": 128, "Enqueue": 64}


class InvalidTwiml(Exception):
    """code: the provider's. Its words say what is wrong and where."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True)
class Node:
    """One element. Words of an element and of what is inside it are one text, spaces folded."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    children: tuple["Node", ...] = ()

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    def whole(self, name: str, default: int) -> int:
        value = self.attributes.get(name, "")
        return int(value) if value.isdecimal() else default

    def is_on(self, name: str, *, default: bool = False) -> bool:
        return self.attributes.get(name, "true" if default else "false") == "true"


def read(document: bytes) -> tuple[Node, ...]:
    """The verbs of a document, in order. Raises InvalidTwiml."""
    if len(document) > MAX_BYTES:
        raise InvalidTwiml(NOT_XML, f"longer than {MAX_BYTES} bytes")
    if b"<!DOCTYPE" in document or b"<!ENTITY" in document:
        raise InvalidTwiml(NOT_XML, "a document type is declared")
    try:
        root = ElementTree.fromstring(document.strip())  # noqa: S314  no entities: the line above
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InvalidTwiml(NOT_XML, str(error)) from None
    if root.tag != "Response":
        raise InvalidTwiml(NOT_TWIML, f"<{root.tag}> in place of <Response>")
    if root.attrib or (root.text or "").strip() or any((child.tail or "").strip() for child in root):
        raise InvalidTwiml(NOT_TWIML, "<Response> takes verbs, no words and no attributes")
    return tuple(_node(child, VERBS, "Response") for child in _elements(root))


def _elements(parent: ElementTree.Element) -> Iterator[ElementTree.Element]:
    return (child for child in parent if isinstance(child.tag, str))


def _node(element: ElementTree.Element, allowed: tuple[str, ...], parent: str) -> Node:
    name = element.tag
    if name not in allowed:
        raise InvalidTwiml(NOT_TWIML, f"<{name}> inside <{parent}>")
    if name in _SSML:
        return Node(name)
    shape = GRAMMAR[name]
    for attribute, value in element.attrib.items():
        if attribute not in shape.attributes:
            raise InvalidTwiml(NOT_TWIML, f"<{name}> has no attribute {attribute}")
        if not _fits(shape.attributes[attribute], value):
            raise InvalidTwiml(NOT_TWIML, f'<{name} {attribute}="{value}">')
    own = (element.text or "") + "".join(child.tail or "" for child in element)
    if own.strip() and not shape.text:
        raise InvalidTwiml(NOT_TWIML, f"words in <{name}>")
    children = tuple(_node(child, shape.children, name) for child in _elements(element))
    words = "".join(element.itertext()) if name == "Say" else own
    node = Node(name, dict(element.attrib), " ".join(words.split()), children)
    _check(node, shape)
    return node


def _check(node: Node, shape: Shape) -> None:
    if shape.needs_text and not node.text:
        raise InvalidTwiml(NOT_TWIML, f"<{node.name}> without words")
    if node.name == "Play" and not node.text and not node.get("digits"):
        raise InvalidTwiml(NOT_TWIML, "<Play> without an address")
    if node.name == "Play" and not re.fullmatch(r"[0-9*#wW]*", node.get("digits")):
        raise InvalidTwiml(NOT_TWIML, f'<Play digits="{node.get("digits")}">')
    if node.name == "Dial" and not node.text and not node.children:
        raise InvalidTwiml(NOT_TWIML, "<Dial> dials nobody")
    if node.name == "Dial" and len(node.children) > 1 and any(one.name == "Conference" for one in node.children):
        raise InvalidTwiml(NOT_TWIML, "<Conference> stands alone in <Dial>")
    if node.name == "Client" and not identity_of(node):
        raise InvalidTwiml(NOT_TWIML, "<Client> without a name")
    if node.name == "Gather" and not re.fullmatch(r"[0-9*#]*", node.get("finishOnKey")):
        raise InvalidTwiml(NOT_TWIML, f'<Gather finishOnKey="{node.get("finishOnKey")}">')
    if len(node.text) > _LONGEST_NAME.get(node.name, 10**6):
        raise InvalidTwiml(NOT_TWIML, f"the name of <{node.name}> is longer than {_LONGEST_NAME[node.name]} letters")
    if len([phrase for phrase in node.get("hints").split(",") if phrase.strip()]) > 500:
        raise InvalidTwiml(NOT_TWIML, "more than 500 hints")
    if any(len(phrase.strip()) > 100 for phrase in node.get("hints").split(",")):
        raise InvalidTwiml(NOT_TWIML, "a hint of more than 100 letters")


def identity_of(client: Node) -> str:
    """Whom a <Client> calls."""
    inside = next((child.text for child in client.children if child.name == "Identity"), "")
    return client.text or inside


def _fits(kind: str, value: str) -> bool:
    if kind == "*":
        return True
    if kind == "url":
        return not any(letter.isspace() for letter in value)
    for one in kind.split("|"):
        if one.startswith("#"):
            low, high = one[1:].split("-")
            if value.isascii() and value.isdecimal() and len(value) < 7 and int(low) <= int(value) <= int(high):
                return True
        elif value == one:
            return True
    return False
