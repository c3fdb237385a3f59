"""`atiende rules`: propose, try, show and publish rules from the command line."""

from pathlib import Path
from typing import Annotated

import typer

rules_app = typer.Typer(no_args_is_help=True, help="Who is responsible: propose, try, show and publish rules.")

Jurisdiction = Annotated[str | None, typer.Option(help="Id of the city; every city by default.")]


@rules_app.command("test")
def try_(jurisdiction: Jurisdiction = None) -> None:
    """Try the rules in force, and those planned, on their tests; exits with 1 when one fails."""
    from atiende.commands.rules import test as run

    run(jurisdiction)


@rules_app.command("lint")
def lint(
    file: Annotated[
        Path | None,
        typer.Argument(help="A rules.toml: of a city folder, or with --jurisdiction of a city that is stored."),
    ] = None,
    jurisdiction: Jurisdiction = None,
) -> None:
    """Say what is wrong or doubtful about the rules in force and planned, or about a file; exits with 1 on errors."""
    from atiende.commands.lint_rules import run

    run(jurisdiction, file)


@rules_app.command("show")
def show(jurisdiction: Annotated[str, typer.Option(help="Id of the city.")]) -> None:
    """Print the newest rules as a rules.toml."""
    from atiende.commands.rules import show as run

    run(jurisdiction)


@rules_app.command("drafts")
def drafts(jurisdiction: Jurisdiction = None) -> None:
    """List the open drafts: id, city, name, set it starts from, last change."""
    from atiende.commands.rules import drafts as run

    run(jurisdiction)


@rules_app.command("publish")
def publish(
    draft: str,
    on: Annotated[str, typer.Option("--on", help="First day in force, YYYY-MM-DD.")],
    by: Annotated[str, typer.Option(help="Who decides it.")] = "atiende rules publish",
    without_tests: Annotated[
        bool, typer.Option("--without-tests", help="Yes, without the tests that it removes or changes.")
    ] = False,
) -> None:
    """Put a draft's rules and boundaries in force from a day on; refused when one of its tests fails."""
    from atiende.commands.rules import publish as run

    run(draft, on, by, without_tests=without_tests)


@rules_app.command("withdraw")
def withdraw(
    version: int,
    jurisdiction: Annotated[str, typer.Option(help="Id of the city.")],
    by: Annotated[str, typer.Option(help="Who decides it.")] = "atiende rules withdraw",
) -> None:
    """Cancel a version whose day has not come: its boundaries go, its draft is open again, and it stays on record."""
    from atiende.commands.rules import withdraw as run

    run(version, jurisdiction, by)


@rules_app.command("learn")
def rules_learn(
    file: Path,
    map_file: Annotated[
        Path, typer.Option("--map", help="TOML: which column is what, as for `atiende import requests`.")
    ],
    out: Annotated[Path, typer.Option(help="The proposal: a rules.toml to read, change and publish.")],
    layer: Annotated[
        list[str] | None, typer.Option(help="Areas that may decide: KEY=FILE:CODE_FIELD. May be repeated.")
    ] = None,
    answer: Annotated[list[str] | None, typer.Option(help="A column that may decide. May be repeated.")] = None,
    hold_back: Annotated[float, typer.Option(min=0, max=0.9, help="Share of the rows to try the rules on.")] = 0.3,
) -> None:
    """Propose rules from past requests, service by service, and say how often they agree with rows held back."""
    from atiende.commands.learn_rules import run

    run(file, map_file, out, layers=layer or [], answers=answer or [], hold_back=hold_back)
