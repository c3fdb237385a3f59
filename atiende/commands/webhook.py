"""`atiende webhook`: telling other systems of changes, and a receiver to try it with."""

import os
import sys
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from atiende import bootstrap
from intake.catalog import queries as catalog
from intake.webhooks import actions, queries
from intake.webhooks.models import Webhook
from kernel import clock, db
from kernel.errors import NotFound
from kernel.settings import load_settings


def add(url: str, *, jurisdiction: str, agency: str | None, events: str) -> None:
    """Makes a subscription and prints its secret, the only line on standard output, this once."""
    bootstrap.configure(load_settings(os.environ))
    event_types = [name.strip() for name in events.split(",") if name.strip()]
    with db.transaction() as session:
        catalog.jurisdiction(session, jurisdiction)
        _, secret = actions.make(
            session,
            jurisdiction,
            url,
            agency_code=agency,
            event_types=event_types,
            made_by="atiende webhook add",
            now=clock.now(),
        )
    sys.stdout.write(f"{secret}\n")


def list_() -> None:
    """Prints tab-separated lines: id, city, agency or -, state, why or -, waiting deliveries, last delivery or -, address."""
    bootstrap.configure(load_settings(os.environ))
    with db.transaction() as session:
        webhooks = queries.listed(session)
        waiting = queries.unfinished(session, [webhook.id for webhook in webhooks])
    for webhook in webhooks:
        cells = (
            str(webhook.id),
            webhook.jurisdiction_id,
            webhook.agency_code or "-",
            webhook.state,
            webhook.reason or "-",
            str(waiting.get(webhook.id, 0)),
            _moment(webhook.delivered_at),
            webhook.url,
        )
        sys.stdout.write("\t".join(cells) + "\n")


def _moment(at: datetime | None) -> str:
    return "-" if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"


def send_test(name: str) -> None:
    """Queues a test message and prints its webhook-id."""
    from intake.webhooks.payload import message_id

    bootstrap.configure(load_settings(os.environ))
    with db.transaction() as session:
        delivery = actions.send_test(session, _named(session, name), now=clock.now())
    sys.stdout.write(message_id(delivery.id) + "\n")


def disable(name: str) -> None:
    """Ends a subscription at once, for good."""
    bootstrap.configure(load_settings(os.environ))
    with db.transaction() as session:
        actions.disable(session, _named(session, name), reason="by_hand", now=clock.now())


def _named(session: Session, name: str) -> Webhook:
    try:
        wanted = UUID(name)
    except ValueError:
        raise NotFound("No hay tal aviso a otro sistema.") from None
    return actions.held(session, wanted)


def listen(port: int, secrets: list[str]) -> None:
    """Serves on this machine until Ctrl-C: a line for each message, with whether its signature holds."""
    from atiende.webhook_receiver import serve

    serve(port, secrets)
