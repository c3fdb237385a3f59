"""The `atiende` command: parses, calls one function of `atiende.commands`, prints. Errors are one clear line and exit code 1."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from atiende.forecast_cli import forecast_app
from atiende.rules_cli import rules_app
from atiende.webhook_cli import webhook_app

if TYPE_CHECKING:
    from kernel.errors import AtiendeError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Atiende: one Open311 queue for every channel of a city."
)
city_app = typer.Typer(no_args_is_help=True, help="Check or import a city folder.")
layer_app = typer.Typer(no_args_is_help=True, help="Import boundary layers.")
staff_app = typer.Typer(no_args_is_help=True, help="Make or disable accounts of the console.")
key_app = typer.Typer(no_args_is_help=True, help="Make, list, rotate or disable keys of the Open311 API.")
open311_app = typer.Typer(no_args_is_help=True, help="Ask things of any Open311 server.")
bench_app = typer.Typer(no_args_is_help=True, help="Make data to measure with.")
duplicates_app = typer.Typer(no_args_is_help=True, help="What may be reported already, and how well that is told.")
publish_app = typer.Typer(no_args_is_help=True, help="What everybody may read of the requests.")
import_app = typer.Typer(no_args_is_help=True, help="Import what another register holds.")
app.add_typer(city_app, name="city")
app.add_typer(layer_app, name="layer")
app.add_typer(staff_app, name="staff")
app.add_typer(key_app, name="key")
app.add_typer(webhook_app, name="webhook")
app.add_typer(open311_app, name="open311")
app.add_typer(forecast_app, name="forecast")
app.add_typer(import_app, name="import")
app.add_typer(bench_app, name="bench")
app.add_typer(rules_app, name="rules")
app.add_typer(publish_app, name="publish")
app.add_typer(duplicates_app, name="duplicates")

Descriptor = Annotated[
    int | None, typer.Option("--fd", help="A bound socket inherited from the parent, instead of host and port.")
]


@app.command()
def serve(host: str | None = None, port: int | None = None, descriptor: Descriptor = None) -> None:
    """Serve the web application (Open311, console, resident pages, webhooks)."""
    from atiende.commands.serve import run

    run(host=host, port=port, descriptor=descriptor)


@app.command()
def worker() -> None:
    """Relay events to jobs and run the jobs."""
    from atiende.commands.worker import run

    run()


@app.command(hidden=True)
def relay() -> None:
    """Relay events to jobs: the process that `worker` keeps beside it."""
    from atiende.commands.worker import relay

    relay()


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema."""
    from atiende.commands.migrate import run

    run()


@app.command()
def standin(host: str | None = None, port: int | None = None, descriptor: Descriptor = None) -> None:
    """Serve the stand-in for the SMS provider: a phone in the browser, nothing leaves this computer."""
    from atiende.commands.standin import run

    run(host=host, port=port, descriptor=descriptor)


@app.command()
def demo(port: Annotated[int, typer.Option(envvar="PORT", min=0, max=65535)] = 8311) -> None:
    """Run the demo city in the foreground until Ctrl-C."""
    from atiende.commands.demo import run

    run(port=port)


@city_app.command("check")
def city_check(folder: Path) -> None:
    """Read a city folder and list every problem in it."""
    from atiende.commands.city import check

    check(folder)


@city_app.command("import")
def city_import(folder: Path) -> None:
    """Write a city folder into the database; importing it again changes only what changed."""
    from atiende.commands.city import import_

    import_(folder)


@layer_app.command("import")
def layer_import(
    file: str,
    jurisdiction: Annotated[str, typer.Option()],
    layer: Annotated[str, typer.Option()],
    code: Annotated[str, typer.Option(help="Field that holds each area's code.")],
    name: Annotated[str, typer.Option(help="Field that holds each area's name.")],
    valid_from: Annotated[str | None, typer.Option(help="First day in force, YYYY-MM-DD; today by default.")] = None,
) -> None:
    """Import a boundary layer from GeoJSON or GeoPackage (also .gz; a path or a URL)."""
    from atiende.commands.layer import import_

    import_(file, jurisdiction=jurisdiction, layer=layer, code_field=code, name_field=name, valid_from=valid_from)


@staff_app.command("add")
def staff_add(
    email: str,
    name: Annotated[str, typer.Option(help="The person's name, as colleagues see it.")],
    role: Annotated[str, typer.Option(help="operator, supervisor, agency or admin.")],
    jurisdiction: Annotated[str, typer.Option()],
    agency: Annotated[str | None, typer.Option(help="Code of the agency; for role agency only.")] = None,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input.")
    ] = False,
) -> None:
    """Make an account, or give one a new password; prints the password once."""
    from atiende.commands.staff import add

    add(email, name=name, role=role, jurisdiction=jurisdiction, agency=agency, from_stdin=password_stdin)


@staff_app.command("disable")
def staff_disable(email: str) -> None:
    """Keep an account out, and sign it out everywhere."""
    from atiende.commands.staff import disable

    disable(email)


@key_app.command("add")
def key_add(
    label: Annotated[str, typer.Option(help="Whose key it is.")],
    jurisdiction: Annotated[str, typer.Option()],
    agency: Annotated[
        str | None, typer.Option(help="Code of the agency that update and read_private are about.")
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            help="submit, update or read_private; once for each. By default submit, and update with an agency."
        ),
    ] = None,
    expires: Annotated[str | None, typer.Option(help="Its last day, YYYY-MM-DD.")] = None,
    writes_per_minute: Annotated[
        int | None, typer.Option(help="Its own limit instead of the installation's; 0 is none.")
    ] = None,
) -> None:
    """Make a key and print it once."""
    from atiende.commands.key import add

    add(
        label=label,
        jurisdiction=jurisdiction,
        agency=agency,
        scopes=scope or (),
        expires=expires,
        writes_per_minute=writes_per_minute,
    )


@key_app.command("rotate")
def key_rotate(
    key: Annotated[str, typer.Argument(help="Label or id.")],
    overlap_days: Annotated[int, typer.Option(help="How long the secret before this one still works.")] = 7,
) -> None:
    """Give a key a new secret and print it once."""
    from atiende.commands.key import rotate

    rotate(key, overlap_days=overlap_days)


@key_app.command("disable")
def key_disable(key: Annotated[str, typer.Argument(help="Label or id.")]) -> None:
    """End a key at once."""
    from atiende.commands.key import disable

    disable(key)


@key_app.command("list")
def key_list() -> None:
    """List every key: id, city, label, agency, day made, scopes, first letters, limit, previous until, expiry, last use, end."""
    from atiende.commands.key import list_

    list_()


@import_app.command("requests")
def import_requests(
    file: Path,
    map_file: Annotated[Path, typer.Option("--map", help="TOML: which column is what.")],
    jurisdiction: Annotated[str | None, typer.Option(help="The city, in place of the map's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and judge every row, write nothing.")] = False,
    rejects: Annotated[Path | None, typer.Option(help="CSV of the rows left out, with line and reason.")] = None,
    batch: Annotated[int, typer.Option(min=1, max=200_000, help="Rows a transaction.")] = 10_000,
    route: Annotated[bool, typer.Option(help="Find areas, and agencies the file does not name, by our rules.")] = True,
    update: Annotated[bool, typer.Option("--update", help="Change requests that are newer in the file.")] = False,
    publish: Annotated[
        bool, typer.Option(help="Mask what everybody may read now; else leave it to `atiende publish texts`.")
    ] = True,
    review: Annotated[
        int, typer.Option(min=0, max=1000, help="Open requests with doubtful names for the review list, at most.")
    ] = 100,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N rows.")] = None,
) -> None:
    """Load past requests from CSV, JSON or Parquet (also .gz); running it again adds only what is not there yet."""
    from atiende.commands.import_requests import run
    from intake.history.load import Options

    options = Options(
        jurisdiction_id=jurisdiction,
        batch=batch,
        limit=limit,
        update=update,
        dry_run=dry_run,
        route=route,
        publish=publish,
        review=review,
    )
    run(file, map_file, options, rejects)


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


@publish_app.command("texts")
def publish_texts(
    after: Annotated[str | None, typer.Option(help="Go on behind the request with this id.")] = None,
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="Requests to a transaction.")] = 500,
    everything: Annotated[bool, typer.Option("--all", help="Also those that today's rules have masked.")] = False,
) -> None:
    """Mask the texts of requests from before, or left by older rules; says how many. May be stopped and started again."""
    from atiende.commands.publish import texts

    texts(after=after, batch=batch, everything=everything)


# Negative numbers are coordinates here, not options.
@app.command(context_settings={"ignore_unknown_options": True})
def where(lon: float, lat: float) -> None:
    """Print, as JSON, every layer's area at a point."""
    from atiende.commands.where import run

    run(lon, lat)


@app.command(context_settings={"ignore_unknown_options": True})
def route(
    lon: Annotated[float | None, typer.Argument()] = None,
    lat: Annotated[float | None, typer.Argument()] = None,
    service: Annotated[str | None, typer.Option(help="Service code.")] = None,
    jurisdiction: Annotated[str | None, typer.Option()] = None,
    at: Annotated[str | None, typer.Option(help="ISO 8601 time; now by default.")] = None,
    answers: Annotated[
        list[str] | None, typer.Option(help="An answer that rules ask for: CODE=VALUE. May be repeated.")
    ] = None,
    settled: Annotated[
        list[str] | None, typer.Option(help="A reply to a border case, as its receipt offers it: LAYER=CODE.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Bulk input: lon,lat,service_code[,at].")] = None,
    out: Annotated[Path | None, typer.Option(help="Bulk output.")] = None,
) -> None:
    """Print the routing receipt for a point and a service as JSON, or route a CSV file in bulk."""
    from atiende.commands.route import run, run_csv

    if csv is not None or out is not None:
        run_csv(csv, out, jurisdiction=jurisdiction, at=at)
    else:
        run(
            lon,
            lat,
            service=service,
            jurisdiction=jurisdiction,
            at=at,
            answers=answers or [],
            settled=settled or [],
        )


@app.command()
def whatif(
    layer: Annotated[
        list[str] | None,
        typer.Option(
            help="KEY=FILE: boundaries in place of a layer's (GeoJSON, GeoPackage; also .gz; a path or a URL)."
        ),
    ] = None,
    rules: Annotated[Path | None, typer.Option(help="rules.toml in place of today's rules.")] = None,
    first: Annotated[
        str | None,
        typer.Option("--from", help="First day of the period, YYYY-MM-DD; 90 days before its end by default."),
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day, included; today by default.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the CSV, GeoJSON and HTML files.")] = None,
    jurisdiction: Annotated[str | None, typer.Option(help="The city; the default one otherwise.")] = None,
    code: Annotated[
        str | None, typer.Option(help="Field with each area's code; found by its name or its values otherwise.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Field with each area's name.")] = None,
    lang: Annotated[str | None, typer.Option(help="es or en: the language of the report.")] = None,
) -> None:
    """Try boundaries or rules on the requests of a period: who would gain and lose what. Changes nothing."""
    from atiende.commands.whatif import run

    run(
        layer or [],
        rules,
        first=first,
        last=last,
        out=out,
        jurisdiction=jurisdiction,
        code_field=code,
        name_field=name,
        language=lang,
    )


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


@open311_app.command("check")
def open311_check(
    url: Annotated[str, typer.Argument(help="Root of the API, such as https://311.city.example/open311/v2.")],
    jurisdiction: Annotated[str | None, typer.Option(help="jurisdiction_id, where the server has several.")] = None,
    api_key: Annotated[
        str | None,
        typer.Option(envvar="ATIENDE_OPEN311_KEY", help="Key for posting; better given by the environment."),
    ] = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Post test reports, about fifteen, each saying what it is. Never without this."),
    ] = False,
    service: Annotated[
        str | None, typer.Option(help="service_code of the test reports; chosen by itself otherwise.")
    ] = None,
    lat: Annotated[float | None, typer.Option(help="Where to put the test reports; with --long.")] = None,
    long: Annotated[
        float | None, typer.Option(help="With --lat. Otherwise near a request the server already has.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds for each answer, from first byte to last.")] = 20.0,
    rate: Annotated[float, typer.Option(help="Questions per second at most; 0 for no pause.")] = 2.0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of the table.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(help="Only this section, such as discovery; may be repeated.")
    ] = None,
) -> None:
    """Grade a GeoReport v2 server, rule by rule. Leaves with 1 when a `must` fails, 2 when nobody answers."""
    from atiende.commands.open311 import check
    from atiende.open311_check.visit import Options

    options = Options(jurisdiction, api_key, write, service, lat, long)
    check(url, options=options, timeout_s=timeout, rate=rate, as_json=as_json, only=only or [])


def main() -> None:
    """Entry point of `atiende`."""
    from kernel.errors import AtiendeError
    from kernel.processes import follow_parent

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


def _leave(error: "AtiendeError") -> NoReturn:
    # Who runs the program may read either language; nothing here says which.
    texts = dict.fromkeys(error.public_text(language) for language in ("es", "en"))
    sys.stderr.write("\n".join(texts) + "\n")
    sys.exit(1)
