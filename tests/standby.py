"""A streaming standby made from the same binaries as the embedded server: pg_basebackup, then PostgreSQL in recovery."""

from pathlib import Path

import psycopg

from kernel.embedded.account import choose_account
from kernel.embedded.place import make_private
from kernel.embedded.postgres import DATABASE, PostgresServer
from kernel.embedded.programs import choose_postgres
from tests.running import wait_for


def make_standby(primary: PostgresServer, folder: Path) -> PostgresServer:
    """A running copy of `primary` in `folder` that follows it; from now on a commit there waits for this copy's disk."""
    bins = choose_postgres(None)
    make_private(folder)
    account = choose_account(folder, bins / "postgres")
    account.own(folder)
    standby = PostgresServer(folder)
    copied = account.run(
        [bins / "pg_basebackup", "-d", primary.url, "-D", standby.data, "-R", "-X", "stream", "--checkpoint=fast"],
        Path("/"),
        120,
    )
    assert copied.returncode == 0, copied.stderr
    standby.start()
    with psycopg.connect(primary.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        connection.execute("SELECT pg_reload_conf()")
        wait_for(lambda: _states(connection) == ["sync"], 30, "the standby to be synchronous")
    return standby


def promote(standby: PostgresServer) -> None:
    """Makes it the one that writes; returns when it is."""
    with psycopg.connect(standby.url, autocommit=True) as connection:
        connection.execute("SELECT pg_promote(true, 60)")
        row = connection.execute("SELECT pg_is_in_recovery()").fetchone()
    assert row == (False,)


def either(*servers: PostgresServer) -> str:
    """One address for all of them: libpq takes the one that writes."""
    folders = ",".join(str(server._sockets()) for server in servers)
    ports = ",".join("5432" for _ in servers)
    return f"postgresql://atiende@/{DATABASE}?host={folders}&port={ports}&target_session_attrs=read-write"


def _states(connection: psycopg.Connection) -> list[str]:
    return [state for (state,) in connection.execute("SELECT sync_state FROM pg_stat_replication")]
