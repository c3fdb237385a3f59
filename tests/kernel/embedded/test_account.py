"""Which account a server runs as: root has three ways, a normal user one."""

import os
import pwd
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from kernel.embedded import account
from kernel.embedded.account import choose_account
from kernel.embedded.postgres import PostgresServer
from kernel.embedded.programs import choose_postgres
from kernel.errors import Unavailable

Make = Callable[..., PostgresServer]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who has to become somebody else")


@pytest.fixture
def refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container without CAP_SYS_ADMIN: `unshare` is there and refuses."""
    fake = tmp_path / "unshare"
    fake.write_text("#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")


def owner_of(pid: int | None) -> str:
    assert pid
    return pwd.getpwuid(Path(f"/proc/{pid}").stat().st_uid).pw_name


@needs_root
@pytest.mark.usefixtures("refused")
def test_where_unshare_is_refused_an_existing_user_runs_it(postgres: Make) -> None:
    server = postgres()
    assert server.start() is True
    assert server.is_ready()
    assert owner_of(server.pid) in ("postgres", "nobody")
    assert PostgresServer(server.folder).start() is False
    server.stop()
    assert server.start() is True


@needs_root
def test_a_folder_changes_hands_when_the_machine_changes_its_mind(
    postgres: Make, request: pytest.FixtureRequest
) -> None:
    server = postgres()
    server.start()
    first = owner_of(server.pid)
    server.stop()
    request.getfixturevalue("refused")
    assert server.start() is True
    assert first != owner_of(server.pid)


@needs_root
@pytest.mark.usefixtures("refused")
def test_the_owner_of_the_data_folder_comes_first(open_folder: Path) -> None:
    os.chown(open_folder, 4711, 4711)
    chosen = choose_account(open_folder, choose_postgres(None) / "postgres")
    assert (chosen.uid, chosen.gid) == (4711, 4711)


@needs_root
@pytest.mark.usefixtures("refused")
def test_when_nobody_can_run_it_the_message_says_what_to_do(open_folder: Path) -> None:
    closed = open_folder / "closed" / "data"
    closed.mkdir(parents=True)
    closed.parent.chmod(0o700)
    with pytest.raises(Unavailable, match=r"Operation not permitted.*DATABASE_URL"):
        choose_account(closed, choose_postgres(None) / "postgres")
    assert stat.S_IMODE(closed.parent.stat().st_mode) == 0o700


def test_a_normal_user_runs_it_directly(monkeypatch: pytest.MonkeyPatch, open_folder: Path) -> None:
    monkeypatch.setattr(account.os, "geteuid", lambda: 1000)
    assert choose_account(open_folder, Path("/usr/bin/true")) == account.Account()


STARTER = """
import sys
from pathlib import Path
from typing import Any
from kernel.embedded.postgres import PostgresServer
server = PostgresServer(Path(sys.argv[1]))
print(server.start(), server.is_ready())
server.stop()
print(server.pid)
"""


@needs_root
def test_a_real_normal_user_starts_and_stops_it(open_folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(open_folder, nobody.pw_uid, nobody.pw_gid)
    root = Path(account.__file__).parents[2]
    packages = Path(psycopg.__file__).parents[1]
    as_nobody: dict[str, Any] = {
        "user": nobody.pw_uid,
        "group": nobody.pw_gid,
        "extra_groups": [],
        "env": {"PYTHONPATH": f"{root}:{packages}", "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
        "cwd": "/",
        "capture_output": True,
        "text": True,
    }
    for interpreter in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        try:
            subprocess.run([interpreter, "-c", "import kernel.embedded.postgres"], check=True, **as_nobody)
            break
        except (OSError, subprocess.CalledProcessError):
            continue
    else:
        pytest.skip("needs an interpreter and packages that other users of the machine may read")
    done = subprocess.run([interpreter, "-c", STARTER, str(open_folder / "data")], check=False, timeout=60, **as_nobody)
    assert done.stdout.split() == ["True", "True", "None"], done.stderr
