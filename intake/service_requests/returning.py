"""Requests that an agency gives back, and giving a request to another agency by hand.

What comes back is counted against the rule that decided, and may become a test of the rules. The receipt stays as it was: it says
what the rules said, not what a person did later.
"""

from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, func, select

from intake.catalog import queries as catalog
from intake.catalog.codes import is_like_a_code
from intake.service_requests import lifecycle, queries
from intake.service_requests.change import add_note, lock, touch
from intake.service_requests.events import add_event
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from intake.service_requests.rule_models import ReturnedRequest
from intake.service_requests.values import Actor, Audience
from kernel.errors import Conflict, InvalidInput, NotFound
from routing import drafts
from routing import queries as routing
from routing.draft_models import RoutingDraft
from routing.rule_tests import RuleTest

# States of the hand-over in which an agency has the request and may give it back.
HELD = ("pending", "sent", "accepted", "transferred")
RETURNED = "returned"


def check_suggestion(session: Session, jurisdiction_id: str, agency_code: str, suggested: str | None) -> str | None:
    """The suggested agency. Raises InvalidInput: there is none of this code, it takes no work any more, or it is the sender."""
    if not suggested:
        return None
    found = routing.agencies(session, jurisdiction_id).get(suggested)
    if found is None or not found.is_active or suggested == agency_code:
        if not is_like_a_code(suggested):
            raise InvalidInput("No se le puede pasar a esa dependencia.", field="suggested_agency")
        raise InvalidInput("No se le puede pasar a la dependencia {code}.", field="suggested_agency", code=suggested)
    return suggested


def give_back(
    session: Session,
    service_request_id: UUID,
    *,
    reason: str,
    suggested: str | None,
    actor: Actor,
    now: datetime,
    audience: Audience = "agency",
) -> ServiceRequest:
    """The agency says "not ours", to the desk. Raises InvalidInput; Conflict when it is closed or was given back already."""
    found = lock(session, service_request_id)
    if found.life == lifecycle.CLOSED or found.handover not in HELD or found.agency_code is None:
        raise Conflict("Esta solicitud ya no la tiene la dependencia.")
    if not reason.strip():
        raise InvalidInput("Escribe por qué no les toca.", field="reason")
    suggested = check_suggestion(session, found.jurisdiction_id, found.agency_code, suggested)
    note = add_note(
        session,
        found.id,
        text=reason,
        audience=audience,
        actor=actor,
        now=now,
        data={"returned": True, "suggested": suggested},
    )
    return keep_return(session, found, note, reason=reason, suggested=suggested, now=now)


def keep_return(
    session: Session,
    found: ServiceRequest,
    note: ServiceRequestEvent,
    *,
    reason: str,
    suggested: str | None,
    now: datetime,
) -> ServiceRequest:
    """Marks a request that is locked as given back with `note`, and keeps what that says about the rules."""
    assert note.id is not None
    assert found.agency_code is not None
    decision = queries.decision_of(session, found.id)
    found.handover = RETURNED
    session.add(found)
    session.add(
        ReturnedRequest(
            event_id=note.id,
            jurisdiction_id=found.jurisdiction_id,
            service_request_id=found.id,
            agency_code=found.agency_code,
            rule_code=(decision.rule_code if decision else None) or "",
            rule_set_version=decision.rule_set_version if decision else None,
            reason=reason,
            suggested_agency_code=suggested,
            state="proposed" if suggested or found.lon is not None else "none",
            at=now,
        )
    )
    session.flush()
    return found


def last_return(session: Session, found: ServiceRequest) -> ReturnedRequest | None:
    """Why the request is on the desk, None when it is not."""
    if found.handover != RETURNED:
        return None
    return session.exec(
        select(ReturnedRequest)
        .where(ReturnedRequest.service_request_id == found.id)
        .order_by(col(ReturnedRequest.event_id).desc())
        .limit(1)
    ).first()


def reassign(
    session: Session,
    service_request_id: UUID,
    *,
    agency_code: str,
    reason: str = "",
    actor: Actor,
    now: datetime,
    expected_version: int | None = None,
) -> ServiceRequest:
    """Gives an open request to another agency; the date that the resident was told stays.

    Everybody hears which agency it is now; `reason` is for the agencies. Raises InvalidInput, Conflict.
    """
    found = lock(session, service_request_id, expected_version)
    if found.life == lifecycle.CLOSED:
        raise Conflict("Esta solicitud está cerrada: reábrela para pasarla a otra dependencia.")
    agencies = routing.agencies(session, found.jurisdiction_id)
    agency = agencies.get(agency_code)
    if agency is None or not agency.is_active or agency_code == found.agency_code:
        raise InvalidInput("Elige otra dependencia.", field="agency_code")
    before = agencies.get(found.agency_code or "")
    data: dict[str, Any] = {
        "agency_code": agency.code,
        "agency_name": agency.name,
        "before": found.agency_code,
        "before_name": before.name if before else None,
        "by_hand": True,
    }
    found.agency_code, found.handover = agency.code, "transferred"
    event = add_event(session, found.id, "routed", "public", actor, at=now, data=data)
    touch(session, found, event, now)
    if reason.strip():
        add_note(session, found.id, text=reason, audience="agency", actor=actor, now=now)
    return found


def last_by_hand(session: Session, service_request_id: UUID) -> ServiceRequestEvent | None:
    """The last time that a person gave it to another agency."""
    return session.exec(
        select(ServiceRequestEvent)
        .where(
            ServiceRequestEvent.service_request_id == service_request_id,
            ServiceRequestEvent.name == "routed",
            col(ServiceRequestEvent.data)["by_hand"].astext == "true",
        )
        .order_by(col(ServiceRequestEvent.id).desc())
        .limit(1)
    ).first()


def proposals(
    session: Session, jurisdiction_id: str, limit: int = 100
) -> Sequence[tuple[ReturnedRequest, ServiceRequest]]:
    """What came back and may become a test, the oldest first."""
    return session.exec(
        select(ReturnedRequest, ServiceRequest)
        .join(ServiceRequest, col(ServiceRequest.id) == col(ReturnedRequest.service_request_id))
        .where(ReturnedRequest.jurisdiction_id == jurisdiction_id, ReturnedRequest.state == "proposed")
        .order_by(col(ReturnedRequest.at))
        .limit(limit)
    ).all()


def accept(
    session: Session,
    jurisdiction_id: str,
    event_id: int,
    draft_id: UUID,
    *,
    expects: str,
    note: str = "",
    by: str,
    now: datetime,
) -> RoutingDraft:
    """Puts the proposal into a draft's tests, as the supervisor would have it. Raises NotFound, Conflict, InvalidInput."""
    returned = _proposed(session, jurisdiction_id, event_id)
    drafts.find(session, jurisdiction_id, draft_id)
    found = queries.get(session, returned.service_request_id, jurisdiction_id)
    definition = catalog.catalog(session, jurisdiction_id).by_code.get(found.service_code)
    test = RuleTest(
        code=f"DEV-{found.folio}",
        service_code=found.service_code,
        service_group=definition.group_code if definition else "",
        expects=expects.strip(),
        lon=found.lon,
        lat=found.lat,
        answers=dict(found.attributes),
        note=note.strip() or returned.reason,
        source=f"Devolución de {returned.agency_code}",
    )
    draft = drafts.add_test(session, draft_id, test, by=by, now=now)
    _decided(session, returned, "accepted", by, now).draft_id = draft_id
    session.flush()
    return draft


def reject(session: Session, jurisdiction_id: str, event_id: int, *, by: str, now: datetime) -> None:
    """The rules were right; it stays counted. Raises NotFound, Conflict."""
    _decided(session, _proposed(session, jurisdiction_id, event_id), "rejected", by, now)
    session.flush()


def _proposed(session: Session, jurisdiction_id: str, event_id: int) -> ReturnedRequest:
    returned = session.exec(
        select(ReturnedRequest).where(ReturnedRequest.event_id == event_id).with_for_update(),
        execution_options={"populate_existing": True},
    ).one_or_none()
    if returned is None or returned.jurisdiction_id != jurisdiction_id:
        raise NotFound("No encontramos esa devolución.")
    if returned.state != "proposed":
        raise Conflict("{who} ya decidió sobre esta devolución.", who=returned.decided_by or "Atiende")
    return returned


def _decided(session: Session, returned: ReturnedRequest, state: str, by: str, now: datetime) -> ReturnedRequest:
    returned.state, returned.decided_by, returned.decided_at = state, by, now
    session.add(returned)
    return returned


def counts_by_rule(session: Session, jurisdiction_id: str, since: date, timezone: str) -> dict[str, int]:
    """How often requests came back since the beginning of a local day, by the rule that decided ("" for none)."""
    start = datetime.combine(since, time(), ZoneInfo(timezone))
    counted = session.exec(
        select(ReturnedRequest.rule_code, func.count())
        .where(ReturnedRequest.jurisdiction_id == jurisdiction_id, ReturnedRequest.at >= start)
        .group_by(col(ReturnedRequest.rule_code))
    ).all()
    return dict(counted)
