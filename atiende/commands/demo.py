"""`atiende demo`."""

import os
import sys
from pathlib import Path

from atiende.demo.data_folder import open_folder

_DEFAULT = Path(__file__).resolve().parents[2] / ".data" / "demo"


def run(port: int) -> None:
    """In the foreground until Ctrl-C. Raises Conflict when a demo runs on the same folder, Unavailable for a taken port."""
    with open_folder(Path(os.environ.get("ATIENDE_DATA") or _DEFAULT)) as folder:
        from atiende.demo.supervisor import run_demo  # after the lock: a second demo is refused at once

        run_demo(folder, port, _say, os.environ)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
