"""The database seam: one engine for the process, one transaction per unit of work, opened and committed here and nowhere else.

A composition root calls `configure(engine)`; a test calls `configure(connection)` with a connection it will roll back.
Actions take the session and never commit.
"""

import math
import re
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

import orjson
import psycopg
import structlog
from sqlalchemy import Connection, DateTime, Dialect, Engine, MetaData, create_engine, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator
from sqlmodel import Session, SQLModel

from kernel.errors import MisconfiguredError
from kernel.settings import POOL_OVERFLOW, POOL_SIZE
from kernel.statements import Rows, Statements
from kernel.telling import Notification, Teller

STANDBY_PAUSE_S = 15.0
# A connection's own, so that a process of 50 connections keeps a few hundred megabytes of plans at most.
PREPARED_STATEMENTS = 64
_PING_AFTER_S = 1.0
_IDLE_SINCE = "atiende_idle_since"
# Of a session that reads: the engine whose connections its statements may run on, each by itself.
_READS = "atiende_reads"
# Of a connection: its `Statements`.
_STATEMENTS = "atiende_statements"
# Of a session that writes: what is to be told once it has committed.
_TOLD = "atiende_told"
# Of a steady session: what it asked once.
_FOUND = "atiende_found"
# A column to RETURN from a change that may be forgotten if the server loses its memory in the next moment, because it would be
# made again: its commit does not wait for the disk. What is committed after it is never kept without it.
UNHURRIED = "set_config('synchronous_commit', 'off', true)"
_PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")

_NOTIFY = text("SELECT pg_notify(:channel, :body)")

log = structlog.get_logger(__name__)
T = TypeVar("T")

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
metadata: MetaData = SQLModel.metadata
# Rows are not validated by their class, so most tables never need what Pydantic would build for them: a tenth of a start.
SQLModel.model_config["defer_build"] = True


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

    Statements are prepared where `fetch` is told to, never by themselves: after a few runs PostgreSQL may switch to a generic
    plan, which was measured three times slower for filtered lists. Behind a transaction pooler, which loses them, none is.
    """
    scheme, _, rest = url.partition("://")
    if scheme.split("+")[0] not in ("postgresql", "postgres"):
        raise MisconfiguredError("DATABASE_URL debe empezar con postgresql://")
    engine = create_engine(
        f"postgresql+psycopg://{rest}",
        pool_size=pool_size,
        max_overflow=pool_overflow,
        pool_timeout=pool_timeout_s,
        # A few connections in steady use, instead of all of them in turn: theirs are the statements that are prepared, and the
        # caches of PostgreSQL's processes that are warm.
        pool_use_lifo=True,
        # An error text must not quote the row it was about.
        hide_parameters=True,
        connect_args={"prepare_threshold": None, "connect_timeout": 10},
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
    )
    event.listen(engine, "connect", _prepare_when_told)
    event.listen(engine, "checkin", _note_idle)
    event.listen(engine, "checkout", _ping_if_idle)
    return engine


def _prepare_when_told(connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[_STATEMENTS] = Statements(connection, PREPARED_STATEMENTS if is_direct(connection) else 0)
    connection.rollback()


def is_direct(connection: psycopg.Connection) -> bool:
    """Whether nothing stands between: a pooler names a process of its own invention when it is connected to."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return row == (connection.info.backend_pid,)


def _note_idle(_: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.info[_IDLE_SINCE] = time.monotonic()


def _ping_if_idle(connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
    """Asks a connection that has been idle whether its server is still there; one in steady use tells by itself.

    SQLAlchemy's own `pool_pre_ping` asks each time, which was measured at a tenth of a millisecond of every request.
    """
    if time.monotonic() - record.info.get(_IDLE_SINCE, math.inf) < _PING_AFTER_S:
        return
    _ping(connection)


def _ping(connection: DBAPIConnection) -> None:
    try:
        connection.cursor().execute("SELECT 1").close()
        connection.rollback()
    except psycopg.Error as error:
        raise DisconnectionError from error


_bind: Engine | Connection | None = None
_read_bind: Engine | Connection | None = None
_standby: Engine | None = None
_standby_away_until = 0.0
_teller: Teller | None = None


def configure(bind: Engine | Connection | None, standby: Engine | None = None) -> None:
    """Names the engine (or a test's connection) that every transaction of this process uses, and the standby if there is one."""
    global _bind, _read_bind, _standby, _standby_away_until, _teller
    if _teller is not None:
        _teller.close()
    _teller = Teller(bind) if isinstance(bind, Engine) else None
    _bind = bind
    _read_bind = alone(bind) if isinstance(bind, Engine) else bind
    _standby = alone(standby) if standby else None
    _standby_away_until = 0.0


def alone(engine: Engine) -> Engine:
    """The same pool, each statement by itself: under READ COMMITTED a reading sees no less, and saves two of four round trips."""
    return engine.execution_options(isolation_level="AUTOCOMMIT")


def bind() -> Engine | Connection:
    if _bind is None:
        raise MisconfiguredError("La base de datos no está configurada.")
    return _bind


def _new_session(to: Engine | Connection) -> Session:
    # Under a test's connection a commit only releases a savepoint; the outer transaction is rolled back by the test.
    return Session(to, expire_on_commit=False, join_transaction_mode="create_savepoint")


@contextmanager
def transaction(*, is_steady: bool = False) -> Iterator[Session]:
    """One unit of work: commits when the block ends well, rolls back when it raises.

    is_steady: it goes by the catalogue, settings and rules as it first finds them (`asked_once`), and changes none of them.
    """
    told: list[Notification] = []
    teller = _teller
    with _new_session(bind()) as session, session.begin():
        if teller is not None:
            session.info[_TOLD] = told
        if is_steady:
            session.info[_FOUND] = {}
        yield session
    if teller is not None and told:
        teller.tell(told)


def asked_once(session: Session, question: Hashable, ask: Callable[[], T]) -> T:
    """What `ask` gives; in a steady unit of work what it gave the first time. question: the same for the same answer."""
    found: dict[Hashable, T] | None = session.info.get(_FOUND)
    if found is None:
        return ask()
    if question not in found:
        found[question] = ask()
    return found[question]


def notify(session: Session, channel: str, body: str) -> None:
    """Wakes whoever listens on `channel` when this transaction has committed, a moment later; nobody if it does not.

    A hint, lost if the process is killed in that moment: whoever listens must look by themselves as well.
    """
    told: list[Notification] | None = session.info.get(_TOLD)
    if told is not None:
        told.append((channel, body))
        return
    # A test's connection, or a session that somebody else ends.
    session.connection().execute(_NOTIFY, {"channel": channel, "body": body})


def notify_now(channel: str, body: str) -> None:
    """As `notify`, of what has been committed already."""
    if _teller is not None:
        _teller.tell([(channel, body)])
        return
    with transaction() as session:
        notify(session, channel, body)


@contextmanager
def read_transaction(*, may_lag: bool = False) -> Iterator[Session]:
    """One reading, of which nothing may be written: under a test's connection PostgreSQL refuses to.

    may_lag: it may run on the standby, which can be moments behind: for lists, never for what somebody has just been told of.
    A standby that does not answer is left alone for a while; reading goes on where the others write.
    """
    if isinstance(_read_bind, Connection):
        with _new_session(_read_bind) as session:
            session.connection().exec_driver_sql("SET TRANSACTION READ ONLY")  # ends with the savepoint of the test
            yield session
        return
    if may_lag and _standby is not None:
        with _reading_connection() as connection, _new_session(connection) as session:
            yield session
        return
    if _read_bind is None:
        raise MisconfiguredError("La base de datos no está configurada.")
    session = _new_session(_read_bind)
    session.info[_READS] = _read_bind
    try:
        yield session
    finally:
        # Most have nothing to give back, and closing was measured to cost more than opening.
        if session.in_transaction() or session.identity_map:
            session.close()


def _reading_connection() -> Connection:
    global _standby_away_until
    if not isinstance(_read_bind, Engine):
        raise MisconfiguredError("La base de datos no está configurada.")
    if _standby is not None and time.monotonic() >= _standby_away_until:
        try:
            return _standby.connect()
        except OperationalError as error:
            _standby_away_until = time.monotonic() + STANDBY_PAUSE_S
            log.warning("the standby does not answer, reading from the primary", error=type(error).__name__)
    return _read_bind.connect()


def fetch(session: Session, sql: str, values: Mapping[str, Any] | Sequence[Any], *, prepare: bool = False) -> list[Any]:
    """All rows of one statement of our own, as the driver's tuples: for what is hot, where SQLAlchemy's result doubles the cost.

    values: by name for `%(name)s`, or in their order for `$1`.
    prepare: planned once for each connection and then for all values alike, so only for a statement with one good plan.
    Raises what SQLAlchemy would.
    """
    return fetch_rows(session, sql, values, prepare=prepare).all()


def change_alone(sql: str, values: Sequence[Any], engine: Engine | None = None) -> list[Any]:
    """One statement of our own that is a unit of work by itself, and the rows it returns; planned once for each connection.

    values: in the order of `$1`. engine: another than this process uses, one of `alone`.
    Beginning and committing around it are two more round trips, and a session costs more than they. Raises what SQLAlchemy would.
    """
    engine = engine or (_read_bind if isinstance(_read_bind, Engine) else None)
    if engine is None:
        with transaction() as session:
            return fetch(session, sql, values, prepare=True)
    try:
        return _run_alone(engine, sql.encode(), values, prepare=True).all()
    except psycopg.Error as error:
        raise _as_sqlalchemys(sql, error) from error


def fetch_rows(session: Session, sql: str, values: Mapping[str, Any] | Sequence[Any], *, prepare: bool = False) -> Rows:
    """As `fetch`, for a caller that knows most of the rows already."""
    query, ordered = _numbered(sql, values) if isinstance(values, Mapping) else (sql.encode(), values)
    engine: Engine | None = session.info.get(_READS)
    try:
        if engine is not None and not session.in_transaction():
            return _run_alone(engine, query, ordered, prepare=prepare)
        return _run_in(session.connection(), query, ordered, prepare=prepare)
    except psycopg.Error as error:
        raise _as_sqlalchemys(sql, error) from error


def _as_sqlalchemys(sql: str, error: psycopg.Error) -> BaseException:
    return DBAPIError.instance(sql, None, error, psycopg.Error, hide_parameters=True)


def _run_in(connection: Connection, query: bytes, values: Sequence[Any], *, prepare: bool) -> Rows:
    statements: Statements = connection.info[_STATEMENTS]
    try:
        return statements.run(query, values, prepare=prepare)
    except psycopg.Error as error:
        if statements.driver.closed:
            connection.invalidate(error)
        raise


def _run_alone(engine: Engine, query: bytes, values: Sequence[Any], *, prepare: bool) -> Rows:
    """The statement by itself, on a connection that is lent from the pool for as long as it takes.

    That is half of what a connection through SQLAlchemy costs, and nobody else waits while the rows are printed.
    """
    lent = engine.raw_connection()
    statements: Statements = lent.info[_STATEMENTS]
    try:
        return statements.run_alone(query, values, prepare=prepare)
    finally:
        if statements.driver.closed:
            lent.invalidate()
        else:
            lent.close()


def _numbered(sql: str, values: Mapping[str, Any]) -> tuple[bytes, list[Any]]:
    """With `$1` for each `%(name)s`, and the values in this order."""
    query, names = _translated(sql)
    return query, [values[name] for name in names]


@lru_cache(maxsize=256)
def _translated(sql: str) -> tuple[bytes, tuple[str, ...]]:
    # The driver would do it, but remembers nothing of more than 4,096 letters: each walk through squares was taken apart anew.
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"${numbers.setdefault(found[1], len(numbers) + 1)}" if found[1] else "%"

    numbered = _PLACEHOLDER.sub(number, sql)
    return numbered.encode(), tuple(numbers)


@contextmanager
def core_transaction(engine: Engine) -> Iterator[Connection]:
    """`transaction` for plain SQL on a connection of `engine`, without a session."""
    with engine.begin() as connection:
        yield connection
