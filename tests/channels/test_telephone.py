"""Calls to the stand-in's telephone: what a document makes a caller hear, and what the centre is told of what they do."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from channels.standin.voice.exchange import WITHHELD
from channels.standin.voice.interpreter import MOST_IDLE_DOCUMENTS
from tests.channels.conftest import ACCOUNT, ANA
from tests.channels.servers import eventually
from tests.channels.telephone import VOICE_NUMBER, Exchange, telephone

MENU = (
    '<Gather input="dtmf speech" action="/menu" numDigits="1" language="es-MX">'
    '<Say language="es-MX">Para agua, marque uno.</Say></Gather><Redirect>/voice?n=2</Redirect>'
)


@pytest.fixture
def city(tmp_path: Path) -> Iterator[Exchange]:
    with telephone(tmp_path / "state.sqlite3") as made:
        yield made
        assert made.forged == []


def test_a_key_leads_where_the_action_says_and_the_transcript_has_it_in_order(city: Exchange) -> None:
    city.documents |= {"/voice": MENU, "/menu": "<Say>Su folio es uno dos.</Say><Hangup/>"}
    call = city.call({"press": "1"})

    assert [(line["who"], line["did"], line["text"]) for line in call["transcript"]] == [
        ("city", "said", "Para agua, marque uno."),
        ("caller", "pressed", "1"),
        ("city", "said", "Su folio es uno dos."),
        ("city", "hung up", ""),
    ]
    assert call["heard"] == ["Para agua, marque uno.", "Su folio es uno dos."]
    assert (call["status"], call["is_over"], call["error"]) == ("completed", True, None)
    first, second = city.asked[0][1], city.forms("/menu")[0]
    assert (first["CallStatus"], second["CallStatus"]) == ("ringing", "in-progress")
    assert (first["From"], first["To"], first["Direction"]) == (ANA, VOICE_NUMBER, "inbound")
    assert first["AccountSid"] == ACCOUNT
    assert first["CallSid"] == second["CallSid"] == call["sid"]
    assert (first["FromCity"], second["Digits"]) == ("", "1")
    assert "SpeechResult" not in second


def test_what_is_said_comes_with_how_sure_the_network_is(city: Exchange) -> None:
    city.documents |= {"/voice": MENU, "/menu": "<Hangup/>"}
    city.call({"say": "hay una fuga de agua", "confidence": 0.41})
    [form] = city.forms("/menu")
    assert (form["SpeechResult"], float(form["Confidence"])) == ("hay una fuga de agua", 0.41)
    assert "Digits" not in form


def test_silence_falls_through_and_never_calls_the_action(city: Exchange) -> None:
    city.documents |= {"/voice": MENU.replace("/voice?n=2", "/again"), "/again": "<Say>No le oí.</Say><Hangup/>"}
    call = city.call({"wait": 30}, speed=2.0)
    assert call["heard"] == ["Para agua, marque uno.", "No le oí."]
    assert city.forms("/menu") == []
    assert 6 <= call["duration"] <= 9  # what is said at fifteen letters a second, and five seconds of silence


def test_silence_calls_the_action_where_that_is_asked_for(city: Exchange) -> None:
    city.documents |= {
        "/voice": '<Gather action="/menu" actionOnEmptyResult="true" timeout="2"/>',
        "/menu": "<Hangup/>",
    }
    city.call({"wait": 30})
    assert [form["Digits"] for form in city.forms("/menu")] == [""]


def test_without_an_action_the_same_address_is_asked_again(city: Exchange) -> None:
    city.documents["/voice"] = lambda form: "<Hangup/>" if "Digits" in form else '<Gather numDigits="2"/>'
    city.call({"press": "07"})
    assert [form.get("Digits") for form in city.forms("/voice")] == [None, "07"]


@pytest.mark.parametrize(
    ("attributes", "pressed", "told"),
    [
        ("", "0123#", ("0123", "#")),
        ('finishOnKey="*"', "12#3*", ("12#3", "*")),
        ('finishOnKey="" numDigits="3"', "1#2", ("1#2", "")),
        ('numDigits="2"', "987", ("98", "")),
    ],
)
def test_keys_end_as_the_attributes_say(city: Exchange, attributes: str, pressed: str, told: tuple[str, str]) -> None:
    city.documents |= {"/voice": f'<Gather action="/menu" {attributes}/>', "/menu": "<Hangup/>"}
    city.call({"press": pressed})
    [form] = city.forms("/menu")
    assert (form["Digits"], form["FinishedOnKey"]) == told


def test_keys_that_stop_are_told_after_the_time_between_two(city: Exchange) -> None:
    city.documents |= {"/voice": '<Gather action="/menu" timeout="3"/>', "/menu": "<Hangup/>"}
    call = city.call({"press": "55"}, {"wait": 20})
    assert city.forms("/menu")[0]["Digits"] == "55"
    assert call["duration"] >= 3


def test_keys_that_nobody_listened_for_are_lost_and_said_so(city: Exchange) -> None:
    city.documents |= {
        "/voice": '<Gather numDigits="1" action="/two"/>',
        "/two": '<Gather numDigits="1" action="/three"/>',
        "/three": "<Hangup/>",
    }
    call = city.call({"press": "12"}, {"press": "3"})
    assert [form["Digits"] for form in city.forms("/three")] == ["3"]
    assert [line["text"] for line in call["transcript"] if line.get("unheard")] == ["2"]


def test_words_wait_for_somebody_who_listens_to_words(city: Exchange) -> None:
    city.documents |= {
        "/voice": '<Gather action="/menu" timeout="1"><Say>Marque.</Say></Gather><Redirect>/words</Redirect>',
        "/words": '<Gather input="speech" action="/menu"><Say>Diga.</Say></Gather>',
        "/menu": "<Hangup/>",
    }
    city.call({"say": "luminaria"})
    assert [form["SpeechResult"] for form in city.forms("/menu")] == ["luminaria"]


def test_a_caller_hangs_up_when_the_script_is_done(city: Exchange) -> None:
    city.documents |= {"/voice": MENU, "/menu": f"<Say>Listo.</Say>{MENU}"}
    call = city.call({"press": "1"})
    assert call["heard"] == ["Para agua, marque uno.", "Listo.", "Para agua, marque uno."]
    assert call["transcript"][-1]["did"] == "hung up"
    assert call["status"] == "completed"


def test_how_a_call_ended_is_told(city: Exchange) -> None:
    city.documents |= {"/voice": '<Pause length="1"/><Say>Hola.</Say><Pause length="3"/><Hangup/>'}
    call = city.call({"wait": 20})
    [(path, form)] = eventually(lambda: city.told)
    assert path == "/told/number"
    assert (form["CallStatus"], form["CallSid"], form["SequenceNumber"]) == ("completed", call["sid"], "0")
    assert int(form["CallDuration"]) == call["duration"] >= 3


def test_hidden_numbers_come_as_the_provider_writes_them(city: Exchange) -> None:
    city.documents["/voice"] = "<Hangup/>"
    for told in ("anonymous", "withheld", ""):
        city.call(**{"from": told})
    assert {form["From"] for form in city.forms("/voice")} == {WITHHELD}


# What goes wrong


@pytest.mark.parametrize(
    ("document", "code"),
    [(500, "11200"), (404, "11200"), (b"<Response><Say>", "12100"), (b"<Response><Sing/></Response>", "12200")],
)
def test_the_fallback_is_asked_with_what_went_wrong(city: Exchange, document: int | bytes, code: str) -> None:
    city.documents |= {"/voice": document, "/fallback": "<Say>Marque al 911 si es urgente.</Say><Hangup/>"}
    call = city.call({"press": "1"})
    [form] = city.forms("/fallback")
    assert (form["ErrorCode"], form["ErrorUrl"]) == (code, f"{city.url}/voice")
    assert call["heard"] == ["Marque al 911 si es urgente."]


def test_without_any_document_the_caller_hears_so(city: Exchange) -> None:
    call = city.call({"press": "1"})
    assert call["heard"] == ["We are sorry, an application error has occurred. Goodbye."]
    assert call["error"]["code"] == 11200
    assert call["error"]["message"] == "HTTP 404"
    assert call["status"] == "failed"


def test_a_document_that_comes_too_late_is_none(tmp_path: Path) -> None:
    with telephone(tmp_path / "state.sqlite3", timeout_s=0.3) as city:

        def slow(form: dict[str, str]) -> str:
            time.sleep(0.8)
            return "<Hangup/>"

        city.documents |= {"/voice": slow, "/fallback": "<Say>Un momento.</Say>"}
        call = city.call({"press": "1"})
        assert call["heard"] == ["Un momento."]
        assert city.forms("/fallback")[0]["ErrorCode"] == "11200"


def test_an_address_may_ask_for_patience(city: Exchange) -> None:
    answers = [503, 503, "<Say>Ya.</Say>"]
    city.documents |= {
        "/voice": "<Redirect>/shaky#rc=3&amp;rp=5xx</Redirect>",
        "/shaky": lambda form: answers.pop(0),
    }
    assert city.call({"wait": 1})["heard"] == ["Ya."]
    assert len(city.forms("/shaky")) == 3


def test_going_round_and_round_ends(city: Exchange) -> None:
    city.documents["/voice"] = "<Say>Bienvenido.</Say><Redirect>/voice</Redirect>"
    call = city.call({"press": "1"})
    assert call["is_over"]
    assert "round and round" in call["error"]["message"]
    assert call["documents"] < 60


def test_waiting_in_documents_is_no_loop(city: Exchange) -> None:
    """A line that says the position and plays something, again and again: more often than a loop is let go on."""
    city.documents["/voice"] = '<Say>Es usted el tercero.</Say><Pause length="10"/><Redirect>/voice</Redirect>'
    sid = city.call(script=None, speed=200)["sid"]
    call = city.until(sid, lambda call: call["documents"] > MOST_IDLE_DOCUMENTS + 2, within_s=60)
    assert call["error"] is None
    assert not call["is_over"]
    city.phone.client.post(f"/calls/{sid}/hangup", json={})


# Redirect, Reject, Record, Play


def test_a_redirect_keeps_the_method_it_names(city: Exchange) -> None:
    city.documents |= {"/voice": '<Redirect method="GET">next?a=1</Redirect>', "/next": "<Say>Aquí.</Say>"}
    assert city.call({"wait": 1})["heard"] == ["Aquí."]
    [form] = city.forms("/next")
    assert (form["a"], form["From"]) == ("1", ANA)


def test_a_call_may_be_refused_before_it_is_answered(city: Exchange) -> None:
    city.documents["/voice"] = '<Reject reason="busy"/>'
    call = city.call({"wait": 5})
    assert (call["status"], call["duration"]) == ("busy", 0)


def test_a_message_is_recorded_and_told(city: Exchange) -> None:
    city.documents |= {
        "/voice": '<Say>Deje su mensaje.</Say><Record action="/left" maxLength="60" finishOnKey="#"'
        ' recordingStatusCallback="/told/recording"/><Say>No oí nada.</Say>',
        "/left": "<Say>Gracias.</Say>",
    }
    call = city.call({"say": "No pasa el camión de la basura"}, {"press": "#"})
    [left] = city.forms("/left")
    assert call["heard"] == ["Deje su mensaje.", "Gracias."]
    assert left["Digits"] == "#"
    assert left["RecordingUrl"].endswith(left["RecordingSid"])
    recorded = eventually(lambda: [form for path, form in city.told if path == "/told/recording"])[0]
    assert recorded["RecordingStatus"] == "completed"
    assert recorded["RecordingSid"] == left["RecordingSid"]
    sound = eventually(lambda: (got := city.phone.client.get(left["RecordingUrl"] + ".wav")).status_code == 200 and got)
    assert sound.content[:4] == b"RIFF"
    assert len(sound.content) >= 8000 * 2 * int(left["RecordingDuration"])


def test_somebody_who_hangs_up_has_left_a_message_too(city: Exchange) -> None:
    city.documents |= {"/voice": '<Record action="/left"/>', "/left": "<Say>Nadie oye esto.</Say>"}
    call = city.call({"say": "Se cayó un árbol"}, {"hangup": True})
    assert [form["Digits"] for form in city.forms("/left")] == ["hangup"]
    assert call["heard"] == []


def test_a_message_of_silence_is_none(city: Exchange) -> None:
    city.documents |= {
        "/voice": '<Record action="/left" timeout="2" recordingStatusCallback="/told/r"'
        ' recordingStatusCallbackEvent="absent"/><Say>No oí nada.</Say>',
    }
    assert city.call({"wait": 10})["heard"] == ["No oí nada."]
    assert city.forms("/left") == []
    assert eventually(lambda: [form for path, form in city.told if path == "/told/r"])[0]["RecordingStatus"] == "absent"


def test_what_cannot_be_played_is_said_in_the_transcript(city: Exchange) -> None:
    city.documents["/voice"] = "<Play>/nothing.mp3</Play><Say>Sigue.</Say>"
    call = city.call({"wait": 1})
    assert call["heard"] == ["Sigue."]
    assert any(line["did"] == "error" and "/nothing.mp3" in line["text"] for line in call["transcript"])


# Somebody at a page, and calls that go on


def test_a_call_without_a_script_is_acted_on_from_outside(city: Exchange) -> None:
    city.documents |= {"/voice": MENU, "/menu": MENU}
    sid = city.call(script=None, speed=1.0)["sid"]  # five seconds to act, before the menu is said again
    city.until(sid, lambda call: call["heard"])
    city.phone.client.post(f"/calls/{sid}/press", json={"digits": "1"})
    city.until(sid, lambda call: len(call["heard"]) == 2)
    city.phone.client.post(f"/calls/{sid}/say", json={"words": "bache en Sabinos"})
    city.until(sid, lambda call: len(call["heard"]) == 3)
    assert city.phone.client.post(f"/calls/{sid}/hangup", json={}).json()["status"] == "completed"
    assert city.phone.client.post(f"/calls/{sid}/press", json={"digits": "1"}).status_code == 409
    assert [form.get("Digits") or form.get("SpeechResult") for form in city.forms("/menu")] == ["1", "bache en Sabinos"]


@pytest.mark.parametrize(
    "body",
    [
        {"to": "+525599999999"},
        {"from": "Ana"},
        {"script": [{"sing": "la"}]},
        {"script": [{"press": "A"}]},
        {"script": [{"wait": -1}]},
        {"script": "press 1"},
        {"script": [{"press": "1", "say": "x"}]},
        {"script": [{"say": None}]},
        {"script": [{"say": ["a"]}]},
        {"script": [{"hangup": False}]},
        {"async": "later"},
        {"speed": "fast"},
    ],
)
def test_a_call_that_cannot_be_is_refused_with_a_reason(city: Exchange, body: dict[str, object]) -> None:
    answer = city.phone.client.post("/calls", json={"from": ANA, "to": VOICE_NUMBER, "script": []} | body)
    assert answer.status_code in (400, 404, 422)
    assert answer.text.strip()
    assert city.phone.client.get("/calls").json() == []
    assert city.asked == []


def test_a_killed_stand_in_cut_its_calls_off_and_says_so(tmp_path: Path) -> None:
    from channels.standin.voice.ledger import VoiceLedger

    with telephone(tmp_path / "state.sqlite3") as city:
        city.documents["/voice"] = '<Pause length="600"/>'
        sid = city.call(script=None)["sid"]
        row = {**city.look(sid), "status": "in-progress", "answered_at": 1.0, "ended_at": None, "sequence": 0}
        row |= {"status_url": f"{city.url}/told/number", "events": ["completed"], "label": ""}
        city.phone.client.post(f"/calls/{sid}/hangup", json={})
    ledger = VoiceLedger(tmp_path / "voice.sqlite3")
    ledger.keep("call", row)
    ledger.close()
    with telephone(tmp_path / "state.sqlite3") as city:
        assert city.look(sid)["status"] == "completed"
