"""In a call that is another's, asked or listening: nothing is offered meanwhile, and nothing is left of it afterwards."""

from datetime import timedelta

import pytest

from intake.calls import line_actions
from intake.calls.line_actions import Somebody
from intake.distribution import actions as distribution
from intake.distribution import rounds
from intake.distribution.models import AgentSession
from kernel import clock, db
from kernel.errors import Conflict
from tests.channels.voice.desk import OUTSIDE, SID, Desk, consulting, pass_outside, talkers, transfer
from tests.factories import CITY

pytestmark = pytest.mark.database


def offers_to(desk: Desk, who: Somebody) -> bool:
    """Whether somebody else who calls now would be offered to them."""
    with db.transaction() as session:
        found = rounds.free_agents(session, CITY, clock.now(), least=25)
    return who.id in {one.id for one in found}


def test_whoever_is_asked_is_offered_nothing_until_they_have_left(desk: Desk) -> None:
    ana, luis = desk.operator("Ana"), desk.operator("Luis")
    desk.connect(ana)
    assert offers_to(desk, luis)
    transfer(desk, ana, luis, consult=True)
    assert not offers_to(desk, luis), "from the first ring"
    desk.answer(luis)
    desk.hear()
    with db.transaction() as session:
        line_actions.cancel_transfer(session, desk.call.id, ana, now=clock.now())
    assert not offers_to(desk, luis), "they hear it still"
    desk.hear()
    assert offers_to(desk, luis)
    assert desk.session.get_one(AgentSession, luis.id).load_points == 0


def test_whoever_takes_the_call_over_holds_it_once(desk: Desk) -> None:
    ana, luis = consulting(desk)
    with db.transaction() as session:
        line_actions.complete_transfer(session, desk.call.id, ana, now=clock.now())
    desk.hear()
    seat = desk.session.get_one(AgentSession, luis.id)
    assert (seat.load_points, seat.beside_leg_id, desk.item.held_points) == (100, None, 100)
    with db.transaction() as session:
        line_actions.hang_up(session, desk.call.id, luis, now=clock.now())
    desk.hear()
    with db.transaction() as session:
        distribution.complete(session, desk.item.id, disposition_code=None, now=clock.now())
    assert offers_to(desk, luis)


@pytest.mark.parametrize("status", ["no-answer", "busy", "failed"])
def test_whoever_does_not_answer_is_free_again(desk: Desk, status: str) -> None:
    ana, luis = desk.operator("Ana"), desk.operator("Luis")
    desk.connect(ana)
    transfer(desk, ana, luis, consult=True)
    (leg,) = desk.line.of(f"client:agent-{luis.id}")
    desk.line.end(leg.sid, status)
    desk.hear()
    assert offers_to(desk, luis)


def test_the_caller_hangs_up_while_both_talk_and_whoever_was_asked_is_free(desk: Desk) -> None:
    _, luis = consulting(desk)
    desk.line.end(SID)
    desk.hear()
    assert offers_to(desk, luis)
    assert desk.item.state == "wrapping"


def test_a_desk_that_closes_leaves_the_call_it_was_asked_into(desk: Desk) -> None:
    """By a supervisor, or because nothing was heard of it any more: and nothing is left that would keep them from the next."""
    _, luis = consulting(desk)
    with db.transaction() as session:
        distribution.force_off(session, luis.id, why="forced", now=clock.now())
    desk.work()
    desk.hear()
    assert talkers(desk) == {"Ana"}, "and the caller hears music until Ana says otherwise"
    with db.transaction() as session:
        distribution.sign_on(session, agent_id=luis.id, jurisdiction_id=CITY, name="Luis", now=clock.now())
    assert offers_to(desk, luis)


def test_who_could_not_hear_it_is_not_asked(desk: Desk) -> None:
    """In another call, or about to be; the caller stays where they are."""
    ana, luis, eva = desk.operator("Ana"), desk.operator("Luis"), desk.operator("Eva")
    desk.connect(ana)
    with db.transaction() as session:
        ringing = distribution.enqueue(
            session, jurisdiction_id=CITY, kind="voice", source_ref="call:CA2", now=clock.now()
        )
        made = distribution.offer(session, ringing.id, luis.id, now=clock.now())
        assert made is not None
        writes = distribution.enqueue(
            session, jurisdiction_id=CITY, kind="text", source_ref="thread:2", now=clock.now()
        )
        distribution.claim(session, writes.id, agent_id=eva.id, now=clock.now())
    with pytest.raises(Conflict, match="llegando otro"):
        transfer(desk, ana, luis, consult=True)
    with db.transaction() as session:
        distribution.accept(session, made.id, agent_id=luis.id, epoch=1, now=clock.now())
    with pytest.raises(Conflict, match="ya hay otra llamada"):
        transfer(desk, ana, luis, consult=False)
    assert talkers(desk) == {"caller", "Ana"}
    transfer(desk, ana, eva, consult=True)
    assert not offers_to(desk, eva), "beside a thread there would be room for another"


def lose(desk: Desk, who: Somebody) -> None:
    """Nothing was heard of their desk for too long; the network has told nothing yet."""
    with db.transaction() as session:
        assert distribution.lapse(session, who.id, now=clock.now() + timedelta(minutes=1))
    desk.work()
    desk.hear()


def test_a_desk_is_lost_while_both_talk_and_the_caller_is_whose_they_talk_with(desk: Desk) -> None:
    ana, luis = consulting(desk)
    lose(desk, ana)
    assert talkers(desk) == {"caller", "Luis"}
    assert (desk.item.state, desk.item.agent_id, desk.item.held_points) == ("assigned", luis.id, 100)


def test_a_desk_is_lost_before_who_was_asked_answers_and_nobody_waits_beside_the_next(desk: Desk) -> None:
    ana, luis, eva = desk.operator("Ana"), desk.operator("Luis"), desk.operator("Eva")
    desk.connect(ana)
    transfer(desk, ana, luis, consult=True)
    lose(desk, ana)
    assert not any(leg.is_up for leg in desk.line.of(f"client:agent-{luis.id}")), "it rings no more"
    assert offers_to(desk, luis)
    desk.connect(eva)
    assert talkers(desk) == {"caller", "Eva"}


def test_a_number_outside_that_is_asked_for_twice_is_rung_once(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    pass_outside(desk)
    for _ in range(2):
        with db.transaction() as session:
            line_actions.transfer(session, desk.call.id, ana, to_number=OUTSIDE, consult=True, now=clock.now())
        desk.hear()
    assert len(desk.line.of(OUTSIDE)) == 1
