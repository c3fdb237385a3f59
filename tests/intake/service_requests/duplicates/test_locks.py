"""Two connections that need the same requests take turns, whatever each of them wants: nobody waits for who waits for them."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from intake.service_requests import actions
from intake.service_requests.duplicates import jobs, joining, merging
from intake.service_requests.duplicates.models import DuplicateDecision
from intake.service_requests.models import ServiceRequest
from kernel import crypto, db
from kernel.crypto import Vault
from kernel.errors import AtiendeError
from kernel.statements import Rows, Statements
from tests.conftest import make_database
from tests.factories import CITY, NOW, make_city
from tests.intake.service_requests.duplicates.cast import AGENCY, STAFF, report

pytestmark = pytest.mark.database

Act = Callable[[Session], object]
# So long a transaction stands still behind its first lock: the other one has gone as far as it can by then.
_LINGERS_S = 0.4


class Desk:
    """A committed city: `first` was reported before `second` and `third`, and has the lowest id."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with Session(engine) as session, session.begin():
            make_city(session)
            self.first, self.second, self.third = (report(session, metres=metres).id for metres in (0, 3, 300))
        assert self.first < self.second < self.third

    def do(self, act: Act) -> object:
        with Session(self.engine) as session, session.begin():
            return act(session)

    def request(self, one: UUID) -> ServiceRequest:
        with Session(self.engine, expire_on_commit=False) as session:
            return session.get_one(ServiceRequest, one)

    def at_once(self, slow: Act, quick: Act) -> list[str]:
        """`quick` begins when `slow` has its first lock; what was refused, by the name of the error."""
        is_locked, refused = threading.Event(), []
        slow_thread = threading.Thread(target=lambda: run(slow))

        def linger(statements: Statements, query: bytes, values: Sequence[Any], *, prepare: bool) -> Rows:
            rows = run_alone(statements, query, values, prepare=prepare)
            if threading.current_thread() is slow_thread and b" FOR " in query and not is_locked.is_set():
                is_locked.set()
                time.sleep(_LINGERS_S)
            return rows

        def run(act: Act) -> None:
            try:
                self.do(act)
            except AtiendeError as error:
                refused.append(type(error).__name__)
            except Exception as error:  # a deadlock, most of all
                refused.append(f"{type(error).__name__}: {error}")

        quick_thread = threading.Thread(target=lambda: run(quick))
        run_alone = Statements.run_alone
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Statements, "run_alone", linger)
            slow_thread.start()
            assert is_locked.wait(10)
            quick_thread.start()
            slow_thread.join(20)
            quick_thread.join(20)
        return refused


@pytest.fixture
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    engine = db.make_engine(make_database("locks"), pool_size=4)
    crypto.configure(Vault(b"d" * 32, b"l" * 32))
    yield Desk(engine)
    crypto.configure(None)
    engine.dispose()


def merge(duplicate: UUID, parent: UUID) -> Act:
    return lambda session: merging.merge(session, duplicate, parent, actor=STAFF, now=NOW)


def undo(duplicate: UUID) -> Act:
    return lambda session: merging.undo(session, duplicate, actor=STAFF, now=NOW)


def reopen(duplicate: UUID) -> Act:
    return lambda session: actions.change_status(session, duplicate, life="reopened", actor=AGENCY, now=NOW)


def say_same(one: UUID) -> Act:
    said = joining.MeToo(CITY, one, "web", "También lo vi", "the-same-tap")
    return lambda session: joining.join(session, said, now=NOW)


def test_an_agency_reopens_a_duplicate_while_staff_separate_it(desk: Desk) -> None:
    desk.do(merge(desk.second, desk.first))
    assert desk.at_once(reopen(desk.second), undo(desk.second)) == ["Conflict"], (
        "the second of the two has nothing to do"
    )
    second = desk.request(desk.second)
    assert (second.life, second.parent_id, desk.request(desk.first).report_count) == ("reopened", None, 1)


def test_an_agency_reopens_a_duplicate_while_its_parent_is_merged(desk: Desk) -> None:
    desk.do(merge(desk.second, desk.first))
    assert desk.at_once(reopen(desk.second), merge(desk.first, desk.third)) in ([], ["Conflict"])
    assert desk.request(desk.second).parent_id is None
    assert desk.request(desk.third).report_count == (2 if desk.request(desk.first).parent_id else 1)


def test_what_comes_back_to_a_separated_one_is_locked_with_it(desk: Desk) -> None:
    """First and second go to the third; undoing gives the first back, which has the lowest id, while an agency reopens it."""
    desk.do(merge(desk.first, desk.second))
    desk.do(merge(desk.second, desk.third))
    assert desk.at_once(undo(desk.second), reopen(desk.first)) in ([], ["Conflict"])
    assert desk.request(desk.second).parent_id is None
    assert desk.request(desk.third).report_count == 1


def test_the_job_marks_a_pair_while_staff_merge_it(desk: Desk) -> None:
    assert desk.at_once(lambda session: jobs.find(session, desk.second), merge(desk.second, desk.first)) == []
    assert desk.request(desk.second).parent_id == desk.first
    with Session(desk.engine) as session:
        assert session.exec(select(DuplicateDecision.candidate_id)).all() == [desk.first]


def test_a_resident_joins_a_duplicate_while_it_is_separated(desk: Desk) -> None:
    desk.do(merge(desk.second, desk.first))
    assert desk.at_once(say_same(desk.second), undo(desk.second)) == []
    assert desk.request(desk.first).report_count == 2
    assert desk.request(desk.second).report_count == 1


def test_a_resident_joins_while_it_becomes_a_duplicate(desk: Desk) -> None:
    """They are told so, or their report is one of the parent's; it is never lost on the way."""
    refused = desk.at_once(merge(desk.second, desk.first), say_same(desk.second))
    assert refused == []
    assert desk.request(desk.first).report_count == 3
