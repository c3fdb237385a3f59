"""From numbered changes to deliveries: each subscription follows the feed by its own place in it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session, select

from intake.catalog.models import EXTENSIONS_OFF
from intake.changes import queries as changes
from intake.changes.queries import Reader
from intake.webhooks import payload
from intake.webhooks.config import config
from intake.webhooks.models import Webhook, WebhookDelivery
from kernel import db, outbox
from kernel.ids import new_id

BATCH = 200
_BEHIND = """
    SELECT webhook.id FROM webhook JOIN jurisdiction ON jurisdiction.id = webhook.jurisdiction_id
    WHERE webhook.state = 'active'
        AND webhook.through_seq < (SELECT seq FROM service_request_change ORDER BY seq DESC LIMIT 1)
        AND NOT coalesce(jurisdiction.settings -> $1::text @> to_jsonb($2::text[]), false)
    ORDER BY webhook.id
"""
# How long a job that was asked for may take to begin before it is asked for again.
WAKE_LEASE = timedelta(seconds=60)


def behind(session: Session) -> list[UUID]:
    """The active subscriptions that have not got as far as the numbers have, but for cities that do without webhooks for now.

    Those lose nothing: once the city has them again, its subscriptions go on from where they were.
    """
    session.flush()
    return [webhook_id for (webhook_id,) in db.fetch(session, _BEHIND, [EXTENSIONS_OFF, ["webhooks"]], prepare=True)]


def queue_next(session: Session, webhook_id: UUID, *, now: datetime) -> bool:
    """Makes the deliveries of the next changes; True when there may be more. Two at once take turns."""
    statement = select(Webhook).where(Webhook.id == webhook_id).with_for_update()
    webhook = session.exec(statement, execution_options={"populate_existing": True}).one_or_none()
    if webhook is None or webhook.state != "active":
        return False
    # Read before the changes are: what is numbered in between comes with the next round.
    newest = changes.newest_seq(session)
    reader = Reader(webhook.jurisdiction_id, webhook.agency_code)
    rows = changes.after(session, reader, webhook.through_seq, limit=BATCH)
    made: list[UUID] = []
    for row in rows:
        event_type = payload.type_of(row)
        if webhook.event_types and event_type not in webhook.event_types:
            continue
        delivery = WebhookDelivery(
            id=new_id(),
            webhook_id=webhook.id,
            change_seq=row.seq,
            event_type=event_type,
            folio=row.folio,
            body=payload.body_of(row, webhook.jurisdiction_id, config().base_url),
            due_at=now + WAKE_LEASE,
            created_at=now,
        )
        session.add(delivery)
        made.append(delivery.id)
    is_full = len(rows) == BATCH
    webhook.through_seq = rows[-1].seq if is_full else max(newest, *(row.seq for row in rows), webhook.through_seq)
    session.flush()
    queue_up(session, made, now=now)
    return is_full


def queue_up(session: Session, delivery_ids: Iterable[UUID], *, now: datetime) -> None:
    """Asks for a job for each delivery, once this transaction is committed."""
    for delivery_id in delivery_ids:
        outbox.record(session, "webhook_delivery.queued", at=now, delivery_id=delivery_id)
