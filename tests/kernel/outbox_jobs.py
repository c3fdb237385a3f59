"""Jobs for the tests of the relay: their effects are rows, so that a second run can be seen."""

import threading
import time
from datetime import UTC, datetime

import psycopg
from sqlalchemy import text

from kernel import db
from kernel.errors import Unavailable
from kernel.jobs import Later

failures: dict[str, int] = {}
gate = threading.Event()
started = threading.Event()


def note_once(ref: str) -> None:
    """An idempotent handler: the effect of `ref` happens once, however often this runs."""
    with db.transaction() as session:
        session.connection().execute(
            text("INSERT INTO relay_effect (ref) VALUES (:ref) ON CONFLICT DO NOTHING"), {"ref": ref}
        )
        session.connection().execute(text("INSERT INTO relay_run (ref) VALUES (:ref)"), {"ref": ref})


def fail_a_while(ref: str) -> None:
    """Fails as often as `failures[ref]` says, then works."""
    if failures.get(ref, 0) > 0:
        failures[ref] -= 1
        raise Unavailable("El proveedor no contesta.")
    note_once(ref)


def be_asked_to_wait(ref: str) -> None:
    raise Unavailable("El proveedor no contesta.", retry_after_s=90.0)


def explode(ref: str) -> None:
    raise ValueError(f"a message of +52 55 1234 5678 about {ref}")


def wait_for_gate(ref: str) -> None:
    started.set()
    assert gate.wait(10)
    note_once(ref)


def take_a_second(ref: str) -> None:
    """Says that it began, and has its effect a second later."""
    with db.transaction() as session:
        session.connection().execute(text("INSERT INTO relay_run (ref) VALUES (:ref)"), {"ref": ref})
    time.sleep(1)
    note_once(ref)


def look_for_open_transactions(**_: object) -> None:
    """Fails when another connection to this database sits in a transaction while a job runs."""
    url = db.bind().engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
        ).fetchone()
    if row != (0,):
        raise AssertionError(f"{row} open transactions")


def come_back_later(ref: str) -> None:
    raise Later(datetime(2026, 11, 20, 8, tzinfo=UTC))


def meet(ref: str) -> None:
    """Ends well only when two others are at it at the same time."""
    engine = db.bind().engine
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO relay_run (ref) VALUES (:ref)"), {"ref": ref})
    for _ in range(100):
        with engine.begin() as connection:
            if connection.scalar(text("SELECT count(DISTINCT ref) FROM relay_run")) == 3:
                break
        time.sleep(0.05)
    else:
        raise Unavailable("Nadie más vino.")
    note_once(ref)
