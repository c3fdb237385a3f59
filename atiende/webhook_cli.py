"""The verbs of `atiende webhook`, for `atiende.cli`."""

from typing import Annotated

import typer

webhook_app = typer.Typer(no_args_is_help=True, help="Tell other systems of changes.")


@webhook_app.command("add")
def webhook_add(
    url: str,
    jurisdiction: Annotated[str, typer.Option()],
    agency: Annotated[str | None, typer.Option(help="Code of the agency whose requests it is told of.")] = None,
    events: Annotated[str, typer.Option(help="Comma separated, e.g. service_request.submitted; all by default.")] = "",
) -> None:
    """Tell a system of changes, and print the secret that signs once."""
    from atiende.commands.webhook import add

    add(url, jurisdiction=jurisdiction, agency=agency, events=events)


@webhook_app.command("list")
def webhook_list() -> None:
    """List them: id, city, agency, state, why, waiting, last delivery, address."""
    from atiende.commands.webhook import list_

    list_()


@webhook_app.command("test")
def webhook_test(webhook_id: str) -> None:
    """Send a message that says nothing, and print its webhook-id."""
    from atiende.commands.webhook import send_test

    send_test(webhook_id)


@webhook_app.command("disable")
def webhook_disable(webhook_id: str) -> None:
    """End one for good."""
    from atiende.commands.webhook import disable

    disable(webhook_id)


@webhook_app.command("listen")
def webhook_listen(
    secret: Annotated[list[str], typer.Option(help="whsec_…, as `webhook add` printed it; may be repeated.")],
    port: int = 8399,
) -> None:
    """Receive webhooks on this computer: verify each signature, print a line."""
    from atiende.commands.webhook import listen

    listen(port, secret)
