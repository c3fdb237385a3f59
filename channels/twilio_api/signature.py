"""Twilio's signature: base64 of HMAC-SHA1 over the URL it called and every form parameter, sorted by name.

Only form bodies are read. Twilio signs a JSON body by a hash in the query, and its helper calls such a webhook valid for any
body that is handed over already parsed; we receive no JSON from Twilio, so a JSON body is refused before any check.
"""

from collections.abc import Sequence
from urllib.parse import parse_qsl

from starlette.datastructures import ImmutableMultiDict
from twilio.request_validator import RequestValidator

from channels.values import Webhook
from kernel.errors import ForgedWebhook

_FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 400

Form = ImmutableMultiDict[str, str]


def form(webhook: Webhook) -> Form:
    """The parameters of the body, blank ones and repeated ones kept. Raises ForgedWebhook."""
    media_type = webhook.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != _FORM:
        raise ForgedWebhook("Aquí solo entran formularios del proveedor.")
    try:
        pairs = parse_qsl(webhook.body.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:  # not ASCII, or more fields than any provider sends
        raise ForgedWebhook("El cuerpo de este aviso no es un formulario.") from None
    return ImmutableMultiDict(pairs)


def check(tokens: Sequence[str], url: str, parameters: Form, signature: str | None) -> None:
    """Raises ForgedWebhook unless one of `tokens` signed `url` with `parameters`."""
    if not signature:
        raise ForgedWebhook("Falta la firma del proveedor.")
    if not any(RequestValidator(token).validate(url, _Parameters(parameters), signature) for token in tokens):
        raise ForgedWebhook("La firma del proveedor no corresponde.")


class _Parameters(dict[str, str]):
    """The form as Twilio's helper reads it: `getlist` gives every value of a repeated parameter."""

    def __init__(self, parameters: Form) -> None:
        super().__init__(parameters.items())
        self._all = parameters

    def getlist(self, name: str) -> list[str]:
        return self._all.getlist(name)
