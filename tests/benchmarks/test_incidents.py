"""Telling ten thousand people who are attached to an incident that it is over: how fast, and how long for each."""

import os
import statistics
import time

import pytest
from sqlalchemy import Engine, text

from intake.conversations import incident_news
from intake.conversations.incident_news import tell_attached
from intake.incidents import actions
from kernel import db
from tests.benchmarks.report import report
from tests.factories import CITY, NOW
from tests.intake.conversations.conftest import committed_city
from tests.intake.incidents.cast import SUSANA, opened

__all__ = ["committed_city"]
PEOPLE = int(os.environ.get("ATIENDE_BENCH_ATTACHED", "10000"))
# Addresses that nobody reads here: what is measured is our own writing.
_PEOPLE = """
    WITH people AS (
        INSERT INTO person (id, jurisdiction_id, language, created_at)
        SELECT gen_random_uuid(), :city, 'es', now() FROM generate_series(1, :people) RETURNING id
    ), points AS (
        INSERT INTO contact_point (id, jurisdiction_id, person_id, kind, lookup, address_sealed, last_digits, created_at)
        SELECT gen_random_uuid(), :city, id, 'phone', decode(replace(id::text, '-', ''), 'hex'), '\\x00', '', now() FROM people
        RETURNING id
    )
    INSERT INTO incident_contact (id, incident_id, contact_point_id, channel, at)
    SELECT gen_random_uuid(), :incident, id, 'sms', now() FROM points
"""


@pytest.mark.benchmark
@pytest.mark.timeout(900)
def test_telling_ten_thousand(committed_city: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with db.transaction() as session:
        made = opened(session)
    with db.transaction() as session:
        session.execute(text(_PEOPLE), {"city": CITY, "people": PEOPLE, "incident": made.id})
    with db.transaction() as session:
        update = actions.end(session, made.id, {"es": "Ya paró."}, version=1, by=SUSANA, now=NOW)
    took: list[float] = []
    tell = incident_news.tell

    def measured(*args: object, **named: object) -> None:
        began = time.perf_counter()
        tell(*args, **named)  # type: ignore[arg-type]  # passed through as given
        took.append(time.perf_counter() - began)

    monkeypatch.setattr(incident_news, "tell", measured)
    began = time.perf_counter()
    pieces = 0
    while tell_attached(update.id, now=NOW) == incident_news.PIECE:
        pieces += 1
    seconds = time.perf_counter() - began
    with db.transaction() as session:
        ((told,),) = db.fetch(
            session, "SELECT count(DISTINCT conversation_id) FROM message WHERE author_kind = 'campaign'", []
        )
    assert told == PEOPLE
    report(
        "incidents",
        [
            f"{PEOPLE:,} attached told: {seconds:.1f} s, {PEOPLE / seconds:,.0f}/s, in {pieces} jobs",
            f"one person: median {statistics.median(took) * 1000:.1f} ms, longest {max(took) * 1000:.0f} ms",
        ],
    )
