"""No filter of a list reads the whole table: what PostgreSQL makes of each, over 50,000 rows of three years."""

import re
from zoneinfo import ZoneInfo

import psycopg
import pytest
from sqlalchemy import text
from sqlmodel import Session

from intake.catalog.queries import Catalog
from intake.open311 import selection
from intake.open311.context import PUBLIC, City
from intake.open311.filters import read_filters
from intake.open311.forms import read_query
from intake.open311.paging import read_cursor, read_page
from kernel import db
from tests.factories import CITY, NOW, make_city
from tests.intake.open311.test_paging import GOOD

pytestmark = pytest.mark.database

_SEED = text("""
INSERT INTO service_request (id, jurisdiction_id, folio, service_code, channel, language, description, public_description,
    public_text_version, lat, lon, areas, attributes, media_urls, life, outcome_code, closed_at, status_notes, handover,
    agency_code, is_public, report_count, requested_at, updated_at, version)
SELECT gen_random_uuid(), :city, '90' || lpad(n::text, 8, '0'), 'S' || (n % 20), 'sms', 'es', '', 'hoyo palabra' || (n % 5000), 1,
    19.30 + (n * 7919 % 20000) / 100000.0, -99.20 + (n * 104729 % 10000) / 100000.0, '{}', '{}',
    CASE WHEN n % 50 = 0 THEN '["https://example.org/a.jpg"]' ELSE '[]' END::jsonb,
    CASE WHEN n % 25 = 0 THEN 'new' ELSE 'closed' END, CASE WHEN n % 25 = 0 THEN NULL ELSE 'resolved' END,
    CASE WHEN n % 25 = 0 THEN NULL ELSE :now - n * interval '31 minutes' + interval '3 days' END, '', 'accepted',
    'A' || (n % 30), n % 200 <> 0, 1, :now - n * interval '31 minutes', :now - n * interval '31 minutes', 1
FROM generate_series(1::bigint, 50000) AS n
""")
# The query, and the index that must serve it; "" where PostgreSQL may take any.
_CASES = [
    ("", "ix_service_request_requested"),
    ("page_size=100", "ix_service_request_requested"),
    (f"page_size=100&cursor={GOOD}", "ix_service_request_requested"),
    ("page_size=100&sort=requested_datetime", "ix_service_request_requested"),
    ("page_size=100&service_code=S3", "ix_service_request_service"),
    ("page_size=100&service_code=S3,S4", ""),
    ("page_size=100&status=open", "ix_service_request_open_requested"),
    ("page_size=100&status=open&start_date=2025-01-01", "ix_service_request_open_requested"),
    ("page_size=100&status=closed", "ix_service_request_requested"),
    ("page_size=100&service_code=S5&status=open", ""),
    ("page_size=100&agency_responsible=A7", "ix_service_request_agency"),
    ("page_size=100&has_photo=true", "ix_service_request_with_photo"),
    ("page_size=100&has_photo=false", "ix_service_request_requested"),
    ("page_size=100&updated_after=2026-11-01", "ix_service_request_changed"),
    ("page_size=100&updated_after=2026-11-01&sort=updated_datetime", "ix_service_request_changed"),
    ("page_size=100&bbox=-99.151,19.401,-99.149,19.404", "ix_service_request_square"),
    ("page_size=100&bbox=-99.20,19.30,-99.10,19.50", "ix_service_request_requested"),
    ("page_size=100&bbox=-99.20,19.30,-99.15,19.34&service_code=S3&status=open", "ix_service_request_service_square"),
    ("page_size=100&bbox=-99.20,19.30,-99.15,19.34&service_code=S3&status=closed", "ix_service_request_service_square"),
    ("page_size=100&bbox=-99.20,19.30,-99.17,19.34&service_code=S3", "ix_service_request_service_square"),
    ("page_size=100&lat=19.4&long=-99.15&radius=300", "ix_service_request_square"),
    ("page_size=100&lat=19.4&long=-99.15&radius=300&sort=distance", "ix_service_request_square"),
    ("page_size=100&lat=19.4&long=-99.15&radius=10000&sort=distance", ""),
    ("page_size=100&q=palabra77", "ix_service_request_words_of_days"),
    ("page_size=100&q=hoyo", "ix_service_request_words_of_days"),
    ("page_size=100&q=palabra77&sort=updated_datetime", "ix_service_request_words_of_days"),
    ("page_size=100&q=palabra77&page=3", "ix_service_request_words_of_days"),
    ("page_size=100&q=palabra77&bbox=-99.20,19.30,-99.10,19.50", "ix_service_request_words_of_days"),
    ("page_size=100&q=palabra77&updated_after=2026-11-01", "ix_service_request_changed"),
]
# Read in order from several places of an index, and no further than the page is long.
_WALKS = (
    "page_size=100&bbox=-99.151,19.401,-99.149,19.404",
    "page_size=100&bbox=-99.16,19.40,-99.14,19.42&sort=requested_datetime",
    f"page_size=100&lat=19.4&long=-99.15&radius=500&cursor={GOOD}",
    "page_size=100&bbox=-99.20,19.30,-99.15,19.34&service_code=S3&status=open",
    "page_size=100&bbox=-99.20,19.30,-99.17,19.34&service_code=S3",
)
# Lists of the public ask this way: with a city from memory, which the statement itself looks at.
_ZONE = ZoneInfo("America/Mexico_City")
_REMEMBERED = City(
    CITY,
    _ZONE,
    "es",
    Catalog(CITY, _ZONE, "es", NOW, (), {}, {}),
    (0, ""),
    frozenset(),
    None,
    "version",
    is_remembered=True,
)


@pytest.fixture
def filled(session: Session) -> Session:
    make_city(session)
    session.connection().execute(_SEED, {"city": CITY, "now": NOW})
    session.connection().execute(text("ANALYZE service_request"))
    return session


def plan_of(session: Session, query: str, *, is_without_values: bool = False) -> str:
    fields = read_query(query.encode())
    cursor = read_cursor(fields)
    filters = read_filters(fields, _ZONE, now=NOW)
    page = read_page(fields, filters, cursor)
    chosen = selection.filtered(selection.readable_by(PUBLIC, _REMEMBERED), filters, filters.agencies)
    days = chosen.days(page)
    asked = (
        chosen.rows(page, circle=filters.circle, with_details=False)
        if days is None
        else chosen.rows_of_days(days, page.size, page, circle=filters.circle, with_details=False)
    )
    names = [name for name in asked.values if f"%({name})s" in asked.sql]
    if not is_without_values:
        explained = db.fetch(session, f"EXPLAIN {asked.sql}", asked.values)
    else:
        numbered = re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", asked.sql)
        session.connection().exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
        session.connection().exec_driver_sql(f"PREPARE asked AS {numbered}")
        driver = session.connection().connection.driver_connection
        values = ", ".join(f"%({name})s" for name in names)
        explained = psycopg.ClientCursor(driver).execute(f"EXPLAIN EXECUTE asked ({values})", asked.values).fetchall()
        session.connection().exec_driver_sql("DEALLOCATE asked")
    return "\n".join(line for (line,) in explained)


def test_every_filter_is_served_by_an_index(filled: Session) -> None:
    wrong = []
    for query, index in _CASES:
        plan = plan_of(filled, query)
        if "Seq Scan on service_request" in plan or index not in plan:
            wrong.append(f"{query or '(none)'}: not by {index or 'an index'}\n{plan}")
    assert not wrong, "\n\n".join(wrong)
    # Totals of a search are counted by the same index.
    filters = read_filters(read_query(b"q=palabra77"), ZoneInfo("America/Mexico_City"), now=NOW)
    counted, values = selection.filtered(selection.readable_by(PUBLIC, _REMEMBERED), filters, ()).count()
    assert "ix_service_request_words_of_days" in str(db.fetch(filled, f"EXPLAIN {counted}", values))
    # A filter without an index would be seen.
    sql = "EXPLAIN SELECT count(*) FROM service_request r WHERE r.status_notes = 'x'"
    assert "Seq Scan on service_request" in "\n".join(filled.connection().exec_driver_sql(sql).scalars())


def test_squares_are_read_in_order_and_by_one_plan_for_all(filled: Session) -> None:
    for query in _WALKS:
        assert "Merge Append" in plan_of(filled, query)
        plan = plan_of(filled, query, is_without_values=True)
        assert "Merge Append" in plan, plan
        # The rows of the page itself may be put in order again, behind the names of their agencies.
        assert "  Sort  (" not in plan.split("Merge Append")[1], plan


def test_what_is_kept_as_a_statement_has_one_plan(filled: Session) -> None:
    """Whatever is prepared is planned as well without its values."""
    for query, index in _CASES:
        fields = read_query(query.encode())
        filters = read_filters(fields, _ZONE, now=NOW)
        chosen = selection.filtered(selection.readable_by(PUBLIC, _REMEMBERED), filters, filters.agencies)
        if chosen.rows(
            read_page(fields, filters, read_cursor(fields)), circle=filters.circle, with_details=False
        ).is_steady:
            assert index in plan_of(filled, query, is_without_values=True), query
