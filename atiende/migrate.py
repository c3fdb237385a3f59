"""Brings a database to the newest migration. Two processes that start together take turns under an advisory lock.

The lock belongs to a transaction that stays open on a connection of its own: a transaction pooler keeps that one together.
"""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text

if TYPE_CHECKING:
    from alembic.config import Config

_SCRIPTS = Path(__file__).resolve().parents[1] / "intake" / "migrations"
_LOCK = 311_0001
_TURN_S = 0.2


def newest_revision() -> str:
    """The revision this code was written for: the number in front of the newest file's name."""
    return max(path.name.partition("_")[0] for path in (_SCRIPTS / "versions").glob("[0-9]*_*.py"))


def alembic_config(connection: Connection) -> "Config":
    """Alembic's configuration for `connection`; there is no alembic.ini."""
    from alembic.config import Config  # 0.7 s: only for commands that migrate

    from atiende.schema import metadata

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    return config


def migrate(engine: Engine) -> None:
    """Runs what has not run yet. Safe to call at every start."""
    from alembic import command

    with engine.connect() as guard, engine.connect() as connection:
        _take_turn(guard)
        command.upgrade(alembic_config(connection), "head")
        connection.commit()


def _take_turn(guard: Connection) -> None:
    """Leaves the lock in the open transaction of `guard`, and nothing that a CREATE INDEX CONCURRENTLY would wait for."""
    while not guard.execute(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": _LOCK}).scalar_one():
        # Whoever has the lock may be building an index, and waits for every older transaction with a snapshot: ours must end.
        guard.rollback()
        time.sleep(_TURN_S)
    # A statement without a snapshot drops the one that the lock was taken with; and the transaction may now be idle for long.
    guard.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
