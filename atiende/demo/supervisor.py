"""Runs the demo: embedded servers, the demo city, and a process for each part of the program, until it is told to stop."""

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
from atiende.demo.ports import LOOPBACK, listen, port_of, reserve, reserve_near
from atiende.demo.preparation import CITIES, MAIN, NAME, Sample, has_record, recall, remember
from atiende.demo.servers import Server, ServerWatch
from atiende.parts import WORKING, forks
from kernel.embedded.postgres import PostgresServer
from kernel.embedded.programs import valkey_server
from kernel.embedded.shared import SharedUse
from kernel.embedded.valkey import ValkeyServer
from kernel.errors import Unavailable
from kernel.processes import Child, Program, Start, stop_all
from kernel.settings import Settings, load_settings

_LOOK_EVERY_S = 0.1
# A demo that was killed leaves children that need a moment to notice; until then they hold its ports.
_AFTER_A_KILL_S = 8.0
_READY_S = 60.0
_HEAD_START_S = 4.0
_STANDIN_PORT = "ATIENDE_DEMO_STANDIN_PORT"
# How the stand-in is told a socket of its mail server, and where its port is remembered.
_MAIL_PORTS = {
    "ATIENDE_STANDIN_SMTP_FD": "ATIENDE_EMAIL_SMTP_PORT",
    "ATIENDE_STANDIN_IMAP_FD": "ATIENDE_EMAIL_IMAP_PORT",
}
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
        patience_s = _AFTER_A_KILL_S if was_killed else 0.0
        web_socket = self.stack.enter_context(reserve(port, patience_s=patience_s))
        standin_socket = self.stack.enter_context(self._standin_socket(port_of(web_socket), patience_s))
        mail_sockets = {name: self.stack.enter_context(self._mail_socket(name, patience_s)) for name in _MAIL_PORTS}
        base_url, standin_url = (f"http://{LOOPBACK}:{port_of(bound)}" for bound in (web_socket, standin_socket))
        self.folder.remember(
            {
                "ATIENDE_WEB_PORT": str(port_of(web_socket)),
                "ATIENDE_WEB_PUBLIC_BASE_URL": base_url,
                "ATIENDE_SMS_API_BASE_URL": standin_url,
                "ATIENDE_WHATSAPP_CONTENT_BASE_URL": standin_url,
                "ATIENDE_TELEGRAM_API_BASE_URL": standin_url,
                "ATIENDE_WEBHOOKS_ALLOW_LOOPBACK": "true",
                _STANDIN_PORT: str(port_of(standin_socket)),
            }
            | {_MAIL_PORTS[name]: str(port_of(bound)) for name, bound in mail_sockets.items()}
        )
        watch = self._watch_servers()
        settings = load_settings(self.environ)
        children = self._children(web_socket, standin_socket, mail_sockets, self._starts())
        # Undone in reverse: children first, then the stand-in and the servers, which they may still wait for.
        self.stack.callback(watch.stop)
        self.stack.callback(stop_all, children[-1:])
        self.stack.callback(stop_all, children[:-1])
        sample = self._prepare(watch, settings)
        # From here on callers wait in the sockets' queues, at most until the processes are up, and demo.json is there before the
        # first of them is told "ready". The same queues hold them while a killed process is started again.
        listen(web_socket)
        for bound in (standin_socket, *mail_sockets.values()):
            listen(bound)
        self.stack.callback(self.folder.demo_file.unlink, missing_ok=True)
        where = facts(self.folder, settings, sample, standin_url=standin_url)
        self.folder.announce(where)
        greeting = threading.Thread(target=self._greet, args=(base_url, where, started_at), name="greet", daemon=True)
        greeting.start()
        # The web process gets the machine to itself until it is ready; what comes in meanwhile waits safely.
        children[0].start()
        greeting.join(_HEAD_START_S)
        for child in children[1:]:
            child.start()
        while True:
            self._tend(children)
            time.sleep(_LOOK_EVERY_S)

    def _starts(self) -> Start:
        """Forked from one process, which loads while the servers start and the city is set up."""
        loaded = forks()
        loaded.load()
        self.stack.callback(loaded.end)  # which may be loading still, with our sockets waiting for it
        return loaded.start

    def _prepare(self, watch: ServerWatch, settings: Settings) -> Sample:
        assert settings.database_url
        setting_up = f"Preparando {NAME}, tarda unos segundos… / Setting up the demo city, a few seconds…"
        is_new = not has_record(self.folder)
        with ThreadPoolExecutor(1) as pool:
            started = pool.submit(watch.start)
            if is_new:
                self.say(setting_up)
                import_module("atiende.demo.city")  # slow; meanwhile initdb runs
            started.result()
        sample = recall(self.folder, settings.database_url)
        if sample is None:
            if not is_new:
                self.say(setting_up)
            from atiende.demo.city import prepare  # seconds of imports that a later start does without

            sample = prepare(self.folder, settings)
            remember(self.folder, sample)
        return sample

    def _watch_servers(self) -> ServerWatch:
        """The servers that nobody else provides, not started yet; their addresses go into the children's environment."""
        self.environ["ATIENDE_DATA"] = str(self.folder.path)
        if named := self.environ.get("DATABASE_URL"):
            # Commands, and later starts, that are told this folder only must find the same database.
            self.folder.remember({"DATABASE_URL": named})
        given = load_settings(self.environ)
        servers: dict[str, Server] = {}
        if not given.database_url:
            self.use = SharedUse(self.folder.path)  # commands that come and go must not turn it off
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

    def _standin_socket(self, web_port: int, patience_s: float) -> socket.socket:
        """The port it had last time, else the one after ours, else any."""
        remembered = self.folder.values.get(_STANDIN_PORT)
        wanted = int(remembered) if remembered else web_port + 1
        return reserve_near(wanted if wanted != web_port else web_port + 1, patience_s=patience_s)

    def _mail_socket(self, name: str, patience_s: float) -> socket.socket:
        """For the stand-in's mail server: the port it had last time, else any."""
        return reserve_near(int(self.folder.values.get(_MAIL_PORTS[name], "0")), patience_s=patience_s)

    def _children(
        self, web: socket.socket, standin: socket.socket, mail: Mapping[str, socket.socket], starts: Start
    ) -> list[Child]:
        def child(name: str, *arguments: str | socket.socket, **more: str | socket.socket) -> Child:
            log = self.folder.path / "logs" / f"{name}.log"
            return Child(Program(name, arguments, {**self.environ, **more}, log), starts)

        city = {
            "ATIENDE_STANDIN_CITY_NAME": NAME,
            "ATIENDE_STANDIN_CITY_ID": MAIN,
            "ATIENDE_STANDIN_PLACES": str(CITIES[MAIN] / "places.csv"),
        }
        working = ["relay"] if self.environ.get("REDIS_URL") == "none" else WORKING
        return [
            child("web", "serve", "--fd", web),
            *(child(name, name) for name in working),
            child("standin", "standin", "--fd", standin, **city, **mail),
        ]

    def _tend(self, children: list[Child]) -> None:
        for child in children:
            try:
                code = child.tend()
            except OSError:  # no process, memory or file to be had just now: tried again
                continue
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
