"""A batch of past requests into the queue: what is known is left alone, the rest goes in by COPY, in the caller's transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID
from zlib import crc32
from zoneinfo import ZoneInfo

import orjson
import psycopg
from sqlmodel import Session

from intake.history.lines import CHANGING, COLUMNS, Register, changing_values, copy_lines
from intake.history.rows import Past
from kernel.folio import FolioScrambler

HALVES = 2
# Below this number no two folios of one year can be the same.
_ROUND_TRIP = 10**7
# So many lines are sent at a time: the database writes them while the next are masked and written out.
_TOGETHER = 250
_REVIEWED = frozenset({"public_description", "public_address", "public_status_notes"})
COPY = f"COPY service_request ({', '.join(COLUMNS)}) FROM STDIN"


def _assignment(name: str) -> str:
    if name not in _REVIEWED:
        return f"{name} = n.{name}"
    # What a reviewer wrote for everybody to read stays.
    return f"{name} = CASE WHEN v.decided IS NULL OR v.decided = '{{}}' THEN n.{name} ELSE r.{name} END"


_UPDATE = (
    f"UPDATE service_request r SET version = r.version + 1, {', '.join(map(_assignment, CHANGING))}"  # noqa: S608  # our own names
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
        columns = ", ".join(("id", *CHANGING))
        cursor.execute(
            f"CREATE TEMP TABLE changed_history ON COMMIT DROP AS SELECT {columns} FROM service_request WITH NO DATA"  # noqa: S608  # our own names
        )
        changing = changing_values(register, [row for _, row in newer])
        lines = (f"{known_id}\t{values}\n" for (known_id, _), values in zip(newer, changing, strict=True))
        copy_in(cursor, f"COPY changed_history ({columns}) FROM STDIN", lines)
        cursor.execute(_UPDATE)
        cursor.execute("DROP TABLE changed_history")
    return Counts(inserted=len(new), updated=len(newer))


def copy_in(cursor: psycopg.Cursor[Any], statement: str, lines: Iterable[str]) -> None:
    """COPYs lines in the text format, which are told apart by their line ends, while they are made."""
    waiting = iter(lines)
    with cursor.copy(statement) as copy:
        while some := "".join(islice(waiting, _TOGETHER)):
            copy.write(some.encode())


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
        if max(numbers) < _ROUND_TRIP and len(tried) == len(rows):
            return tried
        taken = taken_folios(session, tried)
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
    # As one value: to tell rows apart takes longer than to number them.
    statement = "SELECT array_agg(nextval('folio_seq')) FROM generate_series(1, %(count)s)"
    numbers: list[int] = session.connection().exec_driver_sql(statement, {"count": count}).scalar_one()
    return numbers


def taken_folios(session: Session, folios: Sequence[str]) -> set[str]:
    statement = "SELECT folio FROM service_request WHERE folio = ANY(%(folios)s)"
    return {row[0] for row in session.connection().exec_driver_sql(statement, {"folios": list(folios)})}
