"""Twilio's own client against the stand-in: calls, conferences, those who take part in them, recordings, and bad days."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException

from tests.channels.conftest import ANA
from tests.channels.servers import eventually
from tests.channels.telephone import VOICE_NUMBER, Exchange, telephone

JOIN = (
    '<Dial action="/after"><Conference endConferenceOnExit="true" statusCallback="/told/room" waitUrl="/music"'
    ' statusCallbackEvent="start end join leave hold mute modify">item-7</Conference></Dial>'
)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Exchange]:
    with telephone(tmp_path / "state.sqlite3") as made:
        made.documents |= {"/music": '<Say>Espere.</Say><Pause length="5"/>', "/after": "<Say>Adiós.</Say>"}
        yield made
        assert made.forged == []


@pytest.fixture
def twilio(city: Exchange) -> Any:
    return city.twilio()


def answering(city: Exchange, who: str, *script: dict[str, Any], **more: Any) -> None:
    kind, _, name = who.rpartition(":")
    path = f"/clients/{name}/answering" if kind else f"/phones/{name}/answering"
    assert city.phone.client.post(path, json={"script": list(script), **more}).status_code == 201


def room_events(city: Exchange) -> list[str]:
    return [form["StatusCallbackEvent"] for path, form in city.told if path == "/told/room"]


def said_to(call: dict[str, Any], who: str) -> list[str]:
    return [line["text"] for line in call["transcript"] if line["did"] == "said" and line["who"] == who]


def test_the_city_calls_a_phone_and_hears_how_far_it_is(city: Exchange, twilio: Any) -> None:
    city.documents["/call-back"] = '<Say>Habla el 311.</Say><Gather numDigits="1" action="/yes"/>'
    city.documents["/yes"] = "<Hangup/>"
    answering(city, ANA, {"press": "1"})
    made = twilio.calls.create(
        to=ANA, from_=VOICE_NUMBER, url=f"{city.url}/call-back", timeout=20, status_callback=f"{city.url}/told/out",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
    )  # fmt: skip
    assert (made.status, made.direction, made.to) == ("queued", "outbound-api", ANA)
    call = city.until(made.sid, lambda call: call["is_over"])
    assert call["heard"] == ["Habla el 311."]
    assert len(city.forms("/yes")) == 1
    told = eventually(lambda: (forms := [f for p, f in city.told if p == "/told/out"]) and len(forms) == 4 and forms)
    assert [(form["CallStatus"], form["SequenceNumber"]) for form in told] == [
        ("initiated", "0"), ("ringing", "1"), ("in-progress", "2"), ("completed", "3"),
    ]  # fmt: skip
    assert twilio.calls(made.sid).fetch().status == "completed"
    assert [one.sid for one in twilio.calls.list(to=ANA)] == [made.sid]


@pytest.mark.parametrize("how", ["busy", "no-answer", "failed"])
def test_a_phone_may_not_take_the_call(city: Exchange, twilio: Any, how: str) -> None:
    answering(city, ANA, how=how)
    made = twilio.calls.create(to=ANA, from_=VOICE_NUMBER, twiml="<Response><Say>Hola</Say></Response>")
    assert city.until(made.sid, lambda call: call["is_over"])["status"] == how


def test_a_phone_that_nobody_holds_does_not_answer(city: Exchange, twilio: Any) -> None:
    made = twilio.calls.create(to=ANA, from_=VOICE_NUMBER, twiml="<Response><Say>Hola</Say></Response>", timeout=1)
    assert city.until(made.sid, lambda call: call["is_over"])["status"] == "no-answer"


def test_a_call_is_moved_to_another_document_and_ended(city: Exchange, twilio: Any) -> None:
    city.documents |= {"/voice": '<Pause length="600"/>', "/bridge": '<Say>Le paso.</Say><Pause length="600"/>'}
    sid = city.call(script=None)["sid"]
    city.until(sid, lambda call: call["status"] == "ringing" and call["documents"])
    with pytest.raises(TwilioRestException) as refused:
        twilio.calls(sid).update(url=f"{city.url}/bridge")
    assert refused.value.code == 21220  # a pause does not answer
    city.documents["/voice"] = '<Say>Hola.</Say><Pause length="600"/>'
    sid = city.call(script=None)["sid"]
    city.until(sid, lambda call: call["heard"])
    twilio.calls(sid).update(url=f"{city.url}/bridge")
    city.until(sid, lambda call: call["heard"] == ["Hola.", "Le paso."])
    assert twilio.calls(sid).update(status="completed").status == "completed"
    assert twilio.calls(sid).update(status="completed").status == "completed"


def test_a_caller_and_an_operator_talk_in_a_conference(city: Exchange, twilio: Any) -> None:
    city.documents["/voice"] = f"<Say>Le comunico.</Say>{JOIN}"
    answering(city, "client:agent-1", {"hear": "fuga"}, {"say": "¿En qué calle?"}, {"wait": 60})
    call = city.call(
        {"hear": "Espere"}, {"say": "Hay una fuga"}, {"hear": "calle"}, {"wait": 100}, {"hangup": True},
        **{"async": True, "speed": 1.0},
    )  # fmt: skip
    sid = call["sid"]
    city.until(sid, lambda call: "Espere." in call["heard"])
    [room] = twilio.conferences.list(friendly_name="item-7")
    assert room.status == "init"
    joined = room.participants.create(from_=VOICE_NUMBER, to="client:agent-1", label="agent-1", beep=False)
    caller = city.until(sid, lambda call: "¿En qué calle?" in said_to(call, "operator"))
    operator = city.look(joined.call_sid)
    assert said_to(operator, "caller") == ["Hay una fuga"]
    assert caller["transcript"][-1]["name"] == "client:agent-1"
    assert twilio.conferences(room.sid).fetch().status == "in-progress"
    assert {one.label for one in twilio.conferences(room.sid).participants.list()} == {None, "agent-1"}

    before = city.look(sid)["heard"].count("Espere.")
    held = twilio.conferences(room.sid).participants(sid).update(hold=True, hold_url=f"{city.url}/music")
    assert held.hold is True
    city.until(sid, lambda call: call["heard"].count("Espere.") > before)
    assert twilio.conferences(room.sid).participants(sid).update(hold=False).hold is False
    twilio.conferences(room.sid).participants("agent-1").update(muted=True)

    city.phone.client.post(f"/calls/{sid}/hangup", json={})
    eventually(lambda: city.look(joined.call_sid)["is_over"])
    eventually(lambda: "conference-end" in room_events(city))
    assert room_events(city) == [
        "participant-join", "participant-join", "conference-start", "participant-hold", "participant-unhold",
        "participant-mute", "participant-leave", "participant-leave", "conference-end",
    ]  # fmt: skip
    numbers = [int(form["SequenceNumber"]) for path, form in city.told if path == "/told/room"]
    assert numbers == list(range(9))
    ended = twilio.conferences(room.sid).fetch()
    assert (ended.status, ended.call_sid_ending_conference) == ("completed", sid)
    assert ended.reason_conference_ended == "participant-with-end-conference-on-exit-left"


@pytest.mark.parametrize("wrong", ["WaitUrl", "StatusCallback"])
def test_what_is_refused_leaves_no_room_with_its_address(city: Exchange, wrong: str) -> None:
    who = {"From": VOICE_NUMBER, "To": "+525587654321"}
    who |= {"ConferenceStatusCallbackEvent": "join"}
    rooms = {name: f"{city.url}/told/{name}" for name in ("refused", "made")}
    path = "/Conferences/item-9/Participants.json"
    city.phone.client.post("/phones/+525587654321/answering", json={"script": [{"wait": 30}]})
    refused = city.rest("POST", path, **who, ConferenceStatusCallback=rooms["refused"], **{wrong: "no address"})
    assert refused.status_code == 400
    made = city.rest("POST", path, **who, ConferenceStatusCallback=rooms["made"])
    assert made.status_code == 201
    eventually(lambda: "/told/made" in {where for where, _ in city.told})
    assert "/told/refused" not in {where for where, _ in city.told}


def test_an_operator_who_leaves_does_not_end_the_call(city: Exchange, twilio: Any) -> None:
    city.documents["/voice"] = f"<Say>Le comunico.</Say>{JOIN}"
    answering(city, "client:agent-1", {"wait": 0.2}, {"hangup": True})
    sid = city.call(script=None)["sid"]
    city.until(sid, lambda call: "Espere." in call["heard"])
    joined = twilio.conferences("item-7").participants.create(from_=VOICE_NUMBER, to="client:agent-1")
    city.until(joined.call_sid, lambda call: call["is_over"])
    assert not city.look(sid)["is_over"]
    answering(city, "client:agent-2", {"say": "Buenas tardes"}, {"wait": 60})
    twilio.conferences("item-7").participants.create(from_=VOICE_NUMBER, to="client:agent-2")
    city.until(sid, lambda call: said_to(call, "operator") == ["Buenas tardes"])
    twilio.conferences("item-7").update(status="completed")
    after = city.until(sid, lambda call: call["is_over"])
    assert after["heard"][-1] == "Adiós."
    assert city.forms("/after")[0]["DialCallStatus"] == "answered"


def test_a_supervisor_whispers_to_the_operator_alone(city: Exchange, twilio: Any) -> None:
    city.documents["/voice"] = f"<Say>Le comunico.</Say>{JOIN}"
    answering(city, "client:agent-1", {"wait": 60})
    sid = city.call(script=None)["sid"]
    city.until(sid, lambda call: "Espere." in call["heard"])
    room = twilio.conferences("item-7")
    operator = room.participants.create(from_=VOICE_NUMBER, to="client:agent-1")
    city.until(operator.call_sid, lambda call: call["status"] == "in-progress")
    answering(city, "client:boss", {"say": "Pregunte por la calle"}, {"wait": 2}, {"say": "Buenas"}, {"wait": 60})
    boss = room.participants.create(
        from_=VOICE_NUMBER, to="client:boss", coaching=True, call_sid_to_coach=operator.call_sid
    )
    city.until(operator.call_sid, lambda call: "Pregunte por la calle" in said_to(call, "other"))
    assert room.participants(boss.call_sid).update(coaching=False).coaching is False
    heard = city.until(sid, lambda call: "Buenas" in said_to(call, "operator"))
    assert "Pregunte por la calle" not in [line["text"] for line in heard["transcript"]]
    assert room.participants(boss.call_sid).delete()
    city.until(boss.call_sid, lambda call: call["is_over"])
    assert not city.look(sid)["is_over"]


def test_a_call_is_dialled_through_and_its_end_is_told(city: Exchange) -> None:
    dialled = '<Dial action="/after" callerId="+525500000313"><Client>agent-9</Client></Dial>'
    city.documents["/voice"] = f"<Say>Le comunico.</Say>{dialled}"
    answering(city, "client:agent-9", {"say": "Bueno"}, {"hear": "adiós"}, {"hangup": True})
    call = city.call({"hear": "Bueno"}, {"say": "adiós"}, {"wait": 20})
    assert said_to(call, "operator") == ["Bueno"]
    [form] = city.forms("/after")
    assert (form["DialCallStatus"], form["DialBridged"]) == ("completed", "true")
    assert call["heard"][-1] == "Adiós."


@pytest.mark.parametrize(("how", "status"), [("busy", "busy"), ("no-answer", "no-answer"), ("failed", "failed")])
def test_the_action_hears_that_nobody_came(city: Exchange, how: str, status: str) -> None:
    city.documents["/voice"] = '<Dial action="/after" timeout="2"><Number>+525511112222</Number></Dial>'
    answering(city, "+525511112222", how=how)
    assert city.call({"wait": 20})["heard"] == ["Adiós."]
    assert city.forms("/after")[0]["DialCallStatus"] == status


def test_answering_on_the_bridge_keeps_the_caller_ringing(city: Exchange) -> None:
    city.documents["/voice"] = '<Dial answerOnBridge="true" timeout="1"><Client>nobody</Client></Dial>'
    call = city.call({"wait": 5})
    assert (call["status"], call["duration"]) == ("no-answer", 0)


def test_a_queue_of_the_provider_is_left_by_a_key(city: Exchange) -> None:
    city.documents |= {
        "/voice": '<Enqueue waitUrl="/line" action="/after">general</Enqueue>',
        "/line": '<Gather numDigits="1" action="/key" timeout="2"><Say>Es el segundo.</Say></Gather>',
        "/key": "<Leave/>",
    }
    call = city.call({"wait": 6}, {"press": "1"})
    assert call["heard"][0] == "Es el segundo."
    assert call["heard"][-1] == "Adiós."
    [form] = city.forms("/after")
    assert form["QueueResult"] == "leave"
    assert "QueueTime" in city.forms("/line")[0]


def test_recordings_are_begun_paused_and_fetched(city: Exchange, twilio: Any) -> None:
    city.documents["/voice"] = '<Say>Esta llamada se graba.</Say><Pause length="600"/>'
    sid = city.call(script=None)["sid"]
    city.until(sid, lambda call: call["heard"])
    made = twilio.calls(sid).recordings.create(
        recording_status_callback=f"{city.url}/told/rec",
        recording_status_callback_event=["in-progress", "completed"],
        recording_channels="dual",
    )
    assert (made.status, made.channels, made.source) == ("in-progress", 2, "StartCallRecordingAPI")
    assert twilio.calls(sid).recordings("Twilio.CURRENT").update(status="paused").status == "paused"
    assert twilio.calls(sid).recordings(made.sid).update(status="in-progress").status == "in-progress"
    twilio.calls(sid).recordings(made.sid).update(status="stopped")
    eventually(lambda: twilio.recordings(made.sid).fetch().status == "completed")
    told = eventually(lambda: (forms := [f for p, f in city.told if p == "/told/rec"]) and len(forms) == 2 and forms)
    assert [form["RecordingStatus"] for form in told] == ["in-progress", "completed"]
    sound = city.phone.client.get(told[-1]["RecordingUrl"] + ".wav")
    assert sound.headers["content-type"] == "audio/x-wav"
    assert city.phone.client.get(told[-1]["RecordingUrl"], auth=("AC", "wrong")).status_code == 401
    assert [one.sid for one in twilio.recordings.list(call_sid=sid)] == [made.sid]
    assert twilio.recordings(made.sid).delete()
    with pytest.raises(TwilioRestException) as gone:
        twilio.recordings(made.sid).fetch()
    assert gone.value.status == 404


# Bad days


def settings(city: Exchange, **values: Any) -> None:
    assert city.phone.client.post("/voice/settings", json=values).status_code == 200


@pytest.mark.parametrize(
    ("outage", "code", "is_made"), [("busy", 20429, 0), ("down", 20503, 0), ("error_after", 20500, 1)]
)
def test_the_rest_has_bad_days(city: Exchange, twilio: Any, outage: str, code: int, is_made: int) -> None:
    settings(city, outage=outage)
    with pytest.raises(TwilioRestException) as refused:
        twilio.calls.create(to=ANA, from_=VOICE_NUMBER, twiml="<Response/>")
    assert refused.value.code == code
    settings(city, outage="none")
    assert len(twilio.calls.list(to=ANA)) == is_made


def test_what_is_told_is_late_twice_or_lost(city: Exchange) -> None:
    city.documents["/voice"] = "<Hangup/>"
    settings(city, lose=True)
    city.call({"wait": 1})
    settings(city, lose=False, duplicate=True, delay_s=0.3)
    began = time.monotonic()
    second = city.call({"wait": 1})["sid"]
    told = eventually(lambda: len(city.told) == 2 and city.told)
    assert {form["CallSid"] for _, form in told} == {second}
    assert time.monotonic() - began >= 0.5


def test_only_the_account_gets_in(city: Exchange) -> None:
    for path in ("/Calls.json", "/Conferences.json", "/Recordings.json"):
        found = city.phone.client.get(f"/2010-04-01/Accounts/AC{'1' * 32}{path}")
        assert found.status_code == 404
        assert city.phone.client.get(f"/2010-04-01/Accounts/x{path}", auth=("a", "b")).status_code == 401
