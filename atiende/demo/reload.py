"""For `make dev`: ends the children when code, templates or texts change; the demo starts them again with the new ones."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from kernel.processes import Child

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("atiende", "agent_console", "channels", "intake", "routing", "georef", "kernel")
_SUFFIXES = frozenset((".py", ".html", ".css", ".js", ".po", ".toml", ".txt"))


def restart_on_change(children: Sequence[Child], say: Callable[[str], None]) -> None:
    """Watches in a thread of its own, for as long as the process lives."""
    threading.Thread(target=_watch, args=(children, say), name="reload", daemon=True).start()


def _watch(children: Sequence[Child], say: Callable[[str], None]) -> None:
    from watchfiles import watch  # only `make dev` needs it

    folders = [_ROOT / package for package in _PACKAGES]
    for changes in watch(*folders, watch_filter=lambda _, path: Path(path).suffix in _SUFFIXES):
        names = sorted({Path(path).name for _, path in changes})
        say(f"Cambió {', '.join(names[:3])}: arranca de nuevo / changed, starting again")
        for child in children:
            child.end()
