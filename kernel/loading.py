"""While a program loads, hardly anything of what it makes is garbage: Python's collector looked through all of it for nothing."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# So many new objects before the collector looks at them, instead of 700. For commands that end soon: most is there to stay.
_MANY = 50_000


def collect_rarely() -> None:
    gc.set_threshold(_MANY)


@contextmanager
def loading() -> Iterator[None]:
    """Around everything that a process makes before it begins its work, imports included; before it has threads of its own.

    The collector rests, and what is there at the end it never looks at again: that takes a fifth of a second, in the midst of
    somebody's request.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
