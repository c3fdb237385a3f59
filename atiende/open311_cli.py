"""The verbs of `atiende open311`, for `atiende.cli`."""

from typing import Annotated

import typer

open311_app = typer.Typer(no_args_is_help=True, help="Ask things of any Open311 server.")


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
