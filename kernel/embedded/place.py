"""Where an embedded server keeps its files, its socket and its log, under one data folder that only its owner may enter."""

import hashlib
import os
import stat
from pathlib import Path

from kernel.errors import Unavailable

# sun_path holds 108 bytes on Linux (104 on macOS), the closing zero included.
MAX_SOCKET_PATH = 103
# Commas and quotes separate directories in PostgreSQL's own settings and in connection strings.
_AWKWARD = set(",'\"\\\n")
_OLD_LOG_BYTES = 20_000_000


def make_private(folder: Path) -> Path:
    """`folder`, made if need be, closed to every other user. Raises Unavailable when it belongs to somebody else."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise Unavailable("{folder} debería ser una carpeta y no lo es.", folder=folder)
        # Root may use a folder whose server runs as another user (see account.py).
        if found.st_uid != os.geteuid() and os.geteuid() != 0:
            raise Unavailable("La carpeta {folder} es de otro usuario.", folder=folder)
        if found.st_mode & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise Unavailable("No se puede usar la carpeta {folder}: {reason}", folder=folder, reason=error) from error
    return folder


def socket_folder(folder: Path, name: str, *, owners: frozenset[int] = frozenset()) -> Path:
    """The private folder for the socket `name`: `folder`/run, or a short one in /tmp that is always the same for `folder`.

    A socket's path is limited to about 100 bytes, which a deep data folder exceeds. `owners`: user ids besides our own
    that the short folder may belong to; anybody else's is refused, since whoever owns it could pose as the server.
    """
    wanted = folder / "run"
    if len(os.fsencode(wanted / name)) <= MAX_SOCKET_PATH and not _AWKWARD & set(str(wanted)):
        return make_private(wanted)
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path("/tmp") / f"atiende-{os.geteuid()}-{digest}"  # noqa: S108  checked right below
    try:
        short.mkdir(mode=0o700)
    except FileExistsError:
        found = short.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners | {os.geteuid()} or found.st_mode & 0o077:
            raise Unavailable("Otra persona ocupa {folder}; bórrala o usa otra carpeta.", folder=short) from None
    return short


def open_log(path: Path) -> int:
    """A descriptor that appends to `path`; a log that grew past 20 MB is set aside as `.old` first."""
    if path.exists() and path.stat().st_size > _OLD_LOG_BYTES:
        path.replace(path.with_suffix(path.suffix + ".old"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def tail(path: Path, offset: int = 0, lines: int = 12) -> str:
    """The last lines written to `path` after `offset` bytes."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(offset, path.stat().st_size - 16_384))
        text = file.read().decode(errors="replace")
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])
