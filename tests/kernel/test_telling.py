"""What wakes others is sent after the commit and only then, together, in its order; also when the process is about to end."""

import threading
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from kernel import db, telling
from kernel.listener import connection_string
from kernel.telling import Teller

pytestmark = pytest.mark.database
CHANNEL = "told"


@pytest.fixture
def listener(engine: Engine) -> Iterator[psycopg.Connection]:
    with psycopg.connect(connection_string(engine), autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}".encode())
        yield connection


@pytest.fixture
def process(engine: Engine) -> Iterator[None]:
    """One whose transactions are its own, not a test's connection."""
    db.configure(engine)
    yield
    db.configure(None)


def heard(listener: psycopg.Connection, count: int) -> list[str]:
    """What arrives first, and nothing after it for a while."""
    return [one.payload for one in listener.notifies(timeout=10 if count else 0.3, stop_after=max(1, count))] + [
        one.payload for one in listener.notifies(timeout=0.1)
    ]


def tell_and_fail() -> None:
    with db.transaction() as session:
        db.notify(session, CHANNEL, "never")
        raise ZeroDivisionError


def test_a_commit_tells_in_order_and_a_rollback_tells_nothing(process: None, listener: psycopg.Connection) -> None:
    with pytest.raises(ZeroDivisionError):
        tell_and_fail()
    with db.transaction() as session:
        db.notify(session, CHANNEL, "first")
        db.notify(session, CHANNEL, "second")
        assert heard(listener, 0) == []
    with db.transaction() as session:
        db.notify(session, CHANNEL, "third")
    assert heard(listener, 3) == ["first", "second", "third"]


def test_whoever_ends_tells_what_is_waiting(
    engine: Engine, listener: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "_IDLE_S", 600.0)  # nobody waits for more to be told
    teller = Teller(engine)
    teller.tell([(CHANNEL, "last words")])
    ending = threading.Thread(target=teller.close, daemon=True)
    ending.start()
    ending.join(30)
    assert not ending.is_alive()
    assert "telling" not in {thread.name for thread in threading.enumerate()}
    assert heard(listener, 1) == ["last words"]
    teller.tell([(CHANNEL, "of one that outlived it")])
    assert heard(listener, 1) == ["of one that outlived it"]


def test_a_session_that_somebody_else_ends_tells_by_its_own_commit(
    session: Session, listener: psycopg.Connection
) -> None:
    db.notify(session, CHANNEL, "with the transaction of the test, which is rolled back")
    assert heard(listener, 0) == []


def test_a_database_that_is_away_costs_the_hint_and_nothing_else(engine: Engine) -> None:
    away = db.make_engine("postgresql://nobody@/nothing?host=/nowhere")
    teller = Teller(away)
    teller.tell([(CHANNEL, "lost")])
    teller.close()
