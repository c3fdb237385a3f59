"""What stands around every Open311 answer: cross-origin and cache headers, OPTIONS, HEAD, gzip, and calls of bounded size.

The only `async` code of this folder. It reads the raw body of a POST into the scope, so that handlers stay plain functions.

Three layers, and none of the framework's, which cost as much as all that a handler does beside its statement: `Mounted` of
`kernel.web` takes the calls out of the site's own, `Edge` does what all answers have in common, `Resources` finds the handler
and runs it in a thread.
"""

from asyncio import get_running_loop
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, State
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from intake.open311.errors import HANDLERS, NO_SUCH_RESOURCE, TooLongAddress, UnsupportedMediaType, on_bug, render
from intake.open311.freshness import accepts_gzip
from intake.open311.headers import answer_headers
from kernel.bodies import held_bytes
from kernel.errors import AtiendeError, NotFound, TooLarge, Unavailable
from kernel.settings import Media

BODY_KEY = "atiende.open311.body"
# A report is words: 4,000 characters of description, percent-encoded, with room for answers. Photos come as multipart.
MAX_FORM_BYTES = 256 * 1024
# A list of a thousand ids is 11 kB; a server before us may refuse less, and in its own words.
MAX_ADDRESS_BYTES = 32 * 1024
# Below this an answer fits one packet anyway. A list of 100 was measured a tenth of its size at level 4, no smaller above it.
_MIN_GZIP_BYTES, _GZIP_LEVEL = 1024, 4

# Each holds a connection for a statement at a time, or for a transaction.
_READERS, _WRITERS = 10, 8
_RETRY_AFTER_S = "10"
_METHODS = ("GET", "HEAD", "POST", "OPTIONS")
_PREFLIGHT = {
    "access-control-allow-methods": ", ".join(_METHODS),
    "access-control-allow-headers": "Authorization, Cache-Control, Content-Type, Idempotency-Key, If-Modified-Since,"
    " If-None-Match, Prefer, X-Requested-With",
    "access-control-max-age": "86400",
}
_EXPOSED = (
    "Allow, Content-Language, ETag, Last-Modified, Link, RateLimit, RateLimit-Policy, Retry-After,"
    " X-Page-Size, X-Total-Count, X-Total-Pages"
)
# What an answer says may depend on the key that was sent.
_ALWAYS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", _EXPOSED.encode()),
    (b"vary", b"Accept-Encoding, Authorization, Prefer"),
    (b"x-content-type-options", b"nosniff"),
]


class Resources:
    """The handler of an address and method, and an error that it raises in the form of the standard."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = routes
        self.state = State()
        # Who reads, or writes a form, waits for the database alone. AnyIO's way to a thread and back was measured three times as
        # long; what a form with photos may wait for, their store, stays in its threads.
        self._readers = ThreadPoolExecutor(_READERS, "open311")
        self._writers = ThreadPoolExecutor(_WRITERS, "open311-writes")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self
        http_request = Request(scope)
        is_write = scope["method"] == "POST"
        if is_write and _is_multipart(http_request.headers):
            response, bug = await run_in_threadpool(self._answer, http_request)
        else:
            pool = self._writers if is_write else self._readers
            response, bug = await get_running_loop().run_in_executor(pool, self._answer, http_request)
        await response(scope, receive, send)
        if bug is not None:
            raise bug  # with its traceback into the log

    def _answer(self, http_request: Request) -> tuple[Response, Exception | None]:
        """The answer, and an error that nobody expected."""
        try:
            return self._handler(http_request.scope)(http_request), None
        except Exception as error:
            kind = next(kind for kind in type(error).__mro__ if kind in HANDLERS)
            return HANDLERS[kind](http_request, error), error if kind is Exception else None

    def _handler(self, scope: Scope) -> Callable[[Request], Response]:
        others: set[str] | None = None
        for route in self.routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope.update(found)
                return route.endpoint
            if match is Match.PARTIAL:
                others = route.methods
        if others is None:
            raise HTTPException(404)
        raise HTTPException(405, headers={"Allow": ", ".join(others)})


class Edge:
    """What all answers have in common. No cookie or session is ever read below, so any page may call it."""

    def __init__(self, app: Resources, limits: Media) -> None:
        self.plain = app
        self.limits = limits
        self.routes = app.routes
        # Starlette's own looks for the word `gzip` alone; whether it was refused (`gzip;q=0`) is decided here.
        self.gzip = GZipMiddleware(app, minimum_size=_MIN_GZIP_BYTES, compresslevel=_GZIP_LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        outgoing = _Outgoing(scope, send)
        try:
            await self._answer(scope, receive, outgoing)
        except Exception as error:
            # What the application below raises it has answered already; this is for what goes wrong around it.
            if not outgoing.has_started:
                await on_bug(Request(scope), error)(scope, receive, outgoing)
            raise

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        method = scope["method"]
        app: ASGIApp = self.gzip if accepts_gzip(headers.get("accept-encoding")) else self.plain
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_ADDRESS_BYTES:
            app = _refusal(scope, TooLongAddress("La dirección es demasiado larga."))
        elif method == "OPTIONS":
            app = self._options(scope, headers)
        elif method == "POST":
            await self._post(app, headers, scope, receive, send)
            return
        await app(scope, receive, send)

    async def _post(self, app: ASGIApp, headers: Headers, scope: Scope, receive: Receive, send: Send) -> None:
        held = _Held(self.limits)
        try:
            try:
                scope[BODY_KEY] = await _read(headers, receive, held)
            except AtiendeError as error:
                app = _refusal(scope, error)
            else:
                if scope[BODY_KEY] is None:  # the client has gone
                    return
            await app(scope, receive, send)
        finally:
            held.let_go()

    def _options(self, scope: Scope, headers: Headers) -> Response:
        """A preflight is always granted: whatever is wrong with the call itself, its page can read the error."""
        allowed = self.allowed_methods(scope)
        if "access-control-request-method" in headers:
            return Response(status_code=204, headers=_PREFLIGHT | ({"allow": allowed} if allowed else {}))
        if allowed is None:
            return _refusal(scope, NotFound(NO_SUCH_RESOURCE))
        return Response(status_code=204, headers={"allow": allowed})

    def allowed_methods(self, scope: Scope) -> str | None:
        """The value of `Allow` for the address; None when there is no such resource."""
        found = {method for route in self.routes if _fits(route, scope) for method in route.methods or ()}
        return ", ".join(method for method in _METHODS if method in found or method == "OPTIONS") if found else None


def _fits(route: Route, scope: Scope) -> bool:
    return route.matches(scope)[0] is not Match.NONE


def _refusal(scope: Scope, error: AtiendeError) -> Response:
    headers = {"retry-after": _RETRY_AFTER_S} if error.status == Unavailable.status else {}
    return render(Request(scope), error.status, [error], **headers)


class _Outgoing:
    """Adds to every answer the headers that all have and those that a handler told; of an answer to HEAD, leaves out the body."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.told = answer_headers(scope)
        self.is_head = scope["method"] == "HEAD"
        self.has_started = False
        self.send = send

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_started = True
            told = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.told.items()]
            replaced = {b"vary", *(name for name, _ in told)}
            headers = [pair for pair in message["headers"] if pair[0] not in replaced] + _ALWAYS + told
            message = {**message, "headers": headers}
        elif self.is_head:
            message = {**message, "body": b""}
        await self.send(message)


class _Held:
    """The bytes of one body with photos, which count towards what the process may hold until it is answered."""

    def __init__(self, limits: Media) -> None:
        self.limits = limits
        self._size = 0

    def take(self, size: int) -> None:
        """Raises Unavailable."""
        held_bytes.take(size, self.limits.max_held_bytes)
        self._size += size

    def let_go(self) -> None:
        held_bytes.give_back(self._size)


async def _read(headers: Headers, receive: Receive, held: _Held) -> bytes | None:
    """The body; None when the client left before its end. Raises TooLarge, UnsupportedMediaType, Unavailable."""
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType("Manda el cuerpo sin comprimir.")
    is_multipart = _is_multipart(headers)
    limit = held.limits.max_total_bytes if is_multipart else MAX_FORM_BYTES
    declared = headers.get("content-length", "")
    # Only to refuse early: what counts is what arrives.
    if declared.isascii() and declared.isdigit() and (len(declared) > 18 or int(declared) > limit):
        raise _too_large()
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large()
        if is_multipart:
            held.take(len(chunk))
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


def _is_multipart(headers: Headers) -> bool:
    return headers.get("content-type", "").lower().startswith("multipart/")


def _too_large() -> TooLarge:
    return TooLarge("El mensaje es demasiado grande.")
