"""A request of another register on its page: its words and its end, which no report and no event here tells."""

from collections.abc import Sequence
from uuid import UUID

from intake.service_requests.lifecycle import CLOSED
from intake.service_requests.models import Report, ServiceRequest, ServiceRequestEvent
from kernel.i18n import translate


def name_of(service_request: ServiceRequest, language: str) -> str:
    """The register and the number there, in words."""
    return translate(
        language, "Registro {source}, número {number}", source=service_request.source, number=service_request.source_id
    )


def reports_of(service_request: ServiceRequest) -> list[Report]:
    """Its description as what somebody said when it was made; never stored."""
    if service_request.source is None:
        return []
    report = Report(
        service_request_id=service_request.id,
        contact_point_id=key_of(service_request),
        channel=service_request.channel,
        words=service_request.description,
        at=service_request.requested_at,
        wants_notices=False,
    )
    return [report]


def events_of(service_request: ServiceRequest, events: Sequence[ServiceRequestEvent]) -> list[ServiceRequestEvent]:
    """How it ended there, until something happens to its state here; never stored."""
    if service_request.source is None or any(event.name == "status_changed" for event in events):
        return []
    if service_request.life != CLOSED and not service_request.status_notes:
        return []
    event = ServiceRequestEvent(
        service_request_id=service_request.id,
        name="status_changed",
        audience="public",
        actor_kind="system",
        actor_name=str(service_request.source),
        note=service_request.status_notes,
        data={"life": service_request.life, "outcome_code": service_request.outcome_code},
        at=service_request.closed_at or service_request.updated_at,
    )
    return [event]


def key_of(service_request: ServiceRequest) -> UUID:
    """Stands for whoever reported where names are looked up: no contact has the id of a request."""
    return service_request.id
