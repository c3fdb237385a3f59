"""What CAP 1.2 asks of a document, written down anew from the standard: what is wrong with it, in words."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

SPACE = "{urn:oasis:names:tc:emergency:cap:1.2}"
ALERT = (
    "identifier!", "sender!", "sent!", "status!", "msgType!", "source", "scope!", "restriction", "addresses", "code*", "note",
    "references", "incidents", "info*",
)  # fmt: skip
INFO = (
    "language", "category+", "event!", "responseType*", "urgency!", "severity!", "certainty!", "audience", "eventCode*",
    "effective", "onset", "expires", "senderName", "headline", "description", "instruction", "web", "contact", "parameter*",
    "resource*", "area*",
)  # fmt: skip
AREA = ("areaDesc!", "polygon*", "circle*", "geocode*", "altitude", "ceiling")
ONE_OF = {
    "status": "Actual Exercise System Test Draft",
    "msgType": "Alert Update Cancel Ack Error",
    "scope": "Public Restricted Private",
    "category": "Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other",
    "urgency": "Immediate Expected Future Past Unknown",
    "severity": "Extreme Severe Moderate Minor Unknown",
    "certainty": "Observed Likely Possible Unlikely Unknown",
}
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
INSTANTS = ("sent", "effective", "onset", "expires")


def faults(document: bytes) -> list[str]:
    root = ElementTree.fromstring(document)
    if root.tag != f"{SPACE}alert":
        return ["the root is no alert"]
    return list(_faults(root))


def _faults(root: ElementTree.Element) -> Iterator[str]:
    yield from _children(root, ALERT)
    for name in ("identifier", "sender"):
        if re.search(r"[\s,<&]", _text(root, name)):
            yield f"{name} has a space, a comma, < or &"
    for reference in _text(root, "references").split():
        sender, identifier, sent = reference.split(",")
        if not (sender and identifier and DATE_TIME.fullmatch(sent)):
            yield f"reference {reference}"
    if _text(root, "msgType") in ("Update", "Cancel") and not _text(root, "references"):
        yield "no references"
    for info in root.iter(f"{SPACE}info"):
        yield from _children(info, INFO)
        for area in info.iter(f"{SPACE}area"):
            yield from _children(area, AREA)
            for polygon in area.iter(f"{SPACE}polygon"):
                yield from _polygon(polygon.text or "")
    for element in root.iter():
        name = element.tag.removeprefix(SPACE)
        if name in ONE_OF and element.text not in ONE_OF[name].split():
            yield f"{name} is {element.text}"
        if name in INSTANTS and not DATE_TIME.fullmatch(element.text or ""):
            yield f"{name} is {element.text}"
        if not len(element) and not (element.text or "").strip():
            yield f"{name} is empty"


def _children(parent: ElementTree.Element, allowed: tuple[str, ...]) -> Iterator[str]:
    order = {name.rstrip("!*+"): number for number, name in enumerate(allowed)}
    names = [child.tag.removeprefix(SPACE) for child in parent]
    if unknown := set(names) - set(order):
        yield f"unknown: {unknown}"
        return
    if [order[name] for name in names] != sorted(order[name] for name in names):
        yield f"order: {names}"
    for name in allowed:
        count = names.count(name.rstrip("!*+"))
        if count == 0 and name[-1] in "!+":
            yield f"missing: {name}"
        if count > 1 and name[-1] not in "*+":
            yield f"twice: {name}"


def _polygon(text: str) -> Iterator[str]:
    pairs = [tuple(float(number) for number in pair.split(",")) for pair in text.split(" ")]
    if len(pairs) < 4 or pairs[0] != pairs[-1]:
        yield "a polygon of fewer than four pairs, or not closed"
    if any(not (-90 <= lat <= 90 and -180 <= lon <= 180) for lat, lon in pairs):
        yield "a pair off the globe"


def _text(root: ElementTree.Element, name: str) -> str:
    return root.findtext(f"{SPACE}{name}") or ""
