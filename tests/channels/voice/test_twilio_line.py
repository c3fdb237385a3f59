"""The line over Twilio against the stand-in: what each request does there, and what is made of each way of failing."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
import pytest
from pydantic import SecretStr

from channels.errors import FetchFailed
from channels.media_fetching import read_all
from channels.voice.line import Dial, Gone, LineError, NotDone, Refused, Ring, Uncertain
from channels.voice.twilio_line import TwilioLine
from kernel import clock
from kernel.settings import Web
from tests.channels.conftest import ACCOUNT, make_settings
from tests.channels.servers import eventually
from tests.channels.telephone import VOICE_NUMBER, Exchange, telephone
from tests.factories import NOW

JOIN = (
    '<Dial action="/left"><Conference startConferenceOnEnter="true" endConferenceOnExit="true" beep="false"'
    ' waitUrl="/music" waitMethod="GET">item-7</Conference></Dial>'
)
ANA = UUID(int=1)
CLIENT = f"client:agent-{ANA}"


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Exchange]:
    with telephone(tmp_path / "state.sqlite3") as made:
        made.documents |= {
            "/voice": '<Say>Espere.</Say><Pause length="600"/>',
            "/webhooks/voice/bridge": f"<Say>Le comunico.</Say>{JOIN}",
            "/webhooks/voice/leg": "",
            "/webhooks/voice/called": "",
            "/webhooks/voice/machine": "",
            "/webhooks/voice/conference": "",
            "/webhooks/voice/recording": "",
            "/webhooks/voice/music": '<Pause length="5"/>',
            "/music": '<Pause length="5"/>',
        }
        yield made
        assert made.forged == []


@pytest.fixture
def line(city: Exchange) -> Iterator[TwilioLine]:
    settings = make_settings(api_base_url=city.phone.url, timeout_s=5.0)
    keys = {"api_key": SecretStr("SK" + "1" * 32), "api_secret": SecretStr("secreto-de-la-llave-de-treinta-y-dos")}
    made = TwilioLine.from_settings(
        settings.model_copy(update={"web": Web(public_base_url=city.url), "channels": {"voice": keys}})
    )
    assert made is not None
    yield made
    made.close()


def waiting(city: Exchange) -> str:
    sid: str = city.call(script=None, speed=1.0)["sid"]
    city.until(sid, lambda call: call["heard"])
    return sid


def together(city: Exchange, line: TwilioLine) -> tuple[str, str, str]:
    """The caller, the operator, the room."""
    answering(city, {"wait": 600})
    caller = waiting(city)
    line.bridge(caller, "item-7", is_announced=False)
    city.until(caller, lambda call: "Le comunico." in call["heard"])
    operator, reference = line.ring("item-7", Ring(CLIENT, "leg-1", VOICE_NUMBER))
    eventually(lambda: (room := line.look("item-7")) and len([s for s in room.seats if s.is_connected]) == 2)
    return caller, operator, reference


def answering(city: Exchange, *script: dict[str, Any], who: str = f"agent-{ANA}", **more: Any) -> None:
    answer = city.phone.client.post(f"/clients/{who}/answering", json={"script": list(script), **more})
    assert answer.is_success, answer.text


def member(city: Exchange, reference: str, sid: str) -> dict[str, Any]:
    shown: dict[str, Any] = city.rest("GET", f"/Conferences/{reference}/Participants/{sid}.json").json()
    return shown


def test_caller_and_operator_come_into_one_room_that_can_be_looked_at(city: Exchange, line: TwilioLine) -> None:
    caller, operator, reference = together(city, line)
    room = line.look("item-7")
    assert room is not None
    assert room.reference == reference
    assert {(seat.provider_call_id, seat.label, seat.is_connected) for seat in room.seats} == {
        (caller, "", True),
        (operator, "leg-1", True),
    }
    (asked,) = city.forms("/webhooks/voice/bridge")
    assert asked["CallSid"] == caller
    reports = [form["CallStatus"] for form in city.forms("/webhooks/voice/leg")]
    assert "in-progress" in reports
    assert line.look("item-8") is None


def test_hold_music_and_back(city: Exchange, line: TwilioLine) -> None:
    caller, _, reference = together(city, line)
    for _ in range(2):
        line.hold(reference, caller)
        assert member(city, reference, caller)["hold"] is True
    room = line.look("item-7")
    assert room is not None
    seat = room.seat_of(caller)
    assert seat is not None
    assert seat.is_held
    line.unhold(reference, caller)
    assert member(city, reference, caller)["hold"] is False


def test_out_of_the_room_into_the_documents_of_the_line(city: Exchange, line: TwilioLine) -> None:
    caller, operator, _ = together(city, line)
    line.send_back(caller)
    eventually(lambda: bool(city.forms("/webhooks/voice/back")))
    (asked,) = city.forms("/webhooks/voice/back")
    assert asked["CallSid"] == caller
    eventually(lambda: not line.is_up(operator))
    assert not city.forms("/webhooks/voice/left"), "it has not ended by itself"
    line.hang_up(caller)
    eventually(lambda: not line.is_up(caller))
    with pytest.raises(Gone):
        line.send_back(caller)


def test_a_supervisor_listens_whispers_and_barges(city: Exchange, line: TwilioLine) -> None:
    _, operator, reference = together(city, line)
    answering(city, {"wait": 600}, who="agent-jefa")
    eva, _ = line.ring("item-7", Ring("client:agent-jefa", "leg-2", VOICE_NUMBER, is_heard=False))
    eventually(lambda: member(city, reference, eva).get("status") == "connected")
    assert member(city, reference, eva)["muted"] is True
    line.coach(reference, eva, mode="whisper", coached=operator)
    shown = member(city, reference, eva)
    assert (shown["muted"], shown["coaching"], shown["call_sid_to_coach"]) == (False, True, operator)
    line.coach(reference, eva, mode="talk", coached=None)
    shown = member(city, reference, eva)
    assert (shown["muted"], shown["coaching"]) == (False, False)
    line.coach(reference, eva, mode="whisper", coached=None)
    shown = member(city, reference, eva)
    assert (shown["muted"], shown["coaching"]) == (True, False), "a whisper to nobody would be heard by all"


def test_hanging_up_and_what_is_gone(city: Exchange, line: TwilioLine) -> None:
    caller, operator, reference = together(city, line)
    assert line.is_up(caller)
    line.hang_up(caller)
    eventually(lambda: not line.is_up(caller) and not line.is_up(operator))
    with pytest.raises(Gone):
        line.hold(reference, caller)
    with pytest.raises(Gone):
        line.bridge(caller, "item-7", is_announced=True)
    with pytest.raises(Gone):
        line.start_recording(caller, label="1")
    assert not line.is_up("CA" + "9" * 32)


def test_a_recording_is_begun_paused_fetched_by_our_own_path_and_deleted(city: Exchange, line: TwilioLine) -> None:
    caller, _, _ = together(city, line)
    made = line.start_recording(caller, label="7")
    for _ in range(2):
        line.pause_recording(caller, made.reference)
    assert [one.state for one in line.recordings_of(caller)] == ["paused"]
    line.resume_recording(caller, made.reference)
    line.hang_up(caller)
    eventually(lambda: [one.state for one in line.recordings_of(caller)] == ["available"])
    with line.fetch_recording(made.reference) as stream:
        assert read_all(stream, 1 << 24).startswith(b"RIFF")
    for evil in ("../../Messages", "RE1/../../x", "https://evil.example/RE", "RE" + "1" * 32 + ".mp3?x="):
        with pytest.raises(FetchFailed), line.fetch_recording(evil):
            pass
    line.delete_recording(made.reference)
    with pytest.raises(Gone):
        line.delete_recording(made.reference)
    reported = [form["RecordingStatus"] for form in city.forms("/webhooks/voice/recording")]
    assert set(reported) <= {"in-progress", "completed"}


def test_a_message_left_after_the_tone_is_no_recording_of_the_talk(city: Exchange, line: TwilioLine) -> None:
    city.documents |= {"/voice": '<Record action="/left"/>', "/left": ""}
    call = city.call({"say": "Se cayó un árbol"}, {"press": "#"})
    assert city.forms("/left")[0]["RecordingSid"]
    assert line.recordings_of(call["sid"]) == []
    [left] = eventually(lambda: [one for one in line.messages_of(call["sid"]) if one.state == "available"])
    assert left.reference == city.forms("/left")[0]["RecordingSid"]
    assert left.duration_s
    line.delete_recording(left.reference)
    assert line.messages_of(call["sid"]) == []


@pytest.mark.parametrize(
    ("outage", "error", "is_rung"),
    [("busy", NotDone, False), ("down", Uncertain, False), ("error_after", Uncertain, True)],
)
def test_every_way_of_failing_says_whether_it_may_have_been_done(
    city: Exchange, line: TwilioLine, outage: str, error: type[LineError], is_rung: bool
) -> None:
    answering(city, {"wait": 600})
    caller = waiting(city)
    line.bridge(caller, "item-7", is_announced=True)
    city.phone.client.post("/voice/settings", json={"outage": outage})
    with pytest.raises(error):
        line.ring("item-7", Ring(CLIENT, "leg-1", VOICE_NUMBER))
    city.phone.client.post("/voice/settings", json={"outage": "none"})

    def seat() -> Any:
        room = line.look("item-7")
        return room and room.seat_of(label="leg-1")

    if is_rung:
        assert eventually(seat).label == "leg-1", "a look shows that it was done"
    else:
        assert seat() is None


def test_nobody_listens_at_the_address(city: Exchange) -> None:
    made = TwilioLine.from_settings(make_settings(api_base_url="http://127.0.0.1:1"))
    assert made is not None
    with pytest.raises(NotDone):
        made.hang_up("CA1")
    made.close()


def test_what_is_refused_for_good(line: TwilioLine) -> None:
    with pytest.raises(Refused):
        line.ring("item-7", Ring("no es nadie", "leg-1", VOICE_NUMBER))


def test_a_token_is_one_operators_for_a_few_minutes_and_calls_nobody(line: TwilioLine) -> None:
    made = line.token(ANA, now=NOW)
    assert made is not None
    assert made.identity == f"agent-{ANA}"
    options = {"verify_exp": False, "verify_nbf": False}
    payload = jwt.decode(made.token, "secreto-de-la-llave-de-treinta-y-dos", algorithms=["HS256"], options=options)
    assert payload["sub"] == ACCOUNT
    assert payload["iss"] == "SK" + "1" * 32
    assert payload["grants"]["identity"] == f"agent-{ANA}"
    assert payload["grants"]["voice"] == {"incoming": {"allow": True}}
    assert 0 < payload["exp"] - NOW.timestamp() <= 600
    assert "secreto" not in repr(made)
    assert made.token not in repr(made)


def test_without_a_key_there_is_no_token(city: Exchange) -> None:
    made = TwilioLine.from_settings(make_settings(api_base_url=city.phone.url))
    assert made is not None
    assert made.token(ANA, now=NOW) is None
    made.close()


# Calling somebody

ROSA = "+525512345678"


def dial(line: TwilioLine) -> str:
    return line.dial(Dial(ROSA, "item-7", "attempt-1", VOICE_NUMBER))


def answers(city: Exchange, **how: Any) -> None:
    made = city.phone.client.post(f"/phones/{ROSA}/answering", json={"script": [{"wait": 600}], **how})
    assert made.is_success, made.text


def test_somebody_outside_is_dialled_told_who_calls_and_comes_into_the_room(city: Exchange, line: TwilioLine) -> None:
    answers(city)
    sid = dial(line)
    city.until(sid, lambda call: "Le comunico." in call["heard"])
    eventually(lambda: (room := line.look("item-7")) and room.seat_of(sid))
    assert line.is_up(sid)
    assert line.calls_to(ROSA, since=clock.now() - timedelta(seconds=30)) == [sid]
    assert line.calls_to(ROSA, since=clock.now() + timedelta(minutes=5)) == []
    assert line.calls_to("+525500000000", since=NOW) == []
    (told,) = eventually(lambda: city.forms("/webhooks/voice/machine"))
    assert (told["CallSid"], told["AnsweredBy"]) == (sid, "human")
    line.hang_up(sid)
    eventually(lambda: "completed" in [form["CallStatus"] for form in city.forms("/webhooks/voice/called")])


@pytest.mark.parametrize("how", ["busy", "no-answer", "failed"])
def test_that_nobody_answers_is_told(city: Exchange, line: TwilioLine, how: str) -> None:
    answers(city, how=how)
    dial(line)
    eventually(lambda: how in [form["CallStatus"] for form in city.forms("/webhooks/voice/called")])


def test_a_machine_that_answers_is_told_apart(city: Exchange, line: TwilioLine) -> None:
    answers(city, how="machine")
    sid = dial(line)
    (told,) = eventually(lambda: city.forms("/webhooks/voice/machine"))
    assert (told["CallSid"], told["AnsweredBy"]) == (sid, "machine_start")


def test_dialling_without_an_answer_is_uncertain_and_can_be_looked_up(city: Exchange, line: TwilioLine) -> None:
    answers(city)
    city.phone.client.post("/voice/settings", json={"outage": "error_after"})
    with pytest.raises(Uncertain):
        dial(line)
    city.phone.client.post("/voice/settings", json={"outage": "none"})
    assert len(line.calls_to(ROSA, since=clock.now() - timedelta(seconds=30))) == 1
