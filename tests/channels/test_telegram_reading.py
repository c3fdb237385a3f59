"""What is read from an update: everything that people send, and nothing that breaks, whatever the JSON."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.telegram.adapter import TelegramChannel
from channels.values import OptOutSignal
from intake.conversations.values import InboundMessage
from kernel.errors import ForgedWebhook, InvalidInput
from tests.channels.conftest import BOT, BOT_SECRET, NEXT_BOT_SECRET, make_bot
from tests.channels.telegram import membership, message, press, samples, update, user, webhook

CHANNEL = TelegramChannel(make_bot())


def read(told: dict[str, Any]) -> InboundMessage:
    (event,) = CHANNEL.parse(webhook(told))
    assert isinstance(event, InboundMessage)
    return event


def test_only_whoever_knows_the_secret_is_believed() -> None:
    told = update(message=message(text="hola"))
    for secret in (BOT_SECRET, NEXT_BOT_SECRET):
        CHANNEL.verify(webhook(told, secret=secret))
    for secret in (None, "", "otro", BOT_SECRET + "x", BOT_SECRET[:-1], "ñ"):
        with pytest.raises(ForgedWebhook):
            CHANNEL.verify(webhook(told, secret=secret))
    with pytest.raises(ForgedWebhook):
        CHANNEL.verify(webhook(told, path="/webhooks/telegram/status"))
    for body in (b"", b"[]", b'"x"', b"{", b"\xff"):
        with pytest.raises(ForgedWebhook):
            CHANNEL.verify(webhook(body))


def test_a_bot_without_a_username_is_known_by_its_number() -> None:
    (event,) = TelegramChannel(make_bot(bot_username="")).parse(webhook(update(message=message(text="hola"))))
    assert isinstance(event, InboundMessage)
    assert event.recipient == "7300000311"
    assert read(update(message=message(text="hola"))).recipient == BOT


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("/start", "hola"),
        ("/start@prueba311_bot", "hola"),
        ("/start 2648173053", "folio 2648173053"),
        ("/start f_26-4817-3053", "folio 2648173053"),
        ("/AYUDA", "ayuda"),
        ("/help", "help"),
        ("/estado 26 4817 3053", "estado 26 4817 3053"),
        ("/otra cosa", "/otra cosa"),
        ("1/2 cuadra", "1/2 cuadra"),
    ],
)
def test_commands_are_words_the_dialogue_knows(text: str, body: str) -> None:
    assert read(update(message=message(text=text))).body == body


def test_a_greeting_is_in_the_language_of_the_app() -> None:
    told = message(text="/start") | {"from": user(language_code="en-GB")}
    found = read(update(message=told))
    assert (found.body, found.language) == ("hello", "en")
    told = message(text="/start") | {"from": user(language_code="nah")}
    found = read(update(message=told))
    assert (found.body, found.language) == ("hola", None)


@pytest.mark.parametrize(
    ("contact", "phone"),
    [
        ({"phone_number": "525512345678", "user_id": 730001}, "+525512345678"),
        ({"phone_number": "+525512345678", "user_id": 730001}, "+525512345678"),
        ({"phone_number": "+525512345678", "user_id": 730002}, None),
        ({"phone_number": "+525512345678"}, None),
    ],
)
def test_a_number_counts_only_when_telegram_says_whose_it_is(contact: dict[str, Any], phone: str | None) -> None:
    found = read(update(message=message(contact=contact | {"first_name": "Ana"})))
    assert found.shared_phone == phone
    assert [part.kind for part in found.media] == ["contact"]


def test_a_press_is_known_by_what_was_pressed_however_often() -> None:
    first, second = read(press("3.1")), read(press("3.1"))
    assert first.provider_message_id == second.provider_message_id == "730001:9:3.1"
    assert (first.choice, first.body, first.reply_to) == ("3.1", "Sí", "730001:9")
    assert read(press("3.2")).provider_message_id != first.provider_message_id
    assert CHANNEL.acknowledge(webhook(press("3.1")))[1].startswith('{"method":"answerCallbackQuery"')
    assert CHANNEL.acknowledge(webhook(update(message=message(text="x")))) == ("application/json", "{}")


def test_blocking_and_unblocking() -> None:
    (event,) = CHANNEL.parse(webhook(membership("kicked")))
    assert isinstance(event, OptOutSignal)
    assert (event.sender, event.is_granted) == ("730001", False)
    assert "kicked" in event.words
    (event,) = CHANNEL.parse(webhook(membership("member")))
    assert isinstance(event, OptOutSignal)
    assert event.is_granted
    assert CHANNEL.parse(webhook(membership("banned_by_martians"))) == []


@pytest.mark.parametrize("chat", [{"type": "group"}, {"type": "supergroup"}, {"type": "channel"}, {"type": "x"}])
def test_what_is_said_to_others_is_passed_over(chat: dict[str, Any]) -> None:
    told = message(text="hay un bache") | {"chat": {"id": -100, "title": "Vecinos"} | chat}
    assert CHANNEL.parse(webhook(update(message=told))) == []


def test_every_sample_has_its_kind() -> None:
    kinds = {path.stem for path in samples()}
    assert {
        "voice",
        "audio",
        "video",
        "video_note",
        "document",
        "sticker",
        "venue",
        "blocked",
        "edited",
        "group",
    } <= kinds


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["private", "member", "\0", "/start \0", "😀"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_CONTENT = (
    *(
        "text",
        "caption",
        "photo",
        "voice",
        "audio",
        "video",
        "video_note",
        "animation",
        "document",
        "sticker",
        "contact",
    ),
    *("location", "venue", "poll", "dice", "from", "chat", "date", "edit_date", "message_id", "media_group_id"),
    *("reply_to_message", "entities", "hologram", "pinned_message", "reply_markup"),
)
twisted_messages = st.builds(
    lambda values: message(text="hay un bache") | values,
    st.dictionaries(st.sampled_from(_CONTENT), json_values, max_size=4),
)
twisted_updates = st.builds(
    lambda kind, told, more: update(**{kind: told}) | more,
    st.sampled_from(
        ["message", "edited_message", "callback_query", "my_chat_member", "channel_post", "inline_query", "x"]
    ),
    twisted_messages | json_values,
    st.dictionaries(st.sampled_from(["update_id", "message", "callback_query"]), json_values, max_size=1),
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.text(max_size=8), json_values, max_size=4) | twisted_updates)
def test_whatever_the_json_it_is_read_or_refused(told: dict[str, Any]) -> None:
    call = webhook(told)
    try:
        CHANNEL.verify(call)
        events = CHANNEL.parse(call)
        CHANNEL.acknowledge(call)
    except (ForgedWebhook, InvalidInput):
        return
    for event in events:
        assert isinstance(event.sender, str)
        assert event.sender
        if isinstance(event, InboundMessage):
            assert "\0" not in event.body + event.profile_name
            assert isinstance(event.provider_message_id, str)
            for part in event.media:
                part.to_json()
            if event.place is not None:
                assert abs(event.place.lat) <= 90
