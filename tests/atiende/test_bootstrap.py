"""Which database a process gets, and who turns the embedded server off."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from atiende.database import database_url
from kernel.embedded.postgres import PostgresServer
from kernel.errors import MisconfiguredError
from kernel.settings import StorageSettings

USER = """
import sys
from atiende.database import configure_storage
from kernel.settings import load_storage_settings
import os
with configure_storage(load_storage_settings(os.environ)).connect():
    print("connected", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    PostgresServer(tmp_path).stop()


def use(folder: Path) -> "subprocess.Popen[str]":
    environ = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    process = subprocess.Popen(
        [sys.executable, "-c", USER],
        env={**environ, "ATIENDE_DATA": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    assert process.stdout.readline() == "connected\n"
    return process


def test_the_last_user_turns_the_embedded_server_off(folder: Path) -> None:
    server = PostgresServer(folder)
    first = use(folder)
    second = use(folder)
    first.communicate("done\n", timeout=30)
    assert server.is_ready()
    second.communicate("done\n", timeout=30)
    assert first.returncode == second.returncode == 0
    assert server.pid is None


def test_a_named_database_wins_and_none_is_an_error(folder: Path) -> None:
    named = StorageSettings(data=folder, database_url="postgresql://elsewhere/city")
    assert database_url(named) == "postgresql://elsewhere/city"
    with pytest.raises(MisconfiguredError):
        database_url(StorageSettings())
