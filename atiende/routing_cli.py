"""`atiende where`, `route` and `whatif`: whose a place is, today and by a draft."""

from pathlib import Path
from typing import Annotated

import typer

routing_app = typer.Typer()


# Negative numbers are coordinates here, not options.
@routing_app.command(context_settings={"ignore_unknown_options": True})
def where(lon: float, lat: float) -> None:
    """Print, as JSON, every layer's area at a point."""
    from atiende.commands.where import run

    run(lon, lat)


@routing_app.command(context_settings={"ignore_unknown_options": True})
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


@routing_app.command()
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
