"""Runs the demo: embedded servers, the demo city, and three child processes (web, worker, stand-in), until it is told to stop."""

import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from types import FrameType

from atiende.demo.announcement import banner, facts
from atiende.demo.data_folder import DataFolder
from atiende.demo.ports import LOOPBACK, free_port, reserve
from atiende.demo.preparation import NAME, Sample, has_record, recall, remember
from atiende.demo.servers import Server, ServerWatch
from kernel.embedded.postgres import PostgresServer
from kernel.embedded.programs import valkey_server
from kernel.embedded.valkey import ValkeyServer
from kernel.errors import Unavailable
from kernel.processes import Child, Gate, own_command, stop_all
from kernel.settings import Settings, load_settings

_LOOK_EVERY_S = 0.1
# A demo that was killed leaves children that need a moment to notice; until then they hold its ports.
_AFTER_A_KILL_S = 8.0
_BACKLOG = 2048
_READY_S = 60.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopDemo(BaseException):
    """Ctrl-C or a signal; like KeyboardInterrupt, nothing but the outermost block catches it."""


def run_demo(folder: DataFolder, port: int, say: Callable[[str], None], environ: Mapping[str, str]) -> None:
    """Blocks until SIGINT, SIGTERM or SIGHUP; then every process and server is gone."""
    was_killed = folder.demo_file.exists()
    folder.demo_file.unlink(missing_ok=True)
    with ExitStack() as stack:
        stack.callback(_ignore_stop_signals)
        for number in _STOP_SIGNALS:
            signal.signal(number, _stop)
        try:
            _Demo(folder, say, environ, stack).run(port, was_killed)
        except StopDemo:
            say("Cerrando… / Stopping…")


class _Demo:
    """What one run holds. `stack` undoes it, last thing first."""

    def __init__(
        self, folder: DataFolder, say: Callable[[str], None], environ: Mapping[str, str], stack: ExitStack
    ) -> None:
        self.folder = folder
        self.say = say
        self.environ = dict(environ)
        self.stack = stack

    def run(self, port: int, was_killed: bool) -> None:
        started_at = time.monotonic()
        web_socket = self.stack.enter_context(reserve(port, patience_s=_AFTER_A_KILL_S if was_killed else 0.0))
        port = web_socket.getsockname()[1]
        standin_port = self._standin_port(port, was_killed)
        self.folder.remember(
            {
                "ATIENDE_WEB_PORT": str(port),
                "ATIENDE_WEB_PUBLIC_BASE_URL": f"http://{LOOPBACK}:{port}",
                "ATIENDE_SMS_API_BASE_URL": f"http://{LOOPBACK}:{standin_port}",
                "ATIENDE_DEMO_STANDIN_PORT": str(standin_port),
            }
        )
        # The children load their code while the servers start and the city is set up; the gate holds them back until then.
        watch = self._watch_servers()
        settings = load_settings(self.environ)
        gate = Gate()
        children = self._children(web_socket, gate, standin_port)
        # Undone in reverse: children first, then the servers they use.
        self.stack.callback(watch.stop)
        self.stack.callback(stop_all, children)
        for child in children:
            child.start()
        sample = self._prepare(watch, settings)
        # From here on callers wait in the socket's queue, at most until the web process is up, and demo.json is there before
        # the first of them is told "ready". The same queue holds them while a killed web process is started again.
        _listen(web_socket)
        where = facts(self.folder, settings, sample, standin_url=f"http://{LOOPBACK}:{standin_port}")
        self.stack.callback(self.folder.demo_file.unlink, missing_ok=True)
        self.folder.announce(where)
        gate.open()
        threading.Thread(
            target=self._greet, args=(f"http://{LOOPBACK}:{port}", where, started_at), name="greet", daemon=True
        ).start()
        while True:
            self._tend(children)
            time.sleep(_LOOK_EVERY_S)

    def _prepare(self, watch: ServerWatch, settings: Settings) -> Sample:
        assert settings.database_url
        with ThreadPoolExecutor(1) as pool:
            started = pool.submit(watch.start)
            if not has_record(self.folder):
                self.say(f"Preparando {NAME}, tarda unos segundos… / Setting up the demo city, a few seconds…")
                import_module("atiende.demo.city")  # slow; meanwhile initdb runs
            started.result()
        sample = recall(self.folder, settings.database_url)
        if sample is None:
            from atiende.demo.city import prepare  # seconds of imports that a later start does without

            sample = prepare(self.folder, settings)
            remember(self.folder, sample)
        return sample

    def _watch_servers(self) -> ServerWatch:
        """The servers that nobody else provides, not started yet; their addresses go into the children's environment."""
        self.environ["ATIENDE_DATA"] = str(self.folder.path)
        given = load_settings(self.environ)
        servers: dict[str, Server] = {}
        if not given.database_url:
            postgres = PostgresServer(self.folder.path)
            self.environ["DATABASE_URL"] = postgres.url
            servers["PostgreSQL"] = postgres
        if not given.redis_url:
            try:
                valkey_server()
            except Unavailable as error:
                self.environ["REDIS_URL"] = "none"
                self.say(f"{error} Los trabajos corren sin Redis. / Jobs run without Redis.")
            else:
                valkey = ValkeyServer(self.folder.path)
                self.environ["REDIS_URL"] = valkey.url
                servers["Valkey"] = valkey
        return ServerWatch(servers, self.say)

    def _standin_port(self, web_port: int, was_killed: bool) -> int:
        remembered = self.folder.values.get("ATIENDE_DEMO_STANDIN_PORT", "")
        wanted = int(remembered) if remembered.isdigit() else web_port + 1
        if was_killed:
            try:
                reserve(wanted, patience_s=_AFTER_A_KILL_S).close()
                return wanted
            except Unavailable:
                pass
        return free_port(wanted if wanted != web_port else web_port + 1)

    def _children(self, web_socket: socket.socket, gate: Gate, standin_port: int) -> list[Child]:
        logs = self.folder.path / "logs"
        gated = self.environ | gate.environment
        fd = web_socket.fileno()
        standin = {"ATIENDE_STANDIN_PORT": str(standin_port), "ATIENDE_STANDIN_CITY_NAME": NAME}
        return [
            Child(
                "web",
                own_command("serve", "--fd", str(fd)),
                gated,
                logs / "web.log",
                inherit=(fd, gate.descriptor),
            ),
            Child("worker", own_command("worker"), gated, logs / "worker.log", inherit=(gate.descriptor,)),
            Child("standin", own_command("standin"), self.environ | standin, logs / "standin.log"),
        ]

    def _tend(self, children: list[Child]) -> None:
        for child in children:
            code = child.tend()
            if code is not None:
                self.say(
                    f"{child.name}: terminó ({code}), arranca de nuevo / ended, starting again\n{child.last_words(3)}"
                )

    def _greet(self, base_url: str, where: dict[str, object], started_at: float) -> None:
        deadline = time.monotonic() + _READY_S
        while time.monotonic() < deadline:
            if _answers(f"{base_url}/readyz"):
                self.say(banner(where, time.monotonic() - started_at, self.folder.path))
                return
            time.sleep(0.1)
        self.say(f"Algo no arranca; mira {self.folder.path}/logs / Something does not start; see the logs")


def _listen(bound: socket.socket) -> None:
    try:
        bound.listen(_BACKLOG)
    except OSError as error:
        # Somebody took the port since it was reserved: only a listening socket excludes others.
        raise Unavailable("El puerto {port} lo tomó otro programa.", port=bound.getsockname()[1]) from error


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310  our own loopback address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _stop(number: int, frame: FrameType | None) -> None:
    _ignore_stop_signals()
    raise StopDemo


def _ignore_stop_signals() -> None:
    # A second Ctrl-C must not cut the orderly stop short and leave servers behind.
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
