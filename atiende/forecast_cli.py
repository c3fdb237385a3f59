"""The verbs of `atiende forecast`, for `atiende.cli`."""

from pathlib import Path
from typing import Annotated

import typer

forecast_app = typer.Typer(
    no_args_is_help=True, help="How long requests take, and whether what is said about it holds."
)


@forecast_app.command("backtest")
def forecast_backtest(
    jurisdiction: Annotated[str | None, typer.Option(help="The city; the default one otherwise.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Judge the rows of a file (also .gz) instead of a city's.")] = None,
    opened: Annotated[str, typer.Option(help="With --csv: column of when it was opened.")] = "open_dt",
    ended: Annotated[str, typer.Option(help="With --csv: column of when it was closed.")] = "closed_dt",
    service: Annotated[str, typer.Option(help="With --csv: column of the service.")] = "type",
    group: Annotated[str, typer.Option(help="With --csv: column of the group.")] = "reason",
    area: Annotated[str, typer.Option(help="With --csv: column of the area.")] = "neighborhood",
    without: Annotated[
        list[str] | None, typer.Option(help='With --csv: rows to pass over, as "source=Employee Generated".')
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="First month judged, YYYY-MM; a month after the record begins by default.")
    ] = None,
) -> None:
    """For each past month: of those told a time that 8 of 10 keep, how many were in time. A day knows only what came before."""
    from atiende.commands.forecast import backtest, backtest_file
    from atiende.commands.forecast_file import FileColumns

    if csv is None:
        backtest(jurisdiction, since=since)
    else:
        backtest_file(csv, FileColumns(opened, ended, service, group, area), without or [], since=since)
