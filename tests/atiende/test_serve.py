"""`atiende serve` on a data folder of its own: what it started ends with it."""

import base64
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from kernel.embedded.postgres import PostgresServer
from tests.house import ROOT
from tests.running import wait_for

pytestmark = pytest.mark.fault


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="atiende-", ignore_cleanup_errors=True) as name:
        path = Path(name)
        path.chmod(0o755)  # on the way to the data, which may belong to a lesser account
        yield path / "data"
        PostgresServer(path / "data").stop()


def _free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_the_last_to_leave_turns_the_database_off(folder: Path, signal_number: signal.Signals) -> None:
    port, key = _free_port(), base64.b64encode(b"k" * 32).decode()
    secrets = {f"ATIENDE_SECRETS_{name}_KEY": key for name in ("DATA", "LOOKUP", "SESSION")}
    environment = {
        **os.environ,
        **secrets,
        "ATIENDE_DATA": str(folder),
        "ATIENDE_WEB_PUBLIC_BASE_URL": "http://x.example",
    }
    for elsewhere in ("DATABASE_URL", "REDIS_URL"):
        environment.pop(elsewhere, None)
    command = [sys.executable, "-m", "atiende", "serve", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:

        def is_up() -> bool:
            with suppress(httpx.TransportError):
                return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200
            return False

        wait_for(is_up, 90)
        assert PostgresServer(folder).pid is not None
        process.send_signal(signal_number)
        process.wait(timeout=30)
    assert PostgresServer(folder).pid is None
    if signal_number == signal.SIGTERM:
        assert process.returncode == 0
