"""Recordings: never before the notice, never of what is nobody's business, sealed, heard with a reason, destroyed with proof."""

from itertools import permutations

import pytest

from channels.voice import jobs, notice, recording_files
from intake.calls import line_actions, queries, recordings
from intake.calls.models import Call
from intake.catalog.models import Jurisdiction
from intake.media.storage import Shelf
from kernel import clock, db
from kernel.errors import NotFound
from tests.channels.voice.desk import SID, Desk, pass_outside, recorded, talkers
from tests.factories import CITY

pytestmark = pytest.mark.database


def test_nothing_is_recorded_before_the_caller_was_told(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.take(ana)
    desk.work()
    desk.answer(ana)
    # The document with the notice was never fetched: only the reports of the room come.
    reports = [one for one in desk.line.reports if one[0] != "bridge"]
    told = next(one for one in desk.line.reports if one[0] == "bridge")
    desk.line.reports.clear()
    desk.hear(reports)
    assert desk.recording is None
    document = desk.tell(*told)
    assert document.index("se graba") < document.index("<Dial")
    desk.work()
    desk.hear(reports)
    made = desk.recording
    assert made is not None
    assert made.notice.startswith("Esta llamada se graba")
    names = desk.history()
    assert names.index("recording_announced") < names.index("recording_started")


def test_a_notice_that_was_heard_while_waiting_is_not_said_again(desk: Desk) -> None:
    ana = desk.operator("Ana")
    with db.transaction() as session:
        assert "se graba" in notice.told(session, queries.held(session, desk.call.id), "es", now=clock.now())
    desk.time.shift(10)
    with db.transaction() as session:
        assert notice.told(session, queries.held(session, desk.call.id), "es", now=clock.now()) == ""
    desk.take(ana)
    desk.work()
    assert "bridge 1" in desk.line.asked
    told = next(one for one in desk.line.reports if one[0] == "bridge")
    assert "se graba" not in desk.tell(*told)
    desk.answer(ana)
    desk.hear()
    assert desk.recording is not None
    assert desk.recording.state == "recording"


def test_a_notice_that_an_operator_cut_short_is_said_to_the_end(desk: Desk) -> None:
    ana = desk.operator("Ana")
    with db.transaction() as session:
        notice.told(session, queries.held(session, desk.call.id), "es", now=clock.now())
    desk.time.shift(3)
    desk.take(ana)
    desk.work()
    told = next(one for one in desk.line.reports if one[0] == "bridge")
    assert "se graba" in desk.tell(*told)
    # The network asks again, because our answer was lost: it was not heard.
    assert "se graba" in desk.tell(*told)
    desk.answer(ana)
    desk.hear()
    made = desk.recording
    assert made is not None
    assert made.announced_at == clock.now(), "the evidence is of the notice that was heard"


def test_a_recording_of_which_nobody_ever_tells_is_found_and_kept(desk: Desk, shelf: Shelf) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    with db.transaction() as session:
        line_actions.hang_up(session, desk.call.id, ana, now=clock.now())
    desk.work()
    desk.line.reports.clear()  # neither the end of the call nor the file is ever told
    for _ in range(4):
        desk.pass_time(60)
        desk.line.reports.clear()
    made = desk.recording
    assert made is not None
    assert made.state == "stored"
    assert desk.session.get_one(Call, desk.call.id).ended_by == "operator"


@pytest.mark.parametrize("late", [False, True])
def test_what_is_refused_is_destroyed_also_after_the_call(desk: Desk, shelf: Shelf, late: bool) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    if late:
        desk.line.end(SID)
        desk.hear()
        desk.pass_time(60)
        assert desk.recording is not None
        assert desk.recording.state == "stored"
    for _ in range(2):
        with db.transaction() as session:
            recordings.refuse(session, desk.call.id, actor=(ana.id, "Ana"), now=clock.now())
    desk.work()
    desk.pass_time(2)
    made = desk.recording
    assert made is not None
    assert (made.state, made.key_sealed, made.destroyed_why) == ("destroyed", None, "refused")
    assert desk.history().count("recording_refused") == 1


def test_a_city_that_says_nothing_records_nothing(desk: Desk) -> None:
    city = desk.session.get_one(Jurisdiction, CITY)
    city.settings = {key: value for key, value in city.settings.items() if key != "recordings"}
    desk.session.add(city)
    desk.session.flush()
    ana = desk.operator("Ana")
    desk.connect(ana)
    assert talkers(desk) == {"caller", "Ana"}
    assert (desk.recording, desk.line.recordings) == (None, {})


def test_sensitive_matters_are_left_out_by_hand_and_on_hold(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    assert recorded(desk) == "recording"
    actor = (ana.id, ana.name)
    with db.transaction() as session:
        recordings.pause(session, desk.call.id, actor=actor, now=clock.now())
        recordings.pause(session, desk.call.id, actor=actor, now=clock.now())
    desk.hear()
    assert recorded(desk) == "paused"
    with db.transaction() as session:
        recordings.resume(session, desk.call.id, actor=actor, now=clock.now())
    desk.hear()
    assert recorded(desk) == "recording"
    with db.transaction() as session:
        line_actions.hold(session, desk.call.id, ana, now=clock.now())
    desk.hear()
    assert recorded(desk) == "paused"
    with db.transaction() as session:
        line_actions.unhold(session, desk.call.id, ana, now=clock.now())
    desk.hear()
    assert recorded(desk) == "recording"


def test_nothing_is_recorded_of_a_talk_with_a_number_outside(desk: Desk, shelf: Shelf) -> None:
    outside = "+525556581111"
    pass_outside(desk, outside)
    ana, eva = desk.operator("Ana"), desk.operator("Eva")
    desk.connect(ana)
    with db.transaction() as session:
        line_actions.transfer(session, desk.call.id, ana, to_number=outside, consult=True, now=clock.now())
    desk.hear()
    desk.line.answer(desk.line.of(outside)[0].sid)
    desk.hear()
    assert recorded(desk) == "paused", "they hear music"
    with db.transaction() as session:
        line_actions.complete_transfer(session, desk.call.id, ana, now=clock.now())
    desk.hear()
    assert talkers(desk) == {"caller", outside}
    assert recorded(desk) == "paused"
    with db.transaction() as session:
        line_actions.supervise(session, desk.call.id, eva, "listen", now=clock.now())
        recordings.resume(session, desk.call.id, actor=(ana.id, ana.name), now=clock.now())
    desk.hear()
    desk.answer(eva)
    desk.hear()
    desk.pass_time(70)
    desk.hear()
    assert (talkers(desk), recorded(desk)) == ({"caller", outside, "Eva"}, "paused")
    assert desk.line.asked.count("resume") == 0
    finished(desk)
    assert desk.recording.state == "stored", "what was said before"  # type: ignore[union-attr]  # it is there


def test_a_caller_who_is_alone_until_the_next_operator_comes_is_not_recorded(desk: Desk) -> None:
    ana, luis = desk.operator("Ana"), desk.operator("Luis")
    desk.connect(ana)
    desk.line.end(desk.line.of(f"client:agent-{ana.id}")[0].sid)
    desk.hear()
    assert recorded(desk) == "paused"
    desk.take(luis)
    desk.work()
    desk.hear()
    assert (talkers(desk), recorded(desk)) == ({"caller"}, "paused"), "his browser rings"
    desk.answer(luis)
    desk.hear()
    assert (talkers(desk), recorded(desk)) == ({"caller", "Luis"}, "recording")


def test_a_start_without_an_answer_is_looked_up(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.take(ana)
    desk.work()
    desk.answer(ana)
    desk.line.faults = ["lost"]
    desk.hear()
    assert len(desk.line.recordings) == 1
    desk.pass_time(7)
    assert len(desk.line.recordings) == 1, "not started again"
    made = desk.recording
    assert made is not None
    assert (made.state, made.provider_recording_id) == ("recording", "RE" + "0" * 32)


def finished(desk: Desk) -> None:
    """The call ends, and the network tells that its file is there."""
    desk.line.end(SID)
    desk.hear()
    made = desk.recording
    assert made is not None
    told = {"RecordingSid": "RE" + "0" * 32, "RecordingStatus": "completed", "RecordingDuration": "42"}
    for _ in range(2):
        desk.tell("recording", {"recording": str(made.id)}, told)
    desk.work()


def test_the_file_is_sealed_and_the_network_forgets_it(desk: Desk, shelf: Shelf) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    finished(desk)
    made = desk.recording
    assert made is not None
    assert (made.state, made.duration_s, made.media_type) == ("stored", 42, "audio/wav")
    assert made.provider_deleted_at is not None
    assert desk.line.recordings == {}
    assert made.storage_key is not None
    kept = shelf.storage.get(made.storage_key)
    assert b"sound" not in kept
    assert recording_files.read(made, 12, 22) == b"soundsound"
    assert desk.line.asked.count("fetch") == 1


def test_a_report_that_never_comes_is_asked_for(desk: Desk, shelf: Shelf) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    desk.line.end(SID)
    desk.hear()
    desk.pass_time(46)
    made = desk.recording
    assert made is not None
    assert made.state == "stored"


def test_on_its_day_the_key_is_destroyed_and_that_is_proved(desk: Desk, shelf: Shelf) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    finished(desk)
    made = desk.recording
    assert made is not None
    assert made.storage_key is not None
    place = made.storage_key
    jobs.end_recordings()
    assert desk.recording.state == "stored"  # type: ignore[union-attr]  # it is there
    desk.time.shift(31 * 86_400)
    jobs.end_recordings()
    made = desk.recording
    assert made is not None
    assert (made.state, made.key_sealed, made.destroyed_why) == ("destroyed", None, "retention")
    assert made.proof["key"] == made.key_fingerprint != ""
    assert made.proof["bytes_gone_at"]
    assert made.proof["provider_deleted_at"]
    with pytest.raises(NotFound):
        shelf.storage.get(place)
    with pytest.raises(NotFound):
        recordings.key_of(made)
    names = desk.history()
    assert names.index("recording_destroyed") < names.index("recording_proved_gone")


def test_what_is_kept_for_a_reason_outlives_its_day(desk: Desk, shelf: Shelf) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    finished(desk)
    made = desk.recording
    assert made is not None
    with db.transaction() as session:
        recordings.keep(session, made.id, because="queja 12/2026", was="", actor=(ana.id, ana.name), now=clock.now())
    desk.time.shift(31 * 86_400)
    jobs.end_recordings()
    assert desk.recording.state == "stored"  # type: ignore[union-attr]  # it is there
    with db.transaction() as session:
        recordings.keep(session, made.id, because="", was="queja 12/2026", actor=(ana.id, ana.name), now=clock.now())
    jobs.end_recordings()
    assert desk.recording.state == "destroyed"  # type: ignore[union-attr]  # it is there


def test_who_does_not_want_it_is_not_recorded_and_nothing_is_kept(desk: Desk, shelf: Shelf) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    with db.transaction() as session:
        recordings.refuse(session, desk.call.id, actor=(ana.id, ana.name), now=clock.now())
    desk.pass_time(1)
    desk.pass_time(60)
    made = desk.recording
    assert made is not None
    assert (made.state, made.destroyed_why, made.storage_key) == ("destroyed", "refused", None)
    assert desk.line.recordings == {}
    assert made.proof["bytes_gone_at"]
    assert talkers(desk) == {"caller", "Ana"}, "the talk goes on"


def refused(desk: Desk, who: line_actions.Somebody) -> None:
    with db.transaction() as session:
        recordings.refuse(session, desk.call.id, actor=(who.id, who.name), now=clock.now())
    desk.work()


def being_asked_for(desk: Desk, answer: str) -> line_actions.Somebody:
    """A talk whose recording was asked for, without an answer: `lost`, or `never` done at all."""
    ana = desk.operator("Ana")
    desk.take(ana)
    desk.work()
    desk.answer(ana)
    desk.line.faults = ["lost"]
    desk.hear()
    if answer == "never":
        desk.line.recordings.clear()
    assert desk.recording is not None
    assert (desk.recording.state, desk.recording.provider_recording_id) == ("asked", None)
    return ana


@pytest.mark.parametrize("answer", ["lost", "never"])
def test_what_is_refused_while_it_begins_is_looked_up_stopped_and_deleted(
    desk: Desk, shelf: Shelf, answer: str
) -> None:
    ana = being_asked_for(desk, answer)
    refused(desk, ana)
    desk.pass_time(2)
    made = desk.recording
    assert made is not None
    assert made.state != "destroyed", "nobody knows yet whether it runs"
    jobs.end_recordings()
    assert "recording_proved_gone" not in desk.history()
    desk.pass_time(5)
    desk.pass_time(3)
    made = desk.recording
    assert made is not None
    assert (made.state, made.destroyed_why, desk.line.recordings) == ("destroyed", "refused", {})
    assert desk.history()[-1] == "recording_proved_gone"
    assert ("stop" in desk.line.asked) == (answer == "lost")
    assert talkers(desk) == {"caller", "Ana"}, "the talk goes on"


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_in_whatever_order_it_is_told_what_was_refused_ends_and_is_proved_gone_last(
    desk: Desk, shelf: Shelf, order: tuple[int, ...]
) -> None:
    ana = being_asked_for(desk, "lost")
    (sid,) = desk.line.recordings
    told = {"recording": str(desk.recording.id)}  # type: ignore[union-attr]  # it was asked for

    def tell(status: str) -> None:
        desk.tell("recording", told, {"RecordingSid": sid, "RecordingStatus": status})
        desk.work()

    def end() -> None:
        desk.line.end(SID)
        desk.hear()
        tell("completed")

    happens = [lambda: refused(desk, ana), lambda: tell("in-progress"), end]
    for index in order:
        happens[index]()
        desk.pass_time(1)
    for _ in range(4):
        desk.pass_time(30)
    made = desk.recording
    assert made is not None
    assert (made.state, made.key_sealed, desk.line.recordings) == ("destroyed", None, {})
    assert [name for name in desk.history() if name.startswith("recording_")][-1] == "recording_proved_gone"
    assert made.due_at is None, "nothing is left to do"


def test_a_recording_that_the_network_shows_only_after_it_was_proved_gone_is_stopped_too(
    desk: Desk, shelf: Shelf
) -> None:
    ana = being_asked_for(desk, "lost")
    hidden, desk.line.recordings = desk.line.recordings, {}
    refused(desk, ana)
    for _ in range(3):
        desk.pass_time(6)
    made = desk.recording
    assert made is not None
    assert "bytes_gone_at" in made.proof
    (sid,) = hidden
    desk.line.recordings = hidden
    desk.tell("recording", {"recording": str(made.id)}, {"RecordingSid": sid, "RecordingStatus": "in-progress"})
    assert "bytes_gone_at" not in desk.recording.proof  # type: ignore[union-attr]  # it is there
    desk.pass_time(2)
    assert desk.line.recordings == {}
    assert desk.line.asked.count("stop") == 1
    assert desk.history()[-3:] == ["recording_found_late", "recording_deleted_at_provider", "recording_proved_gone"]
    assert desk.recording.proof["provider_deleted_at"]  # type: ignore[union-attr]  # it is there


def test_a_stop_that_does_not_come_about_is_asked_for_again_at_once(desk: Desk, shelf: Shelf) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    refused(desk, ana)
    desk.line.faults = ["not"]
    desk.pass_time(1)
    assert recorded(desk) == "recording"
    desk.pass_time(2)
    assert recorded(desk) == "stopped"


def test_only_who_said_why_may_listen(desk: Desk, shelf: Shelf) -> None:
    ana, eva = desk.operator("Ana"), desk.operator("Eva")
    desk.connect(ana)
    finished(desk)
    made = desk.recording
    assert made is not None

    def opened(who: line_actions.Somebody) -> int:
        with db.transaction() as session:
            event = recordings.open_playback(
                session, made.id, jurisdiction_id=CITY, actor=(who.id, who.name), reason="queja", now=clock.now()
            )
            return event.id or 0

    ticket = opened(eva)
    with db.transaction() as session:
        assert (
            recordings.playable(session, made.id, ticket, jurisdiction_id=CITY, actor_id=eva.id, now=clock.now()).id
            == made.id
        )
        with pytest.raises(NotFound):
            recordings.playable(session, made.id, ticket, jurisdiction_id=CITY, actor_id=ana.id, now=clock.now())
    desk.time.shift(31 * 60)
    with db.transaction() as session, pytest.raises(NotFound):
        recordings.playable(session, made.id, ticket, jurisdiction_id=CITY, actor_id=eva.id, now=clock.now())
    with db.transaction() as session, pytest.raises(NotFound):
        recordings.open_playback(
            session, made.id, jurisdiction_id="otra", actor=(eva.id, "Eva"), reason="x", now=clock.now()
        )
