"""Fetching what somebody attached, from where their network keeps it, without being led anywhere else.

Only https, only the host the channel names, with its password; then at most a few steps to hosts that were allowed by name, never
with the password. Every name is resolved here, all its addresses must be public, and the connection goes to the address
that was looked at. Bytes come in pieces: their number and the time are limited by whoever takes them.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import httpx
import structlog

from channels.errors import FetchFailed
from intake.webhooks.addresses import Address, may_reach, read_address

log = structlog.get_logger(__name__)

_MOST_STEPS = 3
_MOST_ADDRESSES = 3
# A job is given up for dead after kernel.jobs.RUN_LEASE; decoding and storing take some of that.
DEADLINE_S = 12.0
_STEP = httpx.Timeout(6.0, connect=4.0)
_REDIRECTS = frozenset((301, 302, 303, 307, 308))


@dataclass(frozen=True, slots=True)
class Source:
    """Where an attachment is. auth: user and password for the first host and for no other; may_lead_to: hosts by name.

    local_origin: `http://127.0.0.1:8312` of a stand-in, the only address that needs neither https nor to be public.
    """

    url: str
    auth: tuple[str, str] | None = None
    may_lead_to: frozenset[str] = frozenset()
    local_origin: str | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """Bytes on their way. size_bytes: what the other side promises, if it does; content_type: what it says they are."""

    pieces: Iterator[bytes]
    size_bytes: int | None = None
    content_type: str = ""


Opening = AbstractContextManager[Stream]


@runtime_checkable
class Fetches(Protocol):
    """A channel whose attachments are kept by its provider."""

    def fetch(self, reference: str) -> Opening:
        """The bytes behind `InboundMedia.reference`. Raises FetchFailed, also while they are read."""


@contextmanager
def open_stream(source: Source) -> Iterator[Stream]:
    """The bytes at `source`. Raises FetchFailed."""
    ends_at = time.monotonic() + DEADLINE_S
    # trust_env: a proxy of the environment would resolve names again, by its own rules.
    with httpx.Client(trust_env=False, follow_redirects=False, timeout=_STEP) as client:
        response = _arrive(client, source, ends_at)
        try:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise FetchFailed("not_as_promised", permanent=True)  # a few bytes could unfold into gigabytes
            yield Stream(_pieces(response, ends_at), _size(response), response.headers.get("content-type", ""))
        finally:
            response.close()


def read_all(stream: Stream, most: int) -> bytes:
    """All its bytes. Raises FetchFailed `too_large` as soon as there are more than `most`, whatever was promised."""
    if stream.size_bytes is not None and stream.size_bytes > most:
        raise FetchFailed("too_large", permanent=True, size_bytes=stream.size_bytes)
    data = bytearray()
    for piece in stream.pieces:
        data += piece
        if len(data) > most:
            raise FetchFailed("too_large", permanent=True)
    return bytes(data)


def _pieces(response: httpx.Response, ends_at: float) -> Iterator[bytes]:
    try:
        for piece in response.iter_raw():
            if time.monotonic() > ends_at:
                raise FetchFailed("too_slow")
            yield piece
    except httpx.HTTPError as error:
        raise FetchFailed("no_answer") from error


def _size(response: httpx.Response) -> int | None:
    told = response.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 16 else None


def _arrive(client: httpx.Client, source: Source, ends_at: float) -> httpx.Response:
    url, auth = _read(source.url), source.auth
    for step in range(_MOST_STEPS + 1):
        _check(url, source, is_first=step == 0)
        response = _get(client, url, auth, source, ends_at)
        if response.status_code not in _REDIRECTS:
            return _answered(response)
        response.close()
        # From here on nobody gets the password, not even the host that had it.
        url, auth = _read(str(url.join(response.headers.get("location", "")))), None
    raise FetchFailed("led_astray", permanent=True)


def _answered(response: httpx.Response) -> httpx.Response:
    status = response.status_code
    if status == 200:
        return response
    response.close()
    log.info("media.refused", http_status=status)
    if status in (404, 410):
        raise FetchFailed("gone")  # a provider's copy may be a moment behind its own call
    if status in (401, 403):
        raise FetchFailed("credentials")
    raise FetchFailed("no_answer", permanent=False)


def _read(url: str) -> httpx.URL:
    try:
        found = httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError):
        raise FetchFailed("not_ours", permanent=True) from None
    if not found.host or found.userinfo:
        raise FetchFailed("not_ours", permanent=True)
    return found


def _origin(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def _check(url: httpx.URL, source: Source, *, is_first: bool) -> None:
    if source.local_origin is not None and _origin(url) == source.local_origin:
        return
    if url.scheme != "https" or (url.port or 443) != 443:
        raise FetchFailed("not_ours" if is_first else "led_astray", permanent=True)
    if not is_first and url.host not in source.may_lead_to:
        log.warning("media.led_astray", host=url.host)
        raise FetchFailed("led_astray", permanent=True)


def _get(
    client: httpx.Client, url: httpx.URL, auth: tuple[str, str] | None, source: Source, ends_at: float
) -> httpx.Response:
    host = url.raw_host.decode("ascii")
    is_local = source.local_origin is not None and _origin(url) == source.local_origin
    extensions = {"sni_hostname": host} if url.scheme == "https" else {}
    headers = {"host": url.netloc.decode("ascii"), "accept-encoding": "identity", "user-agent": "Atiende-Media/1"}
    for address in _resolve(host, url.port or 443, is_local=is_local)[:_MOST_ADDRESSES]:
        if time.monotonic() > ends_at:
            break
        pinned = url.copy_with(host=str(address))
        request = client.build_request("GET", pinned, headers=headers, extensions=extensions)
        try:
            return client.send(request, auth=auth, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            continue
        except httpx.HTTPError as error:
            raise FetchFailed("no_answer") from error
    raise FetchFailed("no_answer")


def _resolve(host: str, port: int, *, is_local: bool) -> list[Address]:
    """The addresses of `host`; a name with a private one among them is a trap."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise FetchFailed("no_answer") from None
    addresses = [address for *_, place in found if (address := read_address(str(place[0]))) is not None]
    if not addresses:
        raise FetchFailed("no_answer")
    if not all(may_reach(address, allow_loopback=is_local) for address in addresses):
        log.warning("media.private_address", host=host)
        raise FetchFailed("private_address", permanent=True)
    return addresses
