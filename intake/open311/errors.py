"""Every failure under /open311, whoever raised it, as the standard's `errors` list in the format of the address."""

import logging
from collections.abc import Sequence

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from intake.open311.formats import FORBIDDEN, JSON, XML, respond
from intake.service_requests.values import InvalidForm
from kernel.errors import AtiendeError, Forbidden, NotFound, TooMany, Unavailable
from kernel.i18n import LANGUAGES, best_language

log = logging.getLogger(__name__)

NO_SUCH_RESOURCE = "No existe ese recurso."
_OWN_WORDS = {
    404: NO_SUCH_RESOURCE,
    405: "Ese método no se usa aquí.",
}
_RETRY_AFTER_S = 10
_METHODS = ("GET", "HEAD", "POST")


class UnsupportedMediaType(AtiendeError):
    """A body that is neither of the two form encodings."""

    status = 415


class TooLongAddress(AtiendeError):
    """A path and query of more bytes than any call needs."""

    status = 414


class BadKey(Forbidden):
    """403, never 401: the standard has no challenge to answer."""

    def __init__(self) -> None:
        super().__init__("La api_key falta o no es válida.", field="api_key")


def format_of(http_request: Request) -> str:
    """The suffix decides; without one the Accept header may ask for JSON, else XML, the format the standard requires."""
    # Not `http_request.url`: it reads the Host header too, and fails on a wrong one.
    path = http_request.scope["path"].rstrip("/")
    for fmt in (JSON, XML):
        if path.endswith("." + fmt):
            return fmt
    return JSON if "json" in http_request.headers.get("accept", "") else XML


def language_of(http_request: Request) -> str:
    """The language of error texts: `locale` if it is one of ours, else what Accept-Language prefers."""
    asked = http_request.query_params.get("locale", "").split("-")[0].lower()
    return asked if asked in LANGUAGES else best_language(http_request.headers.get("accept-language"))


def render(http_request: Request, status: int, errors: Sequence[AtiendeError], **headers: str) -> Response:
    """The error answer; each error's body code equals the HTTP status."""
    language = language_of(http_request)
    # A text may quote a piece of the address.
    texts = [FORBIDDEN.sub("\ufffd", error.public_text(language)) for error in errors]
    value = [{"code": status, "description": text} for text in texts]
    headers |= {"cache-control": "no-store", "content-language": language}
    return respond(format_of(http_request), "errors", value, status=status, headers=headers)


def on_our_error(http_request: Request, error: Exception) -> Response:
    assert isinstance(error, AtiendeError)
    if error.status >= 500:
        log.error("open311 %s: %s", type(error).__name__, error)
        headers = {"retry-after": str(_RETRY_AFTER_S)} if error.status == 503 else {}
        return render(http_request, error.status, [_apology(error.status)], **headers)
    parts = error.errors if isinstance(error, InvalidForm) else [error]
    headers = {"retry-after": str(error.retry_after_s)} if isinstance(error, TooMany) else {}
    return render(http_request, error.status, parts, **headers)


def on_http_error(http_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    text = _OWN_WORDS.get(error.status_code, "No se puede atender esta petición.")
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if "allow" in headers:  # the framework writes a set: in any order, and without OPTIONS, which the edge answers
        headers["allow"] = ", ".join([name for name in _METHODS if name in headers["allow"]] + ["OPTIONS"])
    return render(http_request, error.status_code, [AtiendeError(text)], **headers)


def on_database_down(http_request: Request, error: Exception) -> Response:
    log.error("open311: the database does not answer: %s", type(error).__name__)
    return render(http_request, 503, [_apology(503)], **{"retry-after": str(_RETRY_AFTER_S)})


def on_bug(http_request: Request, error: Exception) -> Response:
    """The server's own log has the traceback; the answer tells nothing of it."""
    return render(http_request, 500, [_apology(500)])


def _apology(status: int) -> AtiendeError:
    if status == 503:
        return Unavailable("Por el momento no podemos atender. Inténtalo en unos segundos.")
    return AtiendeError("Algo falló de nuestro lado. Ya quedó registrado.")


HANDLERS = {
    AtiendeError: on_our_error,
    HTTPException: on_http_error,
    OperationalError: on_database_down,
    InterfaceError: on_database_down,
    NoFreeConnection: on_database_down,
    Exception: on_bug,
}

__all__ = ["HANDLERS", "BadKey", "NotFound", "UnsupportedMediaType", "render"]
