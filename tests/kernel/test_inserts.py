"""Rows of several tables in one statement: all of them or none, in their order, with every kind of value."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlmodel import Session, col, select

from intake.service_requests.events import event_row
from intake.service_requests.models import Report, ServiceRequest, ServiceRequestEvent
from intake.service_requests.values import Actor
from kernel.inserts import Row, insert_together
from kernel.outbox import OutboxEvent, prepare
from tests.factories import CITY, make_city

pytestmark = pytest.mark.database
NOW = datetime(2026, 11, 19, 19, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def city(session: Session) -> None:
    make_city(session)


def request_row(folio: str = "2600000000", key: str | None = None) -> ServiceRequest:
    return ServiceRequest(
        jurisdiction_id=CITY,
        folio=folio,
        service_code="BACHE",
        channel="web",
        description="50 % de la calle: {llaves}, 'comillas' \\ y %(v0)s",
        lon=-99.1,
        lat=19.4,
        areas={"district": [{"code": "N", "name": "Ñuñoa"}]},
        media_urls=["https://example.org/a.jpg"],
        idempotency_key=key,
        requested_at=NOW,
        updated_at=NOW,
    )


def test_everything_comes_back_as_it_was_given(session: Session) -> None:
    made = request_row()
    given = made.model_dump()
    events = [event_row(made.id, name, "public", Actor("system"), at=NOW) for name in ("a", "b", "c")]
    report = Report(service_request_id=made.id, channel="web", at=NOW)
    assert insert_together(session, made, [events[0], report, *events[1:]])
    assert made in session
    session.refresh(made)
    assert made.model_dump() == given
    kept = session.exec(
        select(ServiceRequestEvent.name)
        .where(ServiceRequestEvent.service_request_id == made.id)
        .order_by(col(ServiceRequestEvent.id))
    )
    assert list(kept) == ["a", "b", "c"]
    assert session.exec(select(Report.id).where(Report.service_request_id == made.id)).one() == report.id
    made.life = "in_progress"
    session.flush()
    session.refresh(made)
    assert made.life == "in_progress"


@pytest.mark.parametrize("twin", [{"folio": "2600000000"}, {"folio": "2600000001", "key": "k"}])
def test_a_taken_value_leaves_no_row_of_the_rest(session: Session, twin: dict[str, str]) -> None:
    assert insert_together(session, request_row(key="k"), [])
    second = request_row(**{"key": "other", **twin})
    event = prepare("thing.happened", at=NOW, service_request_id=second.id)
    report = Report(service_request_id=second.id, channel="web", at=NOW)
    assert not insert_together(session, second, [report, event])
    assert second not in session
    assert session.get(ServiceRequest, second.id) is None
    assert session.exec(select(Report).where(Report.service_request_id == second.id)).all() == []
    assert session.exec(select(OutboxEvent).where(OutboxEvent.name == "thing.happened")).all() == []


def test_what_the_rows_refer_to_may_still_be_waiting_in_the_session(session: Session) -> None:
    first = request_row()
    session.add(first)
    assert insert_together(session, Report(service_request_id=first.id, channel="web", at=NOW), [])


def test_a_row_that_is_no_object_has_the_defaults_of_its_model(session: Session) -> None:
    made = request_row()
    assert insert_together(session, made, [Row(Report, {"service_request_id": made.id, "channel": "web", "at": NOW})])
    report = session.exec(select(Report).where(Report.service_request_id == made.id)).one()
    assert (report.words, report.wants_notices, report.person_id, report.at) == ("", True, None, NOW)


def test_whichever_values_are_empty_a_shape_is_prepared_once(session: Session) -> None:
    prepared = []
    shapes: list[dict[str, Any]] = [{}, {"lon": None, "lat": None}, {"precision_m": 5.0, "zipcode": "06000"}]
    for number, given in enumerate(shapes):
        made = request_row(folio=f"260000001{number}")
        for name, value in given.items():
            setattr(made, name, value)
        assert insert_together(session, made, [])
        found = session.connection().exec_driver_sql("SELECT statement FROM pg_prepared_statements")
        prepared.append([statement for statement in found.scalars() if "INTO service_request " in statement])
    assert prepared[0] == prepared[1] == prepared[2] != []


def test_a_time_without_a_zone_is_refused(session: Session) -> None:
    made = request_row()
    made.requested_at = NOW.replace(tzinfo=None)
    with pytest.raises(ValueError, match="zone"):
        insert_together(session, made, [])
