"""The demo's past: as many requests as asked for, plausible, routed by the real rules, the same for the same seed."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete
from sqlmodel import Session, func, select

from atiende.demo.history import generate
from intake.city_folder.load import import_folder
from intake.service_requests.clock_models import RequestEscalation, RequestPause
from intake.service_requests.lifecycle import OUTCOMES, TRANSITIONS
from intake.service_requests.models import Report, RoutingDecisionRow, ServiceRequest, ServiceRequestEvent
from kernel import folio
from kernel.outbox import OutboxEvent

CITIES = Path(__file__).resolve().parents[2] / "cities"
CITY = "jacaranda.gob.example"
UNTIL = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)
ZONE = ZoneInfo("America/Mexico_City")
COUNT = 600

pytestmark = pytest.mark.database


@pytest.fixture
def past(session: Session) -> list[ServiceRequest]:
    import_folder(session, CITIES / "jacaranda", now=UNTIL)
    import_folder(session, CITIES / "encinos", now=UNTIL)
    assert generate(session, CITY, count=COUNT, until=UNTIL) == COUNT
    return list(session.exec(select(ServiceRequest).order_by(ServiceRequest.requested_at)))


def test_history_is_plausible(session: Session, past: list[ServiceRequest]) -> None:
    assert len(past) == COUNT
    assert all(folio.is_valid(row.folio) and row.folio[:2] == f"{row.requested_at.astimezone(ZONE):%y}" for row in past)
    assert past[-1].requested_at < UNTIL
    assert UNTIL - past[0].requested_at > timedelta(days=480)
    services = Counter(row.service_code for row in past)
    five = sum(
        services[code] for code in ("FALTA_AGUA", "LUMINARIA", "FUGA", "BACHE", "PODA", "ARBOL_CAIDO", "ARBOL_RIESGO")
    )
    assert 0.8 < five / COUNT < 0.95
    outcomes = Counter(row.outcome_code for row in past)
    assert set(outcomes) <= {*OUTCOMES, None}
    assert outcomes["resolved"] > COUNT * 0.5
    assert outcomes["not_found"]
    assert any(row.expected_at and row.closed_at and row.closed_at > row.expected_at for row in past)
    assert any(row.report_count > 1 for row in past)
    assert any(row.lon is None for row in past)
    open_rows = [row for row in past if row.life != "closed"]
    assert open_rows
    assert any(row.expected_at and row.expected_at < UNTIL for row in open_rows)
    assert all(row.updated_at <= UNTIL and (row.closed_at is None or row.closed_at <= UNTIL) for row in past)


def test_water_runs_short_before_the_rains_and_trees_fall_in_them(past: list[ServiceRequest]) -> None:
    def by_month(codes: set[str], months: set[int]) -> int:
        return sum(r.service_code in codes and r.requested_at.astimezone(ZONE).month in months for r in past)

    trees = {"ARBOL_CAIDO", "ARBOL_RIESGO", "PODA", "BACHE", "DRENAJE_TAPADO"}
    # Per month of the 18 asked for: June to September come twice, as do November; February to April once.
    assert by_month({"FALTA_AGUA"}, {2, 3, 4}) / 3 > by_month({"FALTA_AGUA"}, {6, 7, 8, 9}) / 8
    assert by_month(trees, {6, 7, 8, 9}) / 8 > by_month(trees, {12, 1, 2}) / 3


def test_every_request_has_its_decision_report_and_legal_story(session: Session, past: list[ServiceRequest]) -> None:
    decisions = {row.service_request_id: row for row in session.exec(select(RoutingDecisionRow))}
    reports = Counter(session.exec(select(Report.service_request_id)))
    steps: dict[object, list[ServiceRequestEvent]] = {}
    for event in session.exec(select(ServiceRequestEvent).order_by(ServiceRequestEvent.id)):
        steps.setdefault(event.service_request_id, []).append(event)
    for row in past:
        assert decisions[row.id].agency_code == row.agency_code
        assert decisions[row.id].receipt["outcome"] in ("assigned", "default", "outside")
        assert reports[row.id] == row.report_count
        story = steps[row.id]
        assert story[0].name == "submitted"
        assert [event.at for event in story] == sorted(event.at for event in story)
        life = "new"
        for event in story:
            if event.name == "status_changed":
                assert event.data["life"] in TRANSITIONS[life]
                life = event.data["life"]
        assert life == row.life
    assert session.exec(select(func.count()).select_from(OutboxEvent)).one() == 0


def test_the_same_seed_tells_the_same_story(session: Session, past: list[ServiceRequest]) -> None:
    def told() -> list[tuple[object, ...]]:
        rows = session.exec(select(ServiceRequest).order_by(ServiceRequest.id)).all()
        return [
            (row.id, row.requested_at, row.service_code, row.description, row.agency_code, row.life) for row in rows
        ]

    first = told()
    for table in (RequestPause, RequestEscalation, ServiceRequestEvent, RoutingDecisionRow, Report, ServiceRequest):
        session.exec(delete(table))
    generate(session, CITY, count=COUNT, until=UNTIL)
    assert told() == first
    generate(session, CITY, count=50, until=UNTIL, seed=5)
    assert len({row[3] for row in told()} - {row[3] for row in first}) > 25
