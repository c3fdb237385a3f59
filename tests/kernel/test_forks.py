"""Children that are forked from what is loaded behave as those that the system starts, and leave with whoever started them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel.embedded.alive import wait_until
from kernel.forks import Forks
from kernel.processes import Child, Program, Running, stop_all
from tests.kernel.forking import main
from tests.running import is_running, processes_of, wait_for


@pytest.fixture
def starter(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-m", "tests.kernel.forking", str(tmp_path)])
    yield process
    process.kill()
    process.wait()


def said(folder: Path) -> list[str]:
    log = folder / "child.log"
    return [line for line in log.read_text().splitlines() if line.startswith("up")] if log.exists() else []


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_it_is_known_by_its_name_and_has_everything_loaded(tmp_path: Path, starter: "subprocess.Popen[bytes]") -> None:
    wait_for(lambda: said(tmp_path))
    child = processes_of(starter.pid)["atiende-sleeper"]
    assert said(tmp_path) == [f"up {child} True"]
    assert os.getsid(child) == child


def test_it_comes_back_when_it_or_what_it_was_forked_from_is_killed(
    tmp_path: Path, starter: "subprocess.Popen[bytes]"
) -> None:
    wait_for(lambda: len(said(tmp_path)) == 1)
    os.kill(processes_of(starter.pid)["atiende-sleeper"], signal.SIGKILL)
    wait_for(lambda: len(said(tmp_path)) == 2)
    second = processes_of(starter.pid)["atiende-sleeper"]
    server = parent_of(second)
    os.kill(server, signal.SIGKILL)
    wait_for(lambda: len(said(tmp_path)) == 3)
    # Nobody can say how that one ended, so it must not go on beside the next.
    assert wait_until(lambda: not is_running(second), 5)


def test_signals_sent_to_all_at_once_leave_the_one_they_are_forked_from_to_the_end(
    tmp_path: Path, starter: "subprocess.Popen[bytes]"
) -> None:
    wait_for(lambda: said(tmp_path))
    child = processes_of(starter.pid)["atiende-sleeper"]
    server = parent_of(child)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(server, number)
    # It can still fork, and say how a child ended.
    os.kill(child, signal.SIGTERM)
    wait_for(lambda: len(said(tmp_path)) == 2)
    assert parent_of(processes_of(starter.pid)["atiende-sleeper"]) == server


def test_it_leaves_when_whoever_started_it_is_killed(tmp_path: Path, starter: "subprocess.Popen[bytes]") -> None:
    wait_for(lambda: said(tmp_path))
    all_of_it = processes_of(starter.pid).values()
    starter.kill()
    assert wait_until(lambda: not any(map(is_running, all_of_it)), 5)


@pytest.fixture(scope="module")
def forks() -> Forks:
    return Forks("json", main)


def test_it_is_given_sockets_words_and_a_log(tmp_path: Path, forks: Forks) -> None:
    ours, its = socket.socketpair()
    program = Program("answerer", ["answer", its], {"WORD": "hola"}, tmp_path / "logs" / "child.log")
    with ours, its:
        child = forks.start(program)
        assert child.wait(60) == 0
        assert ours.recv(100) == b"hola"
    assert program.log is not None
    assert program.log.read_text() == "what was left for the end\n"


def test_how_it_ended_is_known(tmp_path: Path, forks: Forks) -> None:
    log = tmp_path / "child.log"
    assert forks.start(Program("failing", ["fail", "3"], log=log)).wait(60) == 3
    waiting = Child(Program("waiting", ["wait"], log=log), forks.start)
    waiting.start()
    assert wait_until(lambda: "up" in waiting.last_words(), 20)
    assert waiting.exit_code is None
    assert waiting.process is not None
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.process.wait(0.01)
    stop_all([waiting])
    assert waiting.exit_code == -signal.SIGTERM


# Whoever starts one and breaks before it knows of it; and one that what it loads is broken for.
FORGETFUL = """
from kernel.forks import Forks
from kernel.processes import Program
from tests.kernel.forking import main
Forks("json", main).start(Program("forgotten", ["wait"]))
"""
BROKEN = """
import sys
from kernel.forks import Forks
from kernel.processes import Program, spawn
from tests.kernel.forking import main
forks = Forks("broken_when_loaded", main, lambda program: spawn(program, [sys.executable, "-c"]))
for word in "once", "again":
    assert forks.start(Program("alone", [f"print('alone {word}')"])).wait(60) == 0
"""
# Ctrl-C while they are being forked, and have no session of their own yet.
CTRL_C = """
import os, signal
from kernel.forks import Forks
from kernel.processes import Program
from tests.kernel.forking import main
signal.signal(signal.SIGINT, lambda *_: None)
forks = Forks("json", main)
children = []
for _ in range(10):
    children.append(forks.start(Program("waiting", ["wait"])))
    os.killpg(0, signal.SIGINT)
for child in children:
    while os.getsid(child.pid) != child.pid:
        pass
    child.terminate()
assert [child.wait(20) for child in children] == [-signal.SIGTERM] * 10
"""


def test_ctrl_c_while_they_are_forked_is_for_whoever_starts_them() -> None:
    done = subprocess.run([sys.executable, "-c", CTRL_C], start_new_session=True, timeout=60, check=False)
    assert done.returncode == 0


def test_whoever_forgets_one_ends_all_the_same() -> None:
    assert subprocess.run([sys.executable, "-c", FORGETFUL], timeout=30, check=False).returncode == 0


def test_what_cannot_be_forked_is_started_as_any_program(tmp_path: Path) -> None:
    (tmp_path / "broken_when_loaded.py").write_text("this is no Python")
    environ = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", BROKEN], env=environ, capture_output=True, text=True, timeout=60)
    assert [line for line in done.stdout.splitlines() if line.startswith("alone")] == ["alone once", "alone again"]
    assert "this is no Python" in done.stderr


def test_when_no_more_are_wanted_what_they_are_forked_from_ends_and_they_do(tmp_path: Path, forks: Forks) -> None:
    def start() -> Running:
        child = forks.start(Program("waiting", ["wait"], log=tmp_path / "child.log"))
        wait_for(lambda: f"up {child.pid} True" in said(tmp_path))
        return child

    child = start()
    server = parent_of(child.pid)
    forks.end()
    forks.end()
    assert not is_running(server)
    assert wait_until(lambda: not is_running(child.pid), 5)
    start().kill()
