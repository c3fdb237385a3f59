"""A bar on the terminal for commands that take minutes; without a terminal a line now and then."""

import sys
import time

_WIDTH = 30
_QUIET_S = 10.0


class Progress:
    """Called with the share that is done, from 0 to 1, and the rows so far."""

    def __init__(self) -> None:
        self._started, self._told = time.monotonic(), 0.0

    def __call__(self, share: float, rows: int) -> None:
        now = time.monotonic()
        is_terminal = sys.stderr.isatty()
        if not is_terminal and now - self._told < _QUIET_S and share < 1:
            return
        self._told = now
        done = round(share * _WIDTH)
        rate = rows / max(now - self._started, 1e-6)
        text = f"[{'#' * done}{'.' * (_WIDTH - done)}] {share:4.0%}  {rows:,}  {rate:,.0f}/s"
        sys.stderr.write(f"\r{text}" if is_terminal else f"{text}\n")
        sys.stderr.flush()

    def end(self) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\n")
