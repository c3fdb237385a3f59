"""Child processes that begin with everything loaded: each is forked from a process that has loaded it once and does nothing else.

To load the program takes seconds of a processor, to fork what is loaded some hundredths; and what they have loaded, all of them
share in memory. So the processes of an installation are up soon, and one that was killed is back before anybody waits for it.
The process they are forked from is multiprocessing's fork server. It has one thread, as what is forked must; who starts children
by it may have many.
"""

import atexit
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver, get_context, parent_process, resource_tracker
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import structlog

from kernel.processes import GRACE_S, Program, Running, Start, append_to, spawn

log = structlog.get_logger(__name__)

_LOOK_S = 0.5
_PR_SET_NAME = 15
# A terminal that closes and some supervisors (systemd) send these to all processes at once. They are for whoever starts children.
_HELD_BACK = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Runs a command line, as given without the program's name.
Main = Callable[[Sequence[str]], None]


class Forks:
    """Starts children by forking. One for a process: there is one fork server in each.

    loaded: the module that loads everything when it is imported; main: a function of a module; otherwise: starts what cannot be
    forked, because that module is broken or the fork server cannot be reached. It loads for itself, or says what is wrong.
    """

    def __init__(self, loaded: str, main: Main, otherwise: Start = spawn) -> None:
        self._context = get_context("forkserver")
        self._context.set_forkserver_preload([loaded])
        self._main = main
        self._otherwise = otherwise

    def load(self) -> None:
        """Begins to load, meanwhile there may be other things to do. Without it, the first `start` does."""
        resource_tracker.ensure_running()  # which Python 3.11 lets what is held back through again
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _HELD_BACK)
        try:
            forkserver.ensure_running()  # a process has from the one that starts it what is held back
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def start(self, program: Program) -> Running:
        """Waits until all is loaded. Raises OSError when the system cannot start it now."""
        given = (self._main, program.name, list(program.arguments), dict(program.environment), program.log)
        # One that we leave behind is ended when we end; we would wait for it otherwise.
        process = self._context.Process(target=_begin, args=given, name=program.name, daemon=True)
        try:
            self.load()
            process.start()
        except (OSError, EOFError) as error:
            log.warning(f"{program.name} cannot be forked, it loads for itself", error=type(error).__name__)
            return self._otherwise(program)
        return _Forked(process)

    def end(self) -> None:
        """Ends the process that they are forked from, also while it still loads. Children that are left end soon after it."""
        server: Any = forkserver._forkserver  # Python's own tests have no other way either
        if server._forkserver_pid is not None:
            os.kill(server._forkserver_pid, signal.SIGKILL)
            server._stop()


class _Forked:
    """Such a process, as `subprocess` has them."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self.pid = process.pid or 0

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
        return code

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


def _begin(
    main: Main,
    name: str,
    arguments: Sequence[str | socket.socket],
    environment: Mapping[str, str | socket.socket],
    log: Path | None,
) -> None:
    """In the child. As a program that the system has just started, as far as what follows can see."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C that came before this session was for whoever starts us
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HELD_BACK)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if log is not None:
        output = append_to(log)
        for number in (sys.stdout.fileno(), sys.stderr.fileno()):
            os.dup2(output, number)
        os.close(output)
    os.environ.clear()
    os.environ.update({key: _received(word) for key, word in environment.items()})
    _call_this_process(f"atiende-{name}")
    threading.Thread(target=_follow, args=(os.getppid(),), name="follow-parent", daemon=True).start()
    try:
        main([_received(word) for word in arguments])
    finally:
        # multiprocessing ends its children without what they left to be done at their end.
        atexit._run_exitfuncs()


def _received(word: str | socket.socket) -> str:
    return word if isinstance(word, str) else str(word.detach())


def _follow(server: int) -> None:
    """Ends this process soon after whoever started it, or after the server that forked it: nobody could say how it ended then."""
    starter = parent_process()
    assert starter is not None
    while not wait([starter.sentinel], _LOOK_S) and os.getppid() == server:
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(1)


def _call_this_process(name: str) -> None:
    """What `ps -e` and `top` show: all of them have the command line of the server otherwise. Linux keeps fifteen letters."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode(), 0, 0, 0)
