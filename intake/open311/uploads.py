"""Photos that come with a form: stored before the form is written, and only for a caller whose form will be taken."""

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session
from starlette.requests import Request

from intake.catalog.clients import ApiClient
from intake.media.receiving import look_over, receive
from intake.media.values import Received
from intake.open311.context import City, city_of, client_of
from intake.open311.forms import Fields
from kernel import db

# Raises what the form itself will raise; False when it was taken before, and its photos with it.
Check = Callable[[Session, City, ApiClient], bool]


def take_photos(
    http_request: Request, scope: str, form: Fields, query: Fields, check: Check, *, now: datetime
) -> Received:
    """The photos of the form, stored and not yet anybody's. A form without files costs nothing here.

    Checks first, in a transaction that is over before a byte is stored: who has no key, or a form that is wrong, fills no store.
    """
    if not form.files:
        return Received()
    with db.transaction() as session:
        city = city_of(session, http_request, form, query)
        if "media" in city.extensions_off:
            return Received()
        is_new = check(session, city, client_of(session, http_request, city, scope, form, query))
    if not is_new:
        return Received(problems=look_over(form.files))
    return receive(city.id, form.files, now=now)
