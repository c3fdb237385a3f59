"""The sets of first messages: large enough, fairly halved, and understood as well as promised, also where nobody tuned."""

import pytest

from intake.conversations.dialogue.understanding import Understanding, understand
from tests.intake.conversations.first_messages import first_messages, measured
from tests.intake.conversations.talk import context, demo_city


def read(text: str) -> Understanding:
    known = context()
    return understand(text, known.match_offered, known.find_places)


def test_the_set_is_large_enough_and_fairly_halved() -> None:
    of = {language: [one for one in first_messages() if one.language == language] for language in ("es", "en")}
    assert len(of["es"]) >= 320
    assert len(of["en"]) >= 70
    for messages in of.values():
        held = sum(message.is_held_back for message in messages)
        assert 0.4 < held / len(messages) < 0.6


def test_every_service_is_asked_for_and_no_other_is() -> None:
    there = {service.code for service in demo_city()[0]}
    asked = {code for message in first_messages() for code in message.services if code}
    assert asked == there - {"OTRO"}


def test_no_message_is_there_twice() -> None:
    texts = [message.text for name in ("first_messages", "first_messages_later") for message in first_messages(name)]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("language", ["es", "en"])
def test_the_half_that_was_held_back_is_understood(language: str) -> None:
    held = [message for message in first_messages() if message.is_held_back and message.language == language]
    figures = measured(held, read)
    assert figures.first >= 0.85
    assert figures.offered >= 0.95
    assert figures.intent >= 0.95
    assert figures.emergency >= 0.97
    assert figures.wrong <= 0.05


def test_what_was_written_later_is_understood() -> None:
    figures = measured(first_messages("first_messages_later"), read)
    assert figures.first >= 0.85
    assert figures.offered >= 0.95
    assert figures.emergency >= 0.95
    assert figures.intent >= 0.95
