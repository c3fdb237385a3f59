"""Reports of nobody known are in no index of people and threads; whoever is known is found by one all the same."""

from collections.abc import Callable
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Connection, event, text
from sqlmodel import Session, select

from georef.points import LonLat
from intake.conversations.queries import newest_request_of, recent_requests_of
from intake.people.models import Person
from intake.service_requests import targeting
from intake.service_requests.actions import submit
from intake.service_requests.models import ServiceRequest
from intake.service_requests.queries import reports_in
from intake.service_requests.quiet import want_no_notices
from intake.service_requests.values import Submission
from kernel import db
from tests.factories import CITY, IN_NORTE, NOW, make_city

pytestmark = pytest.mark.database
_PEOPLE = text("""
INSERT INTO person (id, jurisdiction_id, language, created_at)
SELECT gen_random_uuid(), :city, 'es', :now FROM generate_series(1, 500)
""")
_REPORTS = text("""
INSERT INTO report (id, service_request_id, person_id, conversation_id, channel, words, wants_notices, at)
SELECT gen_random_uuid(), :request, CASE WHEN n % 20 = 0 THEN people.ids[n / 20] END,
    CASE WHEN n % 20 = 0 THEN gen_random_uuid() END, 'open311', '', false, :now
FROM generate_series(1, 10000) AS n, (SELECT array_agg(id) AS ids FROM person) AS people
""")


def plans(session: Session, ask: Callable[[], object]) -> list[str]:
    """What PostgreSQL makes of each statement about reports."""
    connection = session.connection()
    asked: list[tuple[str, object]] = []

    def note(_: Connection, __: object, statement: str, values: object, *___: object) -> None:
        if "report" in statement:
            asked.append((statement, values))

    event.listen(connection, "before_cursor_execute", note)
    ask()
    event.remove(connection, "before_cursor_execute", note)
    driver = psycopg.ClientCursor(connection.connection.driver_connection)
    return ["\n".join(line for (line,) in driver.execute(f"EXPLAIN {sql}", values)) for sql, values in asked]


def explained(session: Session, sql: str, values: list[object]) -> str:
    """The plan that is kept of it, whatever the values."""
    session.connection().exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
    return "\n".join(line for (line,) in db.fetch(session, f"EXPLAIN {sql}", values))


@pytest.fixture
def filled(session: Session) -> Session:
    make_city(session)
    made = submit(session, Submission(CITY, "BACHE", "sms", point=LonLat(*IN_NORTE)), now=NOW)
    session.connection().execute(_PEOPLE, {"city": CITY, "now": NOW})
    session.connection().execute(_REPORTS, {"request": made.id, "now": NOW})
    session.connection().execute(text("ANALYZE report"))
    return session


def test_whoever_is_known_is_found_by_the_index(filled: Session) -> None:
    person = filled.exec(select(Person.id)).first()
    assert person is not None
    request = filled.exec(select(ServiceRequest.id)).one()
    seen = [
        *plans(filled, lambda: newest_request_of(filled, person, CITY)),
        *plans(filled, lambda: recent_requests_of(filled, person, CITY, NOW)),
        explained(filled, targeting._NEAR_BY_SAME, [CITY, [1], NOW, "", request]),
    ]
    assert len(seen) == 3
    assert all("ix_report_known_person" in plan for plan in seen), "\n\n".join(seen)


def test_what_was_reported_in_a_thread_is_found_by_the_index(filled: Session) -> None:
    seen = [
        *plans(filled, lambda: reports_in(filled, uuid4())),
        *plans(filled, lambda: want_no_notices(filled, uuid4())),
    ]
    assert len(seen) == 2
    assert all("ix_report_in_thread" in plan for plan in seen), "\n\n".join(seen)
