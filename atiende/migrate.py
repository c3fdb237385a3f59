"""Brings a database to the newest migration. Two processes that start together take turns under an advisory lock.

The lock belongs to a transaction that stays open on a connection of its own: a transaction pooler keeps that one together.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text

if TYPE_CHECKING:
    from alembic.config import Config

_SCRIPTS = Path(__file__).resolve().parents[1] / "intake" / "migrations"
_LOCK = 311_0001


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

    with engine.begin() as guard, engine.connect() as connection:
        guard.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(alembic_config(connection), "head")
        connection.commit()
