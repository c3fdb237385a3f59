"""How often a client of the API may call: writes by key, reads by key or else by address.

A write asks Redis each time; reads bring what they counted there once for every hundredth of their limit, which is nearly free.
"""

from starlette.requests import Request

from intake.catalog import clients
from intake.catalog.clients import ApiClient
from intake.open311.context import asked_city, form_of, query_of, secret_of
from intake.open311.extensions import remembered, take_back
from intake.open311.forms import Fields
from intake.open311.headers import answer_headers
from kernel.errors import AtiendeError, TooMany
from kernel.rate_limits import RateLimiter, address_of
from kernel.settings import Settings

_READS_TOLD_AT_ONCE = 100  # parts of the limit


def spend(http_request: Request) -> None:
    """Counts this call, and puts what is left into the answer's headers. Raises TooMany when nothing is left."""
    try:
        fields = _sent(http_request)
    except AtiendeError:
        # To find out that a body cannot be read is work as well.
        _count(http_request, None, None)
        take_back(answer_headers(http_request.scope), remembered(None))
        raise
    asked = asked_city(*fields)
    # Only for counting: whether the key opens anything is looked up with the city.
    _count(http_request, asked, clients.remembered(asked, secret_of(http_request, *fields)))


def _sent(http_request: Request) -> tuple[Fields, ...]:
    query = query_of(http_request)
    return (form_of(http_request), query) if http_request.method == "POST" else (query,)


def _count(http_request: Request, asked: str | None, client: ApiClient | None) -> None:
    settings: Settings = http_request.app.state.settings
    limiter: RateLimiter = http_request.app.state.rate_limiter
    is_write = http_request.method == "POST"
    limit = settings.limits.writes_per_minute if is_write else settings.limits.reads_per_minute
    if is_write and client is not None and client.writes_per_minute is not None:
        limit = client.writes_per_minute
    if limit == 0:
        return
    who = str(client.id) if client is not None else address_of(http_request, settings.secrets.session_key)
    told_at_once = 1 if is_write else max(1, limit // _READS_TOLD_AT_ONCE)
    budget = limiter.spend("write" if is_write else "read", who, limit, told_at_once=told_at_once)
    # Whoever reads the city takes them back if it does without them.
    headers = answer_headers(http_request.scope)
    headers.update(budget.headers)
    if budget.used > limit:
        take_back(headers, remembered(asked))
        raise TooMany(
            "Son demasiadas llamadas por minuto. Vuelve a intentarlo en {seconds} s.",
            retry_after_s=budget.reset_s,
            seconds=budget.reset_s,
        )
