"""A worker at one kind of job, that dies when told.

DIES and TIMES: it dies the so manyth time that it comes to that moment.
"""

import os
import signal
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import atiende.schema  # noqa: F401  # every table is declared
from intake.service_requests import escalating
from intake.whatif import reroutes, runs
from intake.whatif.models import WhatIfRun
from kernel import crypto, db
from kernel.crypto import Vault
from tests.factories import CITY, NOW

# Requests to a part of a run, and to a batch of escalations.
PART = 4
DIES, TIMES, RUN = "never", 1, UUID(int=0)


def die_at(moment: str) -> None:
    global TIMES
    if moment == DIES:
        TIMES -= 1
        if TIMES == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def _deadly_after(module: Any, name: str, moment: str) -> None:
    """The function does what it did, and then comes the moment: written, and not committed."""
    act: Callable[..., Any] = getattr(module, name)

    def deadly(*given: Any, **named: Any) -> Any:
        answer = act(*given, **named)
        die_at(moment)
        return answer

    setattr(module, name, deadly)


def whatif() -> None:
    while True:
        with db.transaction() as session:
            runs.advance(session, RUN, now=NOW, part=PART)
        die_at("after its commit")
        with db.transaction() as session:
            if session.get_one(WhatIfRun, RUN).state in ("done", "failed"):
                return


def reroute() -> None:
    while True:
        with db.transaction() as session:
            if not reroutes.carry_out_one(session, CITY, now=NOW + timedelta(days=1)):
                return
        die_at("after its commit")


def escalate() -> None:
    while True:
        with db.transaction() as session:
            if not escalating.record_due(session, now=NOW + timedelta(hours=29), limit=PART):
                return
        die_at("after its commit")


def run(url: str, work: str, dies: str, times: str, run_id: str) -> None:
    global DIES, TIMES, RUN
    DIES, TIMES, RUN = dies, int(times), UUID(run_id)
    db.configure(db.make_engine(url, pool_size=2))
    crypto.configure(Vault(b"d" * 32, b"l" * 32))
    _deadly_after(runs, "_advance", "before its commit")
    _deadly_after(runs, "_finish", "at the end")
    _deadly_after(reroutes, "reroute", "before its commit")
    _deadly_after(escalating, "_record", "before its commit")
    {"whatif": whatif, "reroute": reroute, "escalate": escalate}[work]()
