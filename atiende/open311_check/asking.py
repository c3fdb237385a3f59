"""Asking a server nobody vouches for: bounded in bytes, in seconds and in redirects, one question at a time, never in a hurry.

Every outcome is an `Exchange`; nothing a server does raises here.
"""

import threading
import time
import zlib
from dataclasses import replace
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

import httpx

from atiende.open311_check.exchanges import Call, Exchange

MAX_BODY = 8 * 1024 * 1024
MAX_REDIRECTS = 5
_RETRIES_WHEN_BUSY = 2
_MAX_WAIT_S = 60.0
_AGENT = "atiende-open311-check/1 (conformance check; one request at a time)"
_LOCAL = ("127.0.0.1", "localhost", "::1")


class Asker(Protocol):
    """What a visit asks through."""

    def ask(self, call: Call) -> Exchange: ...


class HttpAsker:
    """Over HTTP. rate: questions per second at most, 0 for no pause. timeout_s bounds a question from first byte to last."""

    def __init__(self, *, timeout_s: float, rate: float, max_body: int = MAX_BODY) -> None:
        self.timeout_s = timeout_s
        self.pause_s = 1 / rate if rate > 0 else 0.0
        self.max_body = max_body
        self._next_at = 0.0
        self._tls = httpx.create_ssl_context()

    def ask(self, call: Call) -> Exchange:
        """Follows redirects of GET and HEAD only: a form with a key goes nowhere else. Waits and tries again when told 429."""
        exchange = self._polite(call)
        seen = [call.url]
        while exchange.status in (301, 302, 303, 307, 308) and call.method in ("GET", "HEAD"):
            target = _target(exchange, seen[-1])
            if target is None or target in seen or len(seen) > MAX_REDIRECTS:
                return replace(exchange, call=call, failure="redirect loop", redirects=tuple(seen[1:]))
            seen.append(target)
            # Where it leads may be another house: no header of ours, such as a key, goes along.
            exchange = self._polite(replace(call, url=target, query=(), raw_query=None, headers=()))
        return replace(exchange, call=call, redirects=tuple(seen[1:]))

    def _polite(self, call: Call) -> Exchange:
        exchange = self._paced(call)
        for _ in range(_RETRIES_WHEN_BUSY):
            wanted = exchange.header("retry-after")
            if exchange.status != 429 or not (wanted.isascii() and wanted.isdigit()):
                break
            time.sleep(min(float(wanted), _MAX_WAIT_S))
            exchange = self._paced(call)
        return exchange

    def _paced(self, call: Call) -> Exchange:
        time.sleep(max(0.0, self._next_at - time.monotonic()))
        found: list[Exchange] = []
        # A thread of its own: a server that sends one byte now and then would hold any timeout between bytes for ever.
        thread = threading.Thread(target=lambda: found.append(self._send(call)), daemon=True)
        thread.start()
        thread.join(self.timeout_s + 1)
        self._next_at = time.monotonic() + self.pause_s
        return found[0] if found else Exchange(call, failure="timeout")

    def _send(self, call: Call) -> Exchange:
        deadline = time.monotonic() + self.timeout_s
        try:
            with (
                httpx.Client(timeout=self.timeout_s, verify=self._tls, trust_env=not _is_local(call.url)) as client,
                client.stream(**_as_httpx(call)) as answer,
            ):
                raw = bytearray()
                for chunk in answer.iter_raw():
                    raw += chunk
                    if len(raw) > self.max_body:
                        return Exchange(call, failure="body too large")
                    if time.monotonic() > deadline:
                        return Exchange(call, failure="timeout")
                body = _decoded(bytes(raw), answer.headers.get("content-encoding", ""), self.max_body)
                if body is None:
                    return Exchange(call, failure="content-encoding")
                return Exchange(call, answer.status_code, tuple(answer.headers.multi_items()), body)
        except httpx.TimeoutException:
            return Exchange(call, failure="timeout")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RuntimeError) as error:
            return Exchange(call, failure=_reason(error))


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in _LOCAL


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200].rstrip(": ")


def _as_httpx(call: Call) -> dict[str, Any]:
    url = call.url if call.raw_query is None else f"{call.url}?{call.raw_query}"
    headers = {"user-agent": _AGENT, "accept-encoding": "identity", **dict(call.headers)}
    arguments: dict[str, Any] = {"method": call.method, "url": url, "headers": headers}
    if call.query:
        arguments["params"] = list(call.query)
    if call.files:
        parts: list[tuple[str, object]] = [(name, (None, value)) for name, value in call.form or ()]
        arguments["files"] = [*parts, *((name, (file, data, kind)) for name, file, kind, data in call.files)]
    elif call.form is not None:
        arguments["content"] = str(httpx.QueryParams(list(call.form))).encode()
        headers.setdefault("content-type", "application/x-www-form-urlencoded; charset=utf-8")
    elif call.body is not None:
        arguments["content"] = call.body
    return arguments


def _target(exchange: Exchange, url: str) -> str | None:
    try:
        target = urljoin(url, exchange.header("location"))
        return target if urlsplit(target).scheme in ("http", "https") and urlsplit(target).hostname else None
    except ValueError:
        return None


def _decoded(raw: bytes, encoding: str, limit: int) -> bytes | None:
    """The body without its compression; None when it cannot be read or would be larger than `limit`."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return raw
    if name not in ("gzip", "x-gzip", "deflate"):
        return None
    try:
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
        body = unpack.decompress(raw, limit + 1)
    except zlib.error:
        return None
    return None if len(body) > limit else body
