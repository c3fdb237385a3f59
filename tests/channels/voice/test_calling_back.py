"""Whoever asked to be called back is called: once for each time that an operator takes it, and again later, a few times."""

from datetime import timedelta
from itertools import permutations

import pytest
from sqlmodel import select

from intake.calls import line_actions
from intake.calls.calling_back import MOST_ATTEMPTS, PAUSES
from intake.calls.jobs import end_call
from intake.calls.line_actions import Somebody
from intake.calls.line_models import CallBridge
from intake.calls.models import Call
from intake.conversations.models import Message
from intake.distribution import actions as distribution
from intake.distribution.models import AgentSession
from kernel import clock, db
from kernel.errors import Conflict
from tests.channels.voice.desk import SID, Desk
from tests.channels.voice.pretend_line import Leg

pytestmark = pytest.mark.database

NUMBER = "+525512345678"


@pytest.fixture
def asked(desk: Desk) -> Desk:
    """They wait, choose to be called back, and hang up."""
    with db.transaction() as session:
        assert distribution.wait_for_callback(session, f"call:{SID}", due_at=None, now=clock.now())
    desk.line.end(SID)
    desk.hear()
    assert desk.item.state == "queued"
    return desk


def rung(desk: Desk) -> Leg:
    """Their telephone, that rings or rang last."""
    return desk.line.of(NUMBER)[-1]


def dialled(desk: Desk) -> int:
    return len(desk.line.of(NUMBER))


def take(desk: Desk, who: Somebody) -> None:
    """Offered, accepted, and the operator is in the room."""
    desk.take(who)
    desk.work()
    desk.answer(who)
    desk.hear()


def talkers(desk: Desk) -> set[str]:
    names = {f"client:agent-{agent_id}": name for agent_id, name in desk.people.items()}
    room = f"call-{desk.attempts[-1].id}"
    return {names.get(leg.address, leg.address) for leg in desk.line.in_room(room) if not leg.is_held}


def load_of(desk: Desk, who: Somebody) -> tuple[int, str]:
    desk.session.expire_all()
    agent = desk.session.get_one(AgentSession, who.id)
    return agent.load_points, agent.state


def test_nobodys_telephone_rings_before_the_operator_is_there(asked: Desk) -> None:
    ana = asked.operator("Ana")
    asked.take(ana)
    asked.work()
    assert dialled(asked) == 0
    asked.answer(ana)
    asked.hear()
    assert dialled(asked) == 1
    assert rung(asked).status == "ringing"


def test_they_answer_hear_who_calls_and_that_it_is_recorded_and_talk(asked: Desk) -> None:
    ana = asked.operator("Ana")
    take(asked, ana)
    told = asked.tell("bridge", {"room": rung(asked).to_room, "announced": "0"}, {"CallSid": rung(asked).sid})
    assert "como pidió" in told
    assert told.index("como pidió") < told.index("se graba") < told.index("<Conference")
    asked.line.answer(rung(asked).sid)
    asked.hear()
    assert talkers(asked) == {NUMBER, "Ana"}
    assert asked.recording is not None
    assert asked.recording.state == "recording"
    (made,) = asked.attempts
    assert (made.direction, made.outcome, made.conversation_id) == ("outbound", "reached", asked.call.conversation_id)
    with db.transaction() as session:
        line_actions.hang_up(session, made.id, ana, now=clock.now())
    asked.hear()
    assert asked.item.state == "wrapping"
    assert not rung(asked).is_up


def test_everything_told_twice_rings_once(asked: Desk) -> None:
    ana = asked.operator("Ana")
    take(asked, ana)
    asked.done = 0
    asked.work()
    asked.pass_time(3)
    assert dialled(asked) == 1
    assert len(asked.attempts) == 1


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
def test_nobody_answers_and_it_is_tried_again_in_the_same_place(asked: Desk, status: str) -> None:
    ana = asked.operator("Ana")
    place, since = asked.item.rank_at, asked.item.enqueued_at
    take(asked, ana)
    asked.line.end(rung(asked).sid, status)
    asked.hear()
    outcome = {"no-answer": "no_answer", "canceled": "stopped"}.get(status, status)
    item = asked.item
    assert (item.state, item.rank_at, item.enqueued_at) == ("queued", place, since)
    assert item.due_at is not None
    assert abs(item.due_at - clock.now() - PAUSES[outcome]) < timedelta(seconds=2)
    assert asked.attempts[-1].outcome == outcome
    assert load_of(asked, ana) == (0, "available")
    assert asked.line.in_room(f"call-{asked.attempts[-1].id}") == [], "the operator's line is free"
    asked.done = 0
    asked.work()
    assert dialled(asked) == 1
    with db.transaction() as session:
        assert distribution.offer(session, item.id, ana.id, now=clock.now()) is None, "not before its time"


def test_after_a_few_attempts_it_is_over_and_says_so(asked: Desk) -> None:
    ana = asked.operator("Ana")
    for number in range(1, MOST_ATTEMPTS + 1):
        take(asked, ana)
        assert dialled(asked) == number
        asked.line.end(rung(asked).sid, "no-answer")
        asked.hear()
        asked.time.shift(PAUSES["no_answer"] + timedelta(seconds=1))
        with db.transaction() as session:
            distribution.heartbeat(session, ana.id, epoch=1, now=clock.now())
    item = asked.item
    assert (item.state, item.disposition_code) == ("done", "not_reached")
    assert [one.outcome for one in asked.attempts] == ["no_answer"] * MOST_ATTEMPTS
    assert load_of(asked, ana)[0] == 0
    for call in [*asked.attempts, asked.attempts[-1]]:
        end_call(str(call.id))
    (told,) = asked.session.exec(select(Message).where(Message.channel == "sms")).all()
    assert "te llamamos varias veces" in told.body


def test_a_machine_that_answers_is_nobody(asked: Desk) -> None:
    ana = asked.operator("Ana")
    take(asked, ana)
    (made,) = asked.attempts
    asked.tell("called", {"call": str(made.id)}, {"CallSid": rung(asked).sid, "CallStatus": "in-progress"})
    asked.tell("machine", {"call": str(made.id)}, {"CallSid": rung(asked).sid, "AnsweredBy": "machine_start"})
    asked.hear()
    assert asked.attempts[-1].outcome == "voicemail"
    assert not rung(asked).is_up
    assert asked.item.state == "queued"


def test_a_person_who_is_taken_for_a_machine_is_not_cut_off_while_they_talk(asked: Desk) -> None:
    ana = asked.operator("Ana")
    take(asked, ana)
    asked.line.answer(rung(asked).sid)
    asked.hear()
    (made,) = asked.attempts
    asked.tell("machine", {"call": str(made.id)}, {"CallSid": rung(asked).sid, "AnsweredBy": "machine_start"})
    asked.hear()
    assert talkers(asked) == {NUMBER, "Ana"}
    with db.transaction() as session:
        line_actions.note_voicemail(session, made.id, ana, now=clock.now())
    asked.hear()
    assert asked.attempts[-1].outcome == "voicemail"
    assert not rung(asked).is_up
    assert asked.item.state == "queued"


def test_an_operator_who_stops_calling_has_it_tried_again_later(asked: Desk) -> None:
    ana = asked.operator("Ana")
    take(asked, ana)
    with db.transaction() as session:
        line_actions.hang_up(session, asked.attempts[-1].id, ana, now=clock.now())
    asked.hear()
    assert not rung(asked).is_up
    assert (asked.item.state, asked.attempts[-1].outcome) == ("queued", "stopped")
    assert asked.attempts[-1].ended_at is not None


def test_a_call_that_came_in_has_no_voicemail(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    with pytest.raises(Conflict), db.transaction() as session:
        line_actions.note_voicemail(session, desk.call.id, ana, now=clock.now())


@pytest.mark.parametrize("moment", ["before", "ringing"])
def test_an_operator_who_is_lost_before_they_answer_costs_them_nothing(asked: Desk, moment: str) -> None:
    ana, luis = asked.operator("Ana"), asked.operator("Luis")
    asked.take(ana)
    asked.work()
    if moment == "ringing":
        asked.answer(ana)
        asked.hear()
        assert rung(asked).status == "ringing"
    for leg in asked.line.of(f"client:agent-{ana.id}"):
        asked.line.end(leg.sid, "no-answer" if moment == "before" else "completed")
    asked.hear()
    assert dialled(asked) == (moment == "ringing")
    assert all(not leg.is_up for leg in asked.line.of(NUMBER)), "no telephone rings for nobody"
    item = asked.item
    assert (item.state, item.due_at) == ("queued", None)
    assert asked.attempts[-1].outcome == "dropped"
    asked.time.shift(1)
    take(asked, luis)
    asked.line.answer(rung(asked).sid)
    asked.hear()
    assert talkers(asked) == {NUMBER, "Luis"}


def test_an_operator_who_is_lost_while_they_talk_is_followed_by_another(asked: Desk) -> None:
    ana, luis = asked.operator("Ana"), asked.operator("Luis")
    take(asked, ana)
    asked.line.answer(rung(asked).sid)
    asked.hear()
    (leg,) = asked.line.of(f"client:agent-{ana.id}")
    asked.line.end(leg.sid)
    asked.hear()
    assert asked.item.state == "queued"
    assert rung(asked).is_held
    take(asked, luis)
    assert dialled(asked) == 1, "they are there already"
    assert talkers(asked) == {NUMBER, "Luis"}


def test_a_request_without_an_answer_is_looked_up_and_not_dialled_again(asked: Desk) -> None:
    ana = asked.operator("Ana")
    asked.take(ana)
    asked.work()
    asked.answer(ana)
    asked.line.faults = ["lost"]
    asked.hear([one for one in asked.line.reports if one[0] != "called"])
    asked.line.reports.clear()
    assert dialled(asked) == 1
    asked.pass_time(7)
    assert "calls_to" in asked.line.asked
    asked.pass_time(2)
    assert dialled(asked) == 1, "rung once"
    asked.line.answer(rung(asked).sid)
    asked.hear()
    assert talkers(asked) == {NUMBER, "Ana"}


def test_a_request_that_came_to_nothing_is_made_again(asked: Desk) -> None:
    ana = asked.operator("Ana")
    asked.take(ana)
    asked.work()
    asked.answer(ana)
    asked.line.faults = ["not"]
    asked.hear()
    asked.pass_time(2)
    assert asked.line.asked.count(f"dial {NUMBER}") == 2
    assert dialled(asked) == 1


def test_whoever_was_dialled_twice_all_the_same_is_hung_up_once(asked: Desk) -> None:
    ana = asked.operator("Ana")
    take(asked, ana)
    (made,) = asked.attempts
    asked.line.legs["CAother"] = Leg("CAother", NUMBER, status="in-progress", call=str(made.id))
    asked.tell("called", {"call": str(made.id)}, {"CallSid": "CAother", "CallStatus": "in-progress"})
    asked.work()
    assert not asked.line.legs["CAother"].is_up
    answer = asked.tell("bridge", {"room": rung(asked).to_room, "announced": "0"}, {"CallSid": "CAother"})
    assert "<Hangup" in answer
    assert "Conference" not in answer


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_reports_in_any_order_and_twice_end_alike(asked: Desk, order: tuple[int, ...]) -> None:
    ana = asked.operator("Ana")
    take(asked, ana)
    (made,) = asked.attempts
    sid = rung(asked).sid
    asked.line.end(sid, "busy")
    asked.line.reports.clear()
    reports = [
        ("called", {"call": str(made.id)}, {"CallSid": sid, "CallStatus": s}) for s in ("initiated", "ringing", "busy")
    ]
    shuffled = [reports[index] for index in order]
    asked.hear(shuffled + shuffled[::-1])
    assert (asked.item.state, asked.attempts[-1].outcome, len(asked.attempts)) == ("queued", "busy", 1)


def test_no_report_of_it_ever_comes_and_the_network_is_asked(asked: Desk) -> None:
    ana = asked.operator("Ana")
    take(asked, ana)
    asked.line.end(rung(asked).sid, "no-answer")
    asked.line.reports.clear()
    for _ in range(6):
        with db.transaction() as session:
            distribution.heartbeat(session, ana.id, epoch=1, now=clock.now())
        asked.pass_time(10)
        asked.line.reports.clear()
    assert (asked.item.state, asked.attempts[-1].outcome) == ("queued", "no_answer")


def test_a_ringing_telephone_is_not_dialled_again_however_quiet_the_network_is(asked: Desk) -> None:
    ana = asked.operator("Ana")
    take(asked, ana)
    for _ in range(8):
        asked.pass_time(10)
        asked.line.reports.clear()
    assert dialled(asked) == 1


def test_a_number_of_another_country_is_not_dialled(asked: Desk) -> None:
    ana = asked.operator("Ana")
    asked.take(ana)
    asked.work()
    made = asked.session.get_one(Call, asked.attempts[-1].id)
    made.to_number = "+252611234567"
    asked.session.flush()
    asked.answer(ana)
    asked.hear()
    assert not any(said.startswith("dial") for said in asked.line.asked)
    assert (asked.item.state, asked.item.disposition_code) == ("done", "not_reached")


def test_they_are_not_called_while_they_still_hear_that_they_will_be(desk: Desk) -> None:
    ana = desk.operator("Ana")
    with db.transaction() as session:
        distribution.wait_for_callback(session, f"call:{SID}", due_at=None, now=clock.now())
    take(desk, ana)
    assert dialled(desk) == 0
    desk.line.end(SID)
    desk.hear()
    desk.pass_time(3)
    assert dialled(desk) == 1


def test_another_citys_operator_may_not(asked: Desk) -> None:
    from kernel.errors import NotFound

    ana = asked.operator("Ana")
    take(asked, ana)
    stranger = Somebody(ana.id, "Ana", "otra.gob.example")
    for act in (line_actions.note_voicemail, line_actions.hang_up):
        with pytest.raises(NotFound), db.transaction() as session:
            act(session, asked.attempts[-1].id, stranger, now=clock.now())
    assert asked.session.get(CallBridge, asked.attempts[-1].id) is not None
