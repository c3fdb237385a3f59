"""The embedded PostgreSQL: found again, started again, refusing with words."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from kernel import db
from kernel.embedded.postgres import PostgresServer
from kernel.embedded.programs import choose_postgres
from kernel.errors import Unavailable

Make = Callable[..., PostgresServer]
LONG = "/".join(["a-folder-with-a-long-name" + "x" * 20] * 3)


def write(server: PostgresServer, value: int) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def values(server: PostgresServer) -> list[int]:
    with psycopg.connect(server.url) as connection:
        return [row[0] for row in connection.execute("SELECT value FROM kept ORDER BY 1")]


def setting(server: PostgresServer, name: str) -> str:
    with psycopg.connect(server.url) as connection:
        row = connection.execute(f"SHOW {name}".encode()).fetchone()
        assert row
        return str(row[0])


def test_starts_is_found_survives_kill_and_stops(postgres: Make) -> None:
    server = postgres()
    assert server.start() is True
    assert PostgresServer(server.folder).start() is False
    assert setting(server, "listen_addresses") == ""
    assert setting(server, "fsync") == setting(server, "synchronous_commit") == "on"
    assert setting(server, "timezone") == "UTC"
    write(server, 1)

    # By the object that started it, which has a zombie for a child, and by another, as a second program would.
    for starter in (server, PostgresServer(server.folder)):
        killed = server.pid
        assert killed
        os.kill(killed, signal.SIGKILL)
        assert starter.start() is True
        assert server.pid not in (None, killed)
    assert values(server) == [1]

    engine = db.make_engine(server.url)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT current_database()")) == "atiende"
    engine.dispose()

    PostgresServer(server.folder).stop()
    assert server.pid is None
    assert not server.is_ready()
    assert server.start() is True
    assert values(server) == [1]


def test_ctrl_c_in_the_terminal_does_not_reach_it(postgres: Make) -> None:
    server = postgres()
    server.start()
    assert server.pid
    assert os.getsid(server.pid) != os.getsid(0)


def test_nobody_else_reaches_the_socket(postgres: Make) -> None:
    server = postgres()
    server.start()
    run = server.folder / "run"
    assert run.stat().st_mode & 0o077 == 0
    assert server.data.stat().st_mode & 0o077 == 0


def test_a_deep_folder_gets_a_short_socket_that_everyone_finds(postgres: Make) -> None:
    server = postgres(f"{LONG}/with, comma and ñ")
    server.start()
    assert PostgresServer(server.folder).start() is False
    assert len(server.url) < 107 + 60
    write(server, 7)
    assert values(PostgresServer(server.folder)) == [7]


def test_a_short_socket_folder_of_another_user_is_refused(postgres: Make) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to make a folder that is somebody else's")
    server = postgres(LONG)
    assert server.url
    short = Path(server.url.partition("host=")[2].partition("&")[0])
    os.chown(short, 65534, 65534)
    try:
        with pytest.raises(Unavailable, match="ocupa"):
            server.start()
    finally:
        os.chown(short, 0, 0)


def test_a_half_made_database_is_made_anew(postgres: Make) -> None:
    server = postgres()
    half = server.folder / "postgres.half-killed"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server.data.mkdir()
    assert server.start() is True
    assert not half.exists()


def test_another_major_version_loses_nothing(postgres: Make) -> None:
    server = postgres()
    server.data.mkdir(parents=True)
    (server.data / "PG_VERSION").write_text("9\n")
    (server.data / "precious").write_text("data")
    with pytest.raises(Unavailable, match=r"PostgreSQL 9 .*No se cambió nada"):
        server.start()
    assert (server.data / "precious").read_text() == "data"


def test_what_postgres_complains_of_reaches_the_reader(postgres: Make) -> None:
    server = postgres()
    server.start()
    server.stop()
    with (server.data / "postgresql.conf").open("a") as file:
        file.write("work_mem = 'plenty'\n")
    with pytest.raises(Unavailable, match="work_mem"):
        server.start()


def test_a_pid_that_now_belongs_to_another_program_does_not_keep_it_from_starting(postgres: Make) -> None:
    server = postgres()
    server.start()
    server.stop()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n1\n5432\n\n\n")
    assert server.start(timeout_s=20) is True


STARTER = """
import sys
from pathlib import Path
from kernel.embedded.postgres import PostgresServer
print(PostgresServer(Path(sys.argv[1])).start())
"""


def test_of_two_starters_one_starts_and_the_other_finds(postgres: Make) -> None:
    server = postgres()
    starters = [
        subprocess.Popen([sys.executable, "-c", STARTER, str(server.folder)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = sorted(starter.communicate(timeout=60)[0].strip() for starter in starters)
    assert answers == ["False", "True"]
    assert server.is_ready()


def test_a_socket_file_without_a_server_is_not_taken_for_one(postgres: Make) -> None:
    server = postgres()
    server.start()
    server.stop()
    with socket.socket(socket.AF_UNIX) as abandoned:
        abandoned.bind(str(server.folder / "run" / ".s.PGSQL.5432"))
    assert not server.is_ready()
    assert server.start() is True


def test_the_variable_decides_which_programs_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    chosen = choose_postgres(None)
    monkeypatch.setenv("ATIENDE_POSTGRES_BIN", str(chosen))
    assert choose_postgres(None) == chosen
    monkeypatch.setenv("ATIENDE_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(Unavailable, match="ATIENDE_POSTGRES_BIN"):
        choose_postgres(None)
