"""Several rows of several tables in one statement, for the few writes that are hot: one round trip instead of one for each."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import JSON, Column, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import make_transient_to_detached
from sqlmodel import Session, SQLModel

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy types only a part


def insert_together(
    session: Session, head: SQLModel, others: Sequence[SQLModel], *, notify: tuple[str, str] | None = None
) -> bool:
    """Inserts `head`, and with it `others` in their order; False, and no row at all, when a unique value of `head` is taken.

    others: rows that nobody changes in this session; they may refer to `head`. notify: channel and payload, told if this commits.
    Afterwards `head` is known to the session as if it had been loaded; `others` are not.
    """
    session.flush()  # what the rows refer to
    tables = [table_of(head)]
    rows: list[list[SQLModel]] = [[head]]
    for other in others:
        table = table_of(other)
        if table in tables[1:]:
            rows[tables.index(table, 1)].append(other)
        else:
            tables.append(table)
            rows.append([other])
    values: dict[str, Any] = {"channel": notify[0], "payload": notify[1]} if notify else {}
    for t, (table, group) in enumerate(zip(tables, rows, strict=True)):
        for r, row in enumerate(group):
            for c, column in enumerate(_written(table)):
                values[f"v{t}_{r}_{c}"] = _as_sent(column, getattr(row, column.key))
    sql = _statement(tuple(tables), tuple(map(len, rows)), notify is not None)
    made = session.connection().exec_driver_sql(sql, values).one_or_none() is not None
    if made:
        make_transient_to_detached(head)
        session.add(head)
    return made


def table_of(row: SQLModel) -> Table:
    table: Table = row.__table__  # type: ignore[attr-defined]  # every row has one
    return table


@lru_cache
def _written(table: Table) -> tuple[Column[Any], ...]:
    return tuple(column for column in table.columns if column.identity is None)


def _as_sent(column: Column[Any], value: Any) -> Any:
    if value is None or not isinstance(column.type, JSON):
        return value
    return orjson.dumps(value).decode()


@lru_cache(maxsize=64)
def _statement(tables: tuple[Table, ...], sizes: tuple[int, ...], notifies: bool) -> str:
    parts: list[str] = []
    for t, (table, size) in enumerate(zip(tables, sizes, strict=True)):
        columns = _written(table)
        types = [column.type.compile(dialect=_DIALECT) for column in columns]
        tuples = ", ".join(
            "(" + ", ".join(f"%(v{t}_{r}_{c})s::{kind}" for c, kind in enumerate(types)) + ")" for r in range(size)
        )
        names = ", ".join(column.name for column in columns)
        into = f"INSERT INTO {table.name} ({names})"
        if t == 0:
            parts.append(f"head AS ({into} VALUES {tuples} ON CONFLICT DO NOTHING RETURNING 1)")
        else:
            parts.append(
                f"t{t} AS ({into} SELECT given.* FROM head, (VALUES {tuples}) AS given RETURNING 1)"  # noqa: S608  # names of our own tables
            )
    told = "pg_notify(%(channel)s, %(payload)s)" if notifies else "1"
    return f"WITH {', '.join(parts)} SELECT {told} FROM head"  # noqa: S608  # as above
