"""`atiende forecast`: whether what people are told about waiting holds."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from atiende.commands.forecast_file import FileColumns, read_cases
from kernel.errors import InvalidInput
from routing.calibration import Kept
from routing.calibration import backtest as judge
from routing.forecasts import LONGEST_WINDOW_DAYS, Cases

# Months of a city that are judged; what came before them is only learned from.
_MONTHS = 12
_LEARNING_DAYS = 31


def backtest(jurisdiction: str | None, *, since: str | None) -> None:
    """Prints the table of a city's last twelve months. Raises NotFound, InvalidInput."""
    from atiende.commands import place
    from intake.forecasts.past import cases_of
    from kernel import clock, db

    place.connect()
    now = clock.now()
    with db.transaction() as session:
        city = place.choose_city(session, jurisdiction, None, now.date())
        first = now - timedelta(days=_MONTHS * 31)
        cases = cases_of(session, city, since=first - timedelta(days=LONGEST_WINDOW_DAYS))
    zone = ZoneInfo(city.timezone)
    begin = _month(since, zone) if since else first.astimezone(zone).replace(day=1, hour=0, minute=0, second=0)
    sys.stdout.write("\n".join(table(_judge(cases, begin, zone, seen_until=now.timestamp()))) + "\n")


def backtest_file(path: Path, named: FileColumns, without: Sequence[str], *, since: str | None) -> None:
    """Prints the table of a file's months. Raises NotFound, InvalidInput."""
    sys.stdout.write("\n".join(table(judged_file(path, named, without, since=since))) + "\n")


def judged_file(path: Path, named: FileColumns, without: Sequence[str] = (), *, since: str | None = None) -> list[Kept]:
    """The months of a file, from the one after its first month on."""
    cases = read_cases(path, named, without)
    if not len(cases):
        raise InvalidInput("El archivo {path} no tiene ningún reporte.", path=path)
    begin = datetime.fromtimestamp(float(cases.opened.min()), UTC) + timedelta(days=_LEARNING_DAYS)
    first = _month(since, UTC) if since else begin.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    seen_until = float(np.nanmax(np.concatenate([cases.opened, cases.ended])))
    return _judge(cases, first, UTC, seen_until=seen_until)


def _judge(cases: Cases, first: datetime, zone: tzinfo, *, seen_until: float) -> list[Kept]:
    until = float(cases.opened.max()) + 1.0 if len(cases) else first.timestamp()
    return judge(
        cases,
        lambda at: datetime.fromtimestamp(at, zone).strftime("%Y-%m"),
        first=first.timestamp(),
        until=until,
        seen_until=seen_until,
    )


def table(months: Sequence[Kept]) -> list[str]:
    """Lines of a table; `kept` should be near 80 %."""
    lines = ["month      came  promised  kept as said  kept exactly  service x area  service  group"]
    for month in months:
        levels = [month.by_level.get(level, 0) for level in ("service_area", "service", "group")]
        kept = [f"{share:.1%}" if month.promised else "-" for share in (month.share, month.share_exactly)]
        lines.append(
            f"{month.month:<7}  {month.came:>6,}  {month.promised:>8,}  {kept[0]:>12}  {kept[1]:>12}"
            f"  {levels[0]:>14,}  {levels[1]:>7,}  {levels[2]:>5,}"
        )
    return lines


def _month(text: str, zone: tzinfo) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=zone)
    except ValueError:
        raise InvalidInput("--since es un mes, como 2026-03.") from None
