"""What every resident handler needs: the page's city and language, and redirects that a reload cannot repeat."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse

from channels.resident.rendering import Page, language_of
from intake.catalog import queries as catalog
from kernel import clock
from kernel.sessions import SessionDep


def page_of(http_request: Request, session: SessionDep) -> Page:
    # One site serves one city: the installation's default. Its other cities are reached over Open311 and their own numbers.
    return Page(
        city=catalog.default_jurisdiction(session),
        language=language_of(http_request),
        path=http_request.url.path,
        now=clock.now(),
        query=http_request.url.query,
    )


PageDep = Annotated[Page, Depends(page_of)]


def see_other(path: str) -> RedirectResponse:
    """POST, then 303, then GET: the back button and a reload are always safe."""
    return RedirectResponse(path, status_code=303)
