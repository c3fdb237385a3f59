"""Calls as they come: twice, late, forged, without a database, in pieces; words that are no words, and words of danger."""

from itertools import permutations

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from channels.voice.ivr import answering
from intake.calls.models import Call, CallTurn
from intake.catalog.models import Jurisdiction
from intake.conversations.dialogue.spoken_numbers import digits_in
from intake.conversations.models import Message
from intake.distribution.models import WorkItem
from intake.service_requests.models import ServiceRequest
from tests.channels.conftest import ACCOUNT, ANA, BASE_URL, sign
from tests.channels.voice.ivr.caller import Caller, offer_duplicates
from tests.channels.voice.ivr.conftest import LEAK
from tests.factories import CITY, SMS_NUMBER

pytestmark = pytest.mark.database
PATHS = ("/webhooks/voice", "/webhooks/voice/turn?k=1", "/webhooks/voice/status", "/webhooks/voice/fallback")


def test_told_twice_it_is_answered_alike(session: Session, caller: Caller) -> None:
    caller.call()
    first = caller.document
    caller.call()
    assert caller.document == first
    action = caller.action
    caller.say(LEAK)
    second = caller.document
    # Late, and with other words: what was answered stands.
    caller.ask(action, SpeechResult="otra cosa", Confidence="0.9")
    assert caller.document == second
    caller.ask("/webhooks/voice")
    assert caller.document == first
    inbound = select(Message).where(Message.direction == "inbound")
    assert [message.body for message in session.exec(inbound)] == [LEAK]
    assert len(session.exec(select(CallTurn)).all()) == 2


def test_turns_that_come_in_the_wrong_order_change_nothing(session: Session, caller: Caller) -> None:
    caller.call()
    one = caller.action
    caller.say(LEAK)
    newest, two = caller.document, caller.action
    for late in (one, one, "/webhooks/voice/turn?k=99", "/webhooks/voice/turn?k=-1", "/webhooks/voice/turn?k=x"):
        caller.ask(late, SpeechResult="no", Confidence="0.9")
        assert caller.document in (newest, caller.document)
    caller.ask(two, SpeechResult="sí", Confidence="0.9")
    assert session.exec(select(ServiceRequest)).one().service_code == "FUGA"


@pytest.mark.parametrize("order", list(permutations(("ringing", "in-progress", "completed"))))
def test_reports_in_any_order_end_alike(session: Session, caller: Caller, order: tuple[str, ...]) -> None:
    caller.call()
    for status in (*order, order[0], "unknown-word"):
        caller.hang_up(status)
    session.expire_all()
    call = session.exec(select(Call)).one()
    assert (call.state, call.ended_by) == ("completed", "caller")


@pytest.mark.parametrize("path", PATHS)
def test_a_forged_call_is_refused(session: Session, caller: Caller, path: str) -> None:
    pairs = [
        ("CallSid", "CA1"),
        ("AccountSid", ACCOUNT),
        ("From", ANA),
        ("To", SMS_NUMBER),
        ("CallStatus", "completed"),
    ]
    post = caller.provider.post
    assert post(pairs, path, token="wrong", signed_url=BASE_URL + path).status_code == 403
    assert post(pairs, path, signed_url=f"http://elsewhere.example{path}").status_code == 403
    assert post([("CallSid", "CA1"), ("AccountSid", "AC9")], path, signed_url=BASE_URL + path).status_code == 403
    assert post([("AccountSid", ACCOUNT)], path, signed_url=BASE_URL + path).status_code == 403
    odd = [("CallSid", "../x"), ("AccountSid", ACCOUNT)]
    assert post(odd, path, signed_url=BASE_URL + path).status_code == 403
    unsigned = caller.provider.client.post(path, data=dict(pairs))
    assert unsigned.status_code == 403
    json = caller.provider.client.post(
        path, json=dict(pairs), headers={"X-Twilio-Signature": sign(BASE_URL + path, [])}
    )
    assert json.status_code == 403
    assert session.exec(select(Call)).all() == []


def test_without_an_answer_of_ours_the_caller_is_asked_again(session: Session, caller: Caller) -> None:
    caller.call()
    caller.say("hay una fuga de agua")
    asked = caller.said[-1]
    told = caller.ask("/webhooks/voice/fallback", ErrorCode="11200", ErrorUrl="https://x.example")
    assert told.startswith("Perdón, se cortó un momento.")
    assert told.endswith(asked)
    assert caller.say("en la esquina de Niebla y Sabinos")


def test_a_fallback_for_a_call_that_we_never_heard_of_begins_it(caller: Caller) -> None:
    caller.ask("/webhooks/voice/fallback", ErrorCode="11200")
    assert "tres once" in caller.said[-1] or "Perdón" in caller.said[-1]
    assert not caller.is_over


def test_without_a_database_the_caller_hears_that_and_is_asked_again(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller.call()
    whole = answering.document

    def away(*_: object, **__: object) -> str:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(answering, "document", away)
    caller.keep_quiet()
    assert "Un momento" in caller.said[-1]
    for _ in range(2):
        caller.ask(caller.action)
    monkeypatch.setattr(answering, "document", whole)
    told = caller.ask(caller.action)
    assert told.startswith("Perdón, se cortó un momento.")
    assert "Niebla" in caller.say(LEAK)


def test_and_in_the_end_whom_to_call(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> str:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(answering, "document", broken)
    caller.call()
    documents = 0
    while not caller.is_over:
        caller.ask(caller.action)
        documents += 1
    assert documents == 4
    assert "cuelgue y llame al" in caller.said[-1]


@pytest.mark.parametrize(
    "words",
    ["<Say>hola</Say>", "' OR 1=1; --", "\u0000\u0007\ud7ff", "a" * 5000, "]]>&amp;<!--", "🙂🙂🙂", "   "],
)
def test_hostile_words_are_words(caller: Caller, words: str) -> None:
    caller.call()
    caller.say(words)
    assert "<Say>hola" not in caller.document.replace('<Say language="es-MX">', "")
    assert not caller.is_over


def test_words_that_the_recogniser_doubts_are_asked_for_once(session: Session, caller: Caller) -> None:
    caller.call()
    told = caller.say(LEAK, confidence="0.05")
    assert told.startswith("No le oí bien")
    assert "Niebla" in caller.say(LEAK, confidence="0.05")
    for odd in ("x", "-1", "NaN", "2"):
        assert caller.say("no", confidence=odd)


@pytest.mark.parametrize(
    ("words", "whom"),
    [
        ("hay un incendio en mi edificio", "nueve once"),
        ("huele mucho a gas en Niebla y Sabinos", "nueve once"),
        ("mi esposo me está golpeando", "Línea Mujeres"),
    ],
)
@pytest.mark.parametrize("at", ["menu", "where", "folio", "keys", "doubted"])
def test_words_of_danger_leave_the_script_at_once(
    session: Session, caller: Caller, words: str, whom: str, at: str
) -> None:
    city = session.get_one(Jurisdiction, CITY)
    city.settings = {**city.settings, "women_phone": "*765"}
    session.add(city)
    session.flush()
    caller.call()
    if at == "where":
        caller.say("hay un bache")
    elif at == "folio":
        caller.press("2")
    elif at == "keys":
        caller.press("1")
        caller.press("1")
    told = caller.say(words, confidence="0.01" if at == "doubted" else "0.9")
    assert whom in told
    assert "llame ya" in told
    assert "¿" not in told
    assert "Si ya está a salvo" in told
    assert caller.press("1")
    assert not caller.is_over


def test_what_is_confidential_is_told_to_nobody_who_only_shows_a_number(noise: ServiceRequest, caller: Caller) -> None:
    again = Caller(caller.provider, sid="CA2")  # the same number
    again.call()
    again.press("2")
    told = again.press(noise.folio)
    assert "No encontré un reporte" in told
    assert "Ruido" not in told


def test_whoever_calls_is_not_told_of_others_reports(session: Session, caller: Caller) -> None:
    """Without a folio a number that shows is no proof; in the same call it needs none."""
    caller.call()
    caller.say(LEAK)
    caller.say("sí")
    made = session.exec(select(ServiceRequest)).one()
    assert made.folio in digits_in(caller.say("estado de mi reporte"))
    caller.hang_up()
    again = Caller(caller.provider, sid="CA2")
    again.call()
    told = again.say("cómo va mi reporte")
    assert "necesito el folio" in told
    assert made.folio in digits_in(again.say(" ".join(made.folio)))


def test_a_wrong_digit_is_told(session: Session, caller: Caller) -> None:
    caller.call()
    caller.press("2")
    assert "no existe" in caller.press("2648173057")
    assert "10 números" in caller.press("26481730#")


def test_a_report_near_by_is_offered(session: Session, caller: Caller) -> None:
    offer_duplicates(session)
    caller.call()
    caller.say(LEAK)
    caller.say("sí")
    first = session.exec(select(ServiceRequest)).one()
    other = Caller(caller.provider, sid="CA2", number="+525598765432")
    other.call()
    told = other.say(LEAK)
    assert "¿Es este el mismo?" in told
    told = other.say("sí")
    assert first.folio in digits_in(told)
    assert session.exec(select(ServiceRequest)).all() == [first]


@pytest.mark.parametrize("how", ["quiet", "wrong key", "again"])
def test_who_did_not_follow_is_welcomed_once(caller: Caller, how: str) -> None:
    first = caller.call()
    told = caller.keep_quiet() if how == "quiet" else caller.press("7" if how == "wrong key" else "*")
    assert "Hola" in first
    assert "peligro" in first
    assert "Hola" not in told
    assert "peligro" not in told
    for part in ("oprima 1", "oprima 2", "oprima 0", "press 9"):
        assert part in told


def test_what_is_never_understood_comes_to_a_person(session: Session, caller: Caller) -> None:
    caller.call()
    caller.say("kkk ah sss")
    assert "para hablar con una persona, oprima 0" in caller.say("eh este mmm")
    assert "Le comunico con una persona" in caller.say("aj ufa bru")
    assert session.exec(select(WorkItem)).one().state == "queued"


def test_the_newest_document_is_told_again(caller: Caller) -> None:
    caller.call()
    told = caller.say("hay una fuga de agua")
    assert caller.press("*") == told
    assert caller.say("repite") == told
