"""Rows that thousands of tests begin with: the program makes them once in a process, one statement writes them again."""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from sqlalchemy import text
from sqlmodel import Session

T = TypeVar("T")
_kept: dict[Hashable, tuple[Any, dict[str, str]]] = {}


def again(session: Session, key: Hashable, tables: tuple[str, ...], make: Callable[[], T]) -> T:
    """What `make` returned the first time; what it added to these tables, and to no other, is there, with the same ids."""
    session.flush()
    if key in _kept:
        made, rows = _kept[key]
        session.execute(_insert(tables), rows)
        return made  # type: ignore[no-any-return]  # what was kept under this key
    before = {table: set(_rows(session, table)) for table in tables}
    made = make()
    session.flush()
    added = {table: [row for row in _rows(session, table) if row not in before[table]] for table in tables}
    _kept[key] = made, {table: f"[{','.join(rows)}]" for table, rows in added.items()}
    return made


def _rows(session: Session, table: str) -> list[str]:
    return list(session.connection().execute(text(f"SELECT to_jsonb(t)::text FROM {table} t")).scalars())


def _insert(tables: tuple[str, ...]) -> Any:
    """Foreign keys are looked at when the whole statement has ended, so the order of the tables means nothing."""
    inserts = (
        f"_{table} AS (INSERT INTO {table} OVERRIDING SYSTEM VALUE"
        f" SELECT * FROM jsonb_populate_recordset(NULL::{table}, CAST(:{table} AS jsonb)))"
        for table in tables
    )
    return text(f"WITH {', '.join(inserts)} SELECT 1")
