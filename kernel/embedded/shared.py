"""Several programs use one embedded server; the last to leave turns it off."""

import fcntl
import os
from pathlib import Path
from typing import Protocol


class Stoppable(Protocol):
    def stop(self) -> None: ...


class SharedUse:
    """Held for as long as this process uses the server of `folder`. The system lets go of it when the process is killed."""

    def __init__(self, folder: Path) -> None:
        """Waits while the last user before us is turning the server off."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._descriptor = os.open(folder / "postgres.users", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def leave(self, server: Stoppable) -> None:
        """Ends our use; stops `server` when nobody else uses it."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        else:
            server.stop()
        finally:
            os.close(self._descriptor)
