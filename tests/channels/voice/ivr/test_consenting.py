"""Messages about a confidential report go to who asked for them once it was made, and say nothing of it."""

import pytest
from sqlmodel import Session, col, select

from intake.catalog.models import Jurisdiction, Service
from intake.conversations import wording
from intake.conversations.dialogue import words
from intake.conversations.dialogue.spoken_numbers import digits_in
from intake.conversations.models import Message
from intake.conversations.notices import tell_reporters
from intake.service_requests import actions as service_requests
from intake.service_requests.models import Report, ServiceRequest, ServiceRequestEvent
from intake.service_requests.values import Actor
from kernel import clock
from kernel.i18n import LANGUAGES
from tests.channels.voice.ivr.caller import Caller
from tests.channels.voice.ivr.conftest import LEAK
from tests.channels.voice.ivr.test_unwanted import sent_after
from tests.factories import CITY

pytestmark = pytest.mark.database
NOISE = {"es": "hay mucho ruido en la esquina de Niebla y Sabinos", "en": "there is loud music at Niebla and Sabinos"}
YES = {"es": "sí", "en": "yes"}
OFFER = {"es": "oprima 3", "en": "press 3"}
CONSENT = {"es": "le mandamos el folio por mensaje", "en": "we send you the number by message"}
TELLING = ("ruido", "noise", "alcaldía", "norte", "sabinos", "niebla", "reserva", "confidential", "report")


def made(session: Session) -> list[ServiceRequest]:
    return list(session.exec(select(ServiceRequest).order_by(col(ServiceRequest.id))))


def reports_noise(caller: Caller, language: str = "es") -> str:
    """What they hear once it is made."""
    caller.call()
    if language == "en":
        caller.press("9")
    caller.say(NOISE[language])
    return caller.say(YES[language])


def news_of(session: Session, request: ServiceRequest) -> list[str]:
    """What goes by message when its agency begins."""
    before = set(session.exec(select(Message.id)))
    service_requests.change_status(session, request.id, life="in_progress", actor=Actor("agency"), now=clock.now())
    newest = select(ServiceRequestEvent.id).order_by(col(ServiceRequestEvent.id).desc()).limit(1)
    tell_reporters(session, request.id, session.exec(newest).one(), now=clock.now())
    return [message.body for message in session.exec(select(Message)) if message.id not in before]


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_goes_unasked(session: Session, caller: Caller, language: str) -> None:
    told = reports_noise(caller, language)
    (noise,) = made(session)
    assert noise.folio in digits_in(told), "nothing else of it reaches them"
    assert OFFER[language] in told
    assert sent_after(session, caller) == []
    assert news_of(session, noise) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("how", ["key", "number", "words"])
def test_who_asks_is_sent_the_folio_and_nothing_of_what_it_is(
    session: Session, caller: Caller, language: str, how: str
) -> None:
    reports_noise(caller, language)
    if how == "key":
        told = caller.press("3")
    elif how == "number":
        told = caller.say({"es": "la tres", "en": "three"}[language])
    else:
        told = caller.say(
            {"es": "Sí, mándeme el folio por mensaje, por favor", "en": "Yes, send me a message"}[language]
        )
    assert CONSENT[language] in told
    assert OFFER[language] not in told + caller.press("*")
    (noise,) = made(session)
    for messages in (sent_after(session, caller), news_of(session, noise)):
        (body,) = messages
        assert body.startswith("Ciudad Prueba: ")
        assert wording.folio_in_words(noise.folio) in body
        assert [word for word in TELLING if word in body.lower()] == []


@pytest.mark.parametrize(
    "doing", ["hang up", "quiet", "sí", "si por favor", "no gracias", "repite", "mensaje", "2", "9", "*"]
)
def test_whatever_else_they_do_is_no_consent(session: Session, caller: Caller, doing: str) -> None:
    reports_noise(caller)
    if doing == "quiet":
        caller.keep_quiet()
    elif doing in ("2", "9", "*"):
        caller.press(doing)
    elif doing != "hang up":
        caller.say(doing)
    assert sent_after(session, caller) == []
    assert [report.wants_notices for report in session.exec(select(Report))] == [False]


def test_twice_is_as_good_as_once(session: Session, caller: Caller) -> None:
    reports_noise(caller)
    caller.press("3")
    assert CONSENT["es"] in caller.press("3")
    assert len(sent_after(session, caller)) == 1


@pytest.mark.parametrize("said", ["2", "sin mensajes, por favor", "no me manden mensajes"])
def test_no_messages_said_later_wins(session: Session, caller: Caller, said: str) -> None:
    reports_noise(caller)
    caller.press("3")
    told = caller.press(said) if said.isdigit() else caller.say(said)
    assert "no le mandamos mensajes" in told
    assert "oprima 3" not in told + caller.press("*")
    assert CONSENT["es"] not in caller.press("3")
    assert sent_after(session, caller) == []


def test_who_wanted_no_messages_is_not_asked(session: Session, caller: Caller) -> None:
    caller.call()
    caller.say("sin mensajes")
    caller.say(NOISE["es"])
    assert "oprima 3" not in caller.say("sí")
    assert CONSENT["es"] not in caller.press("3")
    assert sent_after(session, caller) == []


@pytest.mark.parametrize("is_asked", [True, False])
@pytest.mark.parametrize("is_first", [True, False])
def test_an_ordinary_report_of_the_same_call_is_told_as_ever(
    session: Session, caller: Caller, is_asked: bool, is_first: bool
) -> None:
    caller.call()
    for said in (NOISE["es"], LEAK) if is_first else (LEAK, NOISE["es"]):
        caller.say(said)
        told = caller.say("sí")
        assert ("oprima 3" in told) == (said != LEAK)
        assert ("También se lo mandamos" in told) == (said == LEAK)
        if said == LEAK or is_asked:
            # Of an ordinary report 3 means nothing, and asks for nothing.
            assert (CONSENT["es"] in caller.press("3")) == (said != LEAK)
        caller.press("1")
    wanted = {request.service_code: report.wants_notices for report, request in _reports(session)}
    assert wanted == {"FUGA": True, "RUIDO": is_asked}
    sent = sent_after(session, caller)
    assert len(sent) == 1 + is_asked
    assert len([body for body in sent if "recibimos tu reporte" in body]) == 1


def test_a_sensitive_service_with_a_date_is_as_confidential(session: Session, caller: Caller) -> None:
    leak = session.exec(select(Service).where(Service.code == "FUGA")).one()
    city = session.get_one(Jurisdiction, CITY)
    leak.is_sensitive, city.catalog_changed_at = True, clock.now()
    session.add_all([leak, city])
    session.flush()
    caller.call()
    caller.say(LEAK)
    assert "oprima 3" in caller.say("sí")
    caller.press("3")
    (body,) = sent_after(session, caller)
    assert [word for word in (*TELLING, "fuga") if word in body.lower()] == []


def test_who_hangs_up_at_the_last_question_is_sent_nothing(session: Session, caller: Caller) -> None:
    caller.call()
    caller.say(NOISE["es"])
    assert sent_after(session, caller) == []
    assert [report.wants_notices for report in session.exec(select(Report))] == [False]


def test_a_hidden_number_is_not_asked(session: Session, caller: Caller) -> None:
    caller.number = "+266696687"
    told = reports_noise(caller)
    assert "mensaje" not in told
    assert CONSENT["es"] not in caller.press("3")
    assert made(session)[0].folio in digits_in(told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_they_hear_of_it_before_the_first_question(caller: Caller, language: str) -> None:
    caller.call()
    if language == "en":
        caller.press("9")
    told = caller.press("1")
    assert {"es": "reservado, solo si usted lo pide", "en": "confidential report, only if you ask"}[language] in told


@pytest.mark.parametrize(
    "said",
    [
        "mándame mensaje", "sí, mándame un mensaje", "mándeme el folio por mensaje por favor", "por mensaje",
        "sí por mensaje de texto", "quiero que me manden un mensaje", "me lo puede mandar por mensaje", "envíenme un sms",
        "quiero recibir mensajes", "mándamelo", "sí, envíame el folio", "claro, me manda un mensaje", "sí, mensaje",
        "quiero el folio por mensaje", "¿me puede mandar mensaje?", "envíemelo por mensaje a este número",
        "send me a message", "yes, send me the number", "text me", "please send it to me by text", "by message please",
        "can you text me the number", "I want a text message", "yes, I'd like to get messages", "yes, by text message",
    ],
)  # fmt: skip
def test_how_a_message_is_asked_for(said: str) -> None:
    assert words.wants_messages(words.plain(said))


@pytest.mark.parametrize(
    "said",
    [
        "sí", "yes", "mensaje", "message", "ok", "no", "enviar", "send it", "send", "tres fugas", "me mandaron un mensaje",
        "no me mandes mensaje", "sin mensajes", "no quiero mensajes", "mándame una patrulla", "ya me mandaron un mensaje",
        "que manden a alguien", "no, no me manden mensajes", "don't text me", "no messages", "do not send me a message",
        "no mande mensaje", "nunca mándame mensaje", "send somebody", "quiero otro reporte", "el folio", "send the report",
        "mi marido lee los mensajes", "no por mensaje", "si no por mensaje",
    ],
)  # fmt: skip
def test_what_asks_for_none(said: str) -> None:
    assert not words.wants_messages(words.plain(said))


def _reports(session: Session) -> list[tuple[Report, ServiceRequest]]:
    joined = select(Report, ServiceRequest).join(
        ServiceRequest, col(ServiceRequest.id) == col(Report.service_request_id)
    )
    return list(session.exec(joined))
