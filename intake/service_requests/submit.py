"""From what a resident said to a request in the queue, with its agency and its date, in one commit."""

import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.catalog.definitions import ServiceDefinition, city_text
from intake.catalog.models import Jurisdiction
from intake.service_requests import promises, published, queries, reviewing
from intake.service_requests.answers import Answer, read_answers
from intake.service_requests.asking import whose
from intake.service_requests.events import event_row
from intake.service_requests.models import Report, RoutingDecisionRow, ServiceRequest
from intake.service_requests.place_names import places_of
from intake.service_requests.values import MAX_DESCRIPTION, Actor, InvalidForm, Submission
from kernel import db, outbox
from kernel.crypto import vault
from kernel.errors import InvalidInput
from kernel.i18n import translate
from kernel.ids import new_id
from kernel.inserts import Row, insert_together
from kernel.rows import fresh
from routing import queries as routing
from routing.values import RoutingDecision

# A place found by its name alone decides the agency only when it is a good match and nothing else is nearly as good.
_SURE_SCORE = 75.0
_CLEAR_LEAD = 5.0
_TOKEN_BYTES = 12
_GIVE_UP_KEY = "UPDATE service_request SET idempotency_key = NULL WHERE id = $1 AND idempotency_key = $2"
# Numbers come in dozens. Those that a process leaves unused are gaps, which nobody sees in a scrambled folio.
_FRESH_NUMBERS = "SELECT nextval('folio_seq') FROM generate_series(1, 12)"
_numbers: deque[int] = deque()
_ACTORS = {"open311": "api", "console": "agent"}


def submit(
    session: Session, submission: Submission, *, now: datetime, definition: ServiceDefinition | None = None
) -> ServiceRequest:
    """The request made from `submission`, or the one that its idempotency key already made. As `submit_or_find`."""
    return submit_or_find(session, submission, now=now, definition=definition)[0]


def submit_or_find(
    session: Session, submission: Submission, *, now: datetime, definition: ServiceDefinition | None = None
) -> tuple[ServiceRequest, bool]:
    """As `submit`, and whether it was made now.

    `definition`: the service, for a caller that has just read it. Raises NotFound for an unknown city or service, InvalidForm
    with everything that is wrong with the rest.
    """
    if definition is None:
        definition = catalog.service(session, submission.jurisdiction_id, submission.service_code)
    answers = _checked(definition, submission)
    placed, placing = _place(session, submission)
    decision = whose(
        session,
        definition,
        point=placed.point,
        precision_m=placed.precision_m,
        at=now,
        answers=answers,
        settled=placed.settled,
    )
    texts = published.of_submission(
        placed.description,
        placed.address_string,
        answers,
        places_of(session, placed.jurisdiction_id),
        [placed.reporter.name] if placed.reporter is not None and placed.reporter.name else (),
    )
    values = _values(placed, definition, answers, decision, now) | texts.columns
    if decision.outcome == "outside":
        values |= _outside(session, placed, decision, now)
    request_id = new_id()
    story = _story(request_id, placed, values, placing, decision, now)
    event = outbox.prepare("service_request.submitted", at=now, service_request_id=request_id)
    year = now.astimezone(definition.timezone).year
    while True:
        # A folio that is taken is passed over for the next number.
        made = fresh(ServiceRequest, id=request_id, folio=_next_folio(session, year), **values)
        if insert_together(session, made, [*story, event]):
            outbox.tell(session, event)
            reviewing.ask(session, made, texts.doubts, now=now)
            return made, True
        # Made before, or by somebody whose transaction ended while this one ran.
        key = submission.idempotency_key
        known = queries.by_idempotency_key(session, submission.jurisdiction_id, key) if key is not None else None
        if known is not None:
            return known, False


def give_up_key(session: Session, service_request_id: UUID, key: str) -> None:
    """Leaves the idempotency key to the next who says the same. Nothing happens when it has been given up already."""
    db.fetch(session, _GIVE_UP_KEY, [service_request_id, key])


def _checked(definition: ServiceDefinition, submission: Submission) -> dict[str, Answer]:
    answers, faults = read_answers(definition, submission.attributes)
    problems: list[InvalidInput] = [*faults]
    if len(submission.description) > MAX_DESCRIPTION:
        problems.append(
            InvalidInput(
                "La descripción es demasiado larga: caben {limit} letras.", field="description", limit=MAX_DESCRIPTION
            )
        )
    if problems:
        raise InvalidForm(problems)
    return answers


def _place(session: Session, submission: Submission) -> tuple[Submission, dict[str, Any]]:
    """The submission with a point if its words name one place clearly, and how that was found."""
    if submission.point is not None or submission.is_place_settled or not submission.address_string:
        return submission, {}
    found = routing.locate(session, submission.jurisdiction_id, submission.address_string, limit=2)
    if not found or found[0].score < _SURE_SCORE:
        return submission, {"placed": False}
    if len(found) > 1 and found[0].score - found[1].score < _CLEAR_LEAD and found[0].label != found[1].label:
        return submission, {"placed": False, "candidates": [match.label for match in found]}
    best = found[0]
    placing = {"placed": True, "label": best.label, "score": round(best.score, 1), "precision_m": best.precision_m}
    return replace(submission, point=best.point, precision_m=best.precision_m), placing


def _values(
    submission: Submission,
    definition: ServiceDefinition,
    answers: dict[str, Answer],
    decision: RoutingDecision,
    now: datetime,
) -> dict[str, Any]:
    point: LonLat | None = submission.point
    return {
        "jurisdiction_id": submission.jurisdiction_id,
        "service_code": definition.code,
        "channel": submission.channel,
        "language": submission.language,
        "description": submission.description,
        "address_string": submission.address_string,
        "address_id": submission.address_id,
        "zipcode": submission.zipcode,
        "lon": point.lon if point else None,
        "lat": point.lat if point else None,
        "precision_m": submission.precision_m if point else None,
        "areas": decision.areas,
        "attributes": answers,
        "media_urls": list(submission.media_urls),
        "token": f"t-{secrets.token_hex(_TOKEN_BYTES)}" if definition.kind == "batch" else None,
        "life": "new",
        "handover": "pending",
        "agency_code": decision.agency_code,
        "is_public": definition.is_public,
        "requested_at": min(submission.requested_at or now, now),
        "updated_at": now,
        "expected_at": decision.due_at,
        "idempotency_key": submission.idempotency_key,
    } | promises.made(definition, decision, now)


def _outside(session: Session, submission: Submission, decision: RoutingDecision, now: datetime) -> dict[str, Any]:
    """What changes for a place outside the city: kept, closed, and the person is told who to ask."""
    city = catalog.jurisdiction(session, submission.jurisdiction_id)
    note = city_text(city.settings, "outside", submission.language) or translate(
        submission.language,
        "Ese lugar está fuera de {city}. Pregunta en el municipio donde está el lugar.",
        city=city.name,
    )
    here = routing.jurisdictions_at(session, submission.point, now.date()) if submission.point else []
    # Near the border a point may fall on our side of it though the person said that the place is not.
    others = [held for held in here if held != city.id]
    other = session.get(Jurisdiction, others[0]) if others else None
    served = decision.receipt["elsewhere"]
    if other is None and served is not None and served["phone"]:
        # A neighbour that the city's folder names; without its ground nobody knows that the place is really theirs.
        note = translate(
            submission.language,
            "Ese lugar está fuera de {city}. Le toca a {other}: llama al {contact}."
            if served["metres"] == 0
            else "Ese lugar está fuera de {city}. Pregunta en {other}: llama al {contact}.",
            city=city.name,
            other=served["name"],
            contact=served["phone"],
        )
    if other is not None:
        note = translate(
            submission.language,
            "Ese lugar está fuera de {city}. Le toca a {other}: llama al {contact}.",
            city=city.name,
            other=other.name,
            contact=other.settings.get("phone") or other.settings.get("contact") or other.name,
        )
    return {
        "life": "closed",
        "outcome_code": "outside_jurisdiction",
        "closed_at": now,
        "handover": "none",
        "agency_code": None,
        "expected_at": None,
        "status_notes": note,
        "public_status_notes": note,
    }


def _next_folio(session: Session, year: int) -> str:
    try:
        number = _numbers.popleft()
    except IndexError:
        fresh: Sequence[int] = session.connection().exec_driver_sql(_FRESH_NUMBERS).scalars().all()
        number = fresh[0]
        _numbers.extend(fresh[1:])
    return vault().folios.folio(year, number)


def _story(
    request_id: UUID,
    submission: Submission,
    values: dict[str, Any],
    placing: dict[str, Any],
    decision: RoutingDecision,
    now: datetime,
) -> list[Row]:
    """What is written beside the request: the report, the decision, and the first events."""
    reporter = submission.reporter
    report = Row(
        Report,
        {
            "service_request_id": request_id,
            "person_id": reporter.person_id if reporter else None,
            "contact_point_id": reporter.contact_point_id if reporter else None,
            "conversation_id": submission.conversation_id,
            "channel": submission.channel,
            "words": submission.description,
            "wants_notices": reporter.wants_notices if reporter else False,
            "at": values["requested_at"],
        },
    )
    decided = Row(
        RoutingDecisionRow,
        {
            "service_request_id": request_id,
            "agency_code": decision.agency_code,
            "rule_code": decision.rule_code,
            "rule_set_version": decision.rule_set_version,
            "receipt": decision.receipt,
            "at": now,
        },
    )
    actor = Actor(_ACTORS.get(submission.channel, "resident"))  # type: ignore[arg-type]  # the table holds only actor kinds
    system = Actor("system")
    events = [event_row(request_id, "submitted", "public", actor, at=now, data={"channel": submission.channel})]
    if placing:
        events.append(event_row(request_id, "placed", "internal", system, at=now, data=placing))
    if decision.outcome == "outside":
        data: dict[str, Any] = {"life": "closed", "outcome_code": "outside_jurisdiction"}
        note = values["status_notes"]
        events.append(
            event_row(
                request_id,
                "status_changed",
                "public",
                system,
                at=now,
                note=note,
                public_note=values["public_status_notes"],
                data=data,
            )
        )
    else:
        due = decision.due_at.isoformat() if decision.due_at else None
        routed = {"agency_code": decision.agency_code, "agency_name": decision.agency_name, "expected_at": due}
        data = routed | {"outcome": decision.outcome}
        events.append(event_row(request_id, "routed", "public", system, at=now, data=data))
    return [report, decided, *events]
