"""The pool is as large as the settings say, for every way to start a process."""

from collections.abc import Mapping
from contextlib import suppress

import pytest
from sqlalchemy import Engine, QueuePool, event, text
from sqlalchemy.exc import InternalError, OperationalError, ProgrammingError
from sqlmodel import Session

from atiende import database
from kernel import db
from kernel.errors import MisconfiguredError
from kernel.settings import POOL_OVERFLOW, POOL_SIZE, Database, load_storage_settings
from tests.house import ROOT

URL = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}


def pool(environ: Mapping[str, str]) -> tuple[int, int, float]:
    engine = database.configure_storage(load_storage_settings(URL | dict(environ)))
    db.configure(None)
    assert isinstance(engine.pool, QueuePool)
    found = engine.pool.size(), engine.pool._max_overflow, engine.pool._timeout
    engine.dispose()
    return found


def test_the_pool_follows_the_settings() -> None:
    assert pool({}) == (POOL_SIZE, POOL_OVERFLOW, 10)
    own = {
        "ATIENDE_DATABASE_POOL_SIZE": "5",
        "ATIENDE_DATABASE_POOL_OVERFLOW": "2",
        "ATIENDE_DATABASE_POOL_TIMEOUT_S": "1.5",
    }
    assert pool(own) == (5, 2, 1.5)


@pytest.mark.parametrize("name", ["ATIENDE_DATABASE_POOL_SIZE", "ATIENDE_DATABASE_POOL_TIMEOUT_S"])
def test_a_size_that_makes_no_sense_is_named(name: str) -> None:
    with pytest.raises(MisconfiguredError, match=name):
        load_storage_settings(URL | {name: "0"})


def test_every_setting_of_it_is_documented() -> None:
    text = (ROOT / "docs/deploy.md").read_text()
    assert [name for name in Database.model_fields if f"`ATIENDE_DATABASE_{name.upper()}`" not in text] == []


@pytest.mark.database
def test_a_reading_that_writes_is_caught_by_its_test(session: Session) -> None:
    with pytest.raises(InternalError, match="read-only transaction"), db.read_transaction() as reading:
        reading.connection().execute(text("CREATE TABLE never (n int)"))


@pytest.mark.database
def test_a_reading_leaves_no_trace_on_the_connections_that_write(engine: Engine) -> None:
    own = db.make_engine(engine.url.render_as_string(hide_password=False), pool_size=1, pool_overflow=0)
    db.configure(own)
    try:
        with db.read_transaction() as reading:
            first = reading.connection().scalar(text("SELECT pg_current_xact_id()::text"))
            assert reading.connection().scalar(text("SELECT pg_current_xact_id()::text")) != first
        with pytest.raises(ProgrammingError), db.transaction() as session:
            session.connection().exec_driver_sql("CREATE TABLE never (n int); no SQL")
        with db.read_transaction() as reading:
            assert reading.connection().scalar(text("SELECT to_regclass('never')")) is None
    finally:
        db.configure(None)
        own.dispose()


@pytest.mark.database
def test_a_standby_serves_what_may_lag_and_nothing_else(database_url: str, engine: Engine) -> None:
    standby = db.make_engine(database_url + "&application_name=standby")
    db.configure(engine, standby)
    try:
        assert [_reader(may_lag=False), _reader(may_lag=True)] == ["", "standby"]
    finally:
        db.configure(None)
        standby.dispose()


@pytest.mark.database
def test_a_standby_that_is_away_is_asked_again_only_after_a_while(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[object] = []
    away = db.make_engine("postgresql://atiende@/none?host=/nowhere&port=5432")
    event.listen(away, "do_connect", lambda *given: tries.append(given))
    db.configure(engine, away)
    try:
        assert [_reader(may_lag=True) for _ in range(3)] == ["", "", ""]
        assert len(tries) == 1
        monkeypatch.setattr(db, "_standby_away_until", 0.0)
        assert _reader(may_lag=True) == ""
        assert len(tries) == 2
    finally:
        db.configure(None)


def _reader(*, may_lag: bool) -> str:
    with db.read_transaction(may_lag=may_lag) as session:
        return str(session.connection().scalar(text("SELECT current_setting('application_name')")))


@pytest.mark.database
def test_a_connection_that_died_while_idle_is_replaced_unseen(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "_PING_AFTER_S", 0.0)
    own = db.make_engine(engine.url.render_as_string(hide_password=False), pool_size=1, pool_overflow=0)
    with own.connect() as connection:
        before = connection.scalar(text("SELECT pg_backend_pid()"))
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": before})
    with own.connect() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != before
    own.dispose()


@pytest.mark.database
def test_a_connection_in_steady_use_is_not_asked(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    own = db.make_engine(engine.url.render_as_string(hide_password=False), pool_size=1, pool_overflow=0)
    with own.connect() as connection:
        connection.execute(text("SELECT 1"))

    asked: list[object] = []
    monkeypatch.setattr(db, "_ping", lambda connection: asked.append(connection))
    own.connect().close()
    assert asked == []
    monkeypatch.setattr(db, "_PING_AFTER_S", 0.0)
    own.connect().close()
    assert len(asked) == 1
    own.dispose()


@pytest.mark.database
def test_a_statement_is_kept_where_it_is_told_and_nowhere_else(engine: Engine) -> None:
    own = db.make_engine(engine.url.render_as_string(hide_password=False), pool_size=1, pool_overflow=0)
    db.configure(own)
    kept = "SELECT statement FROM pg_prepared_statements"
    try:
        for _ in range(8):
            with db.read_transaction() as session:
                assert db.fetch(session, "SELECT %(n)s::int + 1", {"n": 1}, prepare=True) == [(2,)]
                assert db.fetch(session, "SELECT %(n)s::int + 2", {"n": 1}) == [(3,)]
                assert session.connection().scalar(text("SELECT 4")) == 4
        with db.read_transaction() as session:
            assert db.fetch(session, kept, {}) == [("SELECT $1::int + 1",)]
    finally:
        db.configure(None)
        own.dispose()


@pytest.mark.database
def test_a_reading_holds_a_connection_only_while_it_asks(engine: Engine) -> None:
    own = db.make_engine(
        engine.url.render_as_string(hide_password=False), pool_size=1, pool_overflow=0, pool_timeout_s=1
    )
    db.configure(own)
    try:
        with db.read_transaction() as session:
            for sql in ("SELECT 1", "SELECT 1 FROM no_such_table", "SELECT 2"):
                with suppress(ProgrammingError):
                    db.fetch(session, sql, {})
                with own.connect() as other:
                    # Whoever writes with it next must find it as it was.
                    driver = other.connection.driver_connection
                    assert driver is not None
                    assert driver.autocommit is False
            rows = db.fetch_rows(session, "SELECT n, n::text FROM generate_series(1, 3) n", {})
            assert session.connection().scalar(text("SELECT 4")) == 4
            # Through the connection that the session holds by now: there is no other.
            assert db.fetch(session, "SELECT 5", {}) == [(5,)]
        assert [len(rows), rows[2], rows[0], list(rows)] == [3, (3, "3"), (1, "1"), [(1, "1"), (2, "2"), (3, "3")]]
        assert rows.as_sent((1, 0)) == [(b"1", b"1"), (b"2", b"2"), (b"3", b"3")]
        with db.read_transaction() as session:
            assert db.fetch_rows(session, "SELECT 1 WHERE false", {}).as_sent((0,)) == []
    finally:
        db.configure(None)
        own.dispose()


@pytest.mark.database
def test_values_go_where_their_names_are(session: Session) -> None:
    asked = (
        "SELECT %(b)s::text, %(a)s::int, 7 %% 4, 'x%%', %(b)s::text, %(none)s::text" + " -- as long as it likes" * 300
    )
    for a in (1, 2):
        found = db.fetch(session, asked, {"a": a, "b": "dos", "none": None, "unused": 0})
        assert found == [("dos", a, 3, "x%", "dos", None)]
        assert db.fetch(session, "SELECT $2::text, $1::int, '%%'", [a, "dos"]) == [("dos", a, "%%")]
    with pytest.raises(KeyError):
        db.fetch(session, "SELECT %(a)s::int", {"b": 1})


@pytest.mark.database
def test_what_fails_in_a_fetch_fails_as_in_sqlalchemy(engine: Engine) -> None:
    own = db.make_engine(engine.url.render_as_string(hide_password=False), pool_size=1, pool_overflow=0)
    db.configure(own)
    try:
        with pytest.raises(ProgrammingError, match="no_such_table"), db.read_transaction() as session:
            db.fetch(session, "SELECT 1 FROM no_such_table", {})
        with db.read_transaction() as session:
            ((before,),) = db.fetch(session, "SELECT pg_backend_pid()", {})
            with engine.connect() as connection:
                connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": before})
            with pytest.raises(OperationalError):
                db.fetch(session, "SELECT 1", {})
        with db.read_transaction() as session:
            assert db.fetch(session, "SELECT pg_backend_pid()", {}) != [(before,)]
    finally:
        db.configure(None)
        own.dispose()


@pytest.mark.database
def test_a_steady_unit_of_work_asks_once_and_the_next_one_anew(session: Session) -> None:
    asked: list[str] = []

    def ask() -> int:
        asked.append("once more")
        return len(asked)

    with db.transaction(is_steady=True) as unit:
        assert [db.asked_once(unit, "how many", ask) for _ in range(3)] == [1, 1, 1]
        assert db.asked_once(unit, "how many others", ask) == 2
    with db.transaction(is_steady=True) as unit:
        assert db.asked_once(unit, "how many", ask) == 3
    with db.transaction() as unit:
        assert [db.asked_once(unit, "how many", ask) for _ in range(2)] == [4, 5]


@pytest.mark.database
def test_an_unhurried_change_leaves_the_next_one_as_careful_as_ever(engine: Engine) -> None:
    own = db.make_engine(engine.url.render_as_string(hide_password=False), pool_size=1, pool_overflow=0)
    try:
        one = db.alone(own)
        assert db.change_alone(f"SELECT {db.UNHURRIED}", [], one) == [("off",)]
        assert db.change_alone("SELECT current_setting('synchronous_commit')", [], one) == [("on",)]
    finally:
        own.dispose()
