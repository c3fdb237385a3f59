"""Children are kept alive while their parent lives, and are gone when it is gone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from kernel.embedded.alive import wait_until
from kernel.processes import Child, Program, Running, spawn, stop_all

WAITER = "from kernel.processes import follow_parent; follow_parent()\nimport sys, time\nprint('up', flush=True)\n"
SLEEPER = WAITER + "time.sleep(600)\n"
DEAF = (
    WAITER
    + "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(600)\n"
)
PARENT = """
import sys, time
from pathlib import Path
from kernel.processes import Child, Program, spawn
start = lambda program: spawn(program, [sys.executable, "-c"])
child = Child(Program("child", [sys.argv[1]], log=Path(sys.argv[2])), start)
child.start()
print(child.process.pid, flush=True)
time.sleep(600)
"""


def python(code: str, log: Path) -> Child:
    return Child(Program("child", [code], log=log), start)


def start(program: Program) -> Running:
    return spawn(program, [sys.executable, "-c"])


def exists(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def says(child: Child, word: str) -> Callable[[], bool]:
    return lambda: word in child.last_words()


def test_a_child_leaves_when_its_parent_is_killed(tmp_path: Path) -> None:
    for code, seconds in ((SLEEPER, 5.0), (DEAF, 9.0)):
        log = tmp_path / "child.log"
        log.unlink(missing_ok=True)
        parent = subprocess.Popen([sys.executable, "-c", PARENT, code, str(log)], stdout=subprocess.PIPE, text=True)
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert wait_until(lambda log=log: log.exists() and "up" in log.read_text(), 20)
        os.kill(parent.pid, signal.SIGKILL)
        parent.communicate()
        assert wait_until(lambda child=child: not exists(child), seconds)


def test_a_dead_child_comes_back_with_its_log(tmp_path: Path) -> None:
    child = python(SLEEPER, tmp_path / "logs" / "child.log")
    child.start()
    try:
        assert wait_until(says(child, "up"), 20)
        assert child.tend() is None
        assert child.process
        first = child.process.pid
        child.process.kill()
        codes = []

        def is_back() -> bool:
            codes.append(child.tend())
            return child.restarts == 1

        assert wait_until(is_back, 10)
        assert [code for code in codes if code is not None] == [-signal.SIGKILL]
        assert child.is_running
        assert child.process.pid != first
    finally:
        stop_all([child])
    assert not child.is_running


def test_a_child_that_fails_at_once_is_tried_ever_more_rarely(tmp_path: Path) -> None:
    child = python("print('no such setting'); raise SystemExit(3)", tmp_path / "child.log")
    child.start()

    def is_tried_again() -> bool:
        child.tend()
        return child.restarts > 0

    assert wait_until(is_tried_again, 20)
    began = time.monotonic()
    while time.monotonic() - began < 2.0:
        child.tend()
        time.sleep(0.01)
    # Pauses of 0.2 s, which is over, 0.4, 0.8, 1.6 s.
    assert 1 <= child.restarts <= 3
    assert "no such setting" in child.last_words()
    stop_all([child])


def test_stopping_is_polite_first_and_certain_in_the_end(tmp_path: Path) -> None:
    polite = python(SLEEPER, tmp_path / "polite.log")
    deaf = python(DEAF, tmp_path / "deaf.log")
    for child in (polite, deaf):
        child.start()
    assert wait_until(lambda: says(polite, "up")() and says(deaf, "deaf")(), 20)
    stop_all([polite, deaf], grace_s=0.5)
    assert polite.exit_code == -signal.SIGTERM
    assert deaf.exit_code == -signal.SIGKILL


def test_ctrl_c_reaches_the_parent_alone(tmp_path: Path) -> None:
    child = python(SLEEPER, tmp_path / "child.log")
    child.start()
    try:
        assert child.process
        assert os.getsid(child.process.pid) != os.getsid(0)
    finally:
        stop_all([child], grace_s=0.1)
