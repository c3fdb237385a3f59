"""From an accepted offer to a talk, and all that may happen to it, over a network whose answers and reports may be lost."""

from itertools import permutations

import pytest

from channels.voice import arranging
from intake.calls import history, line_actions, rooms
from intake.calls.models import Call
from intake.distribution import actions as distribution
from intake.distribution.models import AgentSession
from kernel import clock, db
from kernel.errors import Conflict, InvalidInput, NotFound
from tests.channels.voice.desk import OUTSIDE, SID, Desk, ask_outside, consulting, pass_outside, talkers, transfer
from tests.channels.voice.ivr.grammar import faults
from tests.factories import CITY

pytestmark = pytest.mark.database


def test_caller_and_operator_meet_in_a_room_named_after_the_item(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    assert talkers(desk) == {"caller", "Ana"}
    assert desk.bridge.room_name == f"item-{desk.item.id}"
    assert [leg.state for leg in desk.legs()] == ["joined"]
    assert desk.item.state == "assigned"


def test_everything_again_changes_nothing(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    asked, desk.done = len(desk.line.asked), 0
    desk.work()
    assert len(desk.line.asked) == asked


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_reports_may_come_in_any_order_and_twice(desk: Desk, order: tuple[int, ...]) -> None:
    ana = desk.operator("Ana")
    desk.take(ana)
    desk.work()
    desk.answer(ana)
    reports = [one for one in desk.line.reports if one[0] != "bridge"]
    assert len(reports) == 4, "the caller comes in; it rings; she answers; she comes in"
    desk.line.reports.clear()
    shuffled = [reports[index] for index in order]
    desk.hear(shuffled + shuffled[::-1])
    assert [leg.state for leg in desk.legs()] == ["joined"]
    assert desk.bridge.caller_state == "inside"
    assert talkers(desk) == {"caller", "Ana"}


def test_no_report_ever_comes_and_the_room_is_looked_at(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.take(ana)
    desk.work()
    desk.answer(ana)
    desk.line.reports.clear()
    desk.pass_time(31)
    desk.line.reports.clear()
    assert (desk.bridge.caller_state, [leg.state for leg in desk.legs()]) == ("inside", ["joined"])


def test_a_ring_without_an_answer_is_looked_up_and_not_rung_again(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.take(ana)
    desk.line.faults = [None, "lost"]
    desk.work()
    assert len(desk.line.of(f"client:agent-{ana.id}")) == 1
    desk.pass_time(7)
    desk.answer(ana)
    desk.hear()
    assert len(desk.line.of(f"client:agent-{ana.id}")) == 1, "rung once"
    assert talkers(desk) == {"caller", "Ana"}


def test_a_ring_that_was_not_done_is_done_with_the_next_try(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.take(ana)
    desk.line.faults = [None, "not"]
    desk.work()
    assert desk.line.of(f"client:agent-{ana.id}") == []
    desk.pass_time(2)
    desk.answer(ana)
    desk.hear()
    assert talkers(desk) == {"caller", "Ana"}


def test_whoever_was_rung_twice_all_the_same_is_hung_up_once(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    (mine,) = desk.legs()
    desk.line.legs["CAother"] = type(desk.line.legs[SID])(
        "CAother", f"client:agent-{ana.id}", str(mine.id), "in-progress"
    )
    desk.tell("leg", {"leg": str(mine.id)}, {"CallSid": "CAother", "CallStatus": "in-progress"})
    desk.work()
    assert desk.line.legs["CAother"].status == "completed"
    assert talkers(desk) == {"caller", "Ana"}


@pytest.mark.parametrize("is_told", [True, False])
def test_hang_up_beats_accept_whether_it_is_told_before_the_room_is_made_or_later(desk: Desk, is_told: bool) -> None:
    ana = desk.operator("Ana")
    desk.take(ana)
    desk.line.end(SID)
    if is_told:
        desk.tell(*desk.line.reports[0])
    desk.line.reports.clear()
    desk.work()
    assert desk.item.state == "done"
    assert desk.item.disposition_code == "caller_gone"
    assert desk.line.of(f"client:agent-{ana.id}") == [], "nobody is rung for a caller who has gone"
    agent = desk.session.get_one(AgentSession, ana.id)
    assert (agent.load_points, agent.state) == (0, "available")


def test_the_caller_hangs_up_and_the_operator_makes_their_notes(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    desk.line.end(SID)
    # The operator's own end may be told first: it is not taken for a lost operator.
    reports = [desk.line.reports.pop(0) for _ in range(len(desk.line.reports))]
    desk.hear([one for one in reports if one[0] == "leg"])
    desk.hear([one for one in reports if one[0] != "leg"])
    assert desk.item.state == "wrapping"
    assert desk.item.agent_id == ana.id
    assert desk.bridge.ended_at is not None


def test_the_operator_hangs_up_for_both(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    with db.transaction() as session:
        line_actions.hang_up(session, desk.call.id, ana, now=clock.now())
    desk.hear()
    assert desk.item.state == "wrapping"
    assert not desk.line.legs[SID].is_up
    assert desk.session.get_one(Call, desk.call.id).ended_by == "operator"


def test_a_lost_operator_returns_the_caller_to_the_head_of_the_line(desk: Desk) -> None:
    ana, luis = desk.operator("Ana"), desk.operator("Luis")
    desk.connect(ana)
    place = desk.item.enqueued_at
    (leg,) = desk.line.of(f"client:agent-{ana.id}")
    desk.line.end(leg.sid)
    desk.hear()
    assert desk.item.state == "queued"
    assert desk.item.enqueued_at == place
    assert desk.line.legs[SID].room is not None, "the room stays"
    assert desk.line.legs[SID].is_held, "with music"
    desk.connect(luis)
    assert talkers(desk) == {"caller", "Luis"}
    assert "bridge 1" not in desk.line.asked[1:], "moved into the room once"


def test_an_operator_whose_lease_lapses_is_lost_too(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    desk.time.shift(60)
    with db.transaction() as session:
        distribution.lapse(session, ana.id, now=clock.now())
    desk.hear()
    assert desk.item.state == "queued"
    assert desk.line.legs[SID].is_held
    assert talkers(desk) == set()


@pytest.mark.parametrize("status", ["no-answer", "busy", "failed"])
def test_an_operator_whose_browser_does_not_ring_is_not_asked_again_at_once(desk: Desk, status: str) -> None:
    ana = desk.operator("Ana")
    desk.take(ana)
    desk.work()
    (leg,) = desk.line.of(f"client:agent-{ana.id}")
    desk.line.end(leg.sid, status)
    desk.hear()
    assert desk.item.state == "queued"
    assert str(ana.id) in desk.item.shunned
    assert desk.line.legs[SID].is_up


def test_hold_and_back(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    for _ in range(2):
        with db.transaction() as session:
            line_actions.hold(session, desk.call.id, ana, now=clock.now())
        desk.hear()
        assert talkers(desk) == {"Ana"}
    with db.transaction() as session:
        line_actions.unhold(session, desk.call.id, ana, now=clock.now())
    desk.hear()
    assert talkers(desk) == {"caller", "Ana"}
    assert desk.line.asked.count("hold") == desk.line.asked.count("unhold") == 1


def test_nobody_holds_a_call_of_somebody_else(desk: Desk) -> None:
    ana, luis = desk.operator("Ana"), desk.operator("Luis")
    desk.connect(ana)
    with pytest.raises(Conflict), db.transaction() as session:
        line_actions.hold(session, desk.call.id, luis, now=clock.now())
    stranger = line_actions.Somebody(ana.id, "Ana", "otra.gob.example")
    with pytest.raises(NotFound), db.transaction() as session:
        line_actions.hold(session, desk.call.id, stranger, now=clock.now())


# Transfers


def test_a_blind_transfer_that_is_answered(desk: Desk) -> None:
    ana, luis = desk.operator("Ana"), desk.operator("Luis")
    desk.connect(ana)
    transfer(desk, ana, luis, consult=False)
    assert talkers(desk) == set(), "Ana has left, the caller hears music"
    assert desk.item.agent_id == ana.id, "and is somebody's all the time"
    desk.answer(luis)
    desk.hear()
    assert talkers(desk) == {"caller", "Luis"}
    assert desk.item.agent_id == luis.id
    assert desk.session.get_one(AgentSession, ana.id).load_points == 0


def test_a_blind_transfer_that_nobody_answers_comes_back(desk: Desk) -> None:
    ana, luis = desk.operator("Ana"), desk.operator("Luis")
    desk.connect(ana)
    transfer(desk, ana, luis, consult=False)
    (leg,) = desk.line.of(f"client:agent-{luis.id}")
    desk.line.end(leg.sid, "no-answer")
    desk.hear()
    desk.answer(ana)
    desk.hear()
    assert talkers(desk) == {"caller", "Ana"}
    assert desk.item.agent_id == ana.id


def test_a_consulted_transfer(desk: Desk) -> None:
    ana, luis = desk.operator("Ana"), desk.operator("Luis")
    desk.connect(ana)
    transfer(desk, ana, luis, consult=True)
    with pytest.raises(Conflict, match="todavía no contesta"), db.transaction() as session:
        line_actions.complete_transfer(session, desk.call.id, ana, now=clock.now())
    desk.answer(luis)
    desk.hear()
    assert talkers(desk) == {"Ana", "Luis"}
    with db.transaction() as session:
        line_actions.complete_transfer(session, desk.call.id, ana, now=clock.now())
    desk.hear()
    assert talkers(desk) == {"caller", "Luis"}
    assert desk.item.agent_id == luis.id


def test_a_consulted_transfer_that_is_cancelled(desk: Desk) -> None:
    ana, _ = consulting(desk)
    with db.transaction() as session:
        line_actions.cancel_transfer(session, desk.call.id, ana, now=clock.now())
    desk.hear()
    assert talkers(desk) == {"caller", "Ana"}


def test_who_was_asked_does_not_answer_and_the_caller_is_not_heard_unasked(desk: Desk) -> None:
    ana, luis = desk.operator("Ana"), desk.operator("Luis")
    desk.connect(ana)
    transfer(desk, ana, luis, consult=True)
    (leg,) = desk.line.of(f"client:agent-{luis.id}")
    desk.line.end(leg.sid, "busy")
    desk.hear()
    assert talkers(desk) == {"Ana"}
    with db.transaction() as session:
        line_actions.unhold(session, desk.call.id, ana, now=clock.now())
    desk.hear()
    assert talkers(desk) == {"caller", "Ana"}


def test_the_first_operator_is_lost_while_both_talk(desk: Desk) -> None:
    ana, luis = consulting(desk)
    (leg,) = desk.line.of(f"client:agent-{ana.id}")
    desk.line.end(leg.sid)
    desk.hear()
    assert talkers(desk) == {"caller", "Luis"}
    assert desk.item.agent_id == luis.id


def test_a_call_whose_room_nobody_made_is_found_by_the_sweep(desk: Desk) -> None:
    """The worker that was told of the acceptance died with it: its job comes again only after its lease."""
    ana = desk.operator("Ana")
    desk.take(ana)
    arranging.sweep()
    assert desk.legs() == []
    desk.time.shift(4)
    arranging.sweep()
    assert [leg.agent_id for leg in desk.legs()] == [ana.id]
    desk.hear()
    assert len(desk.line.of(f"client:agent-{ana.id}")) == 1


def test_into_another_line(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    with db.transaction() as session:
        distribution.open_queue(session, CITY, "agua", name="Agua")
        line_actions.transfer_to_line(session, desk.call.id, ana, "agua", now=clock.now())
    desk.hear()
    assert (desk.item.state, talkers(desk)) == ("queued", set())
    assert desk.line.legs[SID].is_held


def test_into_a_line_that_was_closed_since(desk: Desk) -> None:
    """The list was on the screen: the caller stays with whom they talk to."""
    ana = desk.operator("Ana")
    desk.connect(ana)
    with db.transaction() as session:
        distribution.open_queue(session, CITY, "agua", name="Agua", closed_at=clock.now())
    with pytest.raises(Conflict, match="ya se cerró"), db.transaction() as session:
        line_actions.transfer_to_line(session, desk.call.id, ana, "agua", now=clock.now())
    assert talkers(desk) == {"caller", "Ana"}


def test_to_the_emergency_number_and_to_no_other(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    with pytest.raises(InvalidInput), db.transaction() as session:
        line_actions.transfer(session, desk.call.id, ana, to_number="+19005550100", consult=True, now=clock.now())
    pass_outside(desk)
    leg = ask_outside(desk, ana)
    assert talkers(desk) == {"Ana", OUTSIDE}
    with db.transaction() as session:
        line_actions.complete_transfer(session, desk.call.id, ana, now=clock.now())
    desk.hear()
    assert talkers(desk) == {"caller", OUTSIDE}
    assert desk.item.state == "wrapping"
    desk.line.end(leg.sid)
    desk.hear()
    assert not desk.line.legs[SID].is_up, "nobody is left alone in a room"


def test_whoever_is_asked_may_go_and_the_caller_is_the_first_ones_again(desk: Desk) -> None:
    ana, luis = desk.operator("Ana"), desk.operator("Luis")
    desk.connect(ana)
    with db.transaction() as session:
        line_actions.transfer(session, desk.call.id, ana, to_agent_id=luis.id, consult=True, now=clock.now())
    desk.hear()
    desk.answer(luis)
    desk.hear()
    assert talkers(desk) == {"Ana", "Luis"}
    for _ in range(2):
        with db.transaction() as session:
            line_actions.step_out(session, desk.call.id, luis, now=clock.now())
        desk.hear()
    assert talkers(desk) == {"Ana"}, "nobody is heard unasked"
    with db.transaction() as session:
        line_actions.unhold(session, desk.call.id, ana, now=clock.now())
    desk.hear()
    assert talkers(desk) == {"caller", "Ana"}
    with pytest.raises(Conflict), db.transaction() as session:
        line_actions.complete_transfer(session, desk.call.id, ana, now=clock.now())
    with db.transaction() as session:
        line_actions.step_out(session, desk.call.id, ana, now=clock.now())
    desk.hear()
    assert talkers(desk) == {"caller", "Ana"}, "an operator does not slip out of their own call"


# Supervisors


def test_listen_whisper_and_barge_are_written_down(desk: Desk) -> None:
    ana, eva = desk.operator("Ana"), desk.operator("Eva")
    desk.connect(ana)
    (operator,) = desk.line.of(f"client:agent-{ana.id}")
    for mode in ("listen", "whisper", "talk"):
        with db.transaction() as session:
            line_actions.supervise(session, desk.call.id, eva, mode, now=clock.now())
        desk.hear()
        desk.answer(eva)
        desk.hear()
        (leg,) = desk.line.of(f"client:agent-{eva.id}")
        assert leg.mode == mode
        assert mode != "whisper" or leg.coached == operator.sid
    assert [name for name in desk.history() if name in ("listened", "whispered", "barged")] == [
        "listened",
        "whispered",
        "barged",
    ]
    with db.transaction() as session:
        line_actions.step_out(session, desk.call.id, eva, now=clock.now())
    desk.hear()
    assert talkers(desk) == {"caller", "Ana"}
    with db.transaction() as session:
        assert history.is_whole(history.of_call(session, desk.call.id))


def test_a_record_that_was_changed_is_seen(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    with db.transaction() as session:
        events = list(history.of_call(session, desk.call.id))
    assert len(events) > 1
    assert history.is_whole(events)
    assert not history.is_whole(events[1:])
    events[0].actor_name = "Nadie"
    assert not history.is_whole(events)


def test_a_worker_that_died_at_any_step_leaves_nothing_undone(desk: Desk) -> None:
    """Whatever was asked and not written down: the next who looks, ends up with one operator and one caller in the room."""
    ana = desk.operator("Ana")
    desk.take(ana)
    for died_at in range(4):
        desk.line.faults = ["lost"] * (died_at + 1)
        desk.work()
        desk.pass_time(13)
        desk.answer(ana)
    desk.line.faults = []
    desk.hear()
    for _ in range(4):
        desk.pass_time(13)
        desk.answer(ana)
        desk.hear()
    assert talkers(desk) == {"caller", "Ana"}
    live = [leg for leg in desk.line.of(f"client:agent-{ana.id}") if leg.is_up]
    assert len(live) == 1
    assert rooms.live_legs(desk.session, desk.call.id)[0].state == "joined"


def test_what_a_worker_had_begun_as_it_died_is_done_in_time(desk: Desk) -> None:
    """Within fifteen seconds of its end, with the two that the next look may take and one more to get to it."""
    ana = desk.operator("Ana")
    desk.connect(ana)
    with db.transaction() as session:
        line_actions.hold(session, desk.call.id, ana, now=clock.now())
    with db.transaction() as session:
        begun = arranging._next(session, desk.call.id, None, now=clock.now())
        assert begun is not None
        assert begun.step.do == "hold"
    desk.pass_time(8)
    assert talkers(desk) == {"Ana"}


def test_whoever_falls_out_of_the_room_is_led_into_it_again_while_somebody_serves_them(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    room = {"room": desk.bridge.room_name, "lang": "es"}
    again = desk.tell("left", {**room, "times": "0"}, {"CallSid": SID})
    assert f">{desk.bridge.room_name}</Conference>" in again
    assert "<Hangup" in desk.tell("left", {**room, "times": "6"}, {"CallSid": SID}), "not for ever"
    assert "<Hangup" in desk.tell("bridge", {"room": "nobody"}, {"CallSid": SID})
    assert faults(again.replace('beep="false"', 'beep="quietly"'))
    assert faults(again.replace(desk.bridge.room_name, ""))
