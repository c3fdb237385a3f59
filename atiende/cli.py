"""The `atiende` command: parses, calls one function of `atiende.commands`, prints. Errors are one clear line and exit code 1."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from atiende.access_cli import key_app, staff_app
from atiende.city_cli import city_app, import_app, layer_app, publish_app
from atiende.classifier_cli import classifier_app
from atiende.forecast_cli import forecast_app
from atiende.measuring_cli import bench_app, duplicates_app
from atiende.open311_cli import open311_app
from atiende.routing_cli import routing_app
from atiende.rules_cli import rules_app
from atiende.telegram_cli import telegram_app
from atiende.understanding_cli import understanding_app
from atiende.webhook_cli import webhook_app
from kernel.loading import collect_rarely, loading

if TYPE_CHECKING:
    from kernel.errors import AtiendeError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Atiende: one Open311 queue for every channel of a city."
)
app.add_typer(routing_app)
app.add_typer(understanding_app)
app.add_typer(city_app, name="city")
app.add_typer(layer_app, name="layer")
app.add_typer(staff_app, name="staff")
app.add_typer(key_app, name="key")
app.add_typer(webhook_app, name="webhook")
app.add_typer(telegram_app, name="telegram")
app.add_typer(open311_app, name="open311")
app.add_typer(forecast_app, name="forecast")
app.add_typer(import_app, name="import")
app.add_typer(bench_app, name="bench")
app.add_typer(rules_app, name="rules")
app.add_typer(publish_app, name="publish")
app.add_typer(duplicates_app, name="duplicates")
app.add_typer(classifier_app, name="classifier")

Descriptor = Annotated[
    int | None, typer.Option("--fd", help="A bound socket inherited from the parent, instead of host and port.")
]


@app.command()
def serve(host: str | None = None, port: int | None = None, descriptor: Descriptor = None) -> None:
    """Serve the web application (Open311, console, resident pages, webhooks)."""
    with loading():
        from atiende.commands.serve import prepare

        run = prepare(host=host, port=port, descriptor=descriptor)
    run()


@app.command()
def worker() -> None:
    """Relay events to jobs, run the jobs, and keep a dispatcher: each a process of its own."""
    with loading():
        from atiende.commands.worker import prepare

        run = prepare()
    run()


@app.command(hidden=True)
def jobs() -> None:
    """Run the jobs that the relay has put in Redis: a process that `worker` keeps."""
    _work("jobs")


@app.command(hidden=True)
def relay() -> None:
    """Relay events to jobs: a process that `worker` keeps."""
    _work("relay")


@app.command()
def dispatcher() -> None:
    """Give whoever waits for a person to an operator who is free: `worker` keeps one; more may run anywhere."""
    _work("dispatcher")


def _work(part: str) -> None:
    with loading():
        from atiende.commands.worker import prepare_part
        from kernel.errors import MisconfiguredError

        try:
            run = prepare_part(part)
        except MisconfiguredError as error:
            _leave(error, os.EX_CONFIG)  # to try again would not help: `atiende.keeper`
    run()


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from atiende.commands.migrate import run

    run()


@app.command()
def standin(host: str | None = None, port: int | None = None, descriptor: Descriptor = None) -> None:
    """Serve the stand-in for the SMS provider: a phone in the browser, nothing leaves this computer."""
    with loading():
        from atiende.commands.standin import prepare

        run = prepare(host=host, port=port, descriptor=descriptor)
    run()


@app.command()
def demo(port: Annotated[int, typer.Option(envvar="PORT", min=0, max=65535)] = 8311) -> None:
    """Run the demo city in the foreground until Ctrl-C."""
    from atiende.commands.demo import run

    run(port=port)


@app.command()
def replay(
    file: Path,
    jurisdiction: Annotated[str, typer.Option()],
    limit: Annotated[int | None, typer.Option(help="Only the first N rows.")] = None,
    as_sms: Annotated[int, typer.Option(help="Send this many of the rows as text messages instead.")] = 0,
    base_url: Annotated[
        str | None, typer.Option(help="A running installation; the one of ATIENDE_DATA by default.")
    ] = None,
) -> None:
    """Send real rows through the whole path and report what became of them."""
    from atiende.commands.replay import run

    run(file, jurisdiction=jurisdiction, limit=limit, as_sms=as_sms, base_url=base_url)


def main() -> None:
    """Entry point of `atiende`."""
    from kernel.errors import AtiendeError
    from kernel.processes import follow_parent

    collect_rarely()
    follow_parent()
    try:
        app()
    except AtiendeError as error:
        _leave(error)
    except Exception as error:
        from atiende.commands.failures import explained

        explanation = explained(error)
        if explanation is None:
            raise
        _leave(explanation)


def _leave(error: "AtiendeError", code: int = 1) -> NoReturn:
    # Who runs the program may read either language; nothing here says which.
    texts = dict.fromkeys(error.public_text(language) for language in ("es", "en"))
    sys.stderr.write("\n".join(texts) + "\n")
    sys.exit(code)
