"""One call to a receiver: to an address that was looked at, without redirects, within a time, reading the status only."""

import socket
import ssl
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread

import httpx

from intake.webhooks.addresses import Address, check_url, may_reach, read_address
from intake.webhooks.config import Config
from kernel.errors import InvalidInput

_MAX_ADDRESSES = 3
_MAX_RETRY_AFTER_S = 86_400
_CONNECT_S = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """`status`: what the receiver answered, None when nothing came; then `error` says why, in one of our words.

    Words: bad_url, private_address, no_such_host, no_connection, bad_certificate, no_answer.
    """

    status: int | None = None
    error: str | None = None
    retry_after_s: float = 0.0

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class _Refused(Exception):
    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def send(url: str, body: bytes, headers: Mapping[str, str], config: Config) -> Outcome:
    """Posts `body`. Never raises for anything that a receiver, a name server or a network can do."""
    answer: Future[Outcome] = Future()
    # trust_env: a proxy named in the environment would resolve the name again, by its own rules.
    client = httpx.Client(
        trust_env=False, follow_redirects=False, timeout=httpx.Timeout(config.timeout_s, connect=_CONNECT_S)
    )

    def call() -> None:
        try:
            answer.set_result(_call(client, url, body, headers, config))
        except _Refused as refused:
            answer.set_result(Outcome(error=refused.word))
        except BaseException as error:
            answer.set_exception(error)

    # In a thread, since neither a name server nor a receiver that sends a byte a second has any other end.
    Thread(target=call, name="webhook-call", daemon=True).start()
    try:
        return answer.result(config.timeout_s)
    except TimeoutError:
        return Outcome(error="no_answer")
    finally:
        client.close()


def _call(client: httpx.Client, url: str, body: bytes, headers: Mapping[str, str], config: Config) -> Outcome:
    try:
        check_url(url, allow_loopback=config.allow_loopback)
        asked = httpx.URL(url)
    except (InvalidInput, httpx.InvalidURL):
        raise _Refused("bad_url") from None
    host = asked.raw_host.decode("ascii")
    # The certificate must be the name's, though the connection goes to the address.
    extensions = {"sni_hostname": host} if asked.scheme == "https" else {}
    given = {**headers, "host": asked.netloc.decode("ascii"), "user-agent": "Atiende-Webhooks/1"}
    failure = _Refused("no_connection")
    for address in _resolve(host, asked.port or (443 if asked.scheme == "https" else 80), config)[:_MAX_ADDRESSES]:
        pinned = asked.copy_with(host=str(address))
        request = client.build_request("POST", pinned, content=body, headers=given, extensions=extensions)
        try:
            response = client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            failure = _Refused("bad_certificate" if _is_certificate(error) else "no_connection")
            continue
        except httpx.HTTPError:
            raise _Refused("no_answer") from None
        # The status is the whole answer: nothing of the body is read.
        response.close()
        return Outcome(status=response.status_code, retry_after_s=_retry_after(response.headers.get("retry-after", "")))
    raise failure


def _is_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _resolve(host: str, port: int, config: Config) -> list[Address]:
    """The addresses of `host`. All of them must be ones that we may reach: a name with a private one among them is a trap."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise _Refused("no_such_host") from None
    addresses = [address for *_, place in found if (address := read_address(str(place[0]))) is not None]
    if not addresses:
        raise _Refused("no_such_host")
    if not all(may_reach(address, allow_loopback=config.allow_loopback) for address in addresses):
        raise _Refused("private_address")
    return addresses


def _retry_after(value: str) -> float:
    return min(float(value), _MAX_RETRY_AFTER_S) if value.isascii() and value.isdigit() and len(value) < 8 else 0.0
