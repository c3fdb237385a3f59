"""The verbs of `atiende classifier`: an optional second opinion on what messages are about."""

from typing import Annotated

import typer

classifier_app = typer.Typer(
    no_args_is_help=True, help="An optional classifier of messages, trained from past requests."
)

City = Annotated[str | None, typer.Option(help="The city; the default one otherwise.")]


@classifier_app.command("train")
def train(
    jurisdiction: City = None,
    rows: Annotated[int, typer.Option(min=100, max=200_000, help="The newest requests to learn from.")] = 30_000,
    threshold: Annotated[
        float, typer.Option(min=0.5, max=0.999, help="How sure it has to be for nobody to be asked.")
    ] = 0.9,
) -> None:
    """Train from the city's requests, try it on those held back, and store the run. It is not used until you say so."""
    from atiende.commands.classifier import train as run

    run(jurisdiction=jurisdiction, rows=rows, threshold=threshold)


@classifier_app.command("list")
def show(jurisdiction: City = None) -> None:
    """Print every run with its figures."""
    from atiende.commands.classifier import show as run

    run(jurisdiction=jurisdiction)


@classifier_app.command("use")
def use(run_id: str, jurisdiction: City = None) -> None:
    """Use this run in the dialogue from now on."""
    from atiende.commands.classifier import use as run

    run(run_id, jurisdiction=jurisdiction)


@classifier_app.command("off")
def off(jurisdiction: City = None) -> None:
    """Use no classifier."""
    from atiende.commands.classifier import use as run

    run(None, jurisdiction=jurisdiction)
