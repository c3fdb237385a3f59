"""Reading a `multipart/form-data` body that is in memory already: parts are views into it, and nothing goes to a file. Pure."""

import base64
import binascii
import quopri
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, MultipartState, parse_options_header

from kernel.errors import InvalidInput, TooLarge

MAX_PARTS = 1000
# What is not a file is words, and has the bound that a form without files has.
MAX_TEXT_BYTES = 256 * 1024
_PLAIN = (b"", b"7bit", b"8bit", b"binary")


@dataclass(frozen=True, slots=True)
class Part:
    """One part. `filename` is None for a plain field; a browser sends `""` and no data for a file field that nobody filled."""

    name: bytes
    filename: bytes | None
    content_type: bytes
    data: memoryview

    @property
    def is_file(self) -> bool:
        return self.filename is not None or self.content_type.startswith(b"image/")


class _Collector:
    """What the parser calls; it is given the whole body at once, so the data of a part comes in one piece."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self._headers: dict[bytes, bytes] = {}
        self._name = b""
        self._span = memoryview(b"")

    def begin(self) -> None:
        self._headers, self._name, self._span = {}, b"", memoryview(b"")
        if len(self.parts) >= MAX_PARTS:
            raise InvalidInput("Son demasiados campos.")

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self._name = data[start:end].lower()

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self._headers[self._name] = data[start:end]

    def data(self, data: bytes, start: int, end: int) -> None:
        self._span = memoryview(data)[start:end]

    def end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        media_type, _ = parse_options_header(self._headers.get(b"content-type", b""))
        data = _decoded(self._span, self._headers.get(b"content-transfer-encoding", b"").strip().lower())
        self.parts.append(Part(options.get(b"name", b""), options.get(b"filename"), media_type, data))


def read_multipart(body: bytes, boundary: bytes) -> list[Part]:
    """The parts, in order. Raises InvalidInput for a body that is torn or no multipart, TooLarge for too many words."""
    if not boundary:
        raise InvalidInput("Falta el boundary del formulario multipart.")
    found = _Collector()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": found.begin,
                "on_header_field": found.header_name,
                "on_header_value": found.header_value,
                "on_part_data": found.data,
                "on_part_end": found.end,
            },
        )
        parser.write(body)
    except FormParserError:
        raise torn() from None
    if parser.state != MultipartState.END:
        raise torn()  # the parser takes a body that ends in the middle of a part for a finished one
    if sum(len(part.data) for part in found.parts if not part.is_file) > MAX_TEXT_BYTES:
        raise TooLarge("El mensaje es demasiado grande.")
    return found.parts


def torn() -> InvalidInput:
    return InvalidInput("El formulario multipart está incompleto o mal formado.")


def _decoded(data: memoryview, encoding: bytes) -> memoryview:
    if encoding in _PLAIN:
        return data
    if encoding == b"quoted-printable":
        return memoryview(quopri.decodestring(bytes(data)))
    if encoding != b"base64":
        raise torn()
    try:
        return memoryview(base64.b64decode(bytes(data)))
    except binascii.Error:
        raise torn() from None
