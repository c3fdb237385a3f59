"""Headers that a handler adds to the answer of its call: limits, totals, links, dates."""

from datetime import UTC, datetime
from email.utils import format_datetime

from starlette.requests import Request
from starlette.types import Scope

_KEY = "atiende.open311.headers"


def answer_headers(scope: Scope) -> dict[str, str]:
    """Headers that the answer to this call will carry, also when it is an error; handlers add to them. Names in lower case."""
    headers: dict[str, str] = scope.setdefault(_KEY, {})
    return headers


def tell_last_modified(http_request: Request, at: datetime, *, now: datetime) -> None:
    """Says since when the answer is what it is. Not within the same second: another change in it would bear the same date."""
    if now.replace(microsecond=0) > at:
        answer_headers(http_request.scope)["last-modified"] = format_datetime(at.astimezone(UTC), usegmt=True)
