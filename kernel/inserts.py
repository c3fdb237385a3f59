"""Several rows of several tables in one statement, for the few writes that are hot: one round trip instead of one for each.

Every value is sent as text with the column's type beside it, so that a statement of some shape is prepared once, whichever of its
values are empty. The driver would translate a statement this long anew each time: it is written with `$1` and goes as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple, cast
from uuid import UUID

import orjson
from pydantic.fields import FieldInfo
from sqlalchemy import JSON, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import make_transient_to_detached
from sqlmodel import Session, SQLModel

from kernel import db, memory

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy types only a part


class Row(NamedTuple):
    """A row to be written that nobody needs as an object; what `values` leaves out has the model's default."""

    model: type[SQLModel]
    values: Mapping[str, Any]


def insert_together(session: Session, head: SQLModel, others: Sequence[SQLModel | Row]) -> bool:
    """Inserts `head`, and with it `others` in their order; False, and no row at all, when a unique value of `head` is taken.

    others: they may refer to `head`, and to each other.
    What the unit of work goes by from memory is confirmed by the same statement; raises NotAsRemembered.
    Afterwards `head` is known to the session as if it had been loaded; `others` are not, until they are adopted.
    """
    session.flush()  # what the rows refer to
    groups: dict[type[SQLModel], list[SQLModel | Row]] = {}
    for other in others:
        groups.setdefault(other.model if isinstance(other, Row) else type(other), []).append(other)
    tables = (table_of(head), *(table_of(model) for model in groups))
    sizes = (1, *map(len, groups.values()))
    values: list[str | None] = []
    _write(values, type(head), head)
    for model, rows in groups.items():
        for row in rows:
            _write(values, model, row)
    claims = memory.open_claims(session)
    for named in claims.values():
        values += named.values()
    statement = _statement(tables, sizes, tuple((claim, tuple(named)) for claim, named in claims.items()))
    ((is_as_remembered, made),) = db.fetch(session, statement, values, prepare=True)
    if not is_as_remembered:
        raise memory.NotAsRemembered
    if claims:
        memory.confirmed(session)
    if made:
        adopt(session, head)
    return bool(made)


def adopt(session: Session, row: SQLModel) -> None:
    """Makes a new row, which was written by a statement of ours, known to the session as if it had been loaded."""
    make_transient_to_detached(row)
    session.add(row)


def table_of(row: SQLModel | type[SQLModel]) -> Table:
    table: Table = row.__table__  # type: ignore[union-attr]  # every row has one
    return table


def _write(values: list[str | None], model: type[SQLModel], row: SQLModel | Row) -> None:
    if isinstance(row, Row):
        given = row.values
        for name, is_json, default in written(model):
            values.append(as_text(given[name] if name in given else default(), is_json))
    else:
        for name, is_json, _ in written(model):
            values.append(as_text(getattr(row, name), is_json))


@lru_cache
def written(model: type[SQLModel]) -> tuple[tuple[str, bool, Callable[[], Any]], ...]:
    """Of each column that is not numbered by the database: its name, whether it holds JSON, what makes its default."""
    fields = model.model_fields
    return tuple(
        (
            column.key,
            isinstance(column.type, JSON),
            _default_of(fields[column.key]),
        )
        for column in table_of(model).columns
        if column.identity is None
    )


def _default_of(field: FieldInfo) -> Callable[[], Any]:
    # Pydantic's own `get_default` looks at the signature of a factory each time.
    if field.default_factory is None:
        return lambda: field.default
    return cast("Callable[[], Any]", field.default_factory)


def as_text(value: Any, is_json: bool) -> str | None:
    """The value as PostgreSQL reads it once it knows the column's type."""
    if value is None:
        return None
    if is_json:
        return orjson.dumps(value).decode()
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("naive datetime: pass an instant with its zone")
        return value.isoformat()
    if isinstance(value, int | float | UUID):
        return str(value)
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    raise TypeError(f"no text is known for a {type(value).__name__}")


@lru_cache
def column_types(table: Table) -> dict[str, tuple[str, bool]]:
    """Of each column, what PostgreSQL calls its type, and whether it holds JSON."""
    return {
        column.key: (column.type.compile(dialect=_DIALECT), isinstance(column.type, JSON)) for column in table.columns
    }


@lru_cache(maxsize=64)
def _statement(
    tables: tuple[Table, ...], sizes: tuple[int, ...], claims: tuple[tuple[str, tuple[str, ...]], ...] = ()
) -> str:
    """claims: conditions with the names of their values, which come last."""
    parts: list[str] = []
    number = 0
    for t, (table, size) in enumerate(zip(tables, sizes, strict=True)):
        columns = [column for column in table.columns if column.identity is None]
        types = [column_types(table)[column.key][0] for column in columns]
        tuples = []
        for _ in range(size):
            tuples.append("(" + ", ".join(f"${number + c}::{kind}" for c, kind in enumerate(types, 1)) + ")")
            number += len(types)
        given = ", ".join(tuples)
        names = ", ".join(column.name for column in columns)
        into = f"INSERT INTO {table.name} ({names})"
        if t == 0:
            rows = f"SELECT given.* FROM claimed, (VALUES {given}) AS given WHERE claimed.holds"  # noqa: S608  # names of our own tables
            parts.append(f"head AS ({into} {rows if claims else f'VALUES {given}'} ON CONFLICT DO NOTHING RETURNING 1)")
        else:
            parts.append(
                f"t{t} AS ({into} SELECT given.* FROM head, (VALUES {given}) AS given RETURNING 1)"  # noqa: S608  # as above
            )
    made = "EXISTS (SELECT FROM head)"
    if not claims:
        return f"WITH {', '.join(parts)} SELECT true, {made}"
    conditions = []
    for condition, names_of_values in claims:
        marks = {name: f"${number + n}" for n, name in enumerate(names_of_values, 1)}
        number += len(marks)
        conditions.append(f"({condition % marks})")
    # A condition about nothing, of a row that is gone, does not hold either.
    claimed = f"claimed AS MATERIALIZED (SELECT coalesce({' AND '.join(conditions)}, false) AS holds)"
    return f"WITH {claimed}, {', '.join(parts)} SELECT holds, {made} FROM claimed"  # noqa: S608  # as above
