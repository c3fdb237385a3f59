"""Which account a server runs as. PostgreSQL refuses to run as root, so root has to become somebody else.

As a normal user: directly. As root: in a user namespace where it sees itself as uid 1000 and the files stay root's; where the
system refuses namespaces: as an existing unprivileged user (the data folder's owner, postgres, nobody). No user is ever made.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernel.errors import Unavailable

_NAMESPACE = ("--user", "--map-user=1000", "--map-group=1000")
_PROBE = 'test -w "$1" && test -x "$1" && exec "$2" --version'


@dataclass(frozen=True)
class Account:
    """How to run a program: behind `prefix`, and as user `uid`, group `gid` when they are given."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None

    def _options(self, folder: Path) -> dict[str, Any]:
        options: dict[str, Any] = {"cwd": folder, "env": _environment(), "stdin": subprocess.DEVNULL}
        if self.uid is not None:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def run(self, command: Sequence[object], folder: Path, timeout_s: float) -> subprocess.CompletedProcess[str]:
        """Runs `command` to its end in `folder`; what it says is in the result."""
        return subprocess.run(
            [*self.prefix, *map(str, command)],
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            **self._options(folder),
        )

    def start(self, command: Sequence[object], folder: Path, log: int) -> subprocess.Popen[bytes]:
        """Starts `command` in a session of its own, so that Ctrl-C in our terminal does not reach it; output goes to `log`."""
        return subprocess.Popen(
            [*self.prefix, *map(str, command)],
            stdout=log,
            stderr=log,
            start_new_session=True,
            **self._options(folder),
        )

    def own(self, path: Path) -> None:
        """Hands `path` and all in it to this account, when root runs us and it is somebody else's."""
        if os.geteuid() != 0 or not path.exists():
            return
        uid, gid = (self.uid or 0, self.gid or 0)
        if path.lstat().st_uid == uid:
            return
        for folder, _, files in os.walk(path):
            os.chown(folder, uid, gid, follow_symlinks=False)
            for name in files:
                os.chown(os.path.join(folder, name), uid, gid, follow_symlinks=False)
        os.chown(path, uid, gid, follow_symlinks=False)


def _environment() -> Mapping[str, str]:
    # PGDATA, PGPORT, PGOPTIONS… of the person's shell are meant for another server.
    return {key: value for key, value in os.environ.items() if not key.startswith("PG")}


def unprivileged_ids(folder: Path) -> Iterator[tuple[int, int]]:
    """Existing users, best first, that a server of root's may run as: (uid, gid)."""
    owner = folder.stat()
    if owner.st_uid != 0:
        yield owner.st_uid, owner.st_gid
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        yield user.pw_uid, user.pw_gid


def choose_account(folder: Path, program: Path) -> Account:
    """The account that can run `program` on files in `folder`. Raises Unavailable when root finds none."""
    if os.geteuid() != 0:
        return Account()
    reason = "unshare no está instalado"
    if unshare := shutil.which("unshare"):
        inside = Account(prefix=(unshare, *_NAMESPACE))
        complaint = _complaint(inside, folder, folder, program)
        if complaint is None:
            return inside
        reason = complaint
    for uid, gid in unprivileged_ids(folder):
        outside = Account(uid=uid, gid=gid)
        # The server's own folders will be handed over to it; through the data folder it only has to pass.
        if _complaint(outside, Path("/"), Path("/tmp"), program) is None and _let_through(outside, folder):  # noqa: S108
            return outside
    raise Unavailable(
        "PostgreSQL no corre como root, el sistema no permite «unshare» ({reason}) y ningún usuario sin privilegios puede usar"
        " {folder}. Usa un usuario normal, otra carpeta en ATIENDE_DATA, o DATABASE_URL.",
        reason=reason,
        folder=folder,
    )


def _complaint(account: Account, cwd: Path, writable: Path, program: Path) -> str | None:
    """None when `account` can run `program` and write to `writable`; otherwise what the system said."""
    try:
        result = account.run(["/bin/sh", "-c", _PROBE, "probe", writable, program], cwd, 10)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    return None if result.returncode == 0 else (result.stderr.strip() or f"código {result.returncode}")


def _let_through(account: Account, folder: Path) -> bool:
    """Opens `folder` for passing (not for listing) if that is all that `account` lacks."""

    def passes() -> bool:
        result = account.run(["/bin/sh", "-c", 'test -x "$1"', "probe", folder], Path("/"), 10)
        return result.returncode == 0

    before = folder.stat().st_mode & 0o777
    if passes():
        return True
    folder.chmod(before | 0o011)
    if passes():
        return True
    folder.chmod(before)
    return False
