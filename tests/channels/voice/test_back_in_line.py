"""Whoever had an operator and waits once more is told so after a while, and may be called back, as whoever has just called."""

from datetime import timedelta

import pytest

from intake.calls import line_actions
from intake.calls.line_actions import Somebody
from intake.distribution import actions as distribution
from kernel import clock, db
from tests.channels.voice.desk import SID, Desk, talkers
from tests.channels.voice.ivr.test_ways import close
from tests.factories import CITY

pytestmark = pytest.mark.database


def lose(desk: Desk, who: Somebody) -> None:
    """Their browser dies, and the caller is there."""
    (leg,) = [leg for leg in desk.line.of(f"client:agent-{who.id}") if leg.is_up]
    desk.line.end(leg.sid)
    desk.hear()
    assert desk.item.state == "queued"


def wait(desk: Desk, minutes: float = 1.1) -> None:
    desk.pass_time(minutes * 60)
    desk.hear()


@pytest.fixture
def left(desk: Desk) -> Desk:
    """Ana had the call, and nobody has it now."""
    ana = desk.operator("Ana")
    desk.connect(ana)
    lose(desk, ana)
    assert desk.line.legs[SID].room is not None, "whoever is free takes it at once: music meanwhile"
    wait(desk)
    return desk


def test_they_hear_where_they_are_and_are_called_back_in_that_place(left: Desk) -> None:
    before = left.item.rank_at
    assert (left.line.legs[SID].room, left.bridge.caller_state) == (None, "outside")
    assert "le llamemos" in left.document
    left.press("1")
    left.press("1")
    left.line.end(SID)
    left.hear()
    assert (left.item.kind, left.item.state, left.item.rank_at) == ("callback", "queued", before)
    assert left.bridge.ended_at is not None


def test_after_a_transfer_to_a_line_that_nobody_serves(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    with db.transaction() as session:
        distribution.open_queue(session, CITY, "agua", name="Agua")
        line_actions.transfer_to_line(session, desk.call.id, ana, "agua", now=clock.now())
    desk.hear()
    wait(desk)
    assert "le llamemos" in desk.document


def test_whoever_takes_them_then_has_them_in_a_room_once_more(left: Desk) -> None:
    luis = left.operator("Luis")
    left.connect(luis)
    assert talkers(left) == {"caller", "Luis"}
    wait(left, 30)
    assert talkers(left) == {"caller", "Luis"}
    assert left.line.asked.count("send_back") == 1
    lose(left, luis)
    wait(left)
    assert left.line.asked.count("send_back") == 2


def test_nothing_of_what_they_say_to_the_machine_is_recorded(left: Desk) -> None:
    asked = left.line.asked
    assert asked.index("pause") < asked.index("send_back")
    assert left.recording is not None
    assert left.recording.is_paused
    left.connect(left.operator("Luis"))
    assert not left.recording.is_paused
    assert len(left.line.recordings) == 1


def test_who_is_offered_to_somebody_waits_on(left: Desk) -> None:
    luis = left.operator("Luis")
    with db.transaction() as session:
        assert distribution.offer(session, left.item.id, luis.id, now=clock.now()) is not None
    left.press("1")
    wait(left, 5)
    assert left.line.legs[SID].is_up
    assert left.item.kind == "voice"
    assert left.line.asked.count("send_back") == 1


def test_when_the_hours_end_they_are_called_back_on_the_next_day(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    close(desk.session)
    lose(desk, ana)
    wait(desk)
    assert "<Hangup" in desk.document
    assert desk.item.kind == "callback"
    assert desk.item.due_at is not None
    assert desk.item.due_at > clock.now() + timedelta(hours=12)


def test_who_takes_the_call_back_before_they_have_hung_up_does_not_have_them_moved(left: Desk) -> None:
    left.press("1")
    left.press("1")
    luis = left.operator("Luis")
    left.take(luis)
    left.work()
    left.hear()
    assert left.line.legs[SID].room is None
    left.line.end(SID)
    left.hear()
    assert left.bridge.ended_at is not None
    left.answer(luis)
    left.hear()
    assert left.line.of("+525512345678"), "they are called"


def test_an_answer_that_is_lost_leaves_nobody_in_the_room(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    lose(desk, ana)
    desk.line.faults = ["lost", "lost", "lost"]
    for _ in range(6):
        desk.pass_time(20)
        desk.hear()
    assert (desk.line.legs[SID].room, desk.bridge.caller_state) == (None, "outside")
    assert "le llamemos" in desk.document
    desk.line.end(SID)
    desk.hear()
    assert (desk.item.state, desk.bridge.ended_at is None) == ("abandoned", False)


def test_whom_we_called_is_called_again(desk: Desk) -> None:
    """They asked for it, were reached, and lost who had called them: it counts as no attempt."""
    with db.transaction() as session:
        assert distribution.wait_for_callback(session, f"call:{SID}", due_at=None, now=clock.now())
    desk.line.end(SID)
    desk.hear()
    ana = desk.operator("Ana")
    desk.connect(ana)
    (leg,) = desk.line.of("+525512345678")
    desk.line.answer(leg.sid)
    desk.hear()
    lose(desk, ana)
    wait(desk)
    assert "<Hangup" in desk.document
    desk.line.end(leg.sid)
    desk.hear()
    assert (desk.item.kind, desk.item.state) == ("callback", "queued")
    desk.connect(desk.operator("Luis"))
    assert len(desk.line.of("+525512345678")) == 2
