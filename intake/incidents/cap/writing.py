"""Writing alerts for others: elements in the order of the standard, instants with an offset, corners as `lat,lon`."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

import shapely
from shapely.geometry.base import BaseGeometry

from intake.incidents.cap.values import NAMESPACE, Alert, AlertArea, Info

_ATOM = "http://www.w3.org/2005/Atom"
# About a metre.
_DIGITS = 5
_SIMPLER = 0.0001
MEDIA_TYPE = "application/cap+xml"


def write_alert(alert: Alert) -> bytes:
    """The alert as a document."""
    register_namespace("", NAMESPACE)
    root = Element(_cap("alert"))
    _add(root, "identifier", alert.identifier)
    _add(root, "sender", alert.sender)
    _add(root, "sent", instant(alert.sent))
    _add(root, "status", alert.status)
    _add(root, "msgType", alert.message_type)
    _add(root, "scope", alert.scope)
    _add(root, "note", alert.note)
    _add(root, "references", " ".join(f"{one.sender},{one.identifier},{instant(one.sent)}" for one in alert.references))
    for info in alert.infos:
        _info(root, info)
    return _document(root)


def write_feed(
    *, address: str, title: str, author: str, updated: datetime, alerts: Iterable[tuple[Alert, str]]
) -> bytes:
    """An Atom feed that names each alert and where it is."""
    register_namespace("", _ATOM)
    root = Element(f"{{{_ATOM}}}feed")
    _atom(root, "id", address)
    _atom(root, "title", title)
    _atom(root, "updated", instant(updated))
    _atom(_atom(root, "author"), "name", author)
    _atom(root, "link", rel="self", type="application/atom+xml", href=address)
    for alert, where in alerts:
        entry = _atom(root, "entry")
        said = alert.infos[0] if alert.infos else Info(event="")
        _atom(entry, "id", f"urn:cap:{alert.sender}:{alert.identifier}")
        _atom(entry, "title", said.headline or said.event)
        _atom(entry, "updated", instant(alert.sent))
        _atom(entry, "link", rel="alternate", type=MEDIA_TYPE, href=where)
        _atom(entry, "summary", said.description)
    return _document(root)


def instant(at: datetime) -> str:
    """`2026-11-19T13:00:00-06:00`; the standard writes UTC as `-00:00`, never as `Z`."""
    text = at.replace(microsecond=0).isoformat()
    return text.removesuffix("+00:00") + "-00:00" if not at.utcoffset() else text


def polygons(shape: BaseGeometry) -> list[str]:
    """Each outer ring as `lat,lon lat,lon …`, closed. The standard has no holes: what is inside one counts as inside."""
    simple = shapely.simplify(shape, _SIMPLER)
    parts = [part for part in shapely.get_parts(simple) if part.geom_type == "Polygon" and not part.is_empty]
    return [_ring(shapely.get_coordinates(part.exterior).tolist()) for part in parts]


def _ring(corners: Sequence[Sequence[float]]) -> str:
    return " ".join(f"{lat:.{_DIGITS}f},{lon:.{_DIGITS}f}" for lon, lat in corners)


def _info(root: Element, info: Info) -> None:
    element = SubElement(root, _cap("info"))
    _add(element, "language", info.language)
    for category in info.category:
        _add(element, "category", category)
    _add(element, "event", info.event)
    _add(element, "urgency", info.urgency)
    _add(element, "severity", info.severity)
    _add(element, "certainty", info.certainty)
    _add(element, "effective", instant(info.effective) if info.effective else "")
    _add(element, "expires", instant(info.expires) if info.expires else "")
    _add(element, "senderName", info.sender_name)
    _add(element, "headline", info.headline)
    _add(element, "description", info.description)
    _add(element, "instruction", info.instruction)
    _add(element, "web", info.web)
    _add(element, "contact", info.contact)
    for name, value in info.parameters.items():
        parameter = SubElement(element, _cap("parameter"))
        _add(parameter, "valueName", name)
        _add(parameter, "value", value)
    for area in info.areas:
        _area(element, area)


def _area(info: Element, area: AlertArea) -> None:
    element = SubElement(info, _cap("area"))
    _add(element, "areaDesc", area.description)
    for ring in polygons(area.shape) if area.shape is not None else ():
        _add(element, "polygon", ring)


def _add(parent: Element, name: str, text: str) -> None:
    if text:
        SubElement(parent, _cap(name)).text = _clean(text)


def _atom(parent: Element, name: str, text: str = "", **attributes: str) -> Element:
    made = SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
    made.text = _clean(text) or None
    return made


def _cap(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _clean(text: str) -> str:
    """Without the control characters that XML has no way to write."""
    return "".join(letter for letter in text if letter in "\t\n\r" or ord(letter) >= 32)


def _document(root: Element) -> bytes:
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written
