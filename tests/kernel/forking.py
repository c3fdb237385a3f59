"""Programs for the tests of `kernel.forks`: `python -m tests.kernel.forking FOLDER` starts one, says its number and keeps it."""

import atexit
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from kernel.forks import Forks
from kernel.processes import Child, Program, stop_all


def main(arguments: Sequence[str]) -> None:
    """What each does by its first word."""
    atexit.register(print, "what was left for the end", flush=True)
    match list(arguments):
        case ["fail", code]:
            sys.exit(int(code))
        case ["answer", number]:
            with socket.socket(fileno=int(number)) as given:
                given.sendall(os.environ["WORD"].encode())
        case ["wait"]:
            print("up", os.getpid(), "json" in sys.modules, flush=True)
            time.sleep(600)


def starter(folder: Path) -> None:
    forks = Forks("json", main)
    child = Child(Program("sleeper", ["wait"], log=folder / "child.log"), forks.start)
    try:
        while True:
            child.tend()
            time.sleep(0.05)
    finally:
        stop_all([child])


if __name__ == "__main__":
    starter(Path(sys.argv[1]))
