"""Reads of subscriptions and deliveries."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import func
from sqlmodel import Session, col, select

from intake.webhooks.models import Webhook, WebhookDelivery
from kernel.errors import NotFound


def listed(session: Session, jurisdiction_id: str | None = None) -> list[Webhook]:
    """The subscriptions of a city, or of all; those that ended last."""
    statement = select(Webhook).order_by(col(Webhook.state) == "disabled", col(Webhook.created_at), col(Webhook.id))
    if jurisdiction_id is not None:
        statement = statement.where(Webhook.jurisdiction_id == jurisdiction_id)
    return list(session.exec(statement))


def get(session: Session, webhook_id: UUID, jurisdiction_id: str) -> Webhook:
    """Raises NotFound, also for another city's."""
    found = session.get(Webhook, webhook_id)
    if found is None or found.jurisdiction_id != jurisdiction_id:
        raise NotFound("No hay tal aviso a otro sistema.")
    return found


def deliveries(session: Session, webhook_id: UUID, *, limit: int) -> Sequence[WebhookDelivery]:
    """The newest deliveries of a subscription."""
    statement = (
        select(WebhookDelivery)
        .where(WebhookDelivery.webhook_id == webhook_id)
        .order_by(col(WebhookDelivery.created_at).desc(), col(WebhookDelivery.id).desc())
    )
    return session.exec(statement.limit(limit)).all()


def unfinished(session: Session, webhook_ids: Sequence[UUID]) -> Mapping[UUID, int]:
    """How many deliveries wait, by subscription."""
    statement = (
        select(WebhookDelivery.webhook_id, func.count())
        .where(col(WebhookDelivery.webhook_id).in_(webhook_ids), col(WebhookDelivery.state).in_(("queued", "sending")))
        .group_by(col(WebhookDelivery.webhook_id))
    )
    return dict(session.exec(statement).all())
