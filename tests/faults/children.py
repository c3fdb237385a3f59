"""Real processes that die when they are told, forked from one that has loaded the program: each would take seconds to load it."""

from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.faults.email_child", "tests.faults.photos_child", "tests.faults.routing_child"])


def begin(work: Callable[..., None], *given: str) -> ForkServerProcess:
    """A process of its own at `work`, a function of a module."""
    child = _CONTEXT.Process(target=work, args=given)
    child.start()
    return child


def end(child: ForkServerProcess) -> int:
    """Its exit code: minus the signal when it was killed."""
    child.join(120)
    code = child.exitcode
    assert code is not None, "it does not end"
    child.close()
    return code
