"""CAP 1.2 for machines: `/incidentes.atom` and `/incidentes/{id}.cap` tell, `POST /incidentes.cap` takes alerts in.

Whoever sends alerts has a key of the city with the scope `alert`, as a bearer token: an address stands in everybody's logs.
"""

from datetime import timedelta
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from sqlmodel import Session

from intake.catalog import clients
from intake.catalog import queries as catalog
from intake.catalog.keys import ALERT
from intake.catalog.models import Jurisdiction
from intake.incidents import alerts, places, queries
from intake.incidents.cap.reading import MOST_BYTES, read_alert
from intake.incidents.cap.values import Alert
from intake.incidents.cap.writing import MEDIA_TYPE, write_alert, write_feed
from intake.incidents.models import Incident, IncidentUpdate
from kernel import clock, db
from kernel.bodies import body_up_to
from kernel.errors import AtiendeError, Forbidden, NotFound, NotSignedIn, TooMany
from kernel.i18n import best_language, translate
from kernel.rate_limits import RateLimiter, address_of
from kernel.sessions import SessionDep
from kernel.settings import Settings

_log = structlog.get_logger(__name__)
router = APIRouter(include_in_schema=False)
BodyDep = Annotated[bytes, Depends(body_up_to(MOST_BYTES))]
_BEARER = "bearer "
_METHODS = ["GET", "HEAD"]
# Long enough for whoever asks once a day to learn that it is over.
_TOLD_AFTERWARDS = timedelta(days=2)
_HEADERS = {"cache-control": "public, max-age=30", "access-control-allow-origin": "*"}


class _Site(NamedTuple):
    """Where we are: the address of the installation and of a city's pages."""

    base: str
    host: str


def install(app: FastAPI) -> None:
    """Called once by the composition root."""
    app.state.alert_limiter = RateLimiter(app.state.settings.redis_url, "alerts")
    app.include_router(router)
    app.add_exception_handler(AtiendeError, _refuse)


@router.post("/incidentes.cap")
def take_in(http_request: Request, session: SessionDep, body: BodyDep, jurisdiction_id: str = "") -> Response:
    city = _city(session, jurisdiction_id)
    _spend(http_request, city)
    client = _sender(session, http_request, city)
    ours = alerts.sender_of(_site(http_request).host)
    taken = alerts.take_in(session, city.id, read_alert(body), ours=ours, now=clock.now())
    _log.info("alert.pushed", outcome=taken.outcome, client=client.label)
    return JSONResponse({"outcome": taken.outcome}, status_code=201 if taken.outcome == "proposed" else 200)


@router.api_route("/incidentes.atom", methods=_METHODS)
def feed(http_request: Request, jurisdiction_id: str = "") -> Response:
    site, now = _site(http_request), clock.now()
    with db.read_transaction() as session:
        city = _city(session, jurisdiction_id)
        held = alerts.published(session, city.id, since=now - _TOLD_AFTERWARDS)
        told = [(alert, f"{site.base}/incidentes/{one.id}.cap") for one, past in held
                if (alert := _message(session, site, city, one, past)) is not None]  # fmt: skip
    address = f"{site.base}/incidentes.atom?jurisdiction_id={city.id}"
    title = translate("es", "Incidentes de {city}", city=city.name)
    updated = max((alert.sent for alert, _ in told), default=city.catalog_changed_at)
    body = write_feed(address=address, title=title, author=city.name, updated=updated, alerts=told)
    return Response(body, media_type="application/atom+xml; charset=utf-8", headers=_HEADERS)


@router.api_route("/incidentes/{name}.cap", methods=_METHODS)
def alert(http_request: Request, name: str) -> Response:
    try:
        incident_id = UUID(name)
    except ValueError:
        return Response(status_code=404)
    site = _site(http_request)
    with db.read_transaction() as session:
        incident = session.get(Incident, incident_id)
        if incident is None:
            return Response(status_code=404)
        city = catalog.jurisdiction(session, incident.jurisdiction_id)
        past = list(reversed(queries.updates_of(session, incident.id)))
        told = _message(session, site, city, incident, past)
    # A proposal is nobody's business yet.
    if told is None:
        return Response(status_code=404)
    return Response(write_alert(told), media_type=f"{MEDIA_TYPE}; charset=utf-8", headers=_HEADERS)


def _message(
    session: Session, site: _Site, city: Jurisdiction, incident: Incident, past: list[IncidentUpdate]
) -> Alert | None:
    day = clock.now().astimezone(catalog.catalog(session, city.id).timezone).date()
    outline = places.outline(session, city.id, day) if incident.geometry is None else None
    return alerts.message_of(incident, past, city, outline=outline, host=site.host, page=site.base)


def _site(http_request: Request) -> _Site:
    base = str(http_request.app.state.settings.web.public_base_url).rstrip("/")
    return _Site(base, urlsplit(base).hostname or "localhost")


def _city(session: Session, jurisdiction_id: str) -> Jurisdiction:
    if not jurisdiction_id:
        return catalog.default_jurisdiction(session)
    if len(jurisdiction_id) > 200:
        raise NotFound("No encontramos ese incidente.")
    return catalog.jurisdiction(session, jurisdiction_id)


def _secret(http_request: Request) -> str:
    given = http_request.headers.get("authorization", "")
    return given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER) else ""


def _spend(http_request: Request, city: Jurisdiction) -> None:
    """As many alerts a minute as a key may make reports. Raises TooMany."""
    settings: Settings = http_request.app.state.settings
    limiter: RateLimiter = http_request.app.state.alert_limiter
    known = clients.remembered(city.id, _secret(http_request))
    limit = settings.limits.writes_per_minute
    if known is not None and known.writes_per_minute is not None:
        limit = known.writes_per_minute
    who = str(known.id) if known else address_of(http_request, settings.secrets.session_key)
    if limit and (budget := limiter.spend("write", who, limit)).used > limit:
        raise TooMany(
            "Son demasiadas llamadas por minuto. Vuelve a intentarlo en {seconds} s.",
            retry_after_s=budget.reset_s,
            seconds=budget.reset_s,
        )


def _sender(session: Session, http_request: Request, city: Jurisdiction) -> clients.ApiClient:
    """Whose key it is. Raises NotSignedIn, Forbidden."""
    found = clients.find(session, city.id, _secret(http_request), now=clock.now())
    if found is None:
        raise NotSignedIn("La llave falta o no es válida.")
    if ALERT not in found.scopes:
        raise Forbidden("Esta llave no puede mandar alertas.")
    return found


def _refuse(http_request: Request, error: Exception) -> Response:
    """In words, for whoever looks after the program that called."""
    assert isinstance(error, AtiendeError)
    language = best_language(http_request.headers.get("accept-language"))
    headers = {"www-authenticate": "Bearer"} if error.status == 401 else {}
    if isinstance(error, TooMany):
        headers["retry-after"] = str(error.retry_after_s)
    return JSONResponse({"error": error.public_text(language)}, status_code=error.status, headers=headers)
