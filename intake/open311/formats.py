"""JSON and XML from one value: the "Spark" mapping of GeoReport.

An answer is a root name and a value of dicts, lists, strings, numbers, booleans and None. JSON drops the root; XML writes a
list as its name around repeated children, None and "" as an empty element.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response

JSON, XML = "json", "xml"
FORMATS = (JSON, XML)
MEDIA_TYPES = {JSON: "application/json; charset=utf-8", XML: "text/xml; charset=utf-8"}

# The child element of each list.
_CHILD = {
    "service_requests": "request",
    "services": "service",
    "attributes": "attribute",
    "values": "value",
    "endpoints": "endpoint",
    "formats": "format",
    "extensions": "extension",
    "errors": "error",
    "service_request_updates": "request_update",
    "changes": "change",
    "areas": "area",
    "media_urls": "media_url",
    "notes": "note",
    "possible_duplicates": "service_request_id",
}
# Lists without a wrapper: the element itself is repeated, as FixMyStreet reads the pictures of an update.
_REPEATED = ("media_url",)
_PROLOGUE = '<?xml version="1.0" encoding="utf-8"?>\n'
# What XML 1.0 cannot hold, not even as a reference: one such character makes a whole list unreadable.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# How JSON writes them: `\u00` and two digits, `\b`, `\f`; and two characters that begin with a byte few texts have.
_ESCAPED = b"ubf"
_FIRST_BYTE, _NONCHARACTERS = b"\xef", ("\ufffe".encode(), "\uffff".encode())
_NEEDS_ESCAPE = re.compile("[&<>\r]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}


@dataclass(frozen=True, slots=True)
class Written:
    """A list whose items are in the format of the answer already."""

    items: Sequence[bytes]


Value = Mapping[str, Any] | Sequence[Mapping[str, Any]] | Written


def respond(
    fmt: str, root: str, value: Value, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer in the format asked for, with the exact content type of the standard."""
    body = to_json(value) if fmt == JSON else to_xml(root, value)
    return Response(body, status, headers={**(headers or {}), "content-type": MEDIA_TYPES[fmt]})


def write_item(fmt: str, root: str, item: dict[str, Any]) -> bytes:
    """One item of the list `root`, for Written."""
    if fmt == JSON:
        return to_json(item)
    out: list[str] = []
    _write_leaves(out, _CHILD[root], item)
    return FORBIDDEN.sub("\ufffd", "".join(out)).encode()


def to_json(value: Value) -> bytes:
    """The document, UTF-8. What XML cannot hold becomes U+FFFD here too: both formats say the same."""
    if isinstance(value, Written):
        return b"[%b]" % b",".join(value.items)
    try:
        body = orjson.dumps(value)
    except orjson.JSONEncodeError:  # a lone surrogate
        return orjson.dumps(_readable(value))
    return orjson.dumps(_readable(value)) if _holds_forbidden(body) else body


def _holds_forbidden(body: bytes) -> bool:
    """Whether a JSON document has what XML cannot hold. From one backslash to the next: single bytes are found ten times as fast
    as longer marks, each of which would be a walk through all of it.
    """
    at = body.find(b"\\")
    while at >= 0:
        if body[at + 1] in _ESCAPED:
            return True
        at = body.find(b"\\", at + 2)
    return _FIRST_BYTE in body and any(mark in body for mark in _NONCHARACTERS)


def _readable(value: Any) -> Any:
    if isinstance(value, str):
        return FORBIDDEN.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {key: _readable(item) for key, item in value.items()}
    return [_readable(item) for item in value] if isinstance(value, list) else value


def to_xml(root: str, value: Value) -> bytes:
    """The document, UTF-8. Characters that XML cannot hold become U+FFFD."""
    if isinstance(value, Written):
        if value.items:
            return b"%b<%b>%b</%b>" % (_PROLOGUE.encode(), root.encode(), b"".join(value.items), root.encode())
        value = []
    out: list[str] = [_PROLOGUE]
    _write(out, root, value)
    text = "".join(out)
    if FORBIDDEN.search(text):
        text = FORBIDDEN.sub("\ufffd", text)
    return text.encode()


def _write(out: list[str], name: str, value: Any) -> None:
    if isinstance(value, str):
        if not value:
            out.append(f"<{name}/>")
        elif _NEEDS_ESCAPE.search(value):
            out.append(f"<{name}>{_NEEDS_ESCAPE.sub(_escape, value)}</{name}>")
        else:
            out.append(f"<{name}>{value}</{name}>")
    elif value is None or value == []:
        out.append(f"<{name}/>")
    elif isinstance(value, bool):
        out.append(f"<{name}>{'true' if value else 'false'}</{name}>")
    elif isinstance(value, Mapping):
        out.append(f"<{name}>")
        for key, item in value.items():
            _write(out, key, item)
        out.append(f"</{name}>")
    elif isinstance(value, list) and name in _REPEATED:
        for item in value:
            _write(out, name, item)
    elif isinstance(value, list):
        child = _CHILD[name]
        out.append(f"<{name}>")
        for item in value:
            if isinstance(item, dict):
                _write_leaves(out, child, item)
            else:
                _write(out, child, item)
        out.append(f"</{name}>")
    elif isinstance(value, float):
        out.append(f"<{name}>{_decimal(value)}</{name}>")
    else:
        out.append(f"<{name}>{value}</{name}>")


def _write_leaves(out: list[str], name: str, item: dict[str, Any]) -> None:
    # What lists are made of, without a call for each leaf: a thousand requests are 17,000 of them.
    out.append(f"<{name}>")
    for key, value in item.items():
        if value is None or value == "":
            out.append(f"<{key}/>")
        elif type(value) is str:
            if "&" in value or "<" in value or ">" in value or "\r" in value:
                value = _NEEDS_ESCAPE.sub(_escape, value)
            out.append(f"<{key}>{value}</{key}>")
        elif type(value) is float:
            out.append(f"<{key}>{_decimal(value)}</{key}>")
        else:
            _write(out, key, value)
    out.append(f"</{name}>")


def _decimal(value: float) -> str:
    # XML schema's decimal knows no exponent, and 1e-07 is how Python writes a tenth of a metre from the equator.
    written = repr(value)
    return f"{value:.17f}".rstrip("0") if "e" in written else written


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES[found.group()]
