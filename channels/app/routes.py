"""Adds the resident pages to the application, in Spanish at `/` and in English below `/en`, with their own error pages."""

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.exceptions import HTTPException

from channels.app import alike, changing, photos, report, side, start, track
from channels.app.rendering import Page, language_of, render
from intake.catalog import queries as catalog
from intake.catalog.models import Jurisdiction
from kernel import clock, db
from kernel.errors import AtiendeError, InvalidInput, NotFound, Unavailable
from kernel.i18n import translate

_NAMELESS = Jurisdiction(id="", name="Atiende", timezone="UTC", catalog_changed_at=clock.now())


def install(app: FastAPI) -> None:
    """Called once by the composition root, after every other part: these pages take what nobody else took."""
    pages = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    pages.state = app.state
    for prefix in ("/en", ""):
        for page in (start, report, photos, alike, side, changing, track):
            pages.include_router(page.router, prefix=prefix)
    pages.add_api_route("/en", start.home)
    pages.add_exception_handler(AtiendeError, _show_error)
    pages.add_exception_handler(HTTPException, _show_http_error)
    pages.add_exception_handler(RequestValidationError, _show_invalid)
    for lost in (OperationalError, InterfaceError):
        pages.add_exception_handler(lost, _show_database_error)
    app.mount("", pages)


def _show_error(http_request: Request, error: Exception) -> Response:
    assert isinstance(error, AtiendeError)
    language = language_of(http_request)
    page = Page(_city(), language, http_request.url.path, clock.now())
    title = "No encontramos esta página" if isinstance(error, NotFound) else "No pudimos seguir"
    text = error.public_text(language)
    return render(page, "problem.html", error.status, title=translate(language, title), text=text)


def _city() -> Jurisdiction:
    try:
        with db.transaction() as session:
            return catalog.default_jurisdiction(session)
    except (NotFound, OperationalError, InterfaceError):
        return _NAMELESS


def _show_http_error(http_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return Response(status_code=405, headers=dict(error.headers or {}))
    return _show_error(http_request, NotFound("La dirección está mal escrita o ya no existe."))


def _show_invalid(http_request: Request, error: Exception) -> Response:
    return _show_error(http_request, InvalidInput("No pudimos leer el formulario. Vuelve a intentarlo."))


def _show_database_error(http_request: Request, error: Exception) -> Response:
    return _show_error(
        http_request, Unavailable("Estamos con una falla. Lo que escribiste sigue guardado: intenta en un minuto.")
    )
