"""Child processes of a program: kept alive while it lives, gone when it is gone, `kill -9` included.

Parent and children share a pipe that nobody writes to. When the parent ends, however it ends, the system closes the writing
end; each child that called `follow_parent` reads the end of file and leaves.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Protocol

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_VARIABLE = "ATIENDE_PARENT_PIPE"
GRACE_S = 2.0
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0
# A child that lived this long and died was not failing to start: it comes back at once.
_STEADY_S = 10.0
_OLD_LOG_BYTES = 20_000_000
_NICE = 10
# A third of what others get: they go first, and whoever waits for a job still has it done.
_SESSION_NICE = 5
_SESSION = Path("/proc/self/autogroup")
_TRIES = 20
_AGAIN_S = 0.11

_writing_end: int | None = None
_reading_end: int | None = None


@dataclass(frozen=True)
class Program:
    """What a child runs: `python -m atiende` with `arguments`.

    Where a socket stands in place of a word, the child is given the socket and told the number of its file.
    Its output is appended to `log`, or is ours when there is none.
    """

    name: str
    arguments: Sequence[str | socket.socket]
    environment: Mapping[str, str | socket.socket] = field(default_factory=lambda: dict(os.environ), repr=False)
    log: Path | None = None


class Running(Protocol):
    """A process that was started, as `subprocess` has them."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


# Raises OSError when the system cannot start it now.
Start = Callable[[Program], Running]


def _pipe() -> int:
    """The reading end that children inherit; made once per process."""
    global _writing_end, _reading_end
    if _reading_end is None:
        _reading_end, _writing_end = os.pipe()
    return _reading_end


def follow_parent(environ: MutableMapping[str, str] = os.environ) -> None:
    """Makes this process end soon after the one that started it. Does nothing when no `Child` started it.

    First politely (SIGTERM to ourselves), after two seconds for good.
    """
    number = environ.pop(_VARIABLE, None)
    if not number:
        return
    descriptor = int(number)
    os.set_inheritable(descriptor, False)

    def wait() -> None:
        while os.read(descriptor, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(GRACE_S)
        os._exit(1)

    threading.Thread(target=wait, name="follow-parent", daemon=True).start()


def stop_on_signal() -> threading.Event:
    """Set when this process is told to stop, by SIGTERM or Ctrl-C."""
    stop = threading.Event()

    def set_stop(signum: int, frame: FrameType | None) -> None:
        stop.set()

    for number in STOP_SIGNALS:
        signal.signal(number, set_stop)
    return stop


def give_way() -> None:
    """Lets pages and webhooks go first where the processors are full. Called before there are threads: each has a priority of its
    own, which it has from whoever made it.
    """
    os.setpriority(os.PRIO_PROCESS, 0, max(_NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    # Linux shares processors out to sessions first, and a process's own priority counts only inside its session. One that is
    # somebody else's as well is left as it is.
    if _SESSION.exists() and os.getsid(0) == os.getpid():
        for _ in range(_TRIES):
            try:
                if int(_SESSION.read_text().split()[-1]) < _SESSION_NICE:
                    _SESSION.write_text(str(_SESSION_NICE))
                return
            except BlockingIOError:  # it takes one such change in a tenth of a second, of all processes together
                time.sleep(_AGAIN_S)
            except (
                OSError,
                ValueError,
                IndexError,
            ):  # where containers or units are weighed, there are no such sessions
                return


def told(word: str | socket.socket) -> str:
    """A word of a child's command line or environment, as the child reads it."""
    return word if isinstance(word, str) else str(word.fileno())


def spawn(program: Program, command: Sequence[str] = (sys.executable, "-m", "atiende")) -> Running:
    """A new interpreter with the same code as ours. A session of its own, so that Ctrl-C reaches the parent alone, which then
    ends its children in good order. Raises OSError when the system cannot start it now.
    """
    reading_end = _pipe()
    given = [word.fileno() for word in (*program.arguments, *program.environment.values()) if not isinstance(word, str)]
    output = None if program.log is None else append_to(program.log)
    try:
        return subprocess.Popen(
            [*command, *map(told, program.arguments)],
            env={name: told(word) for name, word in program.environment.items()} | {_VARIABLE: str(reading_end)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            pass_fds=(reading_end, *given),
            start_new_session=True,
        )
    finally:
        if output is not None:
            os.close(output)


@dataclass
class Child:
    """One child process, and how it is started."""

    program: Program
    starts: Start = spawn
    process: Running | None = field(default=None, repr=False)
    restarts: int = 0
    _started_at: float = 0.0
    _pause_s: float = 0.0
    _retry_at: float = 0.0

    @property
    def name(self) -> str:
        return self.program.name

    def start(self) -> None:
        """Raises OSError when the system cannot start it now."""
        self._started_at = time.monotonic()
        self.process = self.starts(self.program)

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """As subprocess gives it: negative for a signal; None while it runs."""
        return None if self.process is None else self.process.poll()

    def end(self) -> None:
        """SIGTERM, if it runs; `tend` starts it again, `stop_all` waits for the end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def tend(self) -> int | None:
        """Starts it, and again when it is dead and its pause is over. Returns its exit code once per death, else None.

        Raises OSError as `start` does; the next call tries again.
        The pause is 0.2 s and doubles up to 10 s for a child that dies again within ten seconds of its start.
        """
        if self.process is None:
            self.start()
        if self.is_running:
            return None
        now = time.monotonic()
        if self._retry_at == 0.0:
            steady = now - self._started_at > _STEADY_S
            self._pause_s = _FIRST_PAUSE_S if steady else min(max(self._pause_s * 2, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
            self._retry_at = now + self._pause_s
            return self.exit_code
        if now >= self._retry_at:
            self._retry_at = 0.0
            self.restarts += 1
            self.start()
        return None

    def last_words(self, lines: int = 8) -> str:
        """The end of its log."""
        log = self.program.log
        if log is None or not log.exists():
            return ""
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


def stop_all(children: Iterable[Child], grace_s: float = 8.0) -> None:
    """SIGTERM to all at once, SIGKILL after `grace_s` seconds to those that remain."""
    running = [child for child in children if child.is_running]
    for child in running:
        assert child.process is not None
        child.process.terminate()
    deadline = time.monotonic() + grace_s
    for child in running:
        assert child.process is not None
        try:
            child.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()


def append_to(path: Path) -> int:
    """A file to write on the end of `path`; what has grown too large is put aside first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _OLD_LOG_BYTES:
        path.replace(path.with_suffix(path.suffix + ".old"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
