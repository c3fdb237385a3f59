"""A place near a border, settled after the report was made: somebody says which side it is on, and the rules decide again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from intake.service_requests import lifecycle, queries
from intake.service_requests.change import lock, touch
from intake.service_requests.events import add_event
from intake.service_requests.models import ServiceRequest
from intake.service_requests.rerouting import keep_decision, reroute
from intake.service_requests.values import Actor
from kernel.errors import Conflict, InvalidInput
from routing import queries as routing
from routing.checking import replay


def open_question(found: ServiceRequest, receipt: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The border case that may still be settled: the request is open, and its agency is the one that the rules named."""
    doubt: Mapping[str, Any] | None = (receipt or {}).get("border_case")
    if receipt is None or doubt is None or found.life == lifecycle.CLOSED or receipt["agency"] is None:
        return None
    return doubt if receipt["agency"]["code"] == found.agency_code else None


def reply_key(reply: Mapping[str, Any]) -> str:
    """A reply by what it settles: `road=AV-1`. A number would mean another one after a border is moved."""
    return ",".join(f"{layer}={code}" for layer, code in sorted(reply["settled"].items()))


def settle(
    session: Session, service_request_id: UUID, *, reply: str, actor: Actor, now: datetime, expected_version: int | None
) -> ServiceRequest:
    """The request decided again with the reply (`reply_key`), by the rules and boundaries that decided it before.

    Another agency gets it, and everybody hears; the same one keeps it, and the receipt knows more. The promised date stays.
    Raises NotFound; Conflict when the question is no longer open or somebody was quicker; InvalidInput for a reply that is none,
    and for one that puts the place outside the city: that is said by closing it.
    """
    found = lock(session, service_request_id, expected_version)
    decision = queries.decision_of(session, found.id)
    receipt = decision.receipt if decision else None
    doubt = open_question(found, receipt)
    if doubt is None or receipt is None or found.agency_code is None:
        raise Conflict("Esa pregunta ya no está abierta: la solicitud cambió.")
    chosen = next((one for one in doubt["replies"] if reply_key(one) == reply), None)
    if chosen is None:
        raise InvalidInput("Elige una de las dos respuestas.", field="side")
    if chosen["outcome"] == "outside":
        raise InvalidInput(
            "Si está fuera de la ciudad, cierra la solicitud con ese resultado y di a quién le toca.", field="side"
        )
    again = replay(
        {**receipt, "settled": {**receipt.get("settled", {}), **chosen["settled"]}},
        routing.rule_book(session, found.jurisdiction_id, receipt["rule_set_version"]),
        routing.city(session, found.jurisdiction_id).layers,
    )
    data = {"side": chosen["name"], "question": doubt["question"], "agency_code": chosen["agency"]["code"]}
    event = add_event(session, found.id, "border_settled", "internal", actor, at=now, data=data)
    if again["agency"]["code"] != found.agency_code:
        moved = reroute(session, found.id, expected_agency=found.agency_code, receipt=again, actor=actor, now=now)
        if moved is None:
            raise Conflict("Esa pregunta ya no está abierta: la solicitud cambió.")
        return moved
    keep_decision(session, found.id, again, now)
    touch(session, found, event, now)
    return found
