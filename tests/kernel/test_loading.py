"""What the collector does while a program loads, and afterwards; in a process of its own, whose objects are its own."""

import subprocess
import sys

PROGRAM = """
import gc, weakref
from kernel.loading import loading

class Ring:
    def __init__(self):
        self.own = self

def make(number):
    rings = [Ring() for _ in range(number)]
    return weakref.ref(rings[0])

with loading():
    kept = make(200_000)
    assert kept() is not None, "the collector looked while the program loaded"
assert gc.isenabled()
frozen = gc.get_freeze_count()
assert frozen > 200_000, frozen
after = make(200_000)
gc.collect()
assert after() is None, "nobody collects what a loaded program leaves behind"
assert kept() is not None, "what was loaded was looked at again"
"""


def test_it_rests_while_a_program_loads_and_looks_only_at_what_comes_afterwards() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
