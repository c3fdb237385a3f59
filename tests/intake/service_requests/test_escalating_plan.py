"""What is due is found by its index, whatever else the table holds."""

import pytest
from sqlalchemy import text
from sqlmodel import Session

from tests.factories import CITY, NOW, make_city

pytestmark = pytest.mark.database
_SEED = text("""
INSERT INTO service_request (id, jurisdiction_id, folio, service_code, channel, language, description, areas, attributes,
    media_urls, life, outcome_code, closed_at, status_notes, handover, is_public, report_count, requested_at, updated_at, version,
    next_step_at)
SELECT gen_random_uuid(), :city, '91' || lpad(n::text, 8, '0'), 'S', 'sms', 'es', '', '{}', '{}', '[]',
    CASE WHEN n % 50 = 0 THEN 'new' ELSE 'closed' END, CASE WHEN n % 50 = 0 THEN NULL ELSE 'resolved' END,
    CASE WHEN n % 50 = 0 THEN NULL ELSE :now END, '', 'accepted', true, 1, :now, :now, 1,
    CASE WHEN n % 50 = 0 THEN :now + n * interval '1 minute' END
FROM generate_series(1, 20000) AS n
""")
_DUE = (
    "EXPLAIN SELECT * FROM service_request WHERE next_step_at <= :now"
    " ORDER BY next_step_at LIMIT 100 FOR UPDATE SKIP LOCKED"
)


def test_the_job_reads_only_what_is_due(session: Session) -> None:
    make_city(session)
    connection = session.connection()
    connection.execute(_SEED, {"city": CITY, "now": NOW})
    connection.execute(text("ANALYZE service_request"))
    plan = "\n".join(connection.execute(text(_DUE), {"now": NOW}).scalars())
    assert "ix_service_request_next_step" in plan
    assert "Seq Scan" not in plan
