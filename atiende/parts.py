"""The processes of an installation, each a command of its own, and how one that keeps others starts them."""

import sys
from collections.abc import Sequence

from kernel.forks import Forks

# What a worker is made of, where there is a Redis. Without, the relay runs the jobs and the dispatcher itself.
WORKING = ("jobs", "relay", "dispatcher")


def begin(arguments: Sequence[str]) -> None:
    """In a process that was forked for them."""
    from atiende.cli import main  # which has a command for each part, and for whoever keeps them

    sys.argv = ["atiende", *arguments]
    main()


def forks() -> Forks:
    return Forks("atiende.loaded", begin)
