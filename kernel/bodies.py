"""Reading a request's body, bounded, before any plain handler runs. The only asynchronous step of a form post."""

from collections.abc import Mapping, Sequence
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from kernel.errors import InvalidInput, TooLarge

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


async def read_body(http_request: Request, limit: int = MAX_FORM_BYTES) -> bytes:
    """The whole body. Raises TooLarge as soon as more than `limit` bytes have arrived, whatever the headers promised."""
    body = bytearray()
    async for chunk in http_request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLarge("Lo que enviaste es demasiado grande.")
    return bytes(body)


async def _body(http_request: Request) -> bytes:
    return await read_body(http_request)


async def _form(http_request: Request) -> Form:
    body = await read_body(http_request)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        raise InvalidInput("No pudimos leer el formulario. Vuelve a intentarlo.") from None
    # PostgreSQL takes no NUL in text, and no person types one.
    return Form([(name, value.replace("\0", "")) for name, value in pairs])


BodyDep = Annotated[bytes, Depends(_body)]
FormDep = Annotated[Form, Depends(_form)]
