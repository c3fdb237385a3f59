"""What is said after the tone: found though nobody tells of it, sealed, deleted at the network, and destroyed on its day."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from channels.voice import jobs, recording_files
from channels.voice.line import Recorded, RecordingState
from intake.calls import queries, recordings, voicemail
from intake.calls.line_models import CallRecording
from intake.conversations.models import Conversation, Message
from intake.distribution.models import WorkItem
from intake.media.storage import Shelf
from kernel import clock, db
from kernel.errors import NotFound
from tests.channels.voice.desk import SID, Desk

pytestmark = pytest.mark.database

INVITED = "Después del tono, diga su mensaje. Se graba."


def name(number: int = 1) -> str:
    return "RE" + str(number) * 32


def invite(desk: Desk) -> CallRecording:
    with db.transaction() as session:
        return voicemail.expect(session, queries.held(session, desk.call.id), INVITED, now=clock.now())


def take(desk: Desk, number: int = 1) -> None:
    with db.transaction() as session:
        voicemail.take(session, queries.held(session, desk.call.id), name(number), 12, now=clock.now())


def spoken(desk: Desk, number: int = 1, state: RecordingState = "available", seconds: int = 12) -> None:
    """The network has it, and tells nobody."""
    desk.line.messages[name(number)] = SID, Recorded(name(number), state, seconds)


def said(desk: Desk) -> list[CallRecording]:
    desk.session.expire_all()
    of_tones = select(CallRecording).where(CallRecording.kind == "voicemail").order_by(col(CallRecording.announced_at))
    return list(desk.session.exec(of_tones))


def messages(desk: Desk) -> list[Message]:
    return list(desk.session.exec(select(Message)))


def asked(desk: Desk) -> int:
    return desk.line.asked.count("messages")


def test_a_message_of_which_nobody_ever_tells_is_found_and_kept(desk: Desk, shelf: Shelf) -> None:
    invite(desk)
    spoken(desk)
    desk.line.end(SID)
    desk.pass_time(200)
    assert asked(desk) == 0, "the network is given time to tell"
    desk.pass_time(41)
    [kept] = said(desk)
    assert (kept.state, kept.duration_s, kept.notice) == ("stored", 12, INVITED)
    [message] = messages(desk)
    assert kept.message_id == message.id
    assert desk.session.get_one(Conversation, desk.call.conversation_id).state == "with_agent"
    items = {item.kind: item.state for item in desk.session.exec(select(WorkItem))}
    assert items == {"voice": "abandoned", "text": "queued"}


def test_it_is_sealed_and_the_network_forgets_it(desk: Desk, shelf: Shelf) -> None:
    invite(desk)
    spoken(desk)
    take(desk)
    assert name() in desk.line.messages, "nothing is deleted before ours is kept"
    desk.work()
    [kept] = said(desk)
    assert kept.storage_key is not None
    assert b"sound" not in shelf.storage.get(kept.storage_key)
    assert recording_files.read(kept, 12, 22) == b"soundsound"
    assert (desk.line.messages, kept.provider_deleted_at is not None) == ({}, True)
    desk.pass_time(400)
    assert asked(desk) == 0


def test_what_cannot_be_fetched_yet_stays_at_the_network(desk: Desk, shelf: Shelf) -> None:
    invite(desk)
    spoken(desk)
    take(desk)
    desk.line.faults = ["not"]
    jobs.sweep()
    assert name() in desk.line.messages
    desk.time.shift(21)
    jobs.sweep()
    assert [one.state for one in said(desk)] == ["stored"]
    assert desk.line.messages == {}


def test_where_no_files_are_kept_the_others_are_seen_to_all_the_same(desk: Desk) -> None:
    invite(desk)
    spoken(desk)
    take(desk)
    jobs.sweep()
    assert [(one.state, one.attempts) for one in said(desk)] == [("available", 1)]
    assert len(messages(desk)) == 1


@pytest.mark.parametrize("silence", [False, True])
def test_who_says_nothing_has_left_nothing(desk: Desk, silence: bool) -> None:
    invite(desk)
    if silence:
        spoken(desk, seconds=0)
    for _ in range(3):
        desk.pass_time(300)
    assert [one.state for one in said(desk)] == ["absent"]
    assert (messages(desk), asked(desk)) == ([], 1)
    take(desk)
    assert len(messages(desk)) == 1, "told very late all the same"


def test_who_still_speaks_is_waited_for(desk: Desk, shelf: Shelf) -> None:
    invite(desk)
    spoken(desk, state="stopped")
    desk.pass_time(241)
    assert [one.state for one in said(desk)] == ["ended"]
    spoken(desk)
    desk.pass_time(30)
    assert [one.state for one in said(desk)] == ["stored"]


def test_whoever_was_asked_twice_and_spoke_twice_left_two(desk: Desk, shelf: Shelf) -> None:
    first = invite(desk)
    assert invite(desk).id == first.id, "one is expected at a time"
    take(desk, 1)
    invite(desk)
    spoken(desk, 1)
    spoken(desk, 2)
    spoken(desk, 3)
    desk.pass_time(241)
    assert sorted(one.provider_recording_id or "" for one in said(desk)) == [name(1), name(2), name(3)]
    assert len(messages(desk)) == 3


def test_a_name_of_another_call_is_not_taken(desk: Desk) -> None:
    ana = desk.operator("Ana")
    desk.connect(ana)
    made = desk.recording
    assert made is not None
    assert made.provider_recording_id is not None
    with db.transaction() as session:
        call = queries.held(session, desk.call.id)
        voicemail.take(session, call, made.provider_recording_id, 12, now=clock.now())
    assert messages(desk) == []


def test_the_recording_of_the_talk_is_another_thing(desk: Desk) -> None:
    invite(desk)
    ana = desk.operator("Ana")
    desk.connect(ana)
    with db.transaction() as session:
        talk = recordings.of_call(session, desk.call.id)
        assert talk is not None
        assert (talk.kind, talk.state) == ("talk", "recording")
        recordings.refuse(session, desk.call.id, actor=(ana.id, ana.name), now=clock.now())
    desk.pass_time(2)
    assert [(one.state, one.is_refused) for one in said(desk)] == [("ended", False)]


def test_on_its_day_it_is_destroyed_and_that_is_proved(desk: Desk, shelf: Shelf) -> None:
    invite(desk)
    spoken(desk)
    take(desk)
    desk.work()
    [kept] = said(desk)
    assert kept.keep_until == clock.now() + timedelta(days=30)
    assert kept.storage_key is not None
    desk.time.shift(31 * 86_400)
    jobs.end_recordings()
    [gone] = said(desk)
    assert (gone.state, gone.key_sealed, gone.destroyed_why) == ("destroyed", None, "retention")
    assert gone.proof["bytes_gone_at"]
    with pytest.raises(NotFound):
        shelf.storage.get(kept.storage_key)
    assert len(messages(desk)) == 1, "that they called and spoke is still known"


@pytest.mark.usefixtures("shelf")
def test_one_that_the_release_before_fetched_is_read(desk: Desk) -> None:
    row = invite(desk)
    with db.transaction() as inner:
        recordings.note_state(inner, row.id, "available", reference=name(), duration_s=12, now=clock.now())
    assert messages(desk) == []
    for _ in range(2):
        jobs.end_recordings()
    assert len(messages(desk)) == 1
