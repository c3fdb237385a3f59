"""What the pages hand to the channel, there and back."""

import contextlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.values import Webhook
from channels.web_chat import calls
from channels.web_chat.adapter import WebChatChannel
from intake.conversations.values import InboundMedia, InboundMessage, SharedPlace
from kernel.errors import ForgedWebhook
from tests.factories import NOW

KEY = b"s" * 32

words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
names = words.filter(bool)
places = st.builds(
    SharedPlace,
    st.floats(-180, 180),
    st.floats(-90, 90),
    st.just(""),
    st.none() | st.floats(0, 1e6),
)
photos = st.binary(max_size=40).map(
    lambda data: InboundMedia("photo", "", "image/jpeg", "a.jpg", size_bytes=len(data), data=data)
)
messages = st.builds(
    InboundMessage,
    channel=st.just("web_chat"),
    provider_message_id=names,
    sender=names,
    recipient=names,
    body=words,
    received_at=st.just(NOW),
    media=st.lists(photos, max_size=3).map(tuple),
    sender_kind=st.just("web_chat"),
    place=st.none() | places,
    choice=st.none() | names,
    language=st.sampled_from([None, "es", "en"]),
)


@given(messages)
def test_what_is_written_is_verified_and_read_as_it_was(message: InboundMessage) -> None:
    channel, call = WebChatChannel(KEY), calls.written(KEY, message)
    channel.verify(call)
    assert channel.parse(call) == [message]


json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
fields = st.sampled_from(["id", "visitor", "city", "body", "choice", "place", "media", "language", "message", "status"])


@given(st.dictionaries(fields, json) | json, st.sampled_from([calls.PATH, calls.PATH + "/status"]))
def test_any_json_is_read_or_refused_and_never_breaks(value: object, path: str) -> None:
    try:
        body = orjson.dumps(value)
    except (TypeError, orjson.JSONEncodeError):
        return  # an integer that JSON of ours does not write
    call = Webhook(path, "", {"content-type": "application/json"}, body, NOW)
    with contextlib.suppress(ForgedWebhook):
        WebChatChannel(KEY).parse(call)


@pytest.mark.parametrize(
    ("body", "content_type", "status"), [(b"{", "application/json", 403), (b"{}", "text/plain", 415)]
)
def test_what_is_no_json_is_refused(body: bytes, content_type: str, status: int) -> None:
    with pytest.raises(ForgedWebhook) as refusal:
        WebChatChannel(KEY).parse(Webhook(calls.PATH, "", {"content-type": content_type}, body, NOW))
    assert refusal.value.status == status
