"""Puts the console under `/consola`, as an application of its own: its errors are pages and its headers are strict."""

from http import HTTPStatus

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from agent_console import live
from agent_console.access import BASE, entry_url
from agent_console.headers import SecurityHeaders
from agent_console.pages import (
    account,
    api_keys,
    appearance,
    calls,
    conversations,
    desk,
    incidents,
    payloads,
    public_text,
    queue,
    rules,
    service_request,
    sign_in,
    staff,
    texts,
    webhooks,
    whatif,
)
from agent_console.rendering import STATIC, render, see_other
from kernel.errors import AtiendeError, Fault, InvalidInput, NotFound, NotSignedIn, TooMany
from kernel.i18n import best_language, translate
from kernel.web import LANGUAGE_COOKIE


class _KeptStatic(StaticFiles):
    """Static files whose address carries their digest."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]  # passed through as given
        response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def install(app: FastAPI) -> None:
    """Called once by the composition root."""
    console = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(_refuse_nul)])
    console.state = app.state  # settings, and the live feed once the application has started
    for page in (
        sign_in,
        queue,
        service_request,
        conversations,
        incidents,
        desk,
        calls,
        payloads,
        public_text,
        rules,
        texts,
        staff,
        api_keys,
        webhooks,
        whatif,
        account,
        appearance,
    ):
        console.include_router(page.router)
    console.include_router(live.router)
    console.add_api_route("/", _first_page, include_in_schema=False)
    console.mount("/static", _KeptStatic(directory=STATIC))
    console.add_exception_handler(AtiendeError, _show_error)
    console.add_exception_handler(HTTPException, _show_http_error)
    console.add_exception_handler(RequestValidationError, _show_invalid)
    console.add_exception_handler(Exception, _show_fault)
    console.add_middleware(SecurityHeaders)
    app.mount(BASE, console)
    app.add_api_route(BASE, _first_page, include_in_schema=False)


def _refuse_nul(http_request: Request) -> None:
    """PostgreSQL takes no NUL in text, and no address of ours has one. Raises NotFound."""
    if "\0" in http_request.scope["path"]:
        raise NotFound("Aquí no hay nada, o no es para tu cuenta.")


def _first_page() -> RedirectResponse:
    return see_other(f"{BASE}/solicitudes")


def _show_error(http_request: Request, error: Exception) -> Response:
    assert isinstance(error, AtiendeError)
    if isinstance(error, NotSignedIn):
        where = entry_url(http_request)
        if http_request.headers.get("hx-request") == "true":
            return Response(status_code=401, headers={"hx-redirect": f"{BASE}/entrar"})
        return see_other(where)
    chosen = http_request.cookies.get(LANGUAGE_COOKIE) or best_language(http_request.headers.get("accept-language"))
    headers = {"retry-after": str(error.retry_after_s)} if isinstance(error, TooMany) else {}
    title = translate(chosen, "No encontramos esta página" if isinstance(error, NotFound) else "No se pudo")
    text = error.public_text(chosen)
    return render("error.html", language=chosen, status=error.status, headers=headers, title=title, text=text)


def _show_http_error(http_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return Response(status_code=405, headers=dict(error.headers or {}))
    return _show_error(http_request, NotFound("Aquí no hay nada, o no es para tu cuenta."))


def _show_invalid(http_request: Request, error: Exception) -> Response:
    return _show_error(http_request, InvalidInput("Algo de lo que se mandó no se entiende. Vuelve atrás y revísalo."))


def _show_fault(http_request: Request, error: Exception) -> Response:
    """A fault of ours. It is raised again once this page is sent, so that the log has it."""
    return _show_error(http_request, Fault("Algo falló de nuestro lado. Intenta otra vez en un minuto."))
