"""The verbs of `atiende telegram`, for `atiende.cli`."""

from typing import Annotated

import typer

telegram_app = typer.Typer(no_args_is_help=True, help="The Telegram bot of this installation.")


@telegram_app.command("set-webhook")
def telegram_set_webhook(
    drop_pending: Annotated[bool, typer.Option(help="Forget what people wrote while there was no webhook.")] = False,
) -> None:
    """Tell Telegram where we are and which secret to send, and print what it says of the webhook."""
    from atiende.commands.telegram import set_webhook

    set_webhook(drop_pending=drop_pending)


@telegram_app.command("webhook-info")
def telegram_webhook_info() -> None:
    """Print what Telegram says of the webhook: how many updates wait, and the last failure."""
    from atiende.commands.telegram import webhook_info

    webhook_info()


@telegram_app.command("delete-webhook")
def telegram_delete_webhook() -> None:
    """Take the webhook back."""
    from atiende.commands.telegram import delete_webhook

    delete_webhook()
