"""`/incidentes.atom` and `/incidentes/{id}.cap`: what is going on, for machines, as CAP 1.2."""

from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlmodel import Session

from intake.catalog import queries as catalog
from intake.catalog.models import Jurisdiction
from intake.incidents import alerts, places, queries
from intake.incidents.cap.values import Alert
from intake.incidents.cap.writing import MEDIA_TYPE, write_alert, write_feed
from intake.incidents.models import Incident, IncidentUpdate
from kernel import clock, db
from kernel.errors import NotFound
from kernel.i18n import translate

router = APIRouter(include_in_schema=False)
_METHODS = ["GET", "HEAD"]
# Long enough for whoever asks once a day to learn that it is over.
_TOLD_AFTERWARDS = timedelta(days=2)
_HEADERS = {"cache-control": "public, max-age=30", "access-control-allow-origin": "*"}


class _Site(NamedTuple):
    """Where we are: the address of the installation and of a city's pages."""

    base: str
    host: str


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
