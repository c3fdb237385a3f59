"""The verbs of `atiende city`, `layer`, `import` and `publish`: what a city is made of, and what another register holds."""

from pathlib import Path
from typing import Annotated

import typer

city_app = typer.Typer(no_args_is_help=True, help="Check or import a city folder.")
layer_app = typer.Typer(no_args_is_help=True, help="Import boundary layers.")
import_app = typer.Typer(no_args_is_help=True, help="Import what another register holds.")
publish_app = typer.Typer(no_args_is_help=True, help="What everybody may read of the requests.")


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


@import_app.command("requests")
def import_requests(
    file: Path,
    map_file: Annotated[Path, typer.Option("--map", help="TOML: which column is what.")],
    jurisdiction: Annotated[str | None, typer.Option(help="The city, in place of the map's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and judge every row, write nothing.")] = False,
    rejects: Annotated[Path | None, typer.Option(help="CSV of the rows left out, with line and reason.")] = None,
    batch: Annotated[int, typer.Option(min=1, max=200_000, help="Rows read and written together.")] = 10_000,
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


@publish_app.command("texts")
def publish_texts(
    after: Annotated[str | None, typer.Option(help="Go on behind the request with this id.")] = None,
    batch: Annotated[int, typer.Option(min=1, max=10_000, help="Requests to a transaction.")] = 500,
    everything: Annotated[bool, typer.Option("--all", help="Also those that today's rules have masked.")] = False,
) -> None:
    """Mask the texts of requests from before, or left by older rules; says how many. May be stopped and started again."""
    from atiende.commands.publish import texts

    texts(after=after, batch=batch, everything=everything)
