"""What looking for likely duplicates costs, at several sizes of the same skewed history. ATIENDE_BENCH_ROWS says which sizes.

cpu: processor milliseconds, ours and those of every backend of the database, from the operating system.
"""

import statistics
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.service_requests.duplicates.lookup import Found, around, offered
from intake.service_requests.duplicates.scoring import Sighting
from kernel import db
from tests.benchmarks.open311_floor import CITY
from tests.benchmarks.report import report
from tests.benchmarks.servers import backends, cpu_s
from tests.benchmarks.test_open311 import SIZES, filled

BUDGET_MS = 5.0
_LOOKS = 400

# The busiest cells, and requests as they come: where there are more, more is asked.
_BUSIEST = (
    "SELECT avg(lon) AS lon, avg(lat) AS lat, mode() WITHIN GROUP (ORDER BY service_code) AS service_code, count(*) AS rows"
    " FROM service_request WHERE lat IS NOT NULL AND is_public"
    " GROUP BY floor(lat * 1000), floor(lon * 1000) ORDER BY count(*) DESC LIMIT 20"
)
_AS_THEY_COME = (
    "SELECT lon, lat, service_code, description FROM service_request"
    " WHERE lat IS NOT NULL ORDER BY md5(folio) LIMIT 400"
)


@pytest.mark.benchmark
def test_the_look_up_for_likely_duplicates() -> None:
    lines = [
        f"{'ms a look':<34}{'median':>8}{'p99':>8}{'cpu':>8}{'of it db':>10}{'found':>7}  budget {BUDGET_MS:.0f} ms"
    ]
    for rows in SIZES:
        with filled(rows) as (_, engine):
            lines += _measured(rows, engine)
    report("duplicates", lines)


def _measured(rows: int, engine: Engine) -> list[str]:
    now = datetime.now(UTC)
    with engine.connect() as connection:
        busiest = connection.execute(text(_BUSIEST)).all()
        common = connection.execute(text(_AS_THEY_COME)).all()
        size = connection.scalar(text("SELECT pg_size_pretty(pg_relation_size('ix_service_request_near'))"))
    crowd = max(row.rows for row in busiest)
    lines = [f"{rows:,} rows, {crowd:,} in the busiest cell, index {size}"]
    for name, asked in (("as they come", common), ("the busiest corners", busiest)):
        for whom, look in (("residents", offered), ("staff", around)):
            taken, found = [], []
            pids = backends(str(engine.url.render_as_string(hide_password=False)))
            ours, theirs = 0.0, cpu_s(pids)
            for turn in range(_LOOKS):
                row = asked[turn % len(asked)]
                with db.transaction() as session:
                    definition = catalog.service(session, CITY, row.service_code)
                    words = row.description if name == "as they come" else f"hay un problema en la esquina {turn}"
                    told = Sighting(row.service_code, definition.group_code, LonLat(row[0], row[1]), now, 20.0, words)
                    start, own = time.perf_counter(), time.thread_time()
                    one: list[Found] = look(session, definition, told, now=now)  # type: ignore[operator]  # both take these
                    taken.append((time.perf_counter() - start) * 1000)
                    ours += time.thread_time() - own
                    found.append(len(one))
            database = (cpu_s(pids) - theirs) / _LOOKS * 1000
            lines.append(_line(f"  {name}, {whom}", taken, ours / _LOOKS * 1000 + database, database, found))
    return lines


def _line(name: str, taken: list[float], cpu: float, database: float, found: list[int]) -> str:
    p99 = sorted(taken)[int(len(taken) * 0.99)]
    median = statistics.median(taken)
    verdict = "met" if p99 <= BUDGET_MS else f"median {'met' if median <= BUDGET_MS else 'missed'}, p99 missed"
    return f"{name:<34}{median:>8.2f}{p99:>8.2f}{cpu:>8.2f}{database:>10.2f}{statistics.mean(found):>7.1f}  {verdict}"
