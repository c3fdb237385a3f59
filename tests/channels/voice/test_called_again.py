"""Whoever was to be called back calls again: one place in the line, and one only."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlmodel import Session, select

from agent_console.accounts import Viewer
from agent_console.pages.desk import waiting as seen
from intake.calls import actions as calls
from intake.calls import queries, waiting
from intake.calls.calling_back import MOST_ATTEMPTS, PAUSES
from intake.calls.jobs import end_call
from intake.calls.line_actions import Somebody
from intake.calls.models import Call
from intake.conversations.models import Conversation
from intake.distribution import actions as distribution
from intake.distribution import rounds
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
BOSS = Viewer(
    new_id(),
    new_id(),
    "",
    "Eva",
    "eva@example.org",
    "supervisor",
    None,
    None,
    "es",
    CITY,
    "CDMX",
    "America/Mexico_City",
)


def ask(desk: Desk, due_at: datetime | None = None) -> WorkItem:
    """They wait, choose to be called back, and hang up; a minute passes."""
    with db.transaction() as session:
        assert distribution.wait_for_callback(session, f"call:{SID}", due_at=due_at, now=clock.now())
    desk.line.end(SID)
    desk.hear()
    desk.time.shift(60)
    return desk.item


def begin(session: Session, number: str, sid: str) -> tuple[Call, bool]:
    return calls.begin(
        session,
        jurisdiction_id=CITY,
        provider="twilio",
        provider_call_id=sid,
        other_end=read_phone(number),
        to_number="+525500000311",
        now=clock.now(),
    )


def call_again(desk: Desk, number: str = NUMBER, sid: str = "CA" + "2" * 32) -> tuple[Call, WorkItem]:
    with db.transaction() as session:
        call, _ = begin(session, number, sid)
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


def is_offered(desk: Desk, item: WorkItem, who: Somebody) -> bool:
    """Whether the line would show it to this operator; it is not, afterwards."""
    with db.transaction() as session:
        made = distribution.offer(session, item.id, who.id, now=clock.now())
        if made is not None:
            distribution.decline(session, made.id, agent_id=who.id, epoch=1, now=clock.now())
    return made is not None


def test_they_have_the_place_of_the_callback_which_is_offered_to_nobody(desk: Desk) -> None:
    callback = ask(desk)
    place = callback.rank_at
    ana = desk.operator("Ana")
    _, item = call_again(desk)
    assert (item.kind, item.state, item.rank_at, item.instead_of_id) == ("voice", "queued", place, callback.id)
    assert (desk.item.state, desk.item.kind) == ("queued", "callback")
    assert not is_offered(desk, callback, ana)
    with db.transaction() as session:
        made = rounds.play(session, CITY, now=clock.now()).made
        position = distribution.estimate(session, CITY, now=clock.now()).position
        # One person, one place: for whoever comes now, and for who looks at the line.
        assert ([one.work_item_id for one in made], position) == ([item.id], 1)
        assert [one.id for one in seen.listed(session, BOSS, clock.now())] == [item.id]
        assert seen.summary(session, BOSS, clock.now()).count == 1


def test_only_one_call_has_it(desk: Desk) -> None:
    """The number that shows may be made up: a second one waits behind everybody."""
    ask(desk)
    first, _ = call_again(desk)
    _, second = call_again(desk, sid="CA" + "5" * 32)
    assert (second.instead_of_id, second.rank_at) == (None, second.enqueued_at)
    hang_up(desk, first.id)
    _, third = call_again(desk, sid="CA" + "6" * 32)
    assert third.instead_of_id == desk.item.id


@pytest.mark.parametrize("is_ringing", [False, True])
def test_who_hangs_up_unanswered_is_to_be_called_back_as_before(desk: Desk, is_ringing: bool) -> None:
    due_at = clock.now() + HOUR
    callback = ask(desk, due_at)
    place = callback.rank_at
    ana = desk.operator("Ana")
    call, item = call_again(desk)
    if is_ringing:
        with db.transaction() as session:
            assert distribution.offer(session, item.id, ana.id, now=clock.now()) is not None
    hang_up(desk, call.id)
    assert item.state == "abandoned"
    end_call(str(call.id))
    assert (desk.item.kind, desk.item.state) == ("callback", "queued")
    assert (callback.rank_at, callback.due_at) == (place, due_at)
    assert not is_offered(desk, callback, ana)
    desk.time.shift(HOUR)
    with db.transaction() as session:
        distribution.heartbeat(session, ana.id, epoch=1, now=clock.now())
    assert is_offered(desk, callback, ana)


def test_it_cannot_be_moved_to_another_number(desk: Desk) -> None:
    """Whoever shows the number, and asks to be called at theirs: that is a wish of its own, with a place of its own."""
    callback = ask(desk)
    place = callback.rank_at
    call, item = call_again(desk)
    theirs = read_phone("+525587654321")
    with db.transaction() as session:
        point = people.find_or_create_address(session, CITY, theirs, now=clock.now(), language="es")
        assert waiting.call_back(session, queries.held(session, call.id), point.id, due_at=None, now=clock.now())
    hang_up(desk, call.id)
    assert (item.kind, item.state, item.rank_at, item.instead_of_id) == ("callback", "queued", item.enqueued_at, None)
    assert (desk.item.state, desk.item.rank_at) == ("queued", place)
    assert is_offered(desk, callback, desk.operator("Ana"))
    asked = queries.asked_in(desk.session, callback)
    assert asked is not None
    assert (asked.id, asked.callback_contact_point_id) == (desk.call.id, None)


def test_the_number_and_the_silence_that_were_asked_for_stand(desk: Desk) -> None:
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
    with db.transaction() as session:
        # That another number is called is no answer to who wants this one called.
        assert not waiting.keep_call_back(session, queries.held(session, call.id), now=clock.now())
    hang_up(desk, call.id)
    asked = queries.asked_in(desk.session, desk.item)
    assert asked is not None
    assert (asked.callback_contact_point_id, asked.script.get("no_messages")) == (point_id, True)
    assert waiting_callbacks(desk) == [desk.item]


def test_who_asks_for_it_once_more_keeps_what_they_have(desk: Desk) -> None:
    callback = ask(desk)
    call, item = call_again(desk)
    for _ in range(2):
        with db.transaction() as session:
            assert waiting.keep_call_back(session, queries.held(session, call.id), now=clock.now())
    hang_up(desk, call.id)
    assert item.state == "abandoned"
    assert waiting_callbacks(desk) == [callback]
    # Also who asks at once, where nobody waits in a line.
    with db.transaction() as session:
        at_night, _ = begin(session, NUMBER, "CA" + "7" * 32)
        assert waiting.keep_call_back(session, at_night, now=clock.now())
    assert waiting_callbacks(desk) == [callback]


def test_who_is_being_answered_is_not_put_off(desk: Desk) -> None:
    ask(desk)
    call, item = call_again(desk)
    with db.transaction() as session:
        assert distribution.offer(session, item.id, desk.operator("Ana").id, now=clock.now()) is not None
        assert not waiting.keep_call_back(session, queries.held(session, call.id), now=clock.now())


def test_who_was_answered_is_not_called_back(desk: Desk) -> None:
    callback = ask(desk)
    ana = desk.operator("Ana")
    call, item = call_again(desk)
    talk(desk, item, ana)
    # From the first word on, however long they talk.
    desk.session.expire_all()
    assert (callback.state, callback.why) == ("cancelled", "called_again")
    desk.work()
    end_call(str(desk.call.id))
    thread = desk.session.get_one(Conversation, desk.call.conversation_id)
    desk.session.refresh(thread)
    assert thread.state == "closed", "the first call has left nothing open"
    hang_up(desk, call.id)
    assert item.state in ("wrapping", "done")
    assert waiting_callbacks(desk) == []


def test_who_had_the_place_only_as_they_talked_is_not_called_back_either(desk: Desk) -> None:
    """Our own attempt came to nothing in the moment in which somebody answered them."""
    callback = ask(desk)
    callback.state = "offered"
    desk.session.flush()
    call, item = call_again(desk)
    talk(desk, item, desk.operator("Ana"))
    callback.state = "queued"
    desk.session.flush()
    with db.transaction() as session:
        assert distribution.take_place(session, item, callback.id, now=clock.now())
    hang_up(desk, call.id)
    end_call(str(call.id))
    assert waiting_callbacks(desk) == []


def test_who_hangs_up_before_anybody_talked_to_them_is_called_back(desk: Desk) -> None:
    """Somebody has pressed the button: they have still talked to nobody."""
    callback = ask(desk)
    ana = desk.operator("Ana")
    call, item = call_again(desk)
    accept(desk, item, ana)
    hang_up(desk, call.id)
    desk.hear()
    assert item.state not in ("queued", "offered", "assigned")
    assert waiting_callbacks(desk) == [callback]
    agent = desk.session.get_one(AgentSession, ana.id)
    assert (agent.load_points, agent.state) == (0, "available")
    assert is_offered(desk, callback, ana)


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
    assert (item.rank_at, item.state) == (place, "assigned" if is_answered else "queued")
    if is_answered:
        assert (desk.item.state, desk.item.why, desk.item.disposition_code) == ("cancelled", "called_again", None)
    else:
        assert (desk.item.state, item.instead_of_id) == ("queued", desk.item.id)
        desk.time.shift(HOUR)
        assert not is_offered(desk, desk.item, desk.operator("Luis"))
    hang_up(desk, call.id)
    assert waiting_callbacks(desk) == ([] if is_answered else [desk.item])


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


def test_a_call_that_has_just_ended_takes_no_place(desk: Desk) -> None:
    dial_them(desk)
    call, item = call_again(desk)
    hang_up(desk, call.id)
    assert item.state == "abandoned"
    be_busy(desk)
    assert waiting_callbacks(desk) == [desk.item]


def test_an_operator_who_comes_after_they_hung_up_has_not_met_them(desk: Desk) -> None:
    """The network tells of the end first, and then that the operator's browser has answered."""
    callback = ask(desk)
    ana = desk.operator("Ana")
    call, item = call_again(desk)
    accept(desk, item, ana)
    desk.hear()
    desk.answer(ana)
    joined, desk.line.reports = desk.line.reports, []
    with db.transaction() as session:
        calls.report(session, queries.held(session, call.id), "completed", now=clock.now())
    desk.time.shift(1)
    for where, query, parameters in joined:
        desk.tell(where, query, parameters)
    desk.work()
    end_call(str(call.id))
    desk.session.expire_all()
    assert (item.state, item.disposition_code) == ("done", "caller_gone")
    assert waiting_callbacks(desk) == [callback]


def test_who_is_answered_while_the_callback_is_let_pass_is_not_called_besides(desk: Desk) -> None:
    """An operator was asked to take it as they came, and let it pass: it waits beside them."""
    callback = ask(desk)
    ana = desk.operator("Ana")
    with db.transaction() as session:
        made = distribution.offer(session, callback.id, ana.id, now=clock.now())
        assert made is not None
    call, item = call_again(desk)
    with db.transaction() as session:
        distribution.decline(session, made.id, agent_id=ana.id, epoch=1, now=clock.now())
    assert waiting_callbacks(desk) == [callback]
    talk(desk, item, desk.operator("Luis"))
    hang_up(desk, call.id)
    desk.hear()
    end_call(str(call.id))
    assert waiting_callbacks(desk) == []


def test_who_left_the_line_and_is_called_at_another_number_is_called_at_this_one_too(desk: Desk) -> None:
    """That an operator gets ready to call the other one says nothing of the first."""
    callback = ask(desk)
    call, _ = call_again(desk)
    with db.transaction() as session:
        held = queries.held(session, call.id)
        point = people.find_or_create_address(
            session, CITY, read_phone("+525587654321"), now=clock.now(), language="es"
        )
        waiting.leave(session, held, why="machine", now=clock.now())
        assert waiting.call_back(session, held, point.id, due_at=None, now=clock.now())
    hang_up(desk, call.id)
    desk.time.shift(60)
    second = next(one for one in waiting_callbacks(desk) if one != callback)
    talk(desk, second, desk.operator("Ana"))
    assert waiting_callbacks(desk) == [callback]


def test_of_two_calls_at_once_one_has_it(desk: Desk) -> None:
    """Both have seen that nobody stands for it."""
    callback = ask(desk)
    call_again(desk)
    _, second = call_again(desk, sid="CA" + "5" * 32)
    with db.transaction() as session:
        assert not distribution.take_place(session, second, callback.id, now=clock.now())
