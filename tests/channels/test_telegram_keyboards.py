"""How a message with answers to press looks on Telegram, within its limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.errors import DeliveryError
from channels.telegram.adapter import TelegramChannel
from channels.telegram.keyboards import units, written
from channels.telegram.pauses import Pauses
from intake.conversations.values import Choice
from tests.channels.conftest import make_bot
from tests.channels.telegram import outbound

BODY, PROMPT = "¿Es aquí?\n1 Sí\n2 Otro lugar", "¿Es aquí?"


def test_two_short_answers_stand_side_by_side() -> None:
    text, markup = written(outbound(BODY, "Sí", "Otro lugar", prompt=PROMPT))
    assert text == PROMPT
    assert markup == {
        "inline_keyboard": [
            [{"text": "Sí", "callback_data": "3.1"}, {"text": "Otro lugar", "callback_data": "3.2"}],
        ]
    }


def test_several_stand_one_under_the_other() -> None:
    _, markup = written(outbound(BODY, "Bache", "Fuga de agua", "Otra cosa", prompt=PROMPT))
    assert markup is not None
    assert [len(row) for row in markup["inline_keyboard"]] == [1, 1, 1]


def test_labels_too_wide_for_a_phone_are_written_out_and_their_numbers_pressed() -> None:
    wide = "Avenida de los Sabinos casi esquina con la calle de la Niebla"
    text, markup = written(outbound(BODY, wide, "Otro lugar", prompt=PROMPT))
    assert text == BODY
    assert markup is not None
    assert [button["text"] for row in markup["inline_keyboard"] for button in row] == ["1", "2"]
    assert [button["callback_data"] for row in markup["inline_keyboard"] for button in row] == ["3.1", "3.2"]


def test_payloads_that_do_not_fit_leave_the_numbered_text() -> None:
    message = outbound(BODY, prompt=PROMPT)
    message = type(message)(**{**message.__dict__, "choices": (Choice("x" * 65, "Sí"), Choice("", "No"))})
    text, markup = written(message)
    assert text == BODY
    assert markup == {"remove_keyboard": True}


def test_a_question_for_the_place_offers_to_share_it_in_the_persons_language() -> None:
    for language, words in (("es", "Compartir mi ubicación"), ("en", "Share my location")):
        _, markup = written(outbound("¿Dónde?", asks_place=True, language=language))
        assert markup is not None
        assert markup["keyboard"] == [[{"text": words, "request_location": True}]]
    assert written(outbound("Listo"))[1] == {"remove_keyboard": True}


@pytest.mark.parametrize(("body", "reason"), [(" \n", "empty"), ("a" * 4097, "too_long"), ("😀" * 2049, "too_long")])
def test_what_telegram_would_not_take_is_not_sent(body: str, reason: str) -> None:
    channel = TelegramChannel(make_bot())
    with pytest.raises(DeliveryError) as failure:
        channel.prepare(outbound(body))
    assert failure.value.permanent
    assert failure.value.reason == reason
    assert channel.prepare(outbound("😀" * 2048)) == ("😀" * 2048, 1)


@given(st.text())
def test_units_are_what_utf_16_takes(text: str) -> None:
    expected = sum(2 if ord(sign) > 0xFFFF else 1 for sign in text)
    assert units(text.encode("utf-8", "ignore").decode()) <= expected


@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=12))
def test_every_answer_has_one_button_that_fits(labels: list[str]) -> None:
    _, markup = written(outbound(BODY, *labels, prompt=PROMPT))
    assert markup is not None
    values = [button["callback_data"] for row in markup["inline_keyboard"] for button in row]
    assert values == [f"3.{number}" for number in range(1, len(labels) + 1)]


def test_a_pause_for_one_chat_stops_nobody_else() -> None:
    pauses = Pauses()
    pauses.begin("1", 60)
    assert 59 < pauses.left("1") <= 60
    assert pauses.left("2") == 0
