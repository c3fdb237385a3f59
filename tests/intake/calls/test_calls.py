"""A call as the provider tells of it: begun once, climbing only, ended once."""

from datetime import timedelta
from itertools import permutations

import pytest
import time_machine
from sqlmodel import Session, select

from intake.calls import actions, waiting
from intake.calls.jobs import end_silent_calls
from intake.calls.line_models import CallBridge
from intake.calls.models import Call
from intake.calls.states import ENDS, STATES, is_over, later
from intake.conversations.models import Conversation
from intake.distribution.models import WorkItem
from intake.people.addresses import Address, read_phone, read_sender
from kernel.outbox import OutboxEvent
from tests.factories import CITY, NOW, make_city

ROSA = read_phone("+525512345678")


def begin(session: Session, sid: str = "CA1", who: Address = ROSA, state: str = "in_progress") -> tuple[Call, bool]:
    return actions.begin(
        session, jurisdiction_id=CITY, provider="twilio", provider_call_id=sid, other_end=who,
        to_number="+525500000311", state=state, now=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("reports", list(permutations(("ringing", "in_progress", "completed", "failed"))))
def test_every_order_of_reports_ends_alike(reports: tuple[str, ...]) -> None:
    state = "queued"
    for reported in reports:
        state = later(state, reported)
    assert state == "completed"


def test_an_end_is_never_left_for_what_is_no_end() -> None:
    for end in ENDS:
        assert all(is_over(later(end, reported)) for reported in STATES)


@pytest.mark.database
def test_a_call_is_begun_once(session: Session) -> None:
    make_city(session)
    call, is_new = begin(session)
    again, is_new_again = begin(session)
    assert (is_new, is_new_again, again.id) == (True, False, call.id)
    began = session.exec(select(OutboxEvent).where(OutboxEvent.name == "call.began")).all()
    assert len(began) == 1


@pytest.mark.database
def test_two_calls_from_one_number_are_two_threads(session: Session) -> None:
    """A company's switchboard shows one number for everybody in it."""
    make_city(session)
    one, two = begin(session, "CA1")[0], begin(session, "CA2")[0]
    assert one.contact_point_id == two.contact_point_id
    assert one.conversation_id != two.conversation_id
    assert {thread.state for thread in session.exec(select(Conversation))} == {"automatic"}


@pytest.mark.database
def test_a_withheld_number_is_somebody_new_every_time(session: Session) -> None:
    make_city(session)
    hidden = read_sender("anonymous")
    one, two = begin(session, "CA1", hidden)[0], begin(session, "CA2", hidden)[0]
    assert one.contact_point_id != two.contact_point_id
    assert actions.address_of(session, one).kind == "withheld"
    assert actions.address_of(session, begin(session, "CA3")[0]).key == ROSA.key


@pytest.mark.database
def test_a_call_ends_once(session: Session) -> None:
    make_city(session)
    call, _ = begin(session, state="ringing")
    assert not actions.report(session, call, "in_progress", now=NOW)
    assert call.answered_at == NOW
    assert actions.report(session, call, "completed", now=NOW)
    for late in ("completed", "ringing", "in_progress", "failed"):
        assert not actions.report(session, call, late, now=NOW)
    assert (call.state, call.ended_at, call.ended_by) == ("completed", NOW, "caller")
    ended = session.exec(select(OutboxEvent).where(OutboxEvent.name == "call.ended")).all()
    assert len(ended) == 1


@pytest.mark.database
@pytest.mark.parametrize(
    ("stage", "minutes", "ends"), [("waiting", 3, True), ("waiting", 1, False), ("menu", 3, False), ("menu", 11, True)]
)
def test_a_call_that_nothing_is_heard_of_is_over(session: Session, stage: str, minutes: int, ends: bool) -> None:
    """The report that the caller hung up was lost; the next operator must not be offered nobody."""
    make_city(session)
    call, _ = begin(session)
    call.script = {"stage": stage}
    waiting.join(session, call, now=NOW)
    session.flush()
    with time_machine.travel(NOW + timedelta(minutes=minutes), tick=False):
        end_silent_calls()
        end_silent_calls()
    session.expire_all()
    assert (call.state, call.ended_by) == (("completed", "provider") if ends else ("in_progress", ""))
    [item] = session.exec(select(WorkItem)).all()
    assert item.state == ("abandoned" if ends else "queued")


@pytest.mark.database
def test_whoever_talks_with_a_person_is_left_to_their_room(session: Session) -> None:
    make_city(session)
    call, _ = begin(session)
    waiting.join(session, call, now=NOW)
    item = waiting.item_of(session, call)
    assert item is not None
    session.add(
        CallBridge(
            call_id=call.id, jurisdiction_id=CITY, work_item_id=item.id, room_name="r", looked_at=NOW, due_at=NOW,
            created_at=NOW, changed_at=NOW,
        )
    )  # fmt: skip
    session.flush()
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        end_silent_calls()
    session.expire_all()
    assert call.state == "in_progress"
