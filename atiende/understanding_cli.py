"""`atiende understand`: what the dialogue understands of a message."""

from pathlib import Path
from typing import Annotated

import typer

understanding_app = typer.Typer()


@understanding_app.command()
def understand(
    text: Annotated[list[str] | None, typer.Argument(help="The message.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Bulk input, with a column text.")] = None,
    out: Annotated[Path | None, typer.Option(help="Bulk output: CSV, or JSON Lines if it ends in .jsonl.")] = None,
    jurisdiction: Annotated[str | None, typer.Option(help="The city; the default one otherwise.")] = None,
) -> None:
    """Print, as JSON, what is understood of a message: language, danger, intent, services and why, place."""
    from atiende.commands.understand import run, run_csv

    if csv is not None or out is not None:
        run_csv(csv, out, jurisdiction=jurisdiction, beside=" ".join(text or ()))
    else:
        run(" ".join(text or ()), jurisdiction=jurisdiction)
