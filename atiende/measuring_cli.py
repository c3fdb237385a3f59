"""The verbs of `atiende bench` and `atiende duplicates`: how well and how fast."""

from typing import Annotated

import typer

bench_app = typer.Typer(no_args_is_help=True, help="Make data to measure with.")
duplicates_app = typer.Typer(no_args_is_help=True, help="What may be reported already, and how well that is told.")


@bench_app.command("seed")
def bench_seed(
    rows: Annotated[int, typer.Option(min=1, max=9_000_000)],
    jurisdiction: Annotated[str | None, typer.Option(help="The city; the default one otherwise.")] = None,
    seed: Annotated[int, typer.Option(help="The same number makes the same history.")] = 311,
    until: Annotated[str | None, typer.Option(help="Its last day, YYYY-MM-DD; now by default.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Also in a city that is not marked as fictional.")] = False,
) -> None:
    """Fill a city with an invented history of any size, skewed as a real one is."""
    from atiende.commands.bench import seed as run

    run(rows, jurisdiction=jurisdiction, number=seed, until=until, is_sure=yes)


@duplicates_app.command("evaluate")
def duplicates_evaluate(
    jurisdiction: Annotated[str | None, typer.Option(help="The default city if not given.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values instead of a table.")] = False,
) -> None:
    """Precision and recall of likely duplicates by threshold, from what residents and staff have decided."""
    from atiende.commands.duplicates import evaluate

    evaluate(jurisdiction=jurisdiction, as_csv=as_csv)
