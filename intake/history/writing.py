"""A batch of past requests into the queue: what is known is left alone, the rest goes in by COPY, in the caller's transaction."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from uuid import UUID
from zlib import crc32
from zoneinfo import ZoneInfo

import orjson
import psycopg
from sqlmodel import Session

from intake.history.rows import Past
from intake.service_requests.masking.mask import mask, no_places
from intake.service_requests.masking.people import Places
from intake.service_requests.public_text import RULES_VERSION
from kernel.folio import FolioScrambler

HALVES = 2
# Below this number no two folios of one year can be the same.
_ROUND_TRIP = 10**7
_ESCAPED = re.compile(r"[\\\t\n\r\b\f\v]")
_ESCAPES = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v", "\0": ""}
)
_NULL = "\\N"
_TOGETHER = 1000
_REMEMBERED = 100_000
_MADE = (
    "id", "jurisdiction_id", "folio", "source", "source_id", "language", "attributes", "media_urls", "handover",
    "report_count", "version", "requested_at",
)  # fmt: skip
_CHANGING = (
    "service_code", "channel", "description", "address_string", "address_id", "zipcode", "lon", "lat", "precision_m",
    "areas", "life", "outcome_code", "status_notes", "agency_code", "is_public", "updated_at", "expected_at", "closed_at",
    "public_description", "public_address", "public_status_notes", "public_attributes", "public_text_version",
)  # fmt: skip
_REVIEWED = frozenset({"public_description", "public_address", "public_status_notes"})
COLUMNS = (*_MADE, *_CHANGING)
COPY = f"COPY service_request ({', '.join(COLUMNS)}) FROM STDIN"


def _assignment(name: str) -> str:
    if name not in _REVIEWED:
        return f"{name} = n.{name}"
    # What a reviewer wrote for everybody to read stays.
    return f"{name} = CASE WHEN v.decided IS NULL OR v.decided = '{{}}' THEN n.{name} ELSE r.{name} END"


_UPDATE = (
    f"UPDATE service_request r SET version = r.version + 1, {', '.join(map(_assignment, _CHANGING))}"  # noqa: S608  # our own names
    " FROM changed_history n LEFT JOIN public_text_review v ON v.service_request_id = n.id WHERE r.id = n.id"
    " AND r.updated_at < n.updated_at"
)
# The lock of both halves, shared, and that of one.
_TAKE_TURN = (
    "SELECT pg_advisory_xact_lock_shared(hashtextextended(%(name)s, 0)),"
    " pg_advisory_xact_lock(hashtextextended(%(name)s, 1 + %(half)s))"
)
# Sent as JSON, which the driver has only to pass on.
_KNOWN = (
    "SELECT source_id, id, updated_at FROM service_request WHERE jurisdiction_id = %(city)s AND source = %(source)s"
    " AND source_id = ANY(ARRAY(SELECT jsonb_array_elements_text(CAST(%(ids)s AS jsonb))))"
)
# All rows are of one city, the only thing that they refer to: it is looked up and kept from going away once, not for each of
# them, where this user may say so. Triggers of the table would not run either; it has none.
_HOLD_CITY = (
    "SELECT set_config('session_replication_role', 'replica', true) FROM jurisdiction"
    " WHERE id = %(city)s AND has_parameter_privilege('session_replication_role', 'SET') FOR KEY SHARE"
)


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


@dataclass
class Counts:
    """What became of rows. stale: known, and older here than in the file, but not updated because nobody asked for it."""

    inserted: int = 0
    updated: int = 0
    known: int = 0
    stale: int = 0

    def add(self, other: "Counts") -> None:
        self.inserted += other.inserted
        self.updated += other.updated
        self.known += other.known
        self.stale += other.stale


def half_of(source_id: str) -> int:
    """Which half of its register a row belongs to: always the same one."""
    return crc32(source_id.encode()) % HALVES


def sort_out(
    session: Session, register: Register, rows: Sequence[Past], *, update: bool, half: int | None = None
) -> tuple[list[Past], list[tuple[UUID, Past]], Counts]:
    """(new rows, rows that are newer than what is here with its id, counts of the others). A batch counts in its order.

    half: the one to which all of the rows belong; the other may be written meanwhile.
    """
    connection = session.connection()
    # Two imports of one register take turns, batch by batch or half by half; each then sees what the other has written.
    name = f"history:{register.jurisdiction_id}:{register.source}"
    if half is None:
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtextextended(%(name)s, 0))", {"name": name})
    else:
        connection.exec_driver_sql(_TAKE_TURN, {"name": name, "half": half})
    found = connection.exec_driver_sql(
        _KNOWN,
        {
            "city": register.jurisdiction_id,
            "source": register.source,
            "ids": orjson.dumps([row.source_id for row in rows]).decode(),
        },
    ).all()
    ids: dict[str, UUID] = {row[0]: row[1] for row in found}
    stored: dict[str, datetime] = {row[0]: row[2] for row in found}
    new: dict[str, Past] = {}
    newer: dict[str, Past] = {}
    counts = Counts()
    for row in rows:
        known_at = stored.get(row.source_id)
        if known_at is None:
            new[row.source_id] = row
            stored[row.source_id] = row.updated_at
            continue
        counts.known += 1
        if row.updated_at > known_at:
            if not update:
                counts.stale += 1
                continue
            (new if row.source_id in new else newer)[row.source_id] = row
            stored[row.source_id] = row.updated_at
    return list(new.values()), [(ids[source_id], row) for source_id, row in newer.items()], counts


def write(
    session: Session,
    register: Register,
    folios: FolioScrambler,
    new: Sequence[Past],
    newer: Sequence[tuple[UUID, Past]],
) -> Counts:
    """Writes both. The transaction must hold the lock that `sort_out` took."""
    cursor = _driver(session).cursor()
    if new:
        lines = copy_lines(register, new, _numbers(session, register, folios, new))
        is_held = cursor.execute(_HOLD_CITY, {"city": register.jurisdiction_id}).fetchone() is not None
        copy_in(cursor, COPY, lines)
        if is_held:
            cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    if newer:
        columns = ", ".join(("id", *_CHANGING))
        cursor.execute(
            f"CREATE TEMP TABLE changed_history ON COMMIT DROP AS SELECT {columns} FROM service_request WITH NO DATA"  # noqa: S608  # our own names
        )
        changing = _changing(register, [row for _, row in newer])
        lines = [f"{known_id}\t{values}\n" for (known_id, _), values in zip(newer, changing, strict=True)]
        copy_in(cursor, f"COPY changed_history ({columns}) FROM STDIN", lines)
        cursor.execute(_UPDATE)
        cursor.execute("DROP TABLE changed_history")
    return Counts(inserted=len(new), updated=len(newer))


def copy_in(cursor: psycopg.Cursor[Any], statement: str, lines: Sequence[str]) -> None:
    """COPYs lines in the text format, which are told apart by their line ends."""
    with cursor.copy(statement) as copy:
        for start in range(0, len(lines), _TOGETHER):
            copy.write("".join(lines[start : start + _TOGETHER]).encode())


def _driver(session: Session) -> psycopg.Connection[Any]:
    connection: Any = session.connection().connection.dbapi_connection
    assert isinstance(connection, psycopg.Connection)
    return connection


def _numbers(session: Session, register: Register, folios: FolioScrambler, rows: Sequence[Past]) -> list[str]:
    """A free folio for each row, of the year in which it was made."""
    years = [_year(row.requested_at, register.zone) for row in rows]
    made: list[str] = [""] * len(rows)
    missing = list(range(len(rows)))
    while missing:
        numbers = reserve(session, len(missing))
        tried = folios.folios((years[place], number) for place, number in zip(missing, numbers, strict=True))
        taken = taken_folios(session, tried) if max(numbers) >= _ROUND_TRIP else set()
        for place, folio in zip(missing, tried, strict=True):
            if folio not in taken:
                made[place] = folio
                taken.add(folio)
        missing = [place for place in missing if not made[place]]
    return made


def _year(at: datetime, zone: ZoneInfo) -> int:
    return at.year if 1 < at.month < 12 else at.astimezone(zone).year


def reserve(session: Session, count: int) -> list[int]:
    """That many numbers of the sequence that folios are made of, never given out again."""
    statement = "SELECT nextval('folio_seq') FROM generate_series(1, %(count)s)"
    return [row[0] for row in session.connection().exec_driver_sql(statement, {"count": count})]


def taken_folios(session: Session, folios: Sequence[str]) -> set[str]:
    statement = "SELECT folio FROM service_request WHERE folio = ANY(%(folios)s)"
    return {row[0] for row in session.connection().exec_driver_sql(statement, {"folios": list(folios)})}


def copy_lines(register: Register, rows: Sequence[Past], folios: Sequence[str]) -> list[str]:
    """The rows in COPY's text format, in the order of COLUMNS."""
    city, source = _escaped(register.jurisdiction_id), _escaped(register.source)
    lines = []
    for row, folio, changing in zip(rows, folios, _changing(register, rows), strict=True):
        media = _text(f'["{_json_string(row.media_url)}"]') if row.media_url else "[]"
        lines.append(
            f"{row_id(register, row)}\t{city}\t{folio}\t{source}\t{_text(row.source_id)}\t{register.language}\t{{}}\t{media}"
            f"\tnone\t1\t1\t{row.requested_at.isoformat()}\t{changing}\n"
        )
    return lines


def _changing(register: Register, rows: Sequence[Past]) -> Iterator[str]:
    private, precision, masker = register.private_services, register.precision_m, register.masker
    precision_m = _NULL if precision is None else f"{precision}"
    nothing = "\t".join([_NULL] * 5)
    for row in rows:
        description, address, notes = row.description, row.address, row.status_notes
        address_id, zipcode = row.address_id, row.zipcode
        together = f"{description}{address}{notes}{address_id}{zipcode}"
        is_plain = together.isprintable() and "\\" not in together
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
        updated_at = row.updated_at.isoformat()
        closed_at = updated_at if row.closed_at is row.updated_at else row.closed_at or _NULL
        yield (
            f"{_escaped(row.service_code)}\t{_escaped(row.channel)}\t{description}\t{address or _NULL}\t{address_id or _NULL}"
            f"\t{zipcode or _NULL}\t{place}\t{_escaped(row.areas)}\t{row.life}\t{row.outcome_code or _NULL}"
            f"\t{notes}\t{_escaped(row.agency_code) if row.agency_code else _NULL}"
            f"\t{'f' if row.service_code in private else 't'}\t{updated_at}\t{row.expected_at or _NULL}\t{closed_at}\t{public}"
        )


def row_id(register: Register, row: Past) -> str:
    """A UUID version 7 of the time it was made, and always the same for the same row of the same register."""
    key = f"{register.jurisdiction_id}\0{register.source}\0{row.source_id}".encode()
    chance = int.from_bytes(blake2b(key, digest_size=10).digest(), "big")
    stamp = int(row.requested_at.timestamp() * 1000)
    made = stamp << 80 | 7 << 76 | (chance >> 62 & 0xFFF) << 64 | 2 << 62 | chance & (1 << 62) - 1
    return f"{made:032x}"


def _text(value: str) -> str:
    return value.translate(_ESCAPES) if _ESCAPED.search(value) else value


# Codes and areas come again and again.
_escaped = lru_cache(maxsize=50_000)(_text)


def _json_string(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "").replace("\t", "")
