"""GeoReport v2 under /open311, as an application of its own: what the framework itself answers there follows the standard too."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import FastAPI
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from intake.catalog.keys import SUBMIT, UPDATE
from intake.changes import numbering
from intake.open311 import changes as change_feed
from intake.open311 import freshness, reading, submitting, updating
from intake.open311 import updates as update_feed
from intake.open311.context import (
    audience_of,
    city_of,
    client_of,
    follower_of,
    form_of,
    query_of,
    read_in_city,
    secret_of,
)
from intake.open311.description.operations import openapi
from intake.open311.discovery import discovery
from intake.open311.edge import Edge, Resources
from intake.open311.errors import format_of, language_of
from intake.open311.extensions import require, take_back
from intake.open311.formats import FORMATS, JSON, respond
from intake.open311.headers import answer_headers, tell_last_modified
from intake.open311.last_use import LastUses
from intake.open311.listing import prefers_count
from intake.open311.rate_limits import spend
from intake.open311.uploads import take_photos
from intake.service_requests import queries
from kernel import clock, db, memory
from kernel.errors import NotFound
from kernel.rate_limits import RateLimiter
from kernel.web import Mounted

MOUNT = "/open311"
# Ours look like `t-7f3a9c…`; anything else is not worth a query, and might not even be text for a database.
_TOKEN = re.compile("t-[0-9a-f]{1,64}")


def install(app: FastAPI) -> None:
    """Called once by the composition root."""
    open311 = Resources(_routes())
    open311.state.settings = app.state.settings
    open311.state.rate_limiter = RateLimiter(app.state.settings.redis_url, "open311")
    open311.state.last_uses = LastUses()
    app.add_middleware(Mounted, path=MOUNT, app_there=Edge(open311, app.state.settings.media))


def _routes() -> list[Route]:
    routes = []
    for fmt in FORMATS:
        # Addresses are compared in this order: what is called most comes first.
        routes += [
            Route(f"/v2/requests.{fmt}", _handler(service_requests, fmt, freshness.SHORTLY), methods=["GET", "POST"]),
            Route(f"/v2/requests/{{service_request_id}}.{fmt}", _handler(get_service_request, fmt)),
            Route(f"/discovery.{fmt}", _handler(get_discovery, fmt, freshness.MINUTE)),
            Route(f"/v2/discovery.{fmt}", _handler(get_discovery, fmt, freshness.MINUTE)),
            Route(f"/v2/services.{fmt}", _handler(get_services, fmt)),
            Route(f"/v2/services/{{service_code}}.{fmt}", _handler(get_service_definition, fmt)),
            Route(
                f"/v2/servicerequestupdates.{fmt}", _handler(updates, fmt, freshness.SHORTLY), methods=["GET", "POST"]
            ),
            Route(f"/v2/changes.{fmt}", _handler(get_changes, fmt, freshness.NEVER)),
            Route(f"/v2/tokens/{{token}}.{fmt}", _handler(get_token, fmt, freshness.NEVER)),
        ]
    return [*routes, Route("/v2/openapi.json", get_openapi)]


def _handler(
    call: Callable[[Request], reading.Answer], fmt: str, policy: str = freshness.REVALIDATE
) -> Callable[[Request], Response]:
    """policy: how long a GET's answer may be kept by whoever asked without a key."""

    def handle(http_request: Request) -> Response:
        spend(http_request)
        try:
            root, value = call(http_request)
        finally:
            if client := getattr(http_request.state, "client", None):
                http_request.app.state.last_uses.note(client.id, now=clock.now())
        is_read = http_request.method != "POST"
        return freshness.fresh(http_request, respond(fmt, root, value), policy if is_read else freshness.NEVER)

    handle.__name__ = f"{call.__name__}_{fmt}"
    return handle


def get_openapi(http_request: Request) -> Response:
    base_url = http_request.app.state.settings.web.public_base_url
    language = language_of(http_request)
    document = openapi(base_url, language)
    answer_headers(http_request.scope).update({"vary": "Accept-Language", "content-language": language})
    return freshness.fresh(http_request, respond(JSON, "openapi", document), freshness.MINUTE)


def get_discovery(http_request: Request) -> reading.Answer:
    base_url = http_request.app.state.settings.web.public_base_url
    with db.read_transaction() as session:
        found = discovery(session, query_of(http_request), base_url)
    take_back(answer_headers(http_request.scope), found.extensions_off)
    tell_last_modified(http_request, found.changed_at, now=clock.now())
    return "discovery", found.document


def get_services(http_request: Request) -> reading.Answer:
    with db.read_transaction() as session:
        city = city_of(session, http_request, query_of(http_request))
    tell_last_modified(http_request, city.catalog.changed_at, now=clock.now())
    return reading.services(city)


def get_service_definition(http_request: Request) -> reading.Answer:
    with db.read_transaction() as session:
        city = city_of(session, http_request, query_of(http_request))
    answer = reading.service_definition(city, http_request.path_params["service_code"])
    tell_last_modified(http_request, city.catalog.changed_at, now=clock.now())
    return answer


def service_requests(http_request: Request) -> reading.Answer:
    return (post_service_request if http_request.method == "POST" else get_service_requests)(http_request)


def get_service_requests(http_request: Request) -> reading.Answer:
    query = query_of(http_request)
    # A key is looked up where it would be disabled: on a standby that lags it would open for moments more.
    with db.read_transaction(may_lag=not secret_of(http_request, query)) as session:
        wants_count = prefers_count(http_request.headers.get("prefer"))
        fmt = format_of(http_request)
        read = partial(reading.service_requests, session, query, fmt=fmt, wants_count=wants_count)
        found = read_in_city(session, http_request, query, read)
    answer_headers(http_request.scope).update(found.headers)
    return "service_requests", found.items


def get_service_request(http_request: Request) -> reading.Answer:
    query = query_of(http_request)
    with db.read_transaction() as session:
        read = partial(reading.service_request, session, query, http_request.path_params["service_request_id"])
        found = read_in_city(session, http_request, query, read)
    if found.changed_at is not None:
        tell_last_modified(http_request, found.changed_at, now=clock.now())
    return "service_requests", found.items


def get_token(http_request: Request) -> reading.Answer:
    token = http_request.path_params["token"]
    with db.read_transaction() as session:
        city = city_of(session, http_request, query_of(http_request))
        found = queries.by_token(session, token, jurisdiction_id=city.id) if _TOKEN.fullmatch(token) else None
    # Of what the public may not see not even the id is told.
    if found is None or not found.is_public:
        raise NotFound("No existe ese token.", field="token")
    return "service_requests", [{"service_request_id": found.folio, "token": found.token}]


def post_service_request(http_request: Request) -> reading.Answer:
    form, query, now = form_of(http_request), query_of(http_request), clock.now()
    idempotency_key = http_request.headers.get("idempotency-key")
    check = partial(submitting.is_new, form=form, idempotency_key=idempotency_key, now=now)
    photos = take_photos(http_request, SUBMIT, form, query, check, now=now)

    def post(session: Session) -> dict[str, Any]:
        city = city_of(session, http_request, form, query)
        client = client_of(session, http_request, city, SUBMIT, form, query)
        return submitting.post(session, city, client, form, idempotency_key=idempotency_key, now=now, photos=photos)

    return "service_requests", [_by_memory(http_request, post)]


def _by_memory(http_request: Request, work: Callable[[Session], dict[str, Any]]) -> dict[str, Any]:
    """`work_by_memory`; its second run begins with what the call was told and known of before the first."""
    headers = answer_headers(http_request.scope)
    told = dict(headers)

    def run(session: Session) -> dict[str, Any]:
        headers.update(told)
        http_request.state.client = None
        return work(session)

    return memory.work_by_memory(run)


def updates(http_request: Request) -> reading.Answer:
    return (post_update if http_request.method == "POST" else get_updates)(http_request)


def get_updates(http_request: Request) -> reading.Answer:
    query = query_of(http_request)
    _number_what_waits()
    # Not where reading may lag: what is learnt late would lie before the window that a client asks for next.
    with db.read_transaction() as session:
        city = city_of(session, http_request, query)
        require("servicerequestupdates", city.extensions_off)
        audience = audience_of(session, http_request, city, query)
        return "service_request_updates", update_feed.feed(session, city, audience, query)


def post_update(http_request: Request) -> reading.Answer:
    form, query, now = form_of(http_request), query_of(http_request), clock.now()
    idempotency_key = http_request.headers.get("idempotency-key")
    check = partial(updating.is_new, form=form, idempotency_key=idempotency_key)
    photos = take_photos(http_request, UPDATE, form, query, check, now=now)
    with db.transaction() as session:
        city = city_of(session, http_request, form, query)
        require("servicerequestupdates", city.extensions_off)
        client = client_of(session, http_request, city, UPDATE, form, query)
        answer = updating.post(session, city, client, form, idempotency_key=idempotency_key, now=now, photos=photos)
    return "service_request_updates", [answer]


def get_changes(http_request: Request) -> reading.Answer:
    query = query_of(http_request)
    base_url = http_request.app.state.settings.web.public_base_url
    _number_what_waits()
    with db.read_transaction() as session:
        city = city_of(session, http_request, query)
        require("changes", city.extensions_off)
        audience = follower_of(session, http_request, city, query)
        return "change_feed", change_feed.feed(
            session, city, audience, query, base_url=base_url, fmt=format_of(http_request)
        )


def _number_what_waits() -> None:
    """So that a reader sees what was committed before they asked, whether or not a worker is running."""
    with db.transaction() as session:
        numbering.number(session)
