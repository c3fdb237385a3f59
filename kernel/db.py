"""The database seam: one engine for the process, one transaction per unit of work, opened and committed here and nowhere else.

A composition root calls `configure(engine)`; a test calls `configure(connection)` with a connection it will roll back.
Actions take the session and never commit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import orjson
from fastapi import Depends
from sqlalchemy import Connection, DateTime, Dialect, Engine, MetaData, create_engine
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session, SQLModel

from kernel.errors import MisconfiguredError

# AnyIO runs plain `def` handlers in 40 threads; each may hold one connection.
POOL_SIZE = 40
POOL_OVERFLOW = 10

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: MetaData = SQLModel.metadata


class Instant(TypeDecorator[datetime]):
    """A UTC-aware datetime in `timestamptz`; naive values are refused on the way in."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("naive datetime: pass an instant with its zone")
        return value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)


Json = JSONB(none_as_null=True)


def make_engine(
    url: str, *, pool_size: int = POOL_SIZE, pool_overflow: int = POOL_OVERFLOW, pool_timeout_s: float = 30
) -> Engine:
    """An engine for `url` (`postgresql://…`, any driver part is replaced by psycopg 3).

    pool_size: connections it keeps; pool_overflow: more at a peak; pool_timeout_s: how long to wait for a free one.

    Automatic prepared statements stay off: after a few runs PostgreSQL may switch to a generic plan, which was measured three
    times slower for filtered lists, and a transaction pooler (PgBouncer) loses them.
    """
    scheme, _, rest = url.partition("://")
    if scheme.split("+")[0] not in ("postgresql", "postgres"):
        raise MisconfiguredError("DATABASE_URL debe empezar con postgresql://")
    return create_engine(
        f"postgresql+psycopg://{rest}",
        pool_size=pool_size,
        max_overflow=pool_overflow,
        pool_timeout=pool_timeout_s,
        pool_pre_ping=True,
        # An error text must not quote the row it was about.
        hide_parameters=True,
        connect_args={"prepare_threshold": None, "connect_timeout": 10},
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
    )


_bind: Engine | Connection | None = None


def configure(bind: Engine | Connection | None) -> None:
    """Names the engine (or a test's connection) that every transaction of this process uses."""
    global _bind
    _bind = bind


def bind() -> Engine | Connection:
    if _bind is None:
        raise MisconfiguredError("La base de datos no está configurada.")
    return _bind


def _new_session() -> Session:
    # Under a test's connection a commit only releases a savepoint; the outer transaction is rolled back by the test.
    return Session(bind(), expire_on_commit=False, join_transaction_mode="create_savepoint")


@contextmanager
def transaction() -> Iterator[Session]:
    """One unit of work: commits when the block ends well, rolls back when it raises."""
    with _new_session() as session, session.begin():
        yield session


@contextmanager
def core_transaction(engine: Engine) -> Iterator[Connection]:
    """`transaction` for plain SQL on a connection of `engine`, without a session."""
    with engine.begin() as connection:
        yield connection


def _request_transaction() -> Iterator[Session]:
    with transaction() as session:
        yield session


# scope="function": the commit happens BEFORE the reply is sent; a failed commit must not look like a success.
SessionDep = Annotated[Session, Depends(_request_transaction, scope="function")]
