"""Units of work that go by memory: what they claim is confirmed by the statement that writes, or they run again and ask."""

from datetime import UTC, datetime
from itertools import count

import pytest
from sqlmodel import Session, select

from intake.service_requests.models import Report, ServiceRequest
from kernel import memory
from kernel.errors import InvalidInput
from kernel.inserts import Row, insert_together
from tests.factories import CITY, make_city

pytestmark = pytest.mark.database
NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)
_IS_CALLED = "(SELECT j.name FROM jurisdiction j WHERE j.id = %(city)s) = %(name)s"
_folios = count(2600000000)


@pytest.fixture
def name(session: Session) -> str:
    return make_city(session).name


def write(unit: Session) -> bool:
    """A request with its report; whether they were written."""
    made = ServiceRequest(
        jurisdiction_id=CITY,
        folio=str(next(_folios)),
        service_code="BACHE",
        channel="web",
        requested_at=NOW,
        updated_at=NOW,
    )
    return insert_together(unit, made, [Row(Report, {"service_request_id": made.id, "channel": "web", "at": NOW})])


def remember(unit: Session, name: str) -> bool:
    """Claims what the city is called. Whether it could; who may not has asked."""
    if memory.goes_by_memory(unit):
        memory.claim(unit, _IS_CALLED, {"city": CITY, "name": name})
    return memory.goes_by_memory(unit)


def kept(session: Session) -> int:
    reports = session.exec(select(Report)).all()
    assert len(reports) == len(session.exec(select(ServiceRequest)).all())
    return len(reports)


def test_what_still_is_so_is_believed_and_done_once(session: Session, name: str) -> None:
    ways: list[bool] = []

    def work(unit: Session) -> bool:
        ways.append(remember(unit, name))
        return write(unit)

    assert memory.work_by_memory(work)
    assert (ways, kept(session)) == ([True], 1)


@pytest.mark.parametrize("city", [CITY, "no.such.city"])
def test_what_is_no_longer_so_is_asked_for_and_done_once(session: Session, name: str, city: str) -> None:
    ways: list[bool] = []

    def work(unit: Session) -> bool:
        ways.append(remember(unit, name))
        if memory.goes_by_memory(unit):
            memory.claim(unit, "(SELECT true FROM jurisdiction j WHERE j.id = %(id)s AND j.name = 'x')", {"id": city})
        return write(unit)

    assert memory.work_by_memory(work)
    assert (ways, kept(session)) == ([True, False], 1)


def test_nothing_is_kept_that_nobody_confirmed(session: Session, name: str) -> None:
    """The last claim is made after the statement that could have confirmed it."""
    ways: list[bool] = []

    def work(unit: Session) -> bool:
        written = write(unit)
        ways.append(remember(unit, name))
        return written

    assert memory.work_by_memory(work)
    assert (ways, kept(session)) == ([True, False], 1)


def test_a_refusal_may_come_of_what_is_no_longer_so(session: Session, name: str) -> None:
    ways: list[bool] = []

    def work(unit: Session) -> str:
        write(unit)
        ways.append(remember(unit, name))
        if ways[-1]:
            raise InvalidInput("No existe ese servicio.")
        return "made"

    assert memory.work_by_memory(work) == "made"
    assert (ways, kept(session)) == ([True, False], 1)


def test_a_refusal_that_stands_is_raised_and_leaves_nothing(session: Session, name: str) -> None:
    def work(unit: Session) -> None:
        write(unit)
        raise InvalidInput("No existe ese servicio.")

    with pytest.raises(InvalidInput):
        memory.work_by_memory(work)
    assert kept(session) == 0


def test_a_bug_after_all_was_confirmed_is_no_reason_to_try_again(session: Session, name: str) -> None:
    ways: list[bool] = []

    def work(unit: Session) -> None:
        ways.append(remember(unit, name))
        write(unit)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        memory.work_by_memory(work)
    assert (ways, kept(session)) == ([True], 0)


def test_a_bug_may_come_of_what_is_no_longer_so(session: Session, name: str) -> None:
    ways: list[bool] = []

    def work(unit: Session) -> bool:
        ways.append(remember(unit, name))
        if ways[-1]:
            raise RuntimeError
        return write(unit)

    assert memory.work_by_memory(work)
    assert (ways, kept(session)) == ([True, False], 1)


def test_a_taken_value_confirms_as_well(session: Session, name: str) -> None:
    """Nothing was written, and yet what was gone by is known to be so."""
    twin = {"jurisdiction_id": CITY, "service_code": "BACHE", "channel": "web", "requested_at": NOW, "updated_at": NOW}
    assert insert_together(session, ServiceRequest(folio="2600009999", **twin), [])
    ways: list[bool] = []

    def work(unit: Session) -> bool:
        ways.append(remember(unit, name))
        return insert_together(unit, ServiceRequest(folio="2600009999", **twin), [])

    assert not memory.work_by_memory(work)
    assert ways == [True]


def test_two_memories_of_the_same_thing_are_not_both_believed(session: Session, name: str) -> None:
    ways: list[bool] = []

    def work(unit: Session) -> bool:
        ways.append(remember(unit, "as it was called once") and remember(unit, name))
        return write(unit)

    assert memory.work_by_memory(work)
    assert kept(session) == 1
    assert ways == [False]


def test_what_cannot_be_undone_is_done_once_it_is_kept(session: Session, name: str) -> None:
    told: list[str] = []

    def work(unit: Session) -> bool:
        memory.when_believed(unit, lambda: told.append("by memory" if memory.goes_by_memory(unit) else "asked"))
        remember(unit, name)
        return write(unit)

    assert memory.work_by_memory(work)
    assert told == ["by memory"]
    name = "as it was called once"
    assert memory.work_by_memory(work)
    assert told == ["by memory", "asked"]
