"""The promise of a request: kept in its row, held up while it waits for the person, its steps recorded once."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select, text

from georef.points import LonLat
from intake.catalog.models import Jurisdiction, Service
from intake.service_requests import actions, change, promises, queries, returning
from intake.service_requests.clock_models import RequestEscalation, RequestPause
from intake.service_requests.escalating import record_due
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from intake.service_requests.values import Actor, Submission
from kernel import db
from routing import actions as routing_actions
from routing.models import RuleSet
from tests.factories import CALENDAR, CITY, IN_NORTE, NOW, make_city

pytestmark = pytest.mark.database
AMIR, CREW, ROSA = Actor("agent", "Amir"), Actor("agency", "Cuadrilla 7"), Actor("resident")
DAYS = {"amount": 5, "unit": "working_days"}
ANSWER, SILENCE = {"amount": 1, "unit": "working_days"}, {"amount": 3, "unit": "working_days"}


def local(text_: str) -> datetime:
    return datetime.fromisoformat(text_).replace(tzinfo=ZoneInfo("America/Mexico_City")).astimezone(UTC)


def promising(session: Session, **settings: Any) -> None:
    city = make_city(session)
    city.settings = {**city.settings, **settings}
    for service in session.exec(select(Service).where(Service.jurisdiction_id == CITY)):
        service.first_answer, service.silence, service.promise_version = ANSWER, SILENCE, 3
    session.flush()


def submitted(session: Session, service: str = "BACHE", at: datetime = NOW) -> ServiceRequest:
    return actions.submit(session, Submission(CITY, service, "sms", point=LonLat(*IN_NORTE)), now=at)


@pytest.fixture
def kept(session: Session) -> ServiceRequest:
    promising(session)
    return submitted(session)


def steps(session: Session, service_request: ServiceRequest) -> list[str]:
    found = session.exec(
        select(RequestEscalation)
        .where(RequestEscalation.service_request_id == service_request.id)
        .order_by(col(RequestEscalation.due_at))
    )
    return [row.step for row in found]


def run_until(session: Session, at: datetime) -> None:
    while record_due(session, now=at):
        pass


def test_the_terms_are_kept_in_the_row(kept: ServiceRequest) -> None:
    assert kept.promise is not None
    assert {key: kept.promise[key] for key in ("version", "calendar", "resolution", "first_answer", "silence")} == {
        "version": 3,
        "calendar": "default",
        "resolution": DAYS,
        "first_answer": ANSWER,
        "silence": SILENCE,
    }
    assert kept.expected_at == local("2026-11-26 18:00")
    assert kept.first_answer_due_at == local("2026-11-20 18:00")
    assert kept.silence_due_at == local("2026-11-24 18:00")
    assert kept.next_step_at == kept.first_answer_due_at


def test_a_later_service_or_calendar_moves_no_promise_already_made(session: Session) -> None:
    promising(session)
    # From here on versions keep their calendars.
    routing_actions.replace_calendars(session, CITY, {"default": CALENDAR | {"closed": ["2026-11-25"]}}, NOW)
    kept = submitted(session)
    assert kept.expected_at == local("2026-11-27 18:00")
    actions.change_status(session, kept.id, life="waiting_resident", actor=AMIR, now=local("2026-11-23 18:00"))
    service = session.exec(select(Service).where(Service.code == "BACHE")).one()
    service.promise = {"amount": 1, "unit": "hours"}
    routing_actions.replace_calendars(
        session, CITY, {"default": CALENDAR | {"closed": ["2026-11-24", "2026-11-30/2026-12-24"]}}, NOW
    )
    city = session.get_one(Jurisdiction, CITY)
    city.catalog_changed_at = NOW + timedelta(minutes=1)
    session.flush()
    assert len(session.exec(select(RuleSet).where(RuleSet.jurisdiction_id == CITY)).all()) >= 2
    actions.change_status(session, kept.id, life="in_progress", actor=CREW, now=local("2026-11-25 10:00"))
    # Waited through the 24th, worked then, and an early hour of the closed 25th: one day by the calendar of the promise.
    assert kept.expected_at == local("2026-11-30 18:00")


def test_a_pause_is_kept_with_who_and_why_and_moves_the_date(session: Session, kept: ServiceRequest) -> None:
    actions.change_status(session, kept.id, life="waiting_resident", actor=AMIR, now=local("2026-11-20 12:00"))
    assert (kept.paused_at, kept.expected_at) == (local("2026-11-20 12:00"), local("2026-11-26 18:00"))
    assert (kept.silence_due_at, kept.next_step_at) == (None, None)
    actions.change_status(session, kept.id, life="in_progress", actor=CREW, now=local("2026-11-23 12:00"))
    assert (kept.paused_at, kept.expected_at) == (None, local("2026-11-27 18:00"))
    pause = session.exec(select(RequestPause)).one()
    assert (pause.reason, pause.started_at, pause.ended_at) == (
        "waiting_resident",
        local("2026-11-20 12:00"),
        local("2026-11-23 12:00"),
    )
    assert (pause.started_by_kind, pause.started_by, pause.ended_by_kind, pause.ended_by) == (
        "agent",
        "Amir",
        "agency",
        "Cuadrilla 7",
    )
    assert (pause.counted_s, pause.expected_before, pause.expected_after) == (
        9 * 3600,
        local("2026-11-26 18:00"),
        kept.expected_at,
    )
    moved = queries.events_of(session, kept.id)[-1]
    assert (moved.name, moved.data["after"]) == ("promise_moved", local("2026-11-27 18:00").isoformat())


def test_closing_while_it_waits_ends_the_pause(session: Session, kept: ServiceRequest) -> None:
    actions.change_status(session, kept.id, life="waiting_resident", actor=AMIR, now=local("2026-11-20 09:00"))
    actions.change_status(
        session, kept.id, life="closed", outcome_code="resolved", actor=CREW, now=local("2026-11-20 18:00")
    )
    assert (kept.paused_at, kept.expected_at, kept.next_step_at) == (None, local("2026-11-27 18:00"), None)


def test_reopening_goes_on_where_closing_stopped(session: Session, kept: ServiceRequest) -> None:
    """Who closes without repairing gains no new term, and the days in between are not counted against anybody."""
    actions.change_status(
        session, kept.id, life="closed", outcome_code="resolved", actor=CREW, now=local("2026-11-20 18:00")
    )
    actions.change_status(session, kept.id, life="reopened", actor=ROSA, now=local("2026-11-25 09:00"))
    assert kept.expected_at == local("2026-11-30 18:00")
    assert session.exec(select(RequestPause)).one().reason == "closed"
    assert kept.silence_due_at == local("2026-11-30 18:00")
    assert kept.next_step_at is not None


def test_the_citys_word_answers_and_breaks_the_silence(session: Session, kept: ServiceRequest) -> None:
    actions.add_note(session, kept.id, text="entre colegas", audience="internal", actor=AMIR, now=NOW)
    actions.add_note(session, kept.id, text="soy yo", audience="public", actor=ROSA, now=NOW)
    assert kept.first_answered_at is None
    word = local("2026-11-23 10:00")
    change.note_word(session, kept.id, actor=AMIR, now=word)
    assert (kept.first_answered_at, kept.last_word_at) == (word, word)
    assert kept.silence_due_at == local("2026-11-26 18:00")
    actions.change_status(session, kept.id, life="in_progress", actor=CREW, now=local("2026-11-24 10:00"))
    assert (kept.first_answered_at, kept.silence_due_at) == (word, local("2026-11-27 18:00"))


def test_every_step_is_recorded_once_and_told(session: Session, kept: ServiceRequest) -> None:
    version, updated_at = kept.version, kept.updated_at
    run_until(session, local("2026-11-20 17:59"))
    assert steps(session, kept) == []
    for _ in range(2):
        run_until(session, local("2026-11-26 18:00"))
    assert steps(session, kept) == ["unanswered", "silent", "near", "overdue"]
    session.refresh(kept)
    assert (kept.version, kept.updated_at) == (version, updated_at)  # nobody's half-written form is refused for it
    assert kept.next_step_at is not None
    told = session.exec(
        select(ServiceRequestEvent).where(ServiceRequestEvent.name == "escalated").order_by(col(ServiceRequestEvent.id))
    ).all()
    assert [(event.audience, event.data["step"]) for event in told][-1] == ("agency", "overdue")
    run_until(session, local("2027-06-01 18:00"))
    assert steps(session, kept)[-1] == "long_overdue"
    session.refresh(kept)
    assert kept.next_step_at is None


def test_what_is_told_to_supervisors_only_stays_inside(session: Session) -> None:
    alone = {"code": "late", "of": "resolution", "share": 1.0, "name": {"es": "Tarde"}, "tells": ["supervisor"]}
    promising(session, promises={"steps": [alone]})
    made = submitted(session)
    run_until(session, local("2026-12-20 18:00"))
    event = session.exec(select(ServiceRequestEvent).where(ServiceRequestEvent.name == "escalated")).one()
    assert (event.audience, event.is_pending_change, steps(session, made)) == ("internal", False, ["late"])


def test_nothing_falls_due_while_it_waits_or_after_it_is_closed(session: Session, kept: ServiceRequest) -> None:
    actions.change_status(session, kept.id, life="waiting_resident", actor=AMIR, now=NOW)
    run_until(session, local("2027-03-01 10:00"))
    actions.change_status(session, kept.id, life="closed", outcome_code="resolved", actor=CREW, now=NOW)
    run_until(session, local("2027-03-02 10:00"))
    assert steps(session, kept) == []


def test_a_silence_may_come_again(session: Session, kept: ServiceRequest) -> None:
    run_until(session, local("2026-11-25 09:00"))
    actions.change_status(session, kept.id, life="in_progress", actor=CREW, now=local("2026-11-25 10:00"))
    run_until(session, local("2026-12-01 09:00"))
    assert steps(session, kept).count("silent") == 2


def test_another_agency_keeps_the_date_and_the_calendar(session: Session, kept: ServiceRequest) -> None:
    before = (kept.expected_at, kept.promise, kept.next_step_at)
    returning.reassign(session, kept.id, agency_code="AGUAS", reason="es de ellos", actor=AMIR, now=NOW)
    assert kept.agency_code == "AGUAS"
    assert (kept.expected_at, kept.promise, kept.next_step_at) == before


def test_outside_nobody_promises_anything(session: Session) -> None:
    promising(session)
    made = actions.submit(session, Submission(CITY, "BACHE", "sms", point=LonLat(-99.5, 19.42)), now=NOW)
    assert (made.promise, made.next_step_at, made.first_answer_due_at) == (None, None, None)


def test_a_request_from_before_keeps_its_date(session: Session, kept: ServiceRequest) -> None:
    kept.promise = kept.next_step_at = None
    session.flush()
    before = kept.expected_at
    actions.change_status(session, kept.id, life="waiting_resident", actor=AMIR, now=NOW)
    actions.change_status(session, kept.id, life="in_progress", actor=CREW, now=NOW + timedelta(days=9))
    assert (kept.expected_at, kept.next_step_at) == (before, None)
    assert promises.watched_of(session, kept) is None


@pytest.fixture
def several(engine: Engine, vault: object) -> Iterator[list[UUID]]:
    """Committed requests with a step due, seen by several connections; removed afterwards."""
    db.configure(engine)
    with db.transaction() as session:
        promising(session)
        made = [submitted(session).id for _ in range(30)]
    yield made
    db.configure(None)
    with engine.begin() as connection:
        tables = connection.scalars(
            text("SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = 'public'"
                 " AND tablename <> 'alembic_version'")
        ).one()  # fmt: skip
        connection.execute(text(f"TRUNCATE {tables} CASCADE"))


def _killed_before_its_commit(at: datetime) -> None:
    with db.transaction() as session:
        assert record_due(session, now=at, limit=10) == 10
        raise ZeroDivisionError


def test_two_workers_at_once_and_one_that_is_killed(several: list[UUID]) -> None:
    at = local("2026-11-20 18:00")
    with pytest.raises(ZeroDivisionError):
        _killed_before_its_commit(at)

    def work() -> None:
        while True:
            with db.transaction() as session:
                if not record_due(session, now=at, limit=4):
                    return

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    with db.transaction() as session:
        recorded = session.exec(select(RequestEscalation.service_request_id, RequestEscalation.step)).all()
        events = session.exec(select(ServiceRequestEvent.id).where(ServiceRequestEvent.name == "escalated")).all()
    assert sorted(recorded) == sorted((one, "unanswered") for one in several)
    assert len(events) == len(several)
