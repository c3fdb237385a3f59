"""What every channel must do, tried on each one in the registry with its own recorded calls.

The samples are signed for the installation of tests/channels/conftest.py. One with a `mail` was fetched and not called: whatever
calls such a channel is forged.
"""

import base64
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from channels import reasons, registry
from channels.errors import DeliveryError, FetchFailed
from channels.media_fetching import Fetches
from channels.receiving import Addressed
from channels.registry import CHANNELS, Channel
from channels.telegram import codes as telegram_codes
from channels.twilio_api import codes
from channels.values import LastInbound, OutboundMessage, Webhook
from intake.conversations.values import InboundMessage
from kernel import clock
from kernel.errors import ForgedWebhook, Unavailable
from kernel.i18n import translate
from kernel.settings import WebChat
from tests.channels.conftest import ANA, make_settings
from tests.channels.email.mails import ROSA
from tests.channels.email.post import email_settings
from tests.channels.servers import free_socket, url_of
from tests.factories import NOW

ROOT = Path(__file__).resolve().parents[2]
RECIPIENTS = {"phone": ANA, "whatsapp": ANA, "email": ROSA, "telegram": "730001"}
# Settings of an installation that does not have the channel; None where an account is what is missing.
OFF = {"web_chat": WebChat(enabled=False)}
# Channels behind which there is nobody but us.
WITHOUT_PROVIDER = {"web_chat"}


def samples(name: str) -> list[Path]:
    return sorted(path for path in (ROOT / "channels" / name / "samples").glob("*.json") if path.stem != "settings")


SAMPLES = [pytest.param(name, path, id=f"{name}-{path.stem}") for name in CHANNELS for path in samples(name)]


def webhook(sample: dict[str, Any], **changed: Any) -> Webhook:
    if "mail" in sample:
        return Webhook("", "", {}, sample["mail"], NOW)
    values = {name: sample[name] for name in ("path", "query", "headers", "body")} | changed
    return Webhook(values["path"], values["query"], values["headers"], values["body"].encode(), NOW)


def read(path: Path) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads(path.read_text())
    if "mail" in sample:
        sample["mail"] = (path.parent / sample["mail"]).read_bytes()
    return sample


def as_json(value: Any) -> Any:
    """Values within values as the samples write them: without what was not told, bytes in base64."""
    if is_dataclass(value) and not isinstance(value, type):
        return {key: as_json(part) for key, part in asdict(value).items() if part not in (None, "")}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return [as_json(part) for part in value] if isinstance(value, tuple | list) else value


@pytest.fixture
def channel(name: str) -> Iterator[Channel]:
    opened = CHANNELS[name](make_settings())
    assert opened is not None
    yield opened
    opened.close()


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_is_a_folder_a_line_and_a_page(name: str, channel: Channel) -> None:
    assert channel.name == name
    assert (ROOT / "channels" / name / "adapter.py").is_file()
    assert len(samples(name)) >= 3
    page = ROOT / "docs" / "channels" / f"{name}.md"
    assert len(page.read_text()) > 500
    without = {"channels": {}, name: OFF.get(name)}
    assert CHANNELS[name](make_settings().model_copy(update=without)) is None


@pytest.mark.parametrize(("name", "path"), SAMPLES)
def test_a_recorded_call_is_verified_and_read(name: str, path: Path, channel: Channel) -> None:
    sample = read(path)
    call = webhook(sample)
    if "mail" not in sample:
        channel.verify(call)
    events = channel.parse(call)

    expected = sample["events"]
    assert len(events) == len(expected)
    for event, wanted in zip(events, expected, strict=True):
        assert type(event).__name__ == wanted["kind"]
        found = {key: as_json(getattr(event, key)) for key in wanted if key != "kind"}
        assert found == {key: value for key, value in wanted.items() if key != "kind"}
        assert event.channel == name


@pytest.mark.parametrize(("name", "path"), SAMPLES)
def test_a_call_that_was_touched_is_forged(name: str, path: Path, channel: Channel) -> None:
    sample = read(path)
    if "mail" in sample:
        with pytest.raises(ForgedWebhook):
            channel.verify(webhook(sample))
        return
    touched = [
        webhook(sample, body=sample["body"] + "x"),
        webhook(sample, body=""),
        webhook(sample, path=sample["path"] + "/"),
        webhook(sample, query=sample["query"] + "&x=1"),
        webhook(sample, headers={}),
        webhook(sample, headers={"content-type": sample["headers"]["content-type"]}),
    ]
    for call in touched:
        with pytest.raises(ForgedWebhook):
            channel.verify(call)


@pytest.mark.parametrize("name", CHANNELS)
def test_a_provider_that_cannot_be_reached_certainly_took_nothing(name: str) -> None:
    closed = free_socket()
    port = closed.getsockname()[1]
    settings = make_settings(api_base_url=url_of(closed))
    channel = CHANNELS[name](settings.model_copy(update={"email": email_settings(smtp_port=port, imap_port=port)}))
    assert channel is not None
    last = LastInbound("1", clock.now())
    message = OutboundMessage(UUID(int=1), None, RECIPIENTS.get(channel.contact_kind, ""), "Listo", last_inbound=last)
    if name in WITHOUT_PROVIDER:
        # Nobody can be unreachable: it is certainly taken, under one name, and nothing is ever left to be looked up.
        assert channel.send(message) == channel.send(message) != channel.send(replace(message, message_id=UUID(int=2)))
        assert channel.look_up(message, NOW) == []
    else:
        with pytest.raises(DeliveryError) as failure:
            channel.send(message)
        assert not failure.value.permanent
        assert not failure.value.uncertain
        assert failure.value.reason in reasons.REASONS
        # No list, or half of one, is no answer: who asks must not take the message for one that never was.
        with pytest.raises(DeliveryError) as failure:
            channel.look_up(message, NOW)
        assert not failure.value.permanent
    channel.close()
    closed.close()


@pytest.mark.parametrize("name", CHANNELS)
@pytest.mark.parametrize("reference", ["http://169.254.169.254/latest/meta-data", "https://evil.example/x", "../x", ""])
def test_a_foreign_attachment_is_not_fetched(name: str, reference: str, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = free_socket()
    channel = CHANNELS[name](make_settings(api_base_url=url_of(closed)))
    assert channel is not None
    asked: set[str] = set()
    resolve = socket.getaddrinfo

    def note(host: Any, *args: Any, **more: Any) -> Any:
        asked.add(host.decode() if isinstance(host, bytes) else host)
        return resolve(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", note)
    if isinstance(channel, Fetches):  # of the others, attachments come inside their messages
        with pytest.raises(FetchFailed):
            with channel.fetch(reference) as stream:
                list(stream.pieces)
    assert asked <= {"127.0.0.1"}
    channel.close()
    closed.close()


@pytest.mark.parametrize("name", CHANNELS)
def test_what_it_answers_is_no_message(name: str, channel: Channel) -> None:
    for path in samples(name):
        media_type, body = channel.acknowledge(webhook(read(path)))
        assert "/" in media_type
        assert "Message" not in body


def test_every_reason_has_words_in_both_languages() -> None:
    for reason, text in reasons.REASONS.items():
        assert reasons.in_words(reason, "es") == text
        assert translate("en", text) != text, reason
    assert reasons.in_words("vendor_39999", "en") == "The provider answered with code 39999."
    assert reasons.in_words("never heard of", "es") == reasons.REASONS["unknown"]
    assert {ours for ours, _ in codes.ERRORS.values()} <= set(reasons.REASONS)
    assert set(telegram_codes.SENTENCES.values()) <= set(reasons.REASONS)


@pytest.mark.parametrize(
    ("http_status", "code", "reason", "kind"),
    [
        (400, 21610, "opted_out", "permanent"),
        (400, 21211, "not_a_number", "permanent"),
        (400, 21611, "rate_limited", "temporary"),
        (400, 30001, "rate_limited", "temporary"),
        (429, 20429, "rate_limited", "temporary"),
        (429, None, "rate_limited", "temporary"),
        (401, 20003, "credentials", "temporary"),
        (403, None, "credentials", "temporary"),
        (400, 99999, "vendor_99999", "permanent"),
        (400, None, "unknown", "permanent"),
        (500, 20500, "provider_down", "uncertain"),
        (503, 20503, "provider_down", "uncertain"),
    ],
)
def test_refusals_in_our_words(http_status: int, code: int | None, reason: str, kind: str) -> None:
    failure = codes.refusal(http_status, code)
    assert failure.reason == reason
    found = "permanent" if failure.permanent else "uncertain" if failure.uncertain else "temporary"
    assert found == kind


def test_no_vendor_client_is_loaded_at_start() -> None:
    code = "import sys, channels.registry, channels.webhooks; print([m for m in sys.modules if m in ('twilio.rest','telegram')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_channel_makes_its_messages_wait() -> None:
    registry.disconnect()
    with pytest.raises(Unavailable):
        registry.channel_named("pigeon")


ADDRESSED = [name for name in CHANNELS if isinstance(CHANNELS[name](make_settings()), Addressed)]


@pytest.mark.parametrize(("name", "path"), [(name, path) for name in ADDRESSED for path in samples(name)])
def test_whom_a_call_was_for_is_told_as_its_message_tells_it_and_of_junk_never_raises(name: str, path: Path) -> None:
    channel = CHANNELS[name](make_settings())
    if not isinstance(channel, Addressed):
        pytest.fail("it could say a moment ago")
    call = webhook(read(path))
    for event in channel.parse(call):
        if isinstance(event, InboundMessage):
            assert channel.recipient_of(call) == event.recipient
    junk = channel.recipient_of(replace(call, body=b"\xff\0=%"))
    assert junk in (None, channel.recipient_of(call))
