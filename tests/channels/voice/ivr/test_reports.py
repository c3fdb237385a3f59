"""A whole report by telephone alone, by speech and by keys; its folio, and its state in another call."""

import pytest
from sqlmodel import Session, select

from intake.calls.jobs import end_call
from intake.calls.models import Call
from intake.conversations import own_texts
from intake.conversations.dialogue.spoken_numbers import digits_in
from intake.conversations.models import Conversation, Message
from intake.people.actions import record_consent
from intake.people.spending_models import SpendingBreaker, SpendingCount
from intake.service_requests.models import Report, ServiceRequest
from tests.channels.voice.ivr.caller import Caller, key_of
from tests.channels.voice.ivr.conftest import CORNER, LEAK
from tests.factories import CITY, NOW

pytestmark = pytest.mark.database


def request_of(session: Session) -> ServiceRequest:
    return session.exec(select(ServiceRequest)).one()


def test_a_leak_at_a_corner_by_speech(session: Session, caller: Caller) -> None:
    assert "tres once" in caller.call()
    told = caller.say(LEAK)
    assert "Niebla" in told
    told = caller.say("sí")
    made = request_of(session)
    assert made.service_code == "FUGA"
    assert (made.lon, made.lat) == CORNER
    assert made.folio in digits_in(told)
    caller.hang_up()
    other = Caller(caller.provider, sid="CA2")
    other.call()
    other.press("2")
    told = other.press(made.folio)
    assert "Aguas de Prueba" in told
    assert made.folio in digits_in(told)


def test_the_same_by_keys(session: Session, caller: Caller) -> None:
    """No word is said: the service from a list, the corner by the first letters of its streets."""
    caller.call()
    assert "teclas" in caller.press("1")
    told = caller.press("1")
    key = key_of(told, "Fuga de agua")
    assert "¿Dónde es?" in caller.press(key)
    assert "primeras letras" in caller.press("1")
    told = caller.press("722")
    assert "avenida Sabinos" in told.replace("Avenida", "avenida")
    assert "Calle Sabinas" in told
    number = 1 if told.index("Sabinos") < told.index("Sabinas") else 2
    assert "otra calle" in caller.press(str(number))
    told = caller.press("643")
    assert "Niebla" in told
    told = caller.press("1")
    made = request_of(session)
    assert (made.service_code, made.lon, made.lat) == ("FUGA", *CORNER)
    assert made.folio in digits_in(told)


def test_questions_and_a_house_by_keys(session: Session, caller: Caller) -> None:
    caller.call()
    caller.press("1")
    told = caller.press("1")
    caller.press(key_of(told, "Luz de la calle"))
    caller.press("1")
    told = caller.press("7224667")
    told = caller.press("*214#")
    assert "TIPO" in told
    assert "Parpadea" in told or "parpadea" in told
    told = caller.press("2")
    assert "214" in told
    caller.press("1")
    made = request_of(session)
    assert made.attributes["TIPO_FALLA"] == ["parpadea"] or made.attributes["TIPO_FALLA"] == "parpadea"
    assert (made.address_string or "").startswith("Avenida Sabinos 214")


def test_the_folio_goes_by_message_after_the_call(session: Session, caller: Caller) -> None:
    caller.call()
    caller.say(LEAK)
    caller.say("sí")
    caller.hang_up()
    call = session.exec(select(Call)).one()
    end_call(str(call.id))
    end_call(str(call.id))
    thread = session.exec(select(Conversation).where(Conversation.channel == "sms")).one()
    [sent] = session.exec(select(Message).where(Message.conversation_id == thread.id)).all()
    made = request_of(session)
    assert made.folio in sent.body.replace(" ", "")
    assert sent.status == "queued"
    assert session.get_one(Conversation, call.conversation_id).state == "closed"


def test_the_message_with_the_folio_is_counted_once(session: Session, caller: Caller) -> None:
    caller.call()
    caller.say(LEAK)
    caller.say("sí")
    caller.hang_up()
    for _ in range(2):
        end_call(str(session.exec(select(Call)).one().id))
    assert {count.scope: count.sent for count in session.exec(select(SpendingCount))} == {"+52": 1, "+52551234xxxx": 1}


@pytest.mark.parametrize("number", ["stopped", "opted out", "premium"])
def test_no_message_is_promised_that_does_not_go(session: Session, caller: Caller, number: str) -> None:
    caller.number = "+529001234567" if number == "premium" else caller.number
    caller.call()
    call = session.exec(select(Call)).one()
    if number == "stopped":
        session.add(SpendingBreaker(jurisdiction_id=CITY, scope="+52", purpose="folio", most=1, opened_at=NOW))
        session.flush()
    elif number == "opted out":
        record_consent(session, call.contact_point_id, purpose="notices", is_granted=False, now=NOW)
    assert "no le mandamos mensajes" in caller.press("1")
    caller.say(LEAK)
    assert "mensaje" not in caller.say("sí")
    caller.hang_up()
    end_call(str(call.id))
    assert session.exec(select(Message).where(Message.channel == "sms")).all() == []


@pytest.mark.parametrize("how", ["key", "words"])
def test_nothing_goes_to_who_wants_no_messages(session: Session, caller: Caller, how: str) -> None:
    caller.call()
    if how == "words":
        caller.say("sin mensajes")
    caller.say(LEAK)
    told = caller.say("sí")
    assert ("mensaje" in told) == (how == "key")
    if how == "key":
        assert "no le mandamos" in caller.press("2")
    caller.hang_up()
    end_call(str(session.exec(select(Call)).one().id))
    assert session.exec(select(Conversation).where(Conversation.channel == "sms")).all() == []
    assert [report.wants_notices for report in session.exec(select(Report))] == [False]


def test_whoever_hangs_up_at_the_last_question_has_reported(session: Session, caller: Caller) -> None:
    caller.call()
    caller.say(LEAK)
    caller.hang_up()
    end_call(str(session.exec(select(Call)).one().id))
    assert request_of(session).service_code == "FUGA"


def test_a_withheld_number_is_served_alike(session: Session, caller: Caller) -> None:
    caller.number = "+266696687"
    caller.call()
    assert "oculto" in caller.press("1")
    caller.say(LEAK)
    told = caller.say("sí")
    assert request_of(session).folio in digits_in(told)
    assert "mensaje" not in told
    caller.hang_up()
    end_call(str(session.exec(select(Call)).one().id))
    assert session.exec(select(Conversation).where(Conversation.channel == "sms")).all() == []


def test_a_city_says_it_in_its_own_words(session: Session, caller: Caller) -> None:
    texts = {"machine.hello": "Bienvenida al 311 de {city}.", "dialogue.where": "¿En qué calle?"}
    for key, text in texts.items():
        own_texts.save(session, CITY, "es", "voice", key, text, "Rosa Cruz", now=NOW)
    own_texts.save(session, CITY, "es", "", "dialogue.what", "Escríbenos qué pasa.", "Rosa Cruz", now=NOW)
    assert caller.call().startswith("Bienvenida al tres once de")
    assert caller.say("hay un bache").split("diga: sin mensajes. ")[1].startswith("¿En qué calle?")


@pytest.mark.parametrize("how", ["press", "say"])
def test_in_english(session: Session, caller: Caller, how: str) -> None:
    caller.call()
    told = caller.press("9") if how == "press" else caller.say("English please")
    assert told.startswith("Hello.")
    assert "If anyone is in danger" in told
    assert 'language="en-US"' in caller.document
    assert "10 digits of your report number" in caller.press("2")
    caller.sid = "CA2"
    caller.call()
    caller.press("9")
    caller.say("there is a water leak at Niebla and Sabinos")
    told = caller.say("yes")
    assert "number is two, " in told
    assert request_of(session).folio in digits_in(told)
