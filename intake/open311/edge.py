"""What stands before every Open311 answer: cross-origin headers, preflights, HEAD, and a body of bounded size.

The only `async` code of this folder. It reads the raw body of a POST into the scope, so that handlers stay plain functions.
"""

from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from intake.open311.errors import render
from kernel.errors import TooLarge

BODY_KEY = "atiende.open311.body"
_HEADERS_KEY = "atiende.open311.headers"
# A report is words: 4,000 characters of description, percent-encoded, with room for answers. Photos come as multipart.
MAX_FORM_BYTES = 256 * 1024
MAX_MULTIPART_BYTES = 12 * 1024 * 1024
_METHODS = "GET, HEAD, POST, OPTIONS"
_PREFLIGHT = {
    "access-control-allow-methods": _METHODS,
    "access-control-allow-headers": "Authorization, Content-Type, Idempotency-Key",
    "access-control-max-age": "86400",
    "allow": _METHODS,
}


def answer_headers(scope: Scope) -> dict[str, str]:
    """Headers that the answer to this call will carry, also when it is an error; handlers add to them."""
    headers: dict[str, str] = scope.setdefault(_HEADERS_KEY, {})
    return headers


class _TooLargeBody(Exception):
    pass


class Edge:
    """Wraps the Open311 application. No cookie or session is ever read below, so any page may call it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        send = _outgoing(scope["method"], answer_headers(scope), send)
        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=_PREFLIGHT)(scope, receive, send)
            return
        if scope["method"] == "POST":
            try:
                body = await _read(scope, receive)
            except _TooLargeBody:
                error = TooLarge("El mensaje es demasiado grande.")
                await render(Request(scope), error.status, [error])(scope, receive, send)
                return
            if body is None:  # the client has gone
                return
            scope[BODY_KEY] = body
        await self.app(scope, receive, send)


def _outgoing(method: str, added: Mapping[str, str], send: Send) -> Send:
    async def forward(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["access-control-allow-origin"] = "*"
            headers["access-control-expose-headers"] = "Retry-After"
            headers["x-content-type-options"] = "nosniff"
            # What an answer says may depend on the key that was sent.
            headers.add_vary_header("Authorization")
            headers.update(added)
        elif method == "HEAD":
            message = {**message, "body": b""}
        await send(message)

    return forward


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    headers = Headers(scope=scope)
    is_multipart = headers.get("content-type", "").lower().startswith("multipart/")
    limit = MAX_MULTIPART_BYTES if is_multipart else MAX_FORM_BYTES
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise _TooLargeBody
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _TooLargeBody
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
