"""Whoever was to be called back calls again while an operator has the callback in hand, or calls them: they are called once."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from agent_console.pages.desk import called_back
from intake.calls import actions as calls
from intake.calls import queries, waiting
from intake.calls.calling_back import MOST_ATTEMPTS, PAUSES
from intake.calls.jobs import end_call
from intake.calls.line_actions import Somebody
from intake.distribution import actions as distribution
from intake.distribution.models import AgentSession, Offer, WorkItem
from kernel import clock, db
from tests.channels.voice.calling_again import (
    BOSS,
    HOUR,
    NUMBER,
    accept,
    ask,
    call_again,
    hang_up,
    is_offered,
    share,
    talk,
    waiting_callbacks,
)
from tests.channels.voice.desk import Desk

pytestmark = pytest.mark.database


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
    assert item.instead_of_id is None


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
    talk(desk, callback, desk.operator("Eva"))
    assert len(desk.line.of(NUMBER)) == 1, "they are called"


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


def show(desk: Desk, callback: WorkItem, who: Somebody) -> Offer:
    """It rings at their desk."""
    with db.transaction() as session:
        made = distribution.offer(session, callback.id, who.id, now=clock.now())
    assert made is not None
    return made


def let_pass(desk: Desk, made: Offer) -> None:
    with db.transaction() as session:
        distribution.decline(session, made.id, agent_id=made.agent_id, epoch=1, now=clock.now())
    desk.work()


def be_there(desk: Desk) -> None:
    """Everybody's desk is heard of."""
    for agent_id in desk.people:
        with db.transaction() as session:
            distribution.heartbeat(session, agent_id, epoch=1, now=clock.now())


def said_to(desk: Desk, who: Somebody) -> str:
    return called_back.just_missed(desk.session, replace(BOSS, user_id=who.id), clock.now())


@pytest.mark.parametrize("talks", [True, False])
def test_a_callback_in_somebodys_hands_while_they_are_answered_is_not_made_afterwards(desk: Desk, talks: bool) -> None:
    """Ana is asked to take it, they call and talk to Luis, and it comes back to the line: whoever takes it next dials nobody."""
    callback = ask(desk)
    ana, luis, eva = (desk.operator(name) for name in ("Ana", "Luis", "Eva"))
    made = show(desk, callback, ana)
    call, item = call_again(desk)
    (talk if talks else accept)(desk, item, luis)
    hang_up(desk, call.id)
    let_pass(desk, made)
    assert waiting_callbacks(desk) == [callback]
    talk(desk, callback, eva)
    assert ("No hace falta" in said_to(desk, eva)) == talks
    assert said_to(desk, ana) == said_to(desk, luis) == "", "neither had to do with it"
    if talks:
        assert (desk.item.state, desk.item.why, desk.item.disposition_code) == ("cancelled", "called_again", None)
        assert desk.session.get_one(AgentSession, eva.id).load_points == 0
    assert len(desk.line.of(NUMBER)) == (0 if talks else 1)


def test_an_operator_who_is_lost_before_the_dialling_leaves_it_to_nobody_once_they_were_answered(desk: Desk) -> None:
    """Ana has taken it, they call and talk to Luis, and Ana's browser never answers."""
    callback = ask(desk)
    ana, luis, eva = (desk.operator(name) for name in ("Ana", "Luis", "Eva"))
    accept(desk, callback, ana)
    call, item = call_again(desk)
    talk(desk, item, luis)
    hang_up(desk, call.id)
    (leg,) = desk.line.of(f"client:agent-{ana.id}")
    desk.line.end(leg.sid, "no-answer")
    desk.hear()
    assert waiting_callbacks(desk) == [callback]
    desk.time.shift(1)
    talk(desk, callback, eva)
    assert (desk.item.state, desk.item.why) == ("cancelled", "called_again")
    assert desk.line.of(NUMBER) == []


@pytest.mark.parametrize("when", ["talked before asking", "asks again after the talk"])
def test_what_was_asked_for_after_the_talk_is_made(desk: Desk, when: str) -> None:
    """Whoever waits on the line while somebody else of the house is answered; or wants another word."""
    ana, luis, eva = (desk.operator(name) for name in ("Ana", "Luis", "Eva"))
    if when == "talked before asking":
        call, item = call_again(desk)
        talk(desk, item, luis)
        hang_up(desk, call.id)
        desk.time.shift(60)
        callback = ask(desk)
    else:
        callback = ask(desk)
        be_there(desk)
        made = show(desk, callback, ana)
        call, item = call_again(desk)
        talk(desk, item, luis)
        hang_up(desk, call.id)
        let_pass(desk, made)
        desk.time.shift(60)
        third, _ = call_again(desk, sid="CA" + "7" * 32)
        with db.transaction() as session:
            assert waiting.keep_call_back(session, queries.held(session, third.id), now=clock.now())
        hang_up(desk, third.id)
    be_there(desk)
    talk(desk, callback, eva)
    assert len(desk.line.of(NUMBER)) == 1


def test_a_talk_in_the_call_in_which_it_was_asked_for_is_none(desk: Desk) -> None:
    """Passed on to a line, and tired of waiting in it."""
    ana = desk.operator("Ana")
    desk.connect(ana)
    with db.transaction() as session:
        distribution.requeue_front(session, desk.item.id, why="transfer", now=clock.now())
    desk.work()
    desk.hear()
    callback = ask(desk)
    talk(desk, callback, desk.operator("Eva"))
    assert len(desk.line.of(NUMBER)) == 1


def test_a_talk_from_a_number_of_several_people_ends_nobodys_callback(desk: Desk) -> None:
    callback = ask(desk)
    made = show(desk, callback, desk.operator("Ana"))
    share(desk)
    call, item = call_again(desk)
    talk(desk, item, desk.operator("Luis"))
    hang_up(desk, call.id)
    let_pass(desk, made)
    talk(desk, callback, desk.operator("Eva"))
    assert len(desk.line.of(NUMBER)) == 1
