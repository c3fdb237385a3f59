"""Form bodies and query strings as clients really send them, decoded strictly as UTF-8. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from python_multipart.multipart import parse_options_header

from intake.media.values import SentFile
from intake.open311.errors import UnsupportedMediaType
from intake.open311.formats import FORBIDDEN
from kernel.errors import InvalidInput
from kernel.multipart import read_multipart

_ATTRIBUTE = re.compile(r"attribute\[([^\]]+)\](?:\[[0-9]*\])?")
_MAX_FIELDS = 1000
_LINE_ENDS = re.compile("\r\n?")


@dataclass(frozen=True, slots=True)
class Fields:
    """Named values in the order they came; an empty value is an absent one. `files`: those of every field, whatever its name."""

    pairs: tuple[tuple[str, str], ...]
    files: tuple[SentFile, ...] = field(default=())
    # A list call asks for more than thirty names.
    _values: dict[str, list[str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, value in self.pairs:
            if value.strip():
                self._values.setdefault(name, []).append(value)

    def one(self, name: str) -> str | None:
        """The value; the last one when the field was repeated; None when absent or blank."""
        values = self._values.get(name)
        return values[-1] if values else None

    def all(self, name: str) -> Sequence[str]:
        return self._values.get(name, ())

    def listed(self, name: str) -> list[str]:
        """The items of comma lists, of every repetition together, without blanks and doubles."""
        items = (item.strip() for value in self.all(name) for item in value.split(","))
        return list(dict.fromkeys(item for item in items if item))

    def attributes(self) -> dict[str, list[str]]:
        """The values of `attribute[CODE]`, `attribute[CODE][]` and `attribute[CODE][0]`, by code."""
        found: dict[str, list[str]] = {}
        for name, value in self.pairs:
            if match := _ATTRIBUTE.fullmatch(name):
                found.setdefault(match[1], []).append(value)
        return found


def read_query(query: bytes) -> Fields:
    """The query string. Raises InvalidInput for what is not UTF-8 or holds control characters: no stored value could match it."""
    pairs = _pairs(query.decode("latin-1"))
    for name, value in pairs:
        if FORBIDDEN.search(name) or FORBIDDEN.search(value):
            raise InvalidInput("Los parámetros no pueden llevar caracteres de control.")
    return Fields(tuple(pairs))


def read_form(body: bytes, content_type: str) -> Fields:
    """The posted form. Raises UnsupportedMediaType, or InvalidInput for a body that cannot be decoded.

    Line ends become LF; characters that XML cannot hold are left out, since nobody typed them on purpose.
    """
    media_type, options = parse_options_header(content_type)
    if media_type == b"multipart/form-data":
        pairs, files = _read_multipart(body, options.get(b"boundary", b""))
    elif media_type == b"application/x-www-form-urlencoded" or (not media_type and not body):
        pairs, files = _pairs(_decode(body)), []
    else:
        raise UnsupportedMediaType("Manda el formulario como application/x-www-form-urlencoded o multipart/form-data.")
    return Fields(tuple((_clean(name), _clean(value)) for name, value in pairs), tuple(files))


def _pairs(encoded: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(encoded, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except UnicodeDecodeError:
        raise _not_utf8() from None
    except ValueError:
        raise InvalidInput("Son demasiados campos.") from None


def _read_multipart(body: bytes, boundary: bytes) -> tuple[list[tuple[str, str]], list[SentFile]]:
    parts = read_multipart(body, boundary)
    pairs = [(_decode(part.name), _decode(bytes(part.data))) for part in parts if not part.is_file]
    # An empty part without a name is a file field that nobody filled; one with a name is a file that got lost on the way.
    files = [SentFile(part.data) for part in parts if part.is_file and (part.data or part.filename)]
    return pairs, files


def _decode(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise _not_utf8() from None


def _not_utf8() -> InvalidInput:
    return InvalidInput("El texto debe venir en UTF-8.")


def _clean(text: str) -> str:
    return FORBIDDEN.sub("", _LINE_ENDS.sub("\n", text))
