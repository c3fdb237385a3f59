"""Whoever was to be called back calls again: one place in the line, and one only."""

import pytest

from agent_console.pages.desk import waiting as seen
from intake.calls import queries, waiting
from intake.calls.jobs import end_call
from intake.conversations.models import Conversation
from intake.distribution import actions as distribution
from intake.distribution import rounds
from intake.distribution.models import AgentSession
from intake.people import actions as people
from intake.people.addresses import read_phone
from kernel import clock, db
from tests.channels.voice.calling_again import (
    BOSS,
    HOUR,
    NUMBER,
    accept,
    ask,
    begin,
    call_again,
    hang_up,
    is_offered,
    share,
    talk,
    waiting_callbacks,
)
from tests.channels.voice.desk import Desk
from tests.factories import CITY

pytestmark = pytest.mark.database


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
    shared = share(desk)
    _, item = call_again(desk)
    assert (item.instead_of_id, desk.item.state) == (None, "queued")
    desk.session.delete(shared)
    desk.session.flush()
    ana = desk.operator("Ana")
    with db.transaction() as session:
        assert distribution.offer(session, callback.id, ana.id, now=clock.now()) is not None
    _, item = call_again(desk, sid="CA" + "4" * 32)
    assert (item.instead_of_id, desk.item.state) == (None, "offered")


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
