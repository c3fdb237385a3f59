"""Whether what residents would have been told held, month by month, on a real city's rows; and what the numbers cost."""

import time

import numpy as np
import pytest

from atiende.commands.forecast import judged_file, table
from routing.forecasts import DAY_S, Cases, forecast
from tests.benchmarks.report import report
from tests.conftest import SHARED_DATA
from tests.routing.test_calibration import BOSTON, RESIDENTS

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(600)]
ROWS, SERVICES, AREAS = 1_000_000, 200, 16


def test_a_big_citys_table() -> None:
    rng = np.random.default_rng(311)
    service = np.minimum(rng.zipf(1.3, ROWS) - 1, SERVICES - 1)
    opened = rng.uniform(0, 365 * DAY_S, ROWS)
    ended = opened + rng.lognormal(1.0, 1.0, ROWS) * DAY_S
    cases = Cases(
        services=[f"S{n}" for n in range(SERVICES)],
        areas=[f"A{n}" for n in range(AREAS)],
        groups=[f"G{n}" for n in range(12)],
        service=service,
        area=rng.integers(-1, AREAS, ROWS),
        group=service % 12,
        opened=opened,
        ended=np.where(rng.random(ROWS) < 0.05, np.nan, ended),
        is_answer=rng.random(ROWS) < 0.95,
    )
    begin = time.perf_counter()
    made = forecast(cases, 365 * DAY_S)
    report("forecast-table", [f"{ROWS:,} requests: {len(made):,} numbers in {time.perf_counter() - begin:.1f} s"])


def test_boston() -> None:
    file = SHARED_DATA / "boston_311_2011.csv.gz"
    if not file.exists():
        pytest.skip("needs the real request rows (../shared/data), which are not part of the repository")
    lines = ["Requests of residents (rows that employees generated are promised to nobody)"]
    lines += table(judged_file(file, BOSTON, RESIDENTS))
    lines += ["", "Every row", *table(judged_file(file, BOSTON))]
    report("forecast", lines)
