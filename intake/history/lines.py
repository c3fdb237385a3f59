"""Past requests as the lines of a COPY, in PostgreSQL's text format. Pure."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from struct import Struct
from zoneinfo import ZoneInfo

from intake.history.rows import Past
from intake.service_requests.masking.mask import mask, no_places
from intake.service_requests.masking.people import Places
from intake.service_requests.public_text import RULES_VERSION

_ESCAPED = re.compile(r"[\\\t\n\r\b\f\v]")
_ESCAPES = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v", "\0": ""}
)
_NULL = "\\N"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_pack_id = Struct(">QQ").pack
_REMEMBERED = 100_000
_MADE = (
    "id", "jurisdiction_id", "folio", "source", "source_id", "language", "attributes", "media_urls", "handover",
    "report_count", "version", "requested_at",
)  # fmt: skip
CHANGING = (
    "service_code", "channel", "description", "address_string", "address_id", "zipcode", "lon", "lat", "precision_m",
    "areas", "life", "outcome_code", "status_notes", "agency_code", "is_public", "updated_at", "expected_at", "closed_at",
    "public_description", "public_address", "public_status_notes", "public_attributes", "public_text_version",
)  # fmt: skip
COLUMNS = (*_MADE, *CHANGING)


class Masker:
    """What everybody may read, by the rules for every report; texts that come again are masked once."""

    def __init__(self, places: Places = no_places) -> None:
        self.text: Callable[[str], str] = lru_cache(maxsize=_REMEMBERED)(lambda text: mask(text, places).text)
        self.address: Callable[[str], str] = lru_cache(maxsize=_REMEMBERED)(
            lambda text: mask(text, places, is_address=True).text
        )


@dataclass(frozen=True, slots=True)
class Register:
    """Where the rows come from and what they share. Without `masker` public texts are left for `atiende publish texts`."""

    jurisdiction_id: str
    source: str
    language: str
    zone: ZoneInfo
    precision_m: float | None
    private_services: frozenset[str] = frozenset()
    masker: Masker | None = None


def copy_lines(register: Register, rows: Sequence[Past], folios: Sequence[str]) -> Iterator[str]:
    """The rows in COPY's text format, in the order of COLUMNS; each is made when it is asked for."""
    city, source = _escaped(register.jurisdiction_id), _escaped(register.source)
    for row, folio, changing in zip(rows, folios, changing_values(register, rows), strict=True):
        media = _text(f'["{_json_string(row.media_url)}"]') if row.media_url else "[]"
        number = row.source_id if row.is_plain else _text(row.source_id)
        yield (
            f"{row_id(register, row)}\t{city}\t{folio}\t{source}\t{number}\t{register.language}\t{{}}\t{media}"
            f"\tnone\t1\t1\t{_instant(row.requested_at)}\t{changing}\n"
        )


def changing_values(register: Register, rows: Sequence[Past]) -> Iterator[str]:
    """Of each row the values of CHANGING."""
    private, precision, masker = register.private_services, register.precision_m, register.masker
    precision_m = _NULL if precision is None else f"{precision}"
    nothing = "\t".join([_NULL] * 5)
    for row in rows:
        description, address, notes = row.description, row.address, row.status_notes
        address_id, zipcode = row.address_id, row.zipcode
        is_plain = row.is_plain
        public = nothing
        if masker is not None:
            said, where, noted = masker.text(description), masker.address(address), masker.text(notes)
            if not is_plain:
                said, where, noted = _text(said), _text(where), _text(noted)
            public = f"{said}\t{where or _NULL}\t{noted}\t{{}}\t{RULES_VERSION}"
        if not is_plain:
            description, address, notes = _text(description), _text(address), _text(notes)
            address_id, zipcode = _text(address_id), _text(zipcode)
        place = f"{_NULL}\t{_NULL}\t{_NULL}" if row.lon is None else f"{row.lon}\t{row.lat}\t{precision_m}"
        updated_at = _instant(row.updated_at)
        closed_at = updated_at if row.closed_at is row.updated_at else row.closed_at or _NULL
        yield (
            f"{_escaped(row.service_code)}\t{_escaped(row.channel)}\t{description}\t{address or _NULL}\t{address_id or _NULL}"
            f"\t{zipcode or _NULL}\t{place}\t{_escaped(row.areas)}\t{row.life}\t{row.outcome_code or _NULL}"
            f"\t{notes}\t{_escaped(row.agency_code) if row.agency_code else _NULL}"
            f"\t{'f' if row.service_code in private else 't'}\t{updated_at}\t{row.expected_at or _NULL}\t{closed_at}\t{public}"
        )


def row_id(register: Register, row: Past) -> str:
    """A UUID version 7 of the time it was made, and always the same for the same row of the same register."""
    digest = _begun(register.jurisdiction_id, register.source).copy()
    digest.update(row.source_id.encode())
    chance = int.from_bytes(digest.digest(), "big")
    stamp = int(row.requested_at.timestamp() * 1000)
    return _pack_id(stamp << 16 | 7 << 12 | chance >> 62 & 0xFFF, 2 << 62 | chance & (1 << 62) - 1).hex()


@lru_cache(maxsize=16)
def _begun(jurisdiction_id: str, source: str) -> blake2b:
    """The digest of what all numbers of a register begin with."""
    return blake2b(f"{jurisdiction_id}\0{source}\0".encode(), digest_size=10)


class _Days(dict[int, str]):
    def __missing__(self, number: int) -> str:
        made = self[number] = f"{_EPOCH + timedelta(number):%Y-%m-%d} "
        return made


class _Times(dict[int, str]):
    def __missing__(self, second: int) -> str:
        made = self[second] = f"{_EPOCH + timedelta(0, second):%H:%M:%S}+00"
        return made


# The days of a register and the seconds of a day come again and again; to write an instant out takes three times as long.
_DAYS, _TIMES = _Days(), _Times()


def _instant(at: datetime) -> str:
    passed = at - _EPOCH
    return at.isoformat() if passed.microseconds else f"{_DAYS[passed.days]}{_TIMES[passed.seconds]}"


def _text(value: str) -> str:
    return value.translate(_ESCAPES) if _ESCAPED.search(value) else value


# Codes and areas come again and again.
_escaped = lru_cache(maxsize=50_000)(_text)


def _json_string(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "").replace("\t", "")
