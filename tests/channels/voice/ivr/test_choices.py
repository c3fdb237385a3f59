"""Choices and numbers by keys and by words: what is said is the same as what is pressed."""

from collections.abc import Sequence

import pytest
from sqlmodel import Session, select

from intake.calls.models import Call
from intake.calls.turns import state_of
from intake.catalog.models import ServiceAttribute
from intake.conversations.models import Conversation
from intake.service_requests.models import ServiceRequest
from tests.channels.voice.ivr.caller import Caller, key_of
from tests.channels.voice.ivr.conftest import LEAK

pytestmark = pytest.mark.database
LAMP = "no sirve la luz de la calle en la esquina de Niebla y Sabinos"


def attribute(session: Session, code: str) -> ServiceAttribute:
    return session.exec(select(ServiceAttribute).where(ServiceAttribute.code == code)).one()


def answers(session: Session) -> dict[str, Sequence[str]]:
    session.expire_all()
    call = session.exec(select(Call)).one()
    draft = state_of(session.get_one(Conversation, call.conversation_id)).draft
    assert draft is not None
    return dict(draft.answers)


def test_numbers_of_the_menu_and_of_lists_may_be_said(caller: Caller) -> None:
    said, pressed = caller, Caller(caller.provider, sid="CA2")
    said.call()
    pressed.call()
    assert said.say("la uno") == pressed.press("1")
    told = pressed.press("1")
    assert said.say("uno") == told
    key = key_of(told, "Fuga")
    number = ("cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho")[int(key)]
    assert said.say(number) == pressed.press(key)
    again = Caller(caller.provider, sid="CA3")
    again.call()
    assert "folio" in again.say("dos").lower()


def test_more_than_nine_choices_are_keyed_with_two(session: Session, caller: Caller) -> None:
    asked = attribute(session, "TIPO_FALLA")
    asked.options = [
        {"key": f"k{number}", "name": {"es": f"Tipo {letter}", "en": f"Kind {letter}"}}
        for number, letter in enumerate("abcdefghijkl", 1)
    ]
    session.add(asked)
    session.flush()
    caller.call()
    told = caller.say(LAMP)
    assert "oprima 12" in told
    assert "gato" in told
    assert "numDigits" not in caller.document
    caller.press("10")
    assert list(answers(session)["TIPO_FALLA"]) == ["k10"]


def test_a_number_in_words_is_that_number(session: Session, caller: Caller) -> None:
    asked = attribute(session, "NUM_POSTE")
    asked.is_required = True
    session.add(asked)
    session.flush()
    caller.call()
    caller.say(LAMP)
    caller.press("1")
    told = caller.say("dos mil cuatrocientos quince")
    assert "2415" in told
    assert list(answers(session)["NUM_POSTE"]) == ["2415"]


@pytest.mark.parametrize("keys", ["123", "26481730561"])
def test_too_few_keys_of_a_folio_are_asked_for_again(caller: Caller, keys: str) -> None:
    caller.call()
    caller.press("2")
    assert "10 números" in caller.press(keys)
    assert "10 números" in caller.press("1")  # no list of services: still the folio


def test_a_report_that_is_told_where_a_folio_was_asked_for_is_a_report(session: Session, caller: Caller) -> None:
    caller.call()
    caller.press("2")
    caller.say("hay una fuga de agua en Sabinos 1457, en la esquina de Niebla y Sabinos")
    caller.press("1")
    assert session.exec(select(ServiceRequest)).one().service_code == "FUGA"


def test_a_folio_said_with_words_around_it_is_a_folio(session: Session, caller: Caller) -> None:
    caller.call()
    caller.say(LEAK)
    caller.press("1")
    made = session.exec(select(ServiceRequest)).one()
    caller.hang_up()
    caller.sid, caller.is_over = "CA2", False
    caller.call()
    caller.press("2")
    told = caller.say(f"creo que es el {made.folio[:2]} {made.folio[2:6]} {made.folio[6:]}")
    assert "Aguas de Prueba" in told
