"""A whole report by telephone alone, by speech and by keys; its folio, and its state in another call."""

import pytest
from sqlmodel import Session, select

from channels.voice.ivr.spoken_digits import digits_in
from intake.calls.jobs import end_call
from intake.calls.models import Call
from intake.conversations.models import Conversation, Message
from intake.service_requests.models import Report, ServiceRequest
from tests.channels.voice.ivr.caller import Caller
from tests.channels.voice.ivr.conftest import CORNER, LEAK

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
    key = told[: told.index("uga de agua")].count("Para ")
    assert "¿Dónde es?" in caller.press(str(key))
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
    caller.press(str(told[: told.index("uz de la calle")].count("Para ")))
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


def test_in_english(session: Session, caller: Caller) -> None:
    caller.call()
    told = caller.press("9")
    assert "We will go on in English" in told
    assert 'language="en-US"' in caller.document
    caller.say("there is a water leak at Niebla and Sabinos")
    told = caller.say("yes")
    assert "number is two, " in told
    assert request_of(session).folio in digits_in(told)
