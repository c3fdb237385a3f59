"""Reading an alert that somebody else wrote. Entities and document types are refused; size, depth and numbers are bounded.

Raises InvalidInput, with the element at fault, for what the standard does not allow.
"""

import math
import re
from datetime import datetime, timedelta
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError, TreeBuilder
from xml.parsers import expat

import shapely
from shapely.geometry.base import BaseGeometry

from intake.incidents.cap.values import (
    CATEGORIES,
    CERTAINTIES,
    MESSAGE_TYPES,
    NAMESPACES,
    SCOPES,
    SEVERITIES,
    STATUSES,
    URGENCIES,
    Alert,
    AlertArea,
    Info,
    Reference,
)
from kernel.errors import InvalidInput

MOST_BYTES = 1_000_000
_MOST_ELEMENTS, _MOST_DEPTH, _MOST_POINTS = 20_000, 12, 20_000
# A line that crosses itself is made into areas, at the cost of the square of its corners: only where there are few.
_MOST_SHAPES, _MOST_CROSSING = 400, 100
_MOST_INFOS = 20
# The standard wants an offset, and `-00:00` for UTC; a `Z` is common all the same.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[+-]\d\d:\d\d|Z)")
_TOKEN = re.compile(r"[^\s,<&]+")
_CORNERS = 32
_KM_PER_DEGREE = 111.32
_ATOM = "{http://www.w3.org/2005/Atom}"


class Document(NamedTuple):
    """alerts: what it carries whole; links: the addresses of those that it only names; refusals: why others cannot be read."""

    alerts: list[Alert]
    links: list[str]
    refusals: list[InvalidInput]


class _Refused(Exception):
    pass


def read_alert(body: bytes) -> Alert:
    """The alert. Raises InvalidInput."""
    return _alert(parse(body))


def read_any(body: bytes) -> Document:
    """A feed, or the alert that a file is. Raises InvalidInput for what is neither; what is wrong inside a feed: `refusals`."""
    root = parse(body)
    if _is_alert(root):
        return Document([_alert(root)], [], [])
    whole: list[Alert] = []
    refusals: list[InvalidInput] = []
    for element in root.iter():
        if _is_alert(element):
            try:
                whole.append(_alert(element))
            except InvalidInput as refusal:
                refusals.append(refusal)
    links = [
        link.get("href", "")
        for entry in root.iter(f"{_ATOM}entry")
        for link in entry.iter(f"{_ATOM}link")
        if link.get("type") == "application/cap+xml"
    ]
    links += [link.text.strip() for item in root.iter("item") for link in item.iter("link") if link.text]
    if not whole and not refusals and not links and root.tag not in (f"{_ATOM}feed", "rss"):
        raise no_alert()
    return Document(whole, [link for link in links if link], refusals)


def no_alert() -> InvalidInput:
    """What is said of a document that holds none."""
    return InvalidInput("El archivo no es una alerta CAP.", field="alert")


def parse(body: bytes) -> Element:
    """The root element. Raises InvalidInput."""
    if len(body) > MOST_BYTES:
        raise InvalidInput("La alerta es demasiado grande.", field="alert")
    builder, depth, count = TreeBuilder(), 0, 0
    parser = expat.ParserCreate(namespace_separator="}")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > _MOST_DEPTH or count > _MOST_ELEMENTS:
            raise _Refused
        builder.start(_tag(name), {_tag(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(_tag(name))

    def refuse(*_: object) -> None:
        raise _Refused

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(body.lstrip(), True)
        root: Element = builder.close()
    except (expat.ExpatError, ParseError, _Refused, LookupError, ValueError, AssertionError):
        raise InvalidInput("El archivo no es XML que se pueda leer.", field="alert") from None
    return root


def _tag(name: str) -> str:
    return f"{{{name}" if "}" in name else name


def _is_alert(element: Element) -> bool:
    return any(element.tag == f"{{{namespace}}}alert" for namespace in NAMESPACES)


def _alert(root: Element) -> Alert:
    if not _is_alert(root):
        raise no_alert()
    read = _Reader(root)
    scope = read.one_of("scope", SCOPES)
    infos = read.all("info")
    if len(infos) > _MOST_INFOS:
        raise _wrong("info")
    if sum(element.tag.endswith(("}polygon", "}circle")) for element in root.iter()) > _MOST_SHAPES:
        raise _wrong("area")
    message_type = read.one_of("msgType", MESSAGE_TYPES)
    references = tuple(_reference(each) for each in read.text("references").split())
    if message_type in ("Update", "Cancel") and not references:
        raise _wrong("references")
    return Alert(
        identifier=read.token("identifier"),
        sender=read.token("sender"),
        sent=read.instant("sent"),
        status=read.one_of("status", STATUSES),
        message_type=message_type,
        scope=scope,
        infos=tuple(_info(each) for each in infos),
        references=references,
        note=read.text("note"),
    )


def _info(element: Element) -> Info:
    read = _Reader(element)
    categories = tuple(text for each in read.all("category") if (text := (each.text or "").strip()))
    if not categories or not set(categories) <= set(CATEGORIES):
        raise _wrong("category")
    return Info(
        event=read.required("event"),
        category=categories,
        urgency=read.one_of("urgency", URGENCIES),
        severity=read.one_of("severity", SEVERITIES),
        certainty=read.one_of("certainty", CERTAINTIES),
        language=read.text("language") or "en-US",
        effective=read.instant_or_none("effective"),
        expires=read.instant_or_none("expires"),
        sender_name=read.text("senderName"),
        headline=read.text("headline"),
        description=read.text("description"),
        instruction=read.text("instruction"),
        web=read.text("web"),
        contact=read.text("contact"),
        areas=tuple(_area(each) for each in read.all("area")),
    )


def _area(element: Element) -> AlertArea:
    read = _Reader(element)
    shapes = [_polygon(each.text or "") for each in read.all("polygon")]
    shapes += [_circle(each.text or "") for each in read.all("circle")]
    return AlertArea(read.required("areaDesc"), shapely.union_all(shapes) if shapes else None)


def _polygon(text: str) -> BaseGeometry:
    points = [_pair(each) for each in text.split()]
    if not 4 <= len(points) <= _MOST_POINTS or points[0] != points[-1]:
        raise _wrong("polygon")
    made = shapely.polygons(points)
    if not shapely.is_valid(made):
        if len(points) > _MOST_CROSSING:
            raise _wrong("polygon")
        # The other way of GEOS took 38 s for 300 corners, this one 0.4.
        made = shapely.make_valid(made, method="structure", keep_collapsed=False)
    if made.is_empty or made.area == 0:
        raise _wrong("polygon")
    return made


def _circle(text: str) -> BaseGeometry:
    """A polygon of 32 corners in the place of the circle `lat,lon radius` (in kilometres)."""
    parts = text.split()
    if len(parts) != 2:
        raise _wrong("circle")
    lon, lat = _pair(parts[0])
    radius = _number(parts[1], "circle")
    if not 0 <= radius <= 2000 or abs(lat) > 85:
        raise _wrong("circle")
    radius = max(radius, 0.05)  # a point is where somebody stands
    across = radius / _KM_PER_DEGREE
    along = across / math.cos(math.radians(lat))
    turns = [2 * math.pi * corner / _CORNERS for corner in range(_CORNERS)]
    return shapely.polygons([(lon + along * math.cos(turn), lat + across * math.sin(turn)) for turn in turns])


def _pair(text: str) -> tuple[float, float]:
    """(lon, lat) of `lat,lon`."""
    lat, comma, lon = text.partition(",")
    numbers = _number(lon, "polygon"), _number(lat, "polygon")
    if not comma or not (-180 <= numbers[0] <= 180 and -90 <= numbers[1] <= 90):
        raise _wrong("polygon")
    return numbers


def _number(text: str, name: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise _wrong(name) from None
    if not math.isfinite(number):
        raise _wrong(name)
    return number


def _reference(text: str) -> Reference:
    sender, identifier, sent = [*text.split(","), "", ""][:3]
    if not sender or not identifier:
        raise _wrong("references")
    return Reference(sender, identifier, _instant(sent, "references"))


def _instant(text: str, name: str) -> datetime:
    if not _INSTANT.fullmatch(text):
        raise _wrong(name)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _wrong(name) from None
    if abs(at.utcoffset() or timedelta()) > timedelta(hours=14):
        raise _wrong(name)
    return at


def _wrong(name: str) -> InvalidInput:
    return InvalidInput("A la alerta le falta o le sobra algo: {element}.", field="alert", element=name)


class _Reader:
    """The children of one element, in its own namespace."""

    def __init__(self, element: Element) -> None:
        self._element = element
        self._space = element.tag[: element.tag.index("}") + 1]

    def all(self, name: str) -> list[Element]:
        return self._element.findall(f"{self._space}{name}")

    def text(self, name: str) -> str:
        found = self.all(name)
        if len(found) > 1:
            raise _wrong(name)
        return " ".join((found[0].text or "").split()) if found else ""

    def required(self, name: str) -> str:
        text = self.text(name)
        if not text:
            raise _wrong(name)
        return text

    def token(self, name: str) -> str:
        text = self.required(name)
        if not _TOKEN.fullmatch(text) or len(text) > 200:
            raise _wrong(name)
        return text

    def one_of(self, name: str, allowed: tuple[str, ...]) -> str:
        text = self.required(name)
        if text not in allowed:
            raise _wrong(name)
        return text

    def instant(self, name: str) -> datetime:
        return _instant(self.required(name), name)

    def instant_or_none(self, name: str) -> datetime | None:
        text = self.text(name)
        return _instant(text, name) if text else None
