"""The set of first messages itself: large enough, fairly halved, and about services that there are."""

from tests.intake.conversations.first_messages import first_messages
from tests.intake.conversations.talk import demo_city


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
    texts = [message.text for message in first_messages()]
    assert len(texts) == len(set(texts))
