"""What a supervisor whispers is heard by the operator and by nobody else, whoever that is, and whenever they come and go."""

import pytest

from intake.calls import line_actions
from intake.calls.line_actions import Somebody
from intake.distribution import actions as distribution
from kernel import clock, db
from kernel.errors import Conflict
from tests.channels.voice.desk import OUTSIDE, SID, Desk, ask_outside, pass_outside, talkers, transfer

pytestmark = pytest.mark.database


def supervise(desk: Desk, who: Somebody, mode: str) -> None:
    with db.transaction() as session:
        line_actions.supervise(session, desk.call.id, who, mode, now=clock.now())
    desk.hear()


def hearers(desk: Desk, who: Somebody) -> set[str]:
    """Who hears them now."""
    names = {f"client:agent-{agent_id}": name for agent_id, name in desk.people.items()}
    (mine,) = [leg for leg in desk.line.of(f"client:agent-{who.id}") if leg.is_up]
    return {
        names.get(leg.address, leg.address or "caller") for leg in desk.line.legs.values() if desk.line.hears(leg, mine)
    }


def test_before_the_operator_answers_nobody_hears_it(desk: Desk) -> None:
    ana, eva = desk.operator("Ana"), desk.operator("Eva")
    desk.take(ana)
    desk.work()
    desk.hear()
    supervise(desk, eva, "whisper")
    desk.answer(eva)
    desk.hear()
    assert hearers(desk, eva) == set()
    desk.answer(ana)
    desk.hear()
    assert hearers(desk, eva) == {"Ana"}


@pytest.mark.parametrize(
    ("first", "then", "heard_by"),
    [("talk", "whisper", {"Ana"}), ("talk", "listen", set()), ("listen", "talk", {"Ana", "caller"})],
)
def test_who_chooses_otherwise_while_it_rings_is_heard_as_they_chose_last(
    desk: Desk, first: str, then: str, heard_by: set[str]
) -> None:
    ana, eva = desk.operator("Ana"), desk.operator("Eva")
    desk.connect(ana)
    supervise(desk, eva, first)
    supervise(desk, eva, then)
    desk.answer(eva)
    desk.hear()
    assert hearers(desk, eva) == heard_by


@pytest.mark.parametrize("consult", [True, False])
def test_after_a_transfer_it_is_for_whoever_has_the_call(desk: Desk, consult: bool) -> None:
    ana, luis, eva = desk.operator("Ana"), desk.operator("Luis"), desk.operator("Eva")
    desk.connect(ana)
    supervise(desk, eva, "whisper")
    desk.answer(eva)
    desk.hear()
    assert hearers(desk, eva) == {"Ana"}
    transfer(desk, ana, luis, consult=consult)
    assert hearers(desk, eva) == ({"Ana"} if consult else set())
    desk.answer(luis)
    desk.hear()
    if consult:
        with db.transaction() as session:
            line_actions.complete_transfer(session, desk.call.id, ana, now=clock.now())
        desk.hear()
    assert talkers(desk) == {"caller", "Luis", "Eva"}
    assert hearers(desk, eva) == {"Luis"}


def test_it_ends_before_the_operator_goes(desk: Desk) -> None:
    ana, luis, eva = desk.operator("Ana"), desk.operator("Luis"), desk.operator("Eva")
    desk.connect(ana)
    supervise(desk, eva, "whisper")
    desk.answer(eva)
    desk.hear()
    before = len(desk.line.asked)
    transfer(desk, ana, luis, consult=False)
    asked = desk.line.asked[before:]
    assert asked.index("coach listen") < asked.index("hang_up")


def test_an_operator_is_lost_and_the_next_one_hears_it(desk: Desk) -> None:
    ana, luis, eva = desk.operator("Ana"), desk.operator("Luis"), desk.operator("Eva")
    desk.connect(ana)
    supervise(desk, eva, "whisper")
    desk.answer(eva)
    desk.hear()
    (leg,) = desk.line.of(f"client:agent-{ana.id}")
    desk.line.end(leg.sid)
    desk.hear()
    assert desk.item.state == "queued"
    assert desk.line.legs[SID].is_up
    assert hearers(desk, eva) == set()
    desk.connect(luis)
    assert hearers(desk, eva) == {"Luis"}


def test_a_number_outside_that_has_the_caller_does_not_hear_it(desk: Desk) -> None:
    ana, eva = desk.operator("Ana"), desk.operator("Eva")
    desk.connect(ana)
    pass_outside(desk)
    supervise(desk, eva, "whisper")
    desk.answer(eva)
    ask_outside(desk, ana)
    assert hearers(desk, eva) == {"Ana"}
    with db.transaction() as session:
        line_actions.complete_transfer(session, desk.call.id, ana, now=clock.now())
    desk.hear()
    assert talkers(desk) == {"caller", OUTSIDE, "Eva"}
    assert hearers(desk, eva) == set()


def test_a_caller_who_hung_up_is_handed_to_nobody_outside(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    pass_outside(desk)
    ask_outside(desk, ana)
    with db.transaction() as session:
        distribution.finish(session, desk.item.id, why="hung_up", now=clock.now())
    with pytest.raises(Conflict), db.transaction() as session:
        line_actions.complete_transfer(session, desk.call.id, ana, now=clock.now())
    assert "transferred" not in desk.history()


def test_who_cannot_be_silenced_is_put_out(desk: Desk) -> None:
    """And the call goes on: the network takes back nobody else for it."""
    ana, eva = desk.operator("Ana"), desk.operator("Eva")
    desk.connect(ana)
    supervise(desk, eva, "talk")
    desk.answer(eva)
    desk.hear()
    desk.line.faults = ["never"]
    supervise(desk, eva, "whisper")
    assert talkers(desk) == {"caller", "Ana"}
    assert "supervisor_left" in desk.history()
