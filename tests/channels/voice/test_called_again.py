"""Whoever was to be called back calls again: one place in the line, and one only."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlmodel import select

from intake.calls import actions as calls
from intake.calls import calling_back, queries, waiting
from intake.calls.calling_back import MOST_ATTEMPTS, PAUSES
from intake.calls.jobs import end_call
from intake.calls.line_actions import Somebody
from intake.calls.models import Call
from intake.conversations.models import Conversation
from intake.distribution import actions as distribution
from intake.distribution.models import AgentSession, WorkItem
from intake.people import actions as people
from intake.people.addresses import read_phone
from intake.people.models import ContactPoint, ContactPointPerson, Person
from kernel import clock, db
from kernel.ids import new_id
from tests.channels.voice.desk import SID, Desk
from tests.factories import CITY

pytestmark = pytest.mark.database
NUMBER = "+525512345678"
HOUR = timedelta(hours=1)


def ask(desk: Desk, due_at: datetime | None = None) -> WorkItem:
    """They wait, choose to be called back, and hang up; a minute passes."""
    with db.transaction() as session:
        assert distribution.wait_for_callback(session, f"call:{SID}", due_at=due_at, now=clock.now())
    desk.line.end(SID)
    desk.hear()
    desk.time.shift(60)
    return desk.item


def call_again(desk: Desk, number: str = NUMBER, sid: str = "CA" + "2" * 32) -> tuple[Call, WorkItem]:
    with db.transaction() as session:
        call, _ = calls.begin(
            session,
            jurisdiction_id=CITY,
            provider="twilio",
            provider_call_id=sid,
            other_end=read_phone(number),
            to_number="+525500000311",
            now=clock.now(),
        )
        waiting.join(session, call, now=clock.now())
        waiting.join(session, call, now=clock.now())
    desk.line.caller(sid)
    desk.work()
    desk.session.expire_all()
    return call, desk.session.exec(select(WorkItem).where(WorkItem.source_ref == f"call:{sid}")).one()


def accept(desk: Desk, item: WorkItem, who: Somebody) -> None:
    """Before their browser has answered: nobody talks yet."""
    with db.transaction() as session:
        made = distribution.offer(session, item.id, who.id, now=clock.now())
        assert made is not None
        distribution.accept(session, made.id, agent_id=who.id, epoch=1, now=clock.now())
    desk.work()


def talk(desk: Desk, item: WorkItem, who: Somebody) -> None:
    accept(desk, item, who)
    desk.answer(who)
    desk.hear()


def hang_up(desk: Desk, call_id: UUID) -> None:
    for _ in range(2):
        with db.transaction() as session:
            calls.report(session, queries.held(session, call_id), "completed", now=clock.now())
    desk.work()
    desk.session.expire_all()


def test_they_have_the_place_of_the_callback_which_is_over(desk: Desk) -> None:
    callback = ask(desk)
    place = callback.rank_at
    _, item = call_again(desk)
    assert (item.kind, item.state, item.rank_at, item.instead_of_id) == ("voice", "queued", place, callback.id)
    assert (desk.item.state, desk.item.why) == ("cancelled", "called_again")
    end_call(str(desk.call.id))
    thread = desk.session.get_one(Conversation, desk.call.conversation_id)
    desk.session.refresh(thread)
    assert thread.state == "closed", "the first call has left nothing open"


@pytest.mark.parametrize("is_ringing", [False, True])
def test_who_hangs_up_unanswered_is_to_be_called_back_as_before(desk: Desk, is_ringing: bool) -> None:
    due_at = clock.now() + HOUR
    place = ask(desk, due_at).rank_at
    call, item = call_again(desk)
    offer = None
    if is_ringing:
        ana = desk.operator("Ana")
        with db.transaction() as session:
            offer = distribution.offer(session, item.id, ana.id, now=clock.now())
        assert offer is not None
    hang_up(desk, call.id)
    assert (item.kind, item.state, item.rank_at, item.due_at) == ("callback", "queued", place, due_at)
    live = desk.session.exec(select(WorkItem.id).where(WorkItem.state == "queued")).all()
    assert live == [item.id]
    again = calling_back.asked_in(desk.session, item)
    assert again is not None
    assert again.id == call.id


def test_the_number_and_the_silence_that_were_asked_for_stand_too(desk: Desk) -> None:
    other = read_phone("+525587654321")
    with db.transaction() as session:
        first = queries.held(session, desk.call.id)
        point = people.find_or_create_address(session, CITY, other, now=clock.now(), language="es")
        assert waiting.call_back(session, first, point.id, due_at=None, now=clock.now())
        first.script = {**first.script, "no_messages": True}
        session.add(first)
        point_id = point.id
    desk.time.shift(60)
    call, _ = call_again(desk)
    hang_up(desk, call.id)
    call = desk.session.get_one(Call, call.id)
    assert (call.callback_contact_point_id, call.script.get("no_messages")) == (point_id, True)


def test_who_was_answered_is_not_called_back(desk: Desk) -> None:
    ask(desk)
    ana = desk.operator("Ana")
    call, item = call_again(desk)
    talk(desk, item, ana)
    hang_up(desk, call.id)
    assert item.state in ("wrapping", "done")
    assert not desk.session.exec(select(WorkItem).where(WorkItem.state == "queued")).all()


def test_who_hangs_up_before_anybody_talked_to_them_is_called_back(desk: Desk) -> None:
    """Somebody has pressed the button: they have still talked to nobody."""
    place = ask(desk).rank_at
    ana = desk.operator("Ana")
    call, item = call_again(desk)
    accept(desk, item, ana)
    hang_up(desk, call.id)
    desk.hear()
    assert (item.kind, item.state, item.rank_at) == ("callback", "queued", place)
    agent = desk.session.get_one(AgentSession, ana.id)
    assert (agent.load_points, agent.state) == (0, "available")


def test_what_is_not_surely_theirs_stays(desk: Desk) -> None:
    """Another number; a number that several people use; a callback that an operator has in hand."""
    callback = ask(desk)
    _, item = call_again(desk, "+525500000001", "CA" + "3" * 32)
    assert (item.instead_of_id, desk.item.state) == (None, "queued")
    point = desk.session.exec(select(ContactPoint).where(ContactPoint.id == desk.call.contact_point_id)).one()
    sister = Person(id=new_id(), jurisdiction_id=CITY, created_at=clock.now())
    desk.session.add(sister)
    desk.session.flush()
    shared = ContactPointPerson(contact_point_id=point.id, person_id=sister.id, added_at=clock.now())
    desk.session.add(shared)
    desk.session.flush()
    _, item = call_again(desk)
    assert (item.instead_of_id, desk.item.state) == (None, "queued")
    desk.session.delete(shared)
    desk.session.flush()
    ana = desk.operator("Ana")
    with db.transaction() as session:
        assert distribution.offer(session, callback.id, ana.id, now=clock.now()) is not None
    _, item = call_again(desk, sid="CA" + "4" * 32)
    assert (item.instead_of_id, desk.item.state) == (None, "offered")


def dial_them(desk: Desk, *, misses: int = 0) -> datetime:
    """An operator has taken the callback, and their telephone rings. misses: attempts before, that reached nobody."""
    place = ask(desk).rank_at
    ana = desk.operator("Ana")
    for missed in range(misses + 1):
        if missed:
            be_busy(desk)
            desk.time.shift(PAUSES["busy"] + timedelta(seconds=1))
            with db.transaction() as session:
                distribution.heartbeat(session, ana.id, epoch=1, now=clock.now())
        desk.take(ana)
        desk.work()
        desk.answer(ana)
        desk.hear()
    return place


def be_busy(desk: Desk) -> None:
    desk.line.end(desk.line.of(NUMBER)[-1].sid, "busy")
    desk.hear()
    desk.work()
    desk.session.expire_all()


def waiting_callbacks(desk: Desk) -> list[WorkItem]:
    return list(desk.session.exec(select(WorkItem).where(WorkItem.kind == "callback", WorkItem.state == "queued")))


@pytest.mark.parametrize("misses", [0, MOST_ATTEMPTS - 1])
@pytest.mark.parametrize("is_answered", [False, True])
def test_who_calls_while_we_call_them_has_one_place(desk: Desk, is_answered: bool, misses: int) -> None:
    """Their telephone is busy with calling us: that they are called once more, or told that we gave up, serves nobody."""
    place = dial_them(desk, misses=misses)
    call, item = call_again(desk)
    assert (item.instead_of_id, desk.item.state) == (None, "assigned")
    if is_answered:
        talk(desk, item, desk.operator("Luis"))
    be_busy(desk)
    assert (desk.item.state, desk.item.why, desk.item.disposition_code) == ("cancelled", "called_again", None)
    assert (item.rank_at, item.instead_of_id) == (place, desk.item.id)
    assert item.state == ("assigned" if is_answered else "queued")
    assert waiting_callbacks(desk) == []
    end_call(str(desk.call.id))
    hang_up(desk, call.id)
    assert waiting_callbacks(desk) == ([] if is_answered else [item])


@pytest.mark.parametrize("hangs_up", ["before", "after"])
def test_who_calls_while_we_call_them_and_talks_to_nobody_is_called_back(desk: Desk, hangs_up: str) -> None:
    """Before our own attempt is over, or after it."""
    dial_them(desk)
    call, item = call_again(desk)
    accept(desk, item, desk.operator("Luis"))
    if hangs_up == "before":
        hang_up(desk, call.id)
        desk.hear()
    be_busy(desk)
    if hangs_up == "after":
        hang_up(desk, call.id)
        desk.hear()
    assert len(waiting_callbacks(desk)) == 1


def test_who_asks_once_more_to_be_called_is_called_once(desk: Desk) -> None:
    dial_them(desk)
    call, item = call_again(desk)
    with db.transaction() as session:
        assert waiting.call_back(session, queries.held(session, call.id), None, due_at=None, now=clock.now())
    hang_up(desk, call.id)
    be_busy(desk)
    assert waiting_callbacks(desk) == [item]


def test_a_call_that_has_just_ended_takes_no_place(desk: Desk) -> None:
    dial_them(desk)
    call, item = call_again(desk)
    hang_up(desk, call.id)
    assert item.state == "abandoned"
    be_busy(desk)
    assert waiting_callbacks(desk) == [desk.item]
