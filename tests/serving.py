"""One real web process on a free port, told of its database by its environment, looked at from outside only."""

import base64
import os
import socket
import subprocess
import sys
from typing import ClassVar

import httpx

from kernel.crypto import Vault
from tests.running import wait_for


class Web:
    """`atiende serve` (or another command beside it) while the block lasts. Keys are those of every test."""

    VAULT: ClassVar[Vault] = Vault(b"k" * 32, b"k" * 32)

    def __init__(self, database_url: str, **environ: str) -> None:
        key = base64.b64encode(b"k" * 32).decode()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ATIENDE_", "DATABASE_"))}
        self._environ = {
            **kept,
            "DATABASE_URL": database_url,
            "REDIS_URL": "none",
            "ATIENDE_SECRETS_DATA_KEY": key,
            "ATIENDE_SECRETS_LOOKUP_KEY": key,
            "ATIENDE_SECRETS_SESSION_KEY": key,
            "ATIENDE_WEB_PUBLIC_BASE_URL": "http://127.0.0.1",
            **environ,
        }
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Web":
        self.run("serve", "--port", str(self.port))
        wait_for(self._is_ready, 60, "/readyz")
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.wait(30)

    def run(self, *command: str) -> None:
        """Another part of the program beside it, with the same environment."""
        self._processes.append(subprocess.Popen([sys.executable, "-m", "atiende", *command], env=self._environ))

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def open311(self) -> str:
        return f"{self.base_url}/open311/v2"

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.base_url}/readyz", timeout=5, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False
