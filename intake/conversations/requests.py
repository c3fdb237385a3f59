"""A request as its reporter is told of it: names and dates looked up, ready for `wording`."""

from sqlmodel import Session

from intake.catalog import cities
from intake.catalog import queries as catalog
from intake.catalog.definitions import text_in
from intake.conversations import own_texts
from intake.conversations.values import VOICE
from intake.conversations.wording import ONE_SMS, RequestInWords
from intake.forecasts import queries as forecasts
from intake.service_requests import published
from intake.service_requests import queries as service_requests
from intake.service_requests.models import ServiceRequest
from routing import queries as routing

# Half a minute.
_SPOKEN = 400


def in_words(session: Session, request: ServiceRequest, language: str, channel: str | None = None) -> RequestInWords:
    """What may be told of the request, in `language`, to anybody who has its folio. channel: on which it is told."""
    city = cities.city(session, request.jurisdiction_id)
    service = catalog.catalog(session, request.jurisdiction_id).by_code.get(request.service_code)
    agency = routing.agency_names(session, request.jurisdiction_id, request.agency_code or "")
    forecast = forecasts.told(session, city, request.service_code, request.areas)
    return RequestInWords(
        folio=request.folio,
        service=text_in(service.name, language) if service else request.service_code,
        life=request.life,
        outcome_code=request.outcome_code,
        agency=agency or (city.name, city.name),
        expected_at=request.expected_at,
        closed_at=request.closed_at,
        note=published.status_notes_of(request),
        gives_folio=service is None or service.kind != "blackbox",
        is_default_agency=service_requests.outcome_of(session, request.id) == "default",
        timezone=city.timezone,
        language=language,
        forecast=forecast.short(language) if forecast is not None and service is not None else "",
        room=_SPOKEN if channel == VOICE else ONE_SMS,
        paused_at=request.paused_at,
        city=city.name,
        own=own_texts.own_texts(session, request.jurisdiction_id, language, channel) if channel else {},
    )
