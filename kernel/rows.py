"""Objects of the session without SQLAlchemy's way there, for what is hot: one prepared statement each, and no unit of work.

`load` was measured at a third of a `select` of the same row, `change` at a quarter of a flush. What they give and take are the
session's own objects: all else works with them as ever.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import inspect
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.orm.attributes import set_committed_value
from sqlmodel import Session, SQLModel

from kernel import db
from kernel.inserts import adopt, as_text, column_types, table_of, written

M = TypeVar("M", bound=SQLModel)

# A tail that keeps a row until the transaction ends; new rows may go on referring to it.
HELD = "FOR NO KEY UPDATE"

_DIALECT = psycopg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy types only a part


class _Columns(NamedTuple):
    names: tuple[str, ...]
    listed: str
    # Of the columns that the driver gives otherwise than the model has them.
    readers: tuple[tuple[int, Callable[[Any], Any]], ...]
    key: str
    new: Callable[[], Any]


def load(session: Session, model: type[M], tail: str, values: Sequence[Any]) -> list[M]:
    """The rows of `model` that `SELECT … FROM its table <tail>` finds, as they are now; values: of `$1`… in the tail.

    An object that the session has already takes the row's values. The tail may lock (`FOR NO KEY UPDATE`).
    """
    columns = _columns(model)
    session.flush()
    sql = f"SELECT {columns.listed} FROM {table_of(model).name} {tail}"  # noqa: S608  # names of our own tables
    return [_known(session, model, columns, row) for row in db.fetch(session, sql, values, prepare=True)]


def load_one(session: Session, model: type[M], tail: str, values: Sequence[Any]) -> M | None:
    """As `load`, the first of them."""
    found = load(session, model, tail, values)
    return found[0] if found else None


def load_beside(
    session: Session, models: Mapping[str, type[SQLModel]], tail: str, values: Sequence[Any]
) -> list[tuple[Any, ...]]:
    """The rows that `SELECT … <tail>` finds, each an object for each of `models`, by the name its table has in the tail.

    None for one that an outer join has no row of. As `load` otherwise.
    """
    session.flush()
    listed, parts = _listed(tuple(models.items()))
    return [
        tuple(
            None if row[key] is None else _known(session, model, columns, row[start:end])
            for model, columns, start, key, end in parts
        )
        for row in db.fetch(session, f"SELECT {listed} {tail}", values, prepare=True)  # as above
    ]


@lru_cache
def _listed(
    models: tuple[tuple[str, type[SQLModel]], ...],
) -> tuple[str, tuple[tuple[type[SQLModel], _Columns, int, int, int], ...]]:
    """The columns of all, and of each model where its own begin, its key is, and they end."""
    listed: list[str] = []
    parts = []
    for alias, model in models:
        columns, start = _columns(model), len(listed)
        listed += [f"{alias}.{column.name}" for column in table_of(model).columns]
        parts.append((model, columns, start, start + columns.names.index(columns.key), len(listed)))
    return ", ".join(listed), tuple(parts)


def fresh(model: type[M], **values: Any) -> M:
    """A new row for `kernel.inserts.insert_together`, with the model's defaults for what `values` leaves out.

    The model's own way to make one asks for each field anew how it is made, which was a quarter of taking a message in.
    """
    made: M = _columns(model).new()
    held = made.__dict__
    for name, _, default in written(model):
        held[name] = values[name] if name in values else default()
    return made


def change(session: Session, row: SQLModel, **values: Any) -> None:
    """Writes these columns of one row of the session, now; what the row has already is not written again."""
    values = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not values:
        return
    columns = _columns(type(row))
    types = column_types(table_of(row))
    sets = ", ".join(f"{name} = ${n}::{types[name][0]}" for n, name in enumerate(values, start=2))
    given = [as_text(value, types[name][1]) for name, value in values.items()]
    sql = f"UPDATE {table_of(row).name} SET {sets} WHERE {columns.key} = $1 RETURNING 1"  # noqa: S608  # as above
    db.fetch(session, sql, [getattr(row, columns.key), *given], prepare=True)
    for name, value in values.items():
        set_committed_value(row, name, value)


def _known(session: Session, model: type[M], columns: _Columns, row: Sequence[Any]) -> M:
    values = dict(zip(columns.names, row, strict=True))
    for number, read in columns.readers:
        name = columns.names[number]
        values[name] = read(values[name])
    known: M | None = session.identity_map.get(session.identity_key(model, values[columns.key]))
    if known is not None:
        held = known.__dict__
        for name, value in values.items():
            if name not in held or held[name] != value:
                set_committed_value(known, name, value)
        return known
    made: M = columns.new()
    made.__dict__.update(values)
    adopt(session, made)
    return made


@lru_cache
def _columns(model: type[SQLModel]) -> _Columns:
    table = table_of(model)
    columns = list(table.columns)
    readers = [(number, column.type.result_processor(_DIALECT, None)) for number, column in enumerate(columns)]
    (key,) = table.primary_key.columns
    return _Columns(
        tuple(column.key for column in columns),
        ", ".join(column.name for column in columns),
        tuple((number, read) for number, read in readers if read is not None),
        key.key,
        inspect(model).class_manager.new_instance,
    )
