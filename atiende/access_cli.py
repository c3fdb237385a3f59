"""The verbs of `atiende staff` and `atiende key`: who may come in."""

from typing import Annotated

import typer

staff_app = typer.Typer(no_args_is_help=True, help="Make or disable accounts of the console.")
key_app = typer.Typer(no_args_is_help=True, help="Make, list, rotate or disable keys of the Open311 API.")


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
            help="submit, update, read_private or alert; once for each. By default submit, and update with an agency."
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
