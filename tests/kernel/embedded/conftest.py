"""Folders for servers, outside pytest's own deep and closed ones, and servers that are gone when the test is."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kernel.embedded.place import socket_folder
from kernel.embedded.postgres import PostgresServer
from kernel.embedded.valkey import ValkeyServer


def remove_short_socket_folder(folder: Path) -> None:
    found = socket_folder(folder, "x" * 20, owners=frozenset({65534}))
    if folder not in found.parents:
        found.rmdir()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A short folder that other users of the machine may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="atiende-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(open_folder: Path) -> Iterator[Callable[..., PostgresServer]]:
    """Makes servers (not started yet) under a folder of the test."""
    made: list[PostgresServer] = []

    def make(below: str = "data") -> PostgresServer:
        made.append(PostgresServer(open_folder / below))
        return made[-1]

    yield make
    for server in made:
        server.stop()
        remove_short_socket_folder(server.folder)


@pytest.fixture
def valkey(open_folder: Path) -> Iterator[Callable[..., ValkeyServer]]:
    made: list[ValkeyServer] = []

    def make(below: str = "data") -> ValkeyServer:
        made.append(ValkeyServer(open_folder / below))
        return made[-1]

    yield make
    for server in made:
        server.stop()
        remove_short_socket_folder(server.folder)
