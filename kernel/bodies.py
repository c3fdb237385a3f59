"""Reading a request's body, bounded, before any plain handler runs. The only asynchronous step of a form post."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from kernel.errors import InvalidInput, TooLarge, Unavailable
from kernel.multipart import read_multipart
from kernel.settings import Media

MAX_FORM_BYTES = 64 * 1024
MAX_FORM_FIELDS = 300


class Form:
    """The fields of an urlencoded form, in the order they were sent; blank ones are kept."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._values: Mapping[str, list[str]] = {name: [] for name, _ in pairs}
        for name, value in pairs:
            self._values[name].append(value)

    def get(self, name: str) -> str:
        """The last value sent under this name; "" when there is none."""
        return self._values.get(name, [""])[-1]

    def number(self, name: str) -> int:
        """Raises InvalidInput for anything but a whole number of up to nine digits."""
        value = self.get(name).strip()
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            raise InvalidInput("No pudimos leer el formulario. Vuelve a intentarlo.", field=name)
        return int(value)

    def flag(self, name: str) -> bool:
        """Raises InvalidInput for anything but `true` and `false`."""
        value = self.get(name)
        if value not in ("true", "false"):
            raise InvalidInput("No pudimos leer el formulario. Vuelve a intentarlo.", field=name)
        return value == "true"

    def get_all(self, name: str) -> list[str]:
        return list(self._values.get(name, ()))


class HeldBytes:
    """The big bodies that this process holds in memory, all together. Used from the event loop only."""

    def __init__(self) -> None:
        self.held = 0

    def take(self, size: int, limit: int) -> None:
        """Raises Unavailable when more than `limit` bytes would be held: the caller is told to come back."""
        if self.held + size > limit:
            raise Unavailable("Están llegando muchas fotos a la vez. Inténtalo en unos segundos.")
        self.held += size

    def give_back(self, size: int) -> None:
        self.held -= size


# Of all applications of the process: they share its memory.
held_bytes = HeldBytes()


async def read_body(http_request: Request, limit: int = MAX_FORM_BYTES) -> bytes:
    """The whole body. Raises TooLarge as soon as more than `limit` bytes have arrived, whatever the headers promised.

    Raises InvalidInput when the sender goes away before its end: half of it is nothing, and nobody's mistake.
    """
    body = bytearray()
    try:
        async for chunk in http_request.stream():
            body += chunk
            if len(body) > limit:
                raise TooLarge("Lo que enviaste es demasiado grande.")
    except ClientDisconnect as gone:
        raise InvalidInput("El envío se cortó antes del final.") from gone
    return bytes(body)


def with_body(handle: Callable[[Request, bytes], Response]) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a Starlette route: reads the body, then runs the plain `handle` in one hop to a thread.

    For what is called most: of a FastAPI route each plain dependency is a hop of its own.
    """

    async def endpoint(http_request: Request) -> Response:
        return await run_in_threadpool(handle, http_request, await read_body(http_request))

    return endpoint


async def _body(http_request: Request) -> bytes:
    return await read_body(http_request)


def body_up_to(limit: int) -> Callable[[Request], Awaitable[bytes]]:
    """A dependency that reads a body of another size. Raises TooLarge."""

    async def read(http_request: Request) -> bytes:
        return await read_body(http_request, limit)

    return read


async def _form(http_request: Request) -> Form:
    body = await read_body(http_request)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        raise InvalidInput("No pudimos leer el formulario. Vuelve a intentarlo.") from None
    # PostgreSQL takes no NUL in text, and no person types one.
    return Form([(name, value.replace("\0", "")) for name, value in pairs])


@dataclass(frozen=True)
class Upload:
    """A form that may hold files: `form` has its fields, `files` the bytes of those chosen, `names` how each was called."""

    form: Form
    files: Sequence[memoryview]
    names: Sequence[str] = ()


@asynccontextmanager
async def _held(http_request: Request) -> AsyncIterator[bytes]:
    """The whole body, counted among those that the process holds until the block ends."""
    limits: Media = http_request.app.state.settings.media
    body = bytearray()
    try:
        async for chunk in http_request.stream():
            if len(body) + len(chunk) > limits.max_total_bytes:
                raise TooLarge("Las fotos pesan demasiado: caben {limit} MB.", limit=limits.max_total_bytes >> 20)
            held_bytes.take(len(chunk), limits.max_held_bytes)
            body += chunk
        yield bytes(body)
    finally:
        held_bytes.give_back(len(body))


async def _upload(http_request: Request) -> AsyncIterator[Upload]:
    async with _held(http_request) as body:
        yield _read_upload(body, http_request.headers.get("content-type", ""))


async def _form_or_upload(http_request: Request) -> AsyncIterator[Upload]:
    content_type = http_request.headers.get("content-type", "")
    if content_type.split(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        yield Upload(await _form(http_request), [])
        return
    async with _held(http_request) as body:
        yield _read_upload(body, content_type)


def _read_upload(body: bytes, content_type: str) -> Upload:
    media_type, options = parse_options_header(content_type)
    if media_type != b"multipart/form-data":
        raise InvalidInput("No pudimos leer el formulario. Vuelve a intentarlo.")
    try:
        parts = read_multipart(body, options.get(b"boundary", b""))
        pairs = [(part.name.decode(), bytes(part.data).decode()) for part in parts if not part.is_file]
    except (InvalidInput, UnicodeDecodeError):
        raise InvalidInput("No pudimos leer el formulario. Vuelve a intentarlo.") from None
    chosen = [part for part in parts if part.is_file and (part.data or part.filename)]
    return Upload(
        Form([(name, value.replace("\0", "")) for name, value in pairs]),
        [part.data for part in chosen],
        [(part.filename or b"").decode(errors="replace") for part in chosen],
    )


BodyDep = Annotated[bytes, Depends(_body)]
FormDep = Annotated[Form, Depends(_form)]
UploadDep = Annotated[Upload, Depends(_upload)]
# For a form that may be sent without files by programs that know no other way.
FormOrUploadDep = Annotated[Upload, Depends(_form_or_upload)]
