"""One question and what came back, with the body read as JSON or XML at most once. Values in, values out.

Nothing here raises for what a server may send: a body that cannot be read is a `Document` with a `problem`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from xml.parsers import expat

import orjson

MAX_DEPTH = 60
MAX_ELEMENTS = 100_000


@dataclass
class Element:
    """A node of an XML answer. `text` is what stands directly in it."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: "list[Element]" = field(default_factory=list)
    text: str = ""

    def walk(self) -> "Iterator[Element]":
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting.extend(reversed(element.children))

    def child(self, name: str) -> "Element | None":
        return next((child for child in self.children if child.name == name), None)

    def value(self, name: str) -> str | None:
        """The text of the child, stripped; None when it is missing or empty."""
        found = self.child(name)
        return (found.text.strip() or None) if found is not None else None


@dataclass(frozen=True)
class Document:
    """`value`: the JSON value or the root Element. `problem`: why there is none, in the parser's words."""

    value: Any = None
    problem: str = ""


@dataclass(frozen=True)
class Call:
    """What is asked. `form`: pairs, form-encoded; `files`: (field, file name, media type, bytes), which makes it multipart."""

    method: str
    url: str
    query: tuple[tuple[str, str], ...] = ()
    raw_query: str | None = None
    form: tuple[tuple[str, str], ...] | None = None
    files: tuple[tuple[str, str, str, bytes], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


@dataclass(frozen=True)
class Exchange:
    """`status` is 0 when nothing came back that is HTTP; `failure` then says why. `redirects`: where it led, in order."""

    call: Call
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    failure: str = ""
    redirects: tuple[str, ...] = ()

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    @cached_property
    def json(self) -> Document:
        return read_json(self.body)

    @cached_property
    def xml(self) -> Document:
        return read_xml(self.body)

    @property
    def said(self) -> str:
        """The status or the failure, for a detail."""
        return str(self.status) if self.status else self.failure

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


def read_json(body: bytes) -> Document:
    """The value; too deep a one is refused, since whatever walks it would run out of stack."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return Document(problem=str(error))
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            return Document(problem="nested too deep")
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return Document(value)


class _Refused(Exception):
    pass


def read_xml(body: bytes) -> Document:
    """The root Element. Entities and document types are refused, depth and size are bounded."""
    root: list[Element] = []
    open_elements: list[Element] = []
    count = 0
    parser = expat.ParserCreate()

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if count > MAX_ELEMENTS or len(open_elements) >= MAX_DEPTH:
            raise _Refused("too many or too deep elements")
        element = Element(name, attributes)
        (open_elements[-1].children if open_elements else root).append(element)
        open_elements.append(element)

    def end(name: str) -> None:
        open_elements.pop()

    def characters(text: str) -> None:
        if open_elements:
            open_elements[-1].text += text

    def doctype(*_: object) -> None:
        raise _Refused("a document type declaration")

    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = doctype
    parser.EntityDeclHandler = doctype
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, _Refused, LookupError, ValueError) as error:  # unknown encodings are the last two
        return Document(problem=str(error) or type(error).__name__)
    return Document(root[0]) if root else Document(problem="no element")
