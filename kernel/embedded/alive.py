"""Is the server that wrote this pid file still there? A pid alone proves nothing: it may be a zombie's or another program's."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

_PROC = Path("/proc/self/stat")


def read_pid(path: Path) -> int | None:
    """The pid on the first line of `path`; None when there is no such file or no number in it."""
    try:
        first = path.read_text().split("\n", 1)[0].strip()
    except OSError:
        return None
    return int(first) if first.isdigit() else None


def is_alive(pid: int | None, program: str, folder: Path) -> bool:
    """Whether `pid` is a running process (no zombie) of the program called `program`, at work in `folder`."""
    if not pid:
        return False
    if _PROC.exists():
        try:
            head, _, rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")
            return (
                rest.split()[0] not in "ZX"
                and head.partition("(")[2] == program[:15]
                and Path(f"/proc/{pid}/cwd").readlink() == folder
            )
        except OSError:
            return False
    # Elsewhere (macOS) a process's folder takes root to see: the name has to do.
    listed = subprocess.run(["ps", "-o", "stat=,comm=", "-p", str(pid)], check=False, capture_output=True, text=True)
    state, _, command = listed.stdout.strip().partition(" ")
    return bool(state) and state[0] != "Z" and Path(command.strip()).name == program


def wait_until(is_so: Callable[[], bool], timeout_s: float) -> bool:
    """Looks every 10 ms; whether it became so in time."""
    deadline = time.monotonic() + timeout_s
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
