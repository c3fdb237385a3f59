"""Attachments are fetched from our provider and from nowhere else, and the password goes to nobody but it."""

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from channels import media_fetching
from channels.errors import FetchFailed
from channels.media_fetching import Source, open_stream, read_all
from channels.sms.adapter import SmsChannel
from channels.twilio_api.account import Account
from tests.channels.conftest import ACCOUNT, TOKEN, make_settings

MEDIA = f"/2010-04-01/Accounts/{ACCOUNT}/Messages/SM1/Media/ME1"
BASIC = "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()


class Provider:
    """A server on this computer that answers as the test says and remembers who asked with which password."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked.append((self.path, self.headers.get("authorization")))
                status, headers, body = provider.answers.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in ({"content-length": str(len(body))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    yield made
    made.close()


@pytest.fixture
def channel(provider: Provider) -> Iterator[SmsChannel]:
    opened = SmsChannel.from_settings(make_settings(api_base_url=provider.url))
    assert opened is not None
    yield opened
    opened.close()


def fetched(channel: SmsChannel, reference: str, most: int = 1000) -> bytes:
    with channel.fetch(reference) as stream:
        return read_all(stream, most)


def failure(channel: SmsChannel, reference: str, most: int = 1000) -> FetchFailed:
    with pytest.raises(FetchFailed) as failed:
        fetched(channel, reference, most)
    return failed.value


def test_the_password_opens_the_first_door_only(provider: Provider, channel: SmsChannel) -> None:
    provider.answers = {MEDIA: (307, {"location": "/cdn/x"}, b""), "/cdn/x": (200, {}, b"bytes")}
    assert fetched(channel, provider.url + MEDIA) == b"bytes"
    assert provider.asked == [(MEDIA, BASIC), ("/cdn/x", None)]


@pytest.mark.parametrize(
    "reference",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://evil.example" + MEDIA,
        "{url}.evil.example" + MEDIA,
        "{url}@evil.example" + MEDIA,
        "https://api.twilio.com" + MEDIA,
        "{url}/2010-04-01/Accounts/AC9/Messages/SM1/Media/ME1",
        "{url}/2010-04-01/Accounts/" + ACCOUNT + "/Messages/SM1/Media/../../../AC9/Messages/SM1/Media/ME1",
        "{url}" + MEDIA + "/../../../Calls",
        "{url}" + MEDIA + "?x=1",
        "{url}" + MEDIA + "%2e%2e",
        "{url}/secret",
        "file:///etc/passwd",
        "",
        "http://[::1",
    ],
)
def test_nothing_else_is_asked_for_at_all(provider: Provider, channel: SmsChannel, reference: str) -> None:
    found = failure(channel, reference.replace("{url}", provider.url))
    assert (found.reason, found.permanent) == ("not_ours", True)
    assert provider.asked == []


def test_the_real_host_is_the_api_and_its_own_account_only() -> None:
    settings = make_settings().sms
    assert settings is not None
    account = Account("sms", settings, "https://311.example")
    assert account.is_our_media("https://api.twilio.com" + MEDIA)
    for other in (
        "http://api.twilio.com" + MEDIA,
        "https://api.twilio.com:444" + MEDIA,
        "https://API.twilio.com" + MEDIA,
    ):
        assert not account.is_our_media(other)
    account.close()


@pytest.mark.parametrize(
    "location", ["http://evil.example/x", "https://evil.example/x", "//evil.example/x", "http://127.0.0.1:1/x", ""]
)
def test_a_step_to_a_host_nobody_named_is_not_taken(provider: Provider, channel: SmsChannel, location: str) -> None:
    provider.answers = {MEDIA: (302, {"location": location}, b"")}
    found = failure(channel, provider.url + MEDIA)
    assert found.reason == "led_astray"
    assert found.permanent
    assert [auth for _, auth in provider.asked][1:] == [None] * (len(provider.asked) - 1)


def test_a_named_host_whose_address_is_private_is_a_trap(
    provider: Provider, channel: SmsChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def to_our_network(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        if host == "mms.twiliocdn.com":
            return [
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port)),
                (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.5", port)),
            ]
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(media_fetching.socket, "getaddrinfo", to_our_network)
    provider.answers = {MEDIA: (307, {"location": "https://mms.twiliocdn.com/x"}, b"")}
    assert failure(channel, provider.url + MEDIA).reason == "private_address"


def test_a_ring_of_steps_ends(provider: Provider, channel: SmsChannel) -> None:
    provider.answers = {MEDIA: (307, {"location": MEDIA}, b"")}
    assert failure(channel, provider.url + MEDIA).reason == "led_astray"
    assert len(provider.asked) == 4
    assert [auth for _, auth in provider.asked] == [BASIC, None, None, None]


@pytest.mark.parametrize("promised", [True, False])
def test_more_than_there_is_room_for_is_not_read(provider: Provider, channel: SmsChannel, promised: bool) -> None:
    headers = {} if promised else {"content-length": "10"}
    provider.answers = {MEDIA: (200, headers, b"x" * 2001)}
    if promised:
        found = failure(channel, provider.url + MEDIA)
        assert (found.reason, found.permanent, found.size_bytes) == ("too_large", True, 2001)
    else:
        # What comes after the promised length is never looked at.
        assert len(fetched(channel, provider.url + MEDIA)) == 10


def test_bytes_without_a_promise_are_counted() -> None:
    with pytest.raises(FetchFailed, match="too_large"):
        read_all(media_fetching.Stream(iter([b"x" * 600] * 1000)), 1000)


def test_what_unfolds_is_refused(provider: Provider, channel: SmsChannel) -> None:
    provider.answers = {MEDIA: (200, {"content-encoding": "gzip"}, b"\x1f\x8b")}
    assert failure(channel, provider.url + MEDIA).reason == "not_as_promised"


@pytest.mark.parametrize(
    ("status", "reason"), [(404, "gone"), (410, "gone"), (401, "credentials"), (500, "no_answer"), (206, "no_answer")]
)
def test_what_may_be_better_later_is_tried_again(
    provider: Provider, channel: SmsChannel, status: int, reason: str
) -> None:
    provider.answers = {MEDIA: (status, {}, b"")}
    found = failure(channel, provider.url + MEDIA)
    assert (found.reason, found.permanent) == (reason, False)


@contextmanager
def dripping() -> Iterator[str]:
    """Sends a byte every tenth of a second, for ever."""
    bound = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        with suppress(OSError):
            caller, _ = bound.accept()
            with caller:
                caller.recv(4000)
                caller.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n")
                while not stop.wait(0.1):
                    caller.sendall(b"x")

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    stop.set()
    bound.close()
    thread.join(5)


def test_who_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_fetching, "DEADLINE_S", 0.5)
    with dripping() as url, pytest.raises(FetchFailed) as failed:
        with open_stream(Source(url + "/x", local_origin=url)) as stream:
            read_all(stream, 1000)
    assert (failed.value.reason, failed.value.permanent) == ("too_slow", False)
