"""Requests of another register: what can be said today about where they went. Nothing was decided here when they came in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.service_requests.models import ServiceRequest
from kernel.errors import NotFound
from routing import queries as routing


@dataclass(frozen=True, slots=True)
class PastDecision:
    """The receipt that our rules and boundaries of its day give when asked today; `agency_code` is theirs, None outside."""

    receipt: Mapping[str, Any]
    agency_code: str | None


def decide_again(session: Session, service_request: ServiceRequest) -> PastDecision | None:
    """None for a request that was made here, and where nothing can be decided: no rules for its day, or no such service.

    Its agency may be another one than the request's: the register's own word counts, and our rules may have changed since.
    """
    if service_request.source is None:
        return None
    known = catalog.catalog(session, service_request.jurisdiction_id)
    service = known.by_code.get(service_request.service_code) or known.retired.get(service_request.service_code)
    if service is None:
        return None
    has_point = service_request.lon is not None and service_request.lat is not None
    try:
        decision = routing.route(
            session,
            jurisdiction_id=service_request.jurisdiction_id,
            service_code=service.code,
            service_group=service.group_code,
            promise=service.promise,
            point=LonLat(service_request.lon, service_request.lat) if has_point else None,  # type: ignore[arg-type]  # both or none
            precision_m=service_request.precision_m,
            at=service_request.requested_at,
        )
    except NotFound:
        return None
    return PastDecision(decision.receipt, decision.agency_code)
