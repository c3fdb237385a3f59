"""A message after the tone is kept once, whoever tells of it, in whatever order, and also after the database was away."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from channels.voice.ivr import after_tone, answering
from intake.calls.jobs import end_call
from intake.calls.line_models import CallRecording
from intake.calls.models import Call
from intake.conversations.models import Conversation, Message
from intake.distribution.models import WorkItem
from tests.channels.conftest import ACCOUNT
from tests.channels.voice.ivr.caller import Caller
from tests.channels.voice.ivr.test_ways import close
from tests.factories import NOW

pytestmark = pytest.mark.database

NAME = "RE" + "1" * 32
URL = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Recordings/{NAME}"
SPOKEN = {"RecordingUrl": URL, "RecordingSid": NAME, "RecordingDuration": "12"}


@pytest.fixture(autouse=True)
def at_one_o_clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def speaker(session: Session, caller: Caller) -> Caller:
    """Somebody who hears the tone."""
    close(session)
    caller.call()
    caller.press("0")
    assert "se graba" in caller.press("3")
    return caller


def hang_up(caller: Caller) -> None:
    caller.hang_up()
    caller.is_over = False


def report(caller: Caller, **more: str) -> int:
    """The network's own report of the recording, which knows nothing of who called."""
    values = {"CallSid": caller.sid, "AccountSid": ACCOUNT, "RecordingStatus": "completed"} | SPOKEN | more
    answer = caller.provider.post(list(values.items()), "/webhooks/voice/message")
    return int(answer.status_code)


def kept(session: Session) -> list[CallRecording]:
    """Those of which the network has a file."""
    session.expire_all()
    return [one for one in session.exec(select(CallRecording)) if one.provider_recording_id]


def waits(session: Session) -> None:
    """Exactly one message, and one place in the line for whoever answers it, once the call is over."""
    [sound] = kept(session)
    assert (sound.kind, sound.provider_recording_id, sound.duration_s) == ("voicemail", NAME, 12)
    assert sound.keep_until == NOW + timedelta(days=90)
    assert "se graba" in sound.notice
    message = session.exec(select(Message).where(Message.direction == "inbound", Message.body == "")).one()
    assert sound.message_id == message.id
    assert (message.channel, message.status) == ("voice", "handled")
    assert message.media == [{"kind": "voicemail", "reference": str(sound.id), "seconds": 12}]
    end_call(str(session.exec(select(Call)).one().id))
    session.expire_all()
    assert session.get_one(Conversation, message.conversation_id).state == "with_agent"
    assert [(item.kind, item.state) for item in session.exec(select(WorkItem))] == [("text", "queued")]


def away(*_: object, **__: object) -> str:
    raise OperationalError("SELECT", {}, Exception("gone"))


def test_who_presses_the_key_hears_that_it_is_kept(session: Session, speaker: Caller) -> None:
    assert "Recibimos su mensaje" in speaker.ask(speaker.action, **SPOKEN, Digits="#")
    assert speaker.is_over
    speaker.hang_up()
    waits(session)


def test_no_address_that_is_told_is_ever_asked(session: Session, speaker: Caller) -> None:
    speaker.ask(speaker.action, **SPOKEN | {"RecordingUrl": f"https://evil.example/{NAME}"})
    waits(session)


@pytest.mark.parametrize("name", ["", "../../Messages", "RE1"])
def test_what_is_no_recording_is_none(session: Session, speaker: Caller, name: str) -> None:
    assert "No se grabó" in speaker.ask(speaker.action, **SPOKEN | {"RecordingSid": name})
    assert kept(session) == []


@pytest.mark.parametrize("has_ended", [False, True])
def test_the_end_may_be_told_before_the_message(session: Session, speaker: Caller, has_ended: bool) -> None:
    action = speaker.action
    hang_up(speaker)
    if has_ended:
        end_call(str(session.exec(select(Call)).one().id))
        assert session.exec(select(Conversation)).one().state == "closed"
    speaker.ask(action, **SPOKEN, Digits="hangup")
    waits(session)


@pytest.mark.parametrize("is_first", [False, True])
def test_a_report_of_its_own_is_enough_and_both_are_one(session: Session, speaker: Caller, is_first: bool) -> None:
    action = speaker.action
    if is_first:
        assert report(speaker) == 200
    else:
        speaker.ask(action, **SPOKEN)
    hang_up(speaker)
    assert [report(speaker), report(speaker)] == [200, 200]
    waits(session)
    speaker.ask(action, **SPOKEN)
    waits(session)


def test_a_report_of_silence_is_no_message(session: Session, speaker: Caller) -> None:
    assert report(speaker, RecordingStatus="absent") == 200
    assert report(speaker, RecordingDuration="0") == 200
    assert kept(session) == []


def test_while_the_database_is_away_the_retry_knows_what_was_recorded(
    session: Session, speaker: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = answering.document
    monkeypatch.setattr(answering, "document", away)
    for _ in range(2):
        assert "Un momento" in speaker.ask(speaker.action, **(SPOKEN if not speaker.document.count("r=RE") else {}))
    assert kept(session) == []
    monkeypatch.setattr(answering, "document", whole)
    assert "Recibimos su mensaje" in speaker.ask(speaker.action)
    hang_up(speaker)
    waits(session)


def test_a_report_while_the_database_is_away_is_asked_for_again(
    session: Session, speaker: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = after_tone.keep
    monkeypatch.setattr(after_tone, "keep", away)
    assert report(speaker) == 503
    monkeypatch.setattr(after_tone, "keep", whole)
    hang_up(speaker)
    assert report(speaker) == 200
    waits(session)


def test_where_the_report_goes_is_said_with_the_tone(speaker: Caller) -> None:
    assert 'recordingStatusCallback="https://311.prueba.gob.example/webhooks/voice/message"' in speaker.document
