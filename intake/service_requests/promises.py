"""The promise of a request, kept in its row: made when it is submitted, held up while it waits for the person, never made anew.

`promise` holds `{"version": of the service's promise, "calendar", "rules": the rule set that calendar is of, "from",
"resolution", "first_answer", "silence"}`: what the clocks of `routing.clocks` need, whatever the service or the calendar become.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from intake.catalog import queries as catalog
from intake.catalog.definitions import ServiceDefinition
from intake.service_requests import lifecycle
from intake.service_requests.clock_models import CLOSED, WAITING, RequestEscalation, RequestPause
from intake.service_requests.events import add_event
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from intake.service_requests.values import Actor, Audience
from routing import queries as routing
from routing.calendars import Promise, WorkingCalendar
from routing.clocks import DEFAULT_STEPS, Clock, Pause, Step, Terms, Watched, coming
from routing.values import RoutingDecision

# Whoever of the city says something to the person has answered; a machine's receipt and the person's own words are no answer.
_CITY = ("agent", "agency", "api")
_HEARD = ("public", "reporter")


def made(definition: ServiceDefinition, decision: RoutingDecision, now: datetime) -> dict[str, Any]:
    """The columns of a new request that hold its promise; none for a place where nobody promises anything."""
    calendar = decision.calendar
    if calendar is None or decision.due_at is None:
        return {}
    content = definition.terms_content
    watched = Watched(Terms.parse(content), calendar, made_at=now, last_word_at=now)
    first = coming(watched, definition.steps)
    return {
        "promise": {
            "version": definition.promise_version,
            "calendar": decision.calendar_code,
            "rules": decision.rule_set_version,
            "from": now.isoformat(),
            **content,
        },
        "first_answer_due_at": _due(watched, "first_answer"),
        "silence_due_at": _due(watched, "silence"),
        "last_word_at": now,
        "next_step_at": first[0].at if first else None,
    }


def follow(
    session: Session,
    service_request: ServiceRequest,
    before: str,
    closed_at: datetime | None,
    actor: Actor,
    now: datetime,
) -> ServiceRequestEvent | None:
    """What a change of life does to the clock; the request is locked and already has its new life.

    before: the life it had; closed_at: since when it was closed. Returns the event of a date that moved.
    """
    moved = None
    if before == lifecycle.WAITING:
        moved = _resume(session, service_request, actor, now)
    if before == lifecycle.CLOSED and closed_at is not None:
        moved = _count(session, service_request, _pause(service_request, CLOSED, closed_at, actor), actor, now)
    if service_request.life == lifecycle.WAITING:
        session.add(_pause(service_request, WAITING, now, actor))
        service_request.paused_at = now
    hear(session, service_request, actor, now)
    return moved


def hear(
    session: Session, service_request: ServiceRequest, actor: Actor, now: datetime, audience: Audience = "public"
) -> None:
    """Notes a word to the person, if it is one of the city, and when the next step comes."""
    if actor.kind in _CITY and audience in _HEARD:
        service_request.first_answered_at = service_request.first_answered_at or now
        service_request.last_word_at = max(service_request.last_word_at or now, now)
    elif service_request.life == lifecycle.REOPENED:
        service_request.last_word_at = now  # the city has not been silent about what it thought was done
    _set_next(session, service_request)


def _set_next(session: Session, service_request: ServiceRequest) -> None:
    if service_request.promise is None or service_request.life == lifecycle.CLOSED:
        service_request.silence_due_at = service_request.next_step_at = None
        return
    session.flush()  # pauses of this transaction
    watched = watched_of(session, service_request)
    assert watched is not None
    service_request.silence_due_at = _due(watched, "silence")
    known = recorded(session, service_request)
    following = coming(watched, steps_of(session, service_request), known)
    service_request.next_step_at = following[0].at if following else None


def watched_of(session: Session, service_request: ServiceRequest) -> Watched | None:
    """The request as its clocks see it; None for one whose promise was not kept in its row."""
    if service_request.promise is None:
        return None
    started = datetime.fromisoformat(service_request.promise["from"])
    return Watched(
        terms=Terms.parse(service_request.promise),
        calendar=_calendar(session, service_request),
        made_at=started,
        last_word_at=service_request.last_word_at or started,
        is_answered=service_request.first_answered_at is not None,
        is_paused=service_request.paused_at is not None,
        pauses=tuple(Pause(pause.started_at, pause.ended_at) for pause in pauses_of(session, service_request)),
    )


def pauses_of(session: Session, service_request: ServiceRequest) -> Sequence[RequestPause]:
    """Every time the clock stood still, the earliest first."""
    return session.exec(
        select(RequestPause)
        .where(RequestPause.service_request_id == service_request.id)
        .order_by(col(RequestPause.started_at), col(RequestPause.id))
    ).all()


def recorded(session: Session, service_request: ServiceRequest) -> list[str]:
    """The keys of the steps that were recorded."""
    return list(
        session.exec(
            select(RequestEscalation.key).where(RequestEscalation.service_request_id == service_request.id)
        ).all()
    )


def steps_of(session: Session, service_request: ServiceRequest) -> tuple[Step, ...]:
    """The chain of the request's service, as the city has it today."""
    known = catalog.catalog(session, service_request.jurisdiction_id)
    code = service_request.service_code
    definition = known.by_code.get(code) or known.retired.get(code)
    return definition.steps if definition else DEFAULT_STEPS


def _calendar(session: Session, service_request: ServiceRequest) -> WorkingCalendar:
    kept = service_request.promise or {}
    return routing.calendar_of(
        session, service_request.jurisdiction_id, kept.get("rules") or 0, kept.get("calendar") or "default"
    )


def _pause(service_request: ServiceRequest, reason: str, at: datetime, actor: Actor) -> RequestPause:
    return RequestPause(
        service_request_id=service_request.id,
        reason=reason,
        started_at=at,
        started_by_kind=actor.kind,
        started_by=actor.name,
    )


def _resume(
    session: Session, service_request: ServiceRequest, actor: Actor, now: datetime
) -> ServiceRequestEvent | None:
    service_request.paused_at = None
    open_one = session.exec(
        select(RequestPause).where(
            RequestPause.service_request_id == service_request.id, col(RequestPause.ended_at).is_(None)
        )
    ).first()
    # A pause that a process of the previous release began was not written down, and moves nothing.
    return _count(session, service_request, open_one, actor, now) if open_one is not None else None


def _count(
    session: Session, service_request: ServiceRequest, pause: RequestPause, actor: Actor, now: datetime
) -> ServiceRequestEvent | None:
    """Ends a pause and moves the date by what it held up."""
    before = service_request.expected_at
    pause.ended_at, pause.ended_by_kind, pause.ended_by = max(now, pause.started_at), actor.kind, actor.name
    pause.expected_before = pause.expected_after = before
    if service_request.promise is not None and before is not None:
        kept = service_request.promise
        clock = Clock(
            Promise.parse(kept["resolution"]), _calendar(session, service_request), datetime.fromisoformat(kept["from"])
        )
        counted = clock.between(pause.started_at, pause.ended_at)
        pause.counted_s = int(counted.total_seconds())
        service_request.expected_at = pause.expected_after = clock.later(before, counted)
    session.add(pause)
    if pause.expected_after == before or before is None or pause.expected_after is None:
        return None
    data = {"before": before.isoformat(), "after": pause.expected_after.isoformat(), "reason": pause.reason}
    return add_event(
        session, service_request.id, "promise_moved", "public", Actor("system"), at=now, data=data, public_note=""
    )


def _due(watched: Watched, subject: Any) -> datetime | None:
    clock = watched.clock(subject)
    return clock.due() if clock is not None else None
