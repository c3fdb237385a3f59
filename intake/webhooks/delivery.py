"""The life of a delivery: queued, sending (committed before the call), then delivered, queued for a later try, or failed.

A delivery whose sender died is sent again under the same id: at least once, never not at all. Every function takes the session
and never commits.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import text
from sqlmodel import Session, col, or_, select, update

from intake.webhooks import actions, payload
from intake.webhooks.models import Webhook, WebhookDelivery
from intake.webhooks.queueing import WAKE_LEASE, queue_up
from intake.webhooks.sending import Outcome
from kernel import outbox

log = structlog.get_logger(__name__)

# Standard Webhooks' own schedule: after each failed try, three days in all.
SCHEDULE = tuple(
    timedelta(seconds=s) for s in (5, 300, 1800, 7200, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
# An address that answered nothing for so long is paused, and nothing of it is given up: whoever repairs it loses nothing.
PAUSE_AFTER = timedelta(days=3)
# Longer than any call (settings.webhooks.timeout_s is at most 15).
SENDING_LEASE = timedelta(seconds=25)
# From so many failures in a row on, the address is tried only now and then, however much there is to tell.
HOLD_FROM = 3
_LONGEST_HOLD = timedelta(minutes=5)
GONE = 410
_BATCH = 200
KEEP_DELIVERED = timedelta(days=30)
KEEP_FAILED = timedelta(days=90)

_PRUNE = text("""
    DELETE FROM webhook_delivery WHERE id IN (
        SELECT id FROM webhook_delivery
        WHERE done_at < :delivered_before AND (state = 'delivered' OR done_at < :failed_before)
        ORDER BY done_at LIMIT 500
    )
""")


@dataclass(frozen=True, slots=True)
class Sending:
    """A delivery that is ours to send now; `headers` are signed over `body`."""

    delivery_id: UUID
    url: str
    body: bytes
    headers: dict[str, str]


def claim(session: Session, delivery_id: UUID, *, now: datetime) -> Sending | None:
    """Marks the delivery as being sent; None when it is done, somebody is at it, or its address is not to be tried now."""
    delivery = _held(session, delivery_id)
    if delivery is None or delivery.state in ("delivered", "failed"):
        return None
    if delivery.state == "sending" and delivery.sending_until is not None and delivery.sending_until > now:
        return None
    webhook = session.get_one(Webhook, delivery.webhook_id, populate_existing=True)
    if delivery.event_type != payload.TEST:
        if webhook.state != "active":
            delivery.state = "queued"
            return None
        if webhook.hold_until is not None and webhook.hold_until > now:
            delivery.state, delivery.due_at = "queued", webhook.hold_until
            return None
    delivery.state = "sending"
    delivery.sending_until = now + SENDING_LEASE
    delivery.attempts += 1
    secrets = actions.secrets_of(webhook, now=now)
    headers = payload.headers(delivery.id, delivery.body, secrets, now)
    return Sending(delivery.id, webhook.url, delivery.body.encode(), headers)


def _held(session: Session, delivery_id: UUID) -> WebhookDelivery | None:
    statement = select(WebhookDelivery).where(WebhookDelivery.id == delivery_id).with_for_update()
    return session.exec(statement, execution_options={"populate_existing": True}).one_or_none()


def note(session: Session, delivery_id: UUID, outcome: Outcome, *, now: datetime) -> None:
    """Writes down what became of a call."""
    known = session.get(WebhookDelivery, delivery_id)
    if known is None:
        return
    # The subscription first, always: pausing and ending one hold it while they change its deliveries.
    webhook = actions.held(session, known.webhook_id)
    delivery = _held(session, delivery_id)
    if delivery is None or delivery.state != "sending":
        return
    delivery.http_status, delivery.error, delivery.sending_until = outcome.status, outcome.error, None
    log.info(
        "webhook.called",
        webhook_id=str(webhook.id),
        delivery_id=str(delivery_id),
        attempts=delivery.attempts,
        http_status=outcome.status,
        error=outcome.error,
    )
    if outcome.is_taken:
        delivery.state, delivery.done_at = "delivered", now
        webhook.failures, webhook.failing_since, webhook.hold_until = 0, None, None
        webhook.delivered_at = now
        return
    if delivery.event_type == payload.TEST:
        delivery.state, delivery.done_at = "failed", now  # whoever asked for it looks at it now
        return
    _note_failure(session, webhook, delivery, outcome, now)


def _note_failure(
    session: Session, webhook: Webhook, delivery: WebhookDelivery, outcome: Outcome, now: datetime
) -> None:
    webhook.failures += 1
    webhook.failing_since = webhook.failing_since or now
    if webhook.failures >= HOLD_FROM:
        hold = min(timedelta(seconds=5 * 2.0 ** min(webhook.failures - HOLD_FROM, 10)), _LONGEST_HOLD)
        webhook.hold_until = now + max(hold, timedelta(seconds=outcome.retry_after_s))
    if outcome.status == GONE:
        delivery.state, delivery.done_at = "failed", now
        actions.disable(session, webhook, reason="gone", now=now)
    elif now - webhook.failing_since >= PAUSE_AFTER:
        # It waits with the others until somebody resumes: nothing was wrong with this one alone.
        delivery.state, delivery.attempts, delivery.due_at = "queued", 0, now
        if webhook.state == "active":
            webhook.state, webhook.reason = "paused", "failing"
            outbox.record(session, "webhook.paused", at=now, webhook_id=webhook.id)
    elif delivery.attempts > len(SCHEDULE):
        delivery.state, delivery.done_at = "failed", now
    else:
        pause = max(SCHEDULE[delivery.attempts - 1], timedelta(seconds=outcome.retry_after_s))
        delivery.state, delivery.due_at = "queued", now + pause


def wake_due(session: Session, *, now: datetime) -> int:
    """Asks for a job for each delivery whose time has come, or whose sender died; how many."""
    is_over = or_(
        col(WebhookDelivery.state) == "queued",
        (col(WebhookDelivery.state) == "sending") & (col(WebhookDelivery.sending_until) <= now),
    )
    due = session.exec(
        select(WebhookDelivery.id)
        .join(Webhook, col(Webhook.id) == col(WebhookDelivery.webhook_id))
        .where(
            col(WebhookDelivery.state).in_(("queued", "sending")),
            col(WebhookDelivery.due_at) <= now,
            is_over,
            or_(col(Webhook.state) == "active", col(WebhookDelivery.event_type) == payload.TEST),
        )
        .order_by(col(WebhookDelivery.due_at), col(WebhookDelivery.id))
        .limit(_BATCH)
        .with_for_update(skip_locked=True, of=WebhookDelivery)
    ).all()
    if due:
        session.connection().execute(
            update(WebhookDelivery).where(col(WebhookDelivery.id).in_(due)).values(due_at=now + WAKE_LEASE)
        )
        queue_up(session, due, now=now)
    return len(due)


def prune(session: Session, *, now: datetime) -> None:
    """Removes a batch of what was delivered a month ago or given up three months ago."""
    values = {"delivered_before": now - KEEP_DELIVERED, "failed_before": now - KEEP_FAILED}
    session.connection().execute(_PRUNE, values)
