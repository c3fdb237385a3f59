"""Giving an open request to the agency that newer rules name: with their receipt, told to everybody, at most once."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from intake.service_requests import lifecycle
from intake.service_requests.change import lock, touch
from intake.service_requests.events import add_event
from intake.service_requests.models import RoutingDecisionRow, ServiceRequest
from intake.service_requests.values import Actor
from routing import queries as routing


def reroute(
    session: Session,
    service_request_id: UUID,
    *,
    expected_agency: str,
    receipt: Mapping[str, Any],
    actor: Actor,
    now: datetime,
) -> ServiceRequest | None:
    """The request in the hands of the receipt's agency; None, unchanged, when it was closed or is no longer `expected_agency`'s.

    The receipt is the decision in force from now on. The date that the resident was told stays. Raises NotFound.
    """
    found = lock(session, service_request_id)
    agency = receipt["agency"]
    if found.life == lifecycle.CLOSED or found.agency_code != expected_agency or agency is None:
        return None
    if agency["code"] == found.agency_code:
        return None
    agencies = routing.agencies(session, found.jurisdiction_id)
    before, after = agencies.get(expected_agency), agencies.get(agency["code"])
    if after is None or not after.is_active:
        return None
    found.agency_code, found.handover = after.code, "transferred"
    found.areas = {
        layer["key"]: [{"code": area["code"], "name": area["name"]} for area in layer["areas"]]
        for layer in receipt["layers"]
    }
    keep_decision(session, found.id, receipt, now)
    data = {
        "agency_code": after.code,
        "agency_name": after.name,
        "before": expected_agency,
        "before_name": before.name if before else None,
        "rule_set_version": receipt["rule_set_version"],
    }
    event = add_event(session, found.id, "routed", "public", actor, at=now, data=data)
    touch(session, found, event, now)
    return found


def keep_decision(session: Session, service_request_id: UUID, receipt: Mapping[str, Any], now: datetime) -> None:
    """The receipt is the decision in force from now on."""
    session.add(
        RoutingDecisionRow(
            service_request_id=service_request_id,
            agency_code=receipt["agency"]["code"] if receipt["agency"] else None,
            rule_code=receipt["rule"]["code"] if receipt["rule"] else None,
            rule_set_version=receipt["rule_set_version"],
            receipt=dict(receipt),
            at=now,
        )
    )
