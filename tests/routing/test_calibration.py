"""The back-test itself: it finds a good forecast good, a bad one bad, and never looks ahead."""

import csv
import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from atiende.commands.forecast import judged_file
from atiende.commands.forecast_file import FileColumns
from routing.calibration import Kept, backtest
from routing.forecasts import DAY_S, columns

BOSTON = FileColumns("open_dt", "closed_dt", "type", "reason", "neighborhood")
# What the city's own people found and closed is promised to nobody.
RESIDENTS = ["source=Employee Generated"]


def judged(took_days: "np.typing.NDArray[np.float64]", days: int = 90) -> list[Kept]:
    opened = np.sort(np.random.default_rng(3).uniform(0, days * DAY_S, len(took_days)))
    rows = [
        ("A", None, "g", float(at), float(at + took * DAY_S), True) for at, took in zip(opened, took_days, strict=True)
    ]
    return backtest(
        columns(rows),
        lambda at: f"{int(at // (30 * DAY_S))}",
        first=30 * DAY_S,
        until=days * DAY_S,
        seen_until=200 * DAY_S,
    )


def test_a_steady_city_keeps_eight_of_ten() -> None:
    months = judged(np.random.default_rng(1).lognormal(0.7, 0.7, 4000))
    assert [month.month for month in months] == ["1", "2", "total"]
    for month in months:
        assert 0.77 <= month.share_exactly <= 0.83
        assert month.share >= month.share_exactly
        assert month.promised == month.came


def test_a_city_that_gets_slower_is_seen_to_break_what_was_said() -> None:
    took = np.concatenate([np.full(2000, 1.0), np.full(1000, 30.0)])
    before, after, _ = judged(took)
    assert before.share > 0.95
    assert after.share < 0.3
    assert after.promised < after.came  # and soon nothing is said any more


def test_a_request_whose_time_is_not_over_is_not_judged() -> None:
    rows = [("A", None, "g", day * DAY_S, day * DAY_S + 20 * DAY_S, True) for day in np.arange(0, 90, 0.2).tolist()]
    for seen_until, judged_ones in ((90.0, 0), (200.0, None)):
        total = backtest(
            columns(rows), lambda _: "m", first=80 * DAY_S, until=90 * DAY_S, seen_until=seen_until * DAY_S
        )[-1]
        assert total.promised == (total.came if judged_ones is None else judged_ones)


@pytest.mark.shared_data
def test_boston_keeps_what_residents_would_have_been_told(shared_data: Path) -> None:
    """Each month on its own, both in the whole days that are said and in the number behind them."""
    months = judged_file(shared_data / "boston_311_2011.csv.gz", BOSTON, RESIDENTS)
    assert [month.month for month in months] == ["2011-08", "2011-09", "2011-10", "2011-11", "2011-12", "total"]
    for month in months:
        assert 0.75 <= month.share <= 0.85, month
        assert 0.75 <= month.share_exactly <= 0.85, month
        assert month.promised > 0.6 * month.came


def test_a_file_is_read_with_its_faults(tmp_path: Path) -> None:
    from kernel.errors import InvalidInput, NotFound

    file = tmp_path / "past.csv.gz"
    with gzip.open(file, "wt", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(["open_dt", "closed_dt", "type", "reason", "neighborhood"])
        for day in range(1, 3):
            writer.writerow([datetime(2026, 1, day, tzinfo=UTC).isoformat(), "", "A", "g", ""])
    assert judged_file(file, BOSTON, since="2026-01")[-1].came == 2
    with pytest.raises(InvalidInput, match="columnas: source"):
        judged_file(file, BOSTON, RESIDENTS)
    with pytest.raises(InvalidInput, match="COLUMNA=VALOR"):
        judged_file(file, BOSTON, ["source"])
    with pytest.raises(NotFound):
        judged_file(tmp_path / "none.csv", BOSTON)
