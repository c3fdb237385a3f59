"""Adds the resident pages to the application, in Spanish at `/` and in English below `/en`, with their own error pages."""

import re

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware

from channels.app import alike, changing, photos, report, side, start, track
from channels.app.drafts import Expired
from channels.app.rendering import render
from channels.resident.rendering import Page, language_of
from intake.catalog import queries as catalog
from intake.catalog.models import Jurisdiction
from kernel import clock, db
from kernel.errors import AtiendeError, Fault, InvalidInput, NotFound, Unavailable
from kernel.i18n import translate

_STEP = re.compile(r"(/en)?/r/[\w-]+/[a-z]+")
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
    pages.add_exception_handler(Exception, _show_fault)
    # A page goes out in one flight on a slow line when it is packed.
    pages.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)
    app.mount("", pages)


def _show_error(http_request: Request, error: Exception) -> Response:
    assert isinstance(error, AtiendeError)
    language = language_of(http_request)
    page = Page(_city(), language, http_request.url.path, clock.now())
    return render(
        page,
        "problem.html",
        error.status,
        title=translate(language, _title(error)),
        text=error.public_text(language),
        back="" if isinstance(error, NotFound) else _step_of(page.path),
        is_gone=isinstance(error, Expired),
    )


def _title(error: AtiendeError) -> str:
    if isinstance(error, Expired):
        return "Este reporte ya no está"
    return "No encontramos esta página" if isinstance(error, NotFound) else "No pudimos seguir"


def _step_of(path: str) -> str:
    """The step of a report that was being answered, where what is saved so far can be seen again; "" elsewhere."""
    return path if _STEP.fullmatch(path) else ""


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


def _show_fault(http_request: Request, error: Exception) -> Response:
    """A fault of ours. It is raised again once this page is sent, so that the log has it."""
    return _show_error(http_request, Fault("Algo falló de nuestro lado. Intenta otra vez en un minuto."))
