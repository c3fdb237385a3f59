"""A city's own words in place of ours: with the same fields, for all channels or one, from the next message on."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, select

from intake.conversations import own_texts, wording
from intake.conversations.models import OwnText
from intake.conversations.own_texts import ONLY_ON, SAMPLE, SECTIONS
from intake.conversations.values import VOICE
from kernel import db
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.i18n import LANGUAGES
from tests.factories import CITY, NOW
from tests.intake.conversations.conftest import Phone

WHERE = "¿En qué lugar está? Dinos calle y número."


def save(session: Session, key: str, text: str, channel: str = "") -> None:
    own_texts.save(session, CITY, "es", channel, key, text, "Rosa Cruz", now=NOW)


def test_from_the_next_message_on_residents_read_it(phone: Phone, session: Session) -> None:
    assert phone.write("hay un bache")[0].startswith("¿Dónde es?")
    save(session, "dialogue.where", WHERE)
    other = Phone(session, sender="+525598765432", now=phone.now, read=phone.read)
    assert other.write("hay un bache") == [WHERE]


def test_one_for_this_channel_comes_before_one_for_all(phone: Phone, session: Session) -> None:
    save(session, "dialogue.where", "Para todos: ¿dónde?")
    save(session, "dialogue.where", WHERE, "sms")
    save(session, "dialogue.where", "Por correo: ¿dónde?", "email")
    assert phone.write("hay un bache") == [WHERE]
    own_texts.drop(session, CITY, "es", "sms", "dialogue.where")
    assert own_texts.own_texts(session, CITY, "es", "sms") == {"dialogue.where": "Para todos: ¿dónde?"}


def test_what_is_said_of_a_request_too(phone: Phone, session: Session) -> None:
    for key in ("assigned", "default", "undated"):
        save(session, f"received.{key}", "¡Gracias! {folio}: {agency}.")
    phone.write("hay un bache")
    phone.write("no sé")
    [told] = phone.write("no sé")
    assert told.startswith("¡Gracias! ")
    assert len(phone.requests) == 1


def test_of_two_first_texts_at_once_the_second_is_told_of_the_first(committed_city: Engine) -> None:
    def save_mine() -> None:
        with db.transaction() as session:
            own_texts.save(session, CITY, "es", "", "dialogue.where", "¿En qué calle?", "Iván Soto", seen="", now=NOW)

    with ThreadPoolExecutor(1) as pool:
        with db.transaction() as session:
            save(session, "dialogue.where", WHERE)
            second = pool.submit(save_mine)
            with pytest.raises(TimeoutError):
                second.result(0.5)
        with pytest.raises(Conflict) as refused:
            second.result(10)
    assert f"Rosa Cruz cambió este texto mientras lo veías: ahora dice «{WHERE}»" in refused.value.public_text("es")
    with db.transaction() as session:
        assert [row.text for row in session.exec(select(OwnText))] == [WHERE]


def test_another_city_s_words_are_its_own(phone: Phone, session: Session) -> None:
    assert own_texts.own_texts(session, "other.gob.example", "es", "sms") == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Escribe el texto"),
        ("   ", "Escribe el texto"),
        ("x" * 1601, "Caben 1600 letras"),
        ("¿Es {place}? {phone}", "No hay el dato phone"),
        ("¿Cuál {choices", "sin abrir o sin cerrar"),
        ("¿Cuál }{?", "sin abrir o sin cerrar"),
        ("¿Cuál {}? {choices} {other}", "solo el nombre"),
        ("¿Cuál {choices!r}? {other}", "solo el nombre"),
        ("¿Cuál {choices:>99999999}? {other}", "solo el nombre"),
        ("¿Cuál {choices.__class__}? {other}", "solo el nombre"),
        ("¿Cuál {choices[0]}? {other}", "solo el nombre"),
        ("¿Cuál de estos?", "Falta el dato choices"),
    ],
)
def test_what_cannot_be_sent_is_refused(text: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        own_texts.checked("es", "dialogue.which_place", text)
    assert told in refused.value.public_text("es")


@pytest.mark.parametrize(
    "key", ["", "dialogue", "dialogue.", "labels.yes", "nothing.where", "dialogue.nothing", "..", "a.b.c"]
)
def test_only_our_texts_can_be_changed(key: str) -> None:
    with pytest.raises(NotFound):
        own_texts.checked("es", key, "Hola")


def test_what_is_only_said_is_no_text_for_all() -> None:
    with pytest.raises(NotFound):
        own_texts.default_text("es", "machine.hello")
    assert own_texts.default_text("es", "machine.hello", VOICE).startswith("Hola")
    assert "escribe" not in own_texts.default_text("es", "dialogue.where", VOICE).lower()
    with pytest.raises(InvalidInput):
        own_texts.checked("es", "machine.option", "Oprima lo que quiera: {label}", VOICE)


@given(st.text(alphabet="ab{}!:.[] emrgncyfolio", max_size=60))
def test_whatever_passes_can_be_filled(text: str) -> None:
    try:
        kept = own_texts.checked("es", "dialogue.photo_added", text)
    except InvalidInput:
        return
    wording.say("es", "dialogue", "photo_added", {"dialogue.photo_added": kept}, **SAMPLE["es"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_of_ours_passes_and_has_a_sample_of_each_field(language: str) -> None:
    for section in SECTIONS:
        for name in own_texts.ours(language, section):
            for channel in ("", "sms", VOICE) if section not in ONLY_ON else (ONLY_ON[section],):
                key = f"{section}.{name}"
                text = own_texts.default_text(language, key, channel)
                assert own_texts.checked(language, key, text, channel) == " ".join(text.split())
                assert "{" not in own_texts.preview(language, key, text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sample_offers_what_the_text_asks_about(language: str) -> None:
    def shown(key: str) -> str:
        return own_texts.preview(language, key, own_texts.default_text(language, key))

    assert "1 Av. Sabinos 214, El Carmen, 2 Sabinos y Niebla, Centro, 3" in shown("dialogue.which_place")
    lamps = SAMPLE[language]["choices"]
    for key in ("which", "which_gone", "which_place", "photo_whose", "fix", "side"):
        assert str(lamps) not in shown(f"dialogue.{key}")
    assert str(lamps) in shown("dialogue.ask_choice")
