"""Making and changing subscriptions. A secret is shown when it is made, and sealed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select, update

from intake.changes.queries import newest_seq
from intake.webhooks import payload
from intake.webhooks.addresses import check_url
from intake.webhooks.config import config
from intake.webhooks.models import Webhook, WebhookDelivery
from intake.webhooks.queueing import WAKE_LEASE, queue_up
from kernel import outbox
from kernel.crypto import vault
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.ids import new_id
from routing.models import Agency

SEAL = "webhook/secret"
OVERLAP = timedelta(hours=24)
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('webhook of ' || :jurisdiction_id, 0))")
MAX_WEBHOOKS = 100


def make(
    session: Session,
    jurisdiction_id: str,
    url: str,
    *,
    agency_code: str | None = None,
    event_types: Sequence[str] = (),
    made_by: str,
    now: datetime,
    secret: str | None = None,
) -> tuple[Webhook, str]:
    """The new subscription, from the next change on, and its secret in clear this once.

    secret: chosen by a form, so that the same form sent twice is one subscription. Raises InvalidInput, Conflict for an address
    that is told of the same already, and for a form that was changed after it had made its subscription.
    """
    secret = secret or payload.new_secret()
    check_url(url.strip(), allow_loopback=config().allow_loopback)
    for event_type in event_types:
        if event_type not in payload.TYPES:
            types = ", ".join(payload.TYPES)
            raise InvalidInput(
                "No hay avisos de {type}; hay: {types}.", field="event_types", type=event_type, types=types
            )
    _check_agency(session, jurisdiction_id, agency_code)
    session.connection().execute(_ONE_AT_A_TIME, {"jurisdiction_id": jurisdiction_id})
    others = session.exec(select(Webhook).where(Webhook.jurisdiction_id == jurisdiction_id)).all()
    asked = (url.strip(), agency_code, set(event_types))
    for other in others:
        if secret == vault().unseal(other.secret_sealed, context=SEAL):
            if other.state == "disabled":
                raise Conflict("Ese aviso terminó: haz uno nuevo.")
            if (other.url, other.agency_code, set(other.event_types)) != asked:
                raise Conflict(
                    "Este formulario ya hizo un aviso a {url}, con otros datos. Si quieres otro, mándalo de nuevo.",
                    field="url",
                    url=other.url,
                )
            return other, secret
        if (other.url, other.agency_code) == (url.strip(), agency_code) and other.state != "disabled":
            raise Conflict("A esa dirección ya se le avisa de esos reportes.", field="url")
    if len(others) >= MAX_WEBHOOKS:
        raise Conflict("Ya hay {limit} direcciones: apaga las que no se usan.", limit=MAX_WEBHOOKS)
    made = Webhook(
        id=new_id(),
        jurisdiction_id=jurisdiction_id,
        agency_code=agency_code,
        url=url.strip(),
        event_types=list(event_types),
        secret_sealed=vault().seal(secret, context=SEAL),
        made_by=made_by,
        created_at=now,
        through_seq=newest_seq(session),
    )
    session.add(made)
    session.flush()
    return made, secret


def _check_agency(session: Session, jurisdiction_id: str, agency_code: str | None) -> None:
    if agency_code is None:
        return
    wanted = select(Agency.code).where(Agency.jurisdiction_id == jurisdiction_id, Agency.code == agency_code)
    if session.exec(wanted).one_or_none() is None:
        raise InvalidInput("No hay dependencia {agency} en esa ciudad.", field="agency_code", agency=agency_code)


def held(session: Session, webhook_id: UUID, jurisdiction_id: str | None = None) -> Webhook:
    """The subscription, locked until this transaction ends. Raises NotFound, also for another city's."""
    statement = select(Webhook).where(Webhook.id == webhook_id).with_for_update()
    found = session.exec(statement, execution_options={"populate_existing": True}).one_or_none()
    if found is None or (jurisdiction_id is not None and found.jurisdiction_id != jurisdiction_id):
        raise NotFound("No hay tal aviso a otro sistema.")
    return found


def pause(session: Session, webhook: Webhook) -> None:
    """Nothing is sent until it is resumed; then everything since is."""
    if webhook.state == "active":
        webhook.state, webhook.reason = "paused", "by_hand"


def resume(session: Session, webhook: Webhook, *, now: datetime) -> None:
    """Goes on where it stopped: with what was queued, and with every change since. Raises Conflict for one that was ended."""
    if webhook.state == "disabled":
        raise Conflict("Ese aviso terminó: haz uno nuevo.")
    if webhook.state == "paused":
        webhook.state, webhook.reason = "active", None
        webhook.failures, webhook.failing_since, webhook.hold_until = 0, None, None
        session.connection().execute(
            update(WebhookDelivery)
            .where(col(WebhookDelivery.webhook_id) == webhook.id, col(WebhookDelivery.state) == "queued")
            .values(due_at=now)
        )


def disable(session: Session, webhook: Webhook, *, reason: str, now: datetime) -> None:
    """Ends it for good; what was not delivered is given up. Its record stays."""
    if webhook.state == "disabled":
        return
    webhook.state, webhook.reason = "disabled", reason
    session.connection().execute(
        update(WebhookDelivery)
        .where(col(WebhookDelivery.webhook_id) == webhook.id, col(WebhookDelivery.state).in_(("queued", "sending")))
        .values(state="failed", error="disabled", done_at=now)
    )
    outbox.record(session, "webhook.disabled", at=now, webhook_id=webhook.id)


def rotate(
    session: Session, webhook: Webhook, *, now: datetime, secret: str | None = None, seen: str | None = None
) -> str:
    """The new secret in clear this once; the old one signs beside it for a day. `secret`: as for `make`.

    seen: what told the secret that whoever decides this had before them. Raises Conflict when it was replaced since.
    """
    if webhook.state == "disabled":
        raise Conflict("Ese aviso terminó: haz uno nuevo.")
    secret = secret or payload.new_secret()
    if secret == vault().unseal(webhook.secret_sealed, context=SEAL):
        return secret
    if seen is not None and seen != told_by(webhook):
        raise Conflict("Alguien ya cambió esta clave mientras la veías. Ábrela otra vez antes de decidir.")
    webhook.old_secret_sealed, webhook.old_secret_until = webhook.secret_sealed, now + OVERLAP
    webhook.secret_sealed = vault().seal(secret, context=SEAL)
    return secret


def told_by(webhook: Webhook) -> str:
    """What tells its secret from the ones before, and gives nothing of it away."""
    return sha256(webhook.secret_sealed).hexdigest()[:16]


def secrets_of(webhook: Webhook, *, now: datetime) -> list[str]:
    """The secrets that sign now, the newest first."""
    sealed = [webhook.secret_sealed]
    if (
        webhook.old_secret_sealed is not None
        and webhook.old_secret_until is not None
        and now < webhook.old_secret_until
    ):
        sealed.append(webhook.old_secret_sealed)
    return [vault().unseal(secret, context=SEAL) for secret in sealed]


def send_test(session: Session, webhook: Webhook, *, now: datetime) -> WebhookDelivery:
    """Queues a message that says nothing, also to one that is paused. Raises Conflict for one that was ended."""
    if webhook.state == "disabled":
        raise Conflict("Ese aviso terminó: haz uno nuevo.")
    delivery = WebhookDelivery(
        webhook_id=webhook.id,
        event_type=payload.TEST,
        body=payload.body_of_test(webhook.jurisdiction_id, now),
        due_at=now + WAKE_LEASE,
        created_at=now,
    )
    session.add(delivery)
    queue_up(session, [delivery.id], now=now)
    return delivery


def try_again(session: Session, webhook: Webhook, delivery_id: UUID, *, now: datetime) -> None:
    """Sends a delivery that was given up once more, from the first try on. Raises NotFound, Conflict."""
    if webhook.state == "disabled":
        raise Conflict("Ese aviso terminó: haz uno nuevo.")
    statement = select(WebhookDelivery).where(WebhookDelivery.id == delivery_id).with_for_update()
    delivery = session.exec(statement, execution_options={"populate_existing": True}).one_or_none()
    if delivery is None or delivery.webhook_id != webhook.id:
        raise NotFound("No hay tal envío.")
    if delivery.state in ("failed", "queued"):
        delivery.state, delivery.attempts, delivery.due_at, delivery.done_at = "queued", 0, now + WAKE_LEASE, None
        webhook.hold_until = None
        queue_up(session, [delivery.id], now=now)
