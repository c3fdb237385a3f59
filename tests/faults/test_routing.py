"""kill -9 of a worker at a what-if, at accepted re-routing, at escalations: others go on, and it ends as if nothing had happened.

A child process does the real work on a real database, and dies by its own hand at the moment that its argument names.
"""

import signal
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from uuid import UUID

import pytest
from sqlmodel import Session, col, select

from intake.service_requests.clock_models import RequestEscalation
from intake.service_requests.models import RoutingDecisionRow, ServiceRequest, ServiceRequestEvent
from intake.whatif import reroutes, rounds, runs
from intake.whatif.files import NAMES
from intake.whatif.history import Period
from intake.whatif.models import RerouteProposal, WhatIfPart, WhatIfRun
from kernel import crypto, db
from kernel.crypto import Vault
from kernel.outbox import OutboxEvent
from routing import drafts, publishing
from tests.conftest import make_database
from tests.factories import CITY, NOW, SUBJECTS, make_city
from tests.faults import children, routing_child
from tests.intake.service_requests.test_promises import promising, submitted
from tests.intake.whatif.cast import BETWEEN, make_draft, report, reports

pytestmark = [pytest.mark.fault, pytest.mark.xdist_group("routing_faults")]

THEN = NOW + timedelta(days=1)
SEVERAL = 30


@pytest.fixture
def url() -> Iterator[str]:
    """An empty installation that outlives the child."""
    made = make_database("routing_faults")
    engine = db.make_engine(made, pool_size=2)
    db.configure(engine)
    crypto.configure(Vault(b"d" * 32, b"l" * 32))
    yield made
    db.configure(None)
    crypto.configure(None)
    engine.dispose()


def begin(url: str, work: str, dies: str = "never", times: int = 1, run: UUID = UUID(int=0)) -> ForkServerProcess:
    return children.begin(routing_child.run, url, work, dies, str(times), str(run))


def ends(*started: ForkServerProcess) -> list[int]:
    """Their exit codes: minus the signal when one was killed."""
    return [children.end(child) for child in started]


def start_run(session: Session, draft_id: UUID) -> UUID:
    draft = drafts.locked(session, draft_id)
    period = Period(NOW.date() - timedelta(days=7), NOW.date())
    return runs.start(session, draft, period, THEN.date(), by="Rosa Cruz", language="es", now=NOW).id


def result_of(run_id: UUID) -> tuple[object, ...]:
    with db.transaction() as session:
        run = session.get_one(WhatIfRun, run_id)
        assert run.state == "done", run.problem
        assert session.exec(select(WhatIfPart).where(WhatIfPart.run_id == run_id)).all() == []
        files = {name: runs.file_of(session, run_id, name) for name in NAMES}
        return run.outcome, run.tally, run.done, run.parts, files


@pytest.mark.parametrize(("dies", "times", "done"), [
    ("before its commit", 2, 4), ("after its commit", 2, 8), ("at the end", 1, 12),
])  # fmt: skip
def test_a_what_if_goes_on_from_its_last_part(url: str, dies: str, times: int, done: int) -> None:
    with db.transaction() as session:
        make_city(session)
        reports(session)
        draft_id = make_draft(session).id
        run_id = start_run(session, draft_id)
    assert ends(begin(url, "whatif", dies, times, run_id)) == [-signal.SIGKILL]
    with db.transaction() as session:
        left = session.get_one(WhatIfRun, run_id)
        assert (left.state, left.done) == ("running", done)
        assert runs.wake_orphans(session, now=NOW + timedelta(minutes=1)) == 1
    # Two that were woken at once: one of them is at it at any time.
    assert ends(begin(url, "whatif", run=run_id), begin(url, "whatif", run=run_id)) == [0, 0]
    with db.transaction() as session:
        finished = session.exec(select(OutboxEvent.id).where(OutboxEvent.name == runs.FINISHED)).all()
        assert len(finished) == 1
        undisturbed = start_run(session, draft_id)
    assert ends(begin(url, "whatif", run=undisturbed)) == [0]
    assert result_of(run_id) == result_of(undisturbed)


@pytest.mark.parametrize(("dies", "moved"), [("before its commit", 4), ("after its commit", 5)])
def test_accepted_requests_are_moved_once_each(url: str, dies: str, moved: int) -> None:
    with db.transaction() as session:
        make_city(session)
        wanted = {report(session, BETWEEN).id for _ in range(SEVERAL)}
        rule_set = publishing.publish(session, make_draft(session).id, THEN.date(), "Rosa Cruz", NOW, subjects=SUBJECTS)
        planned = rounds.plan(session, rule_set.id, now=NOW)
        assert planned is not None
        assert rounds.wake(session, now=THEN) == 1
        while planned.state != "done":
            rounds.look(session, planned.id, now=THEN)
        assert reroutes.decide(session, CITY, accept=True, by="Iván Soto", now=THEN) == SEVERAL
    assert ends(begin(url, "reroute", dies, 5)) == [-signal.SIGKILL]
    with db.transaction() as session:
        assert reroutes.being_moved(session, CITY) == SEVERAL - moved
        reroutes.tidy(session, now=THEN + timedelta(minutes=1))
        told = session.exec(select(OutboxEvent.id).where(OutboxEvent.name == reroutes.ACCEPTED)).all()
        assert len(told) == 2, "the sweep wakes the job for what the dead one left"
    assert ends(begin(url, "reroute"), begin(url, "reroute")) == [0, 0]
    with db.transaction() as session:
        assert set(session.exec(select(RerouteProposal.state)).all()) == {"accepted"}
        assert set(session.exec(select(ServiceRequest.agency_code)).all()) == {"ALC-N"}
        events = session.exec(
            select(ServiceRequestEvent.service_request_id).where(
                ServiceRequestEvent.name == "routed", col(ServiceRequestEvent.actor_name) == "Iván Soto"
            )
        )
        assert Counter(events) == dict.fromkeys(wanted, 1)
        decisions = select(RoutingDecisionRow.service_request_id).where(RoutingDecisionRow.agency_code == "ALC-N")
        assert Counter(session.exec(decisions)) == dict.fromkeys(wanted, 1)


@pytest.mark.parametrize(("dies", "times", "recorded"), [("before its commit", 6, 4), ("after its commit", 2, 8)])
def test_each_step_is_recorded_once(url: str, dies: str, times: int, recorded: int) -> None:
    with db.transaction() as session:
        promising(session)
        wanted = {submitted(session).id for _ in range(SEVERAL)}
    dying, other = begin(url, "escalate", dies, times), None
    assert ends(dying) == [-signal.SIGKILL]
    with db.transaction() as session:
        assert len(session.exec(select(RequestEscalation.service_request_id)).all()) == recorded
    # One more dies beside one that goes on.
    dying, other = begin(url, "escalate", "before its commit", 2), begin(url, "escalate")
    assert ends(other) == [0]
    assert ends(dying)[0] in (0, -signal.SIGKILL)
    assert ends(begin(url, "escalate")) == [0]
    with db.transaction() as session:
        steps = session.exec(select(RequestEscalation.service_request_id, RequestEscalation.step)).all()
        assert Counter(steps) == dict.fromkeys({(one, "unanswered") for one in wanted}, 1)
        events = select(ServiceRequestEvent.service_request_id).where(ServiceRequestEvent.name == "escalated")
        assert Counter(session.exec(events)) == dict.fromkeys(wanted, 1)
