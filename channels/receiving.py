"""From a verified call to what is kept of it. The call itself is committed first: what cannot be understood today is not lost.

A call that was told before is recognised by its key, and taken in now if it was not yet. `take_in_waiting` finishes what a
process that died, or an error of ours, left behind.
"""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import Protocol, runtime_checkable
from uuid import UUID

import orjson
import structlog
from sqlalchemy import delete
from sqlmodel import Session, col, select

from channels.errors import UnreadablePayload
from channels.models import InboundPayload
from channels.values import OptOutSignal, Webhook, WebhookEvent
from intake.catalog import cities
from intake.catalog.models import Jurisdiction
from intake.conversations import actions as conversations
from intake.conversations import arrivals
from intake.conversations.receipts import apply_receipt, apply_receipt_alone
from intake.conversations.values import DeliveryReceipt, InboundMessage
from intake.people import actions as people
from kernel import clock, crypto, db
from kernel.errors import AtiendeError, Unavailable
from kernel.ids import new_id

log = structlog.get_logger(__name__)

KEPT_FOR = timedelta(days=30)
_LEFT_BEHIND_AFTER = timedelta(seconds=5)
_PAUSE = timedelta(seconds=10)
_MOST_ATTEMPTS = 40
_BATCH = 100
_CONTEXT = "inbound_payload"

_KEEP = """
    INSERT INTO inbound_payload
        (id, channel, key, call_sealed, state, attempts, last_error, received_at, changed_at)
    VALUES ($1, $2, $3, $4, $5, 0, $6, $7, $7)
    ON CONFLICT (channel, key) DO NOTHING RETURNING id
"""
_KEPT = "SELECT id FROM inbound_payload WHERE channel = $1 AND key = $2"
# Also answers whose the message is, for the most of calls tell one thing.
_TAKE = f"""
    UPDATE inbound_payload SET state = 'taken', changed_at = $4, last_error = NULL
    WHERE id = $3 AND state = 'waiting' RETURNING {cities.OWNER}
"""  # noqa: S608  # an expression of ours


class Reading(Protocol):
    """Of a channel, what receiving needs."""

    @property
    def name(self) -> str: ...

    def parse(self, webhook: Webhook) -> list[WebhookEvent]:
        """What a verified call tells."""


@runtime_checkable
class Addressed(Protocol):
    """A channel that can say whom a call was for, also of one that tells nothing else."""

    def recipient_of(self, webhook: Webhook) -> str | None:
        """Our address that was written to, as in `InboundMessage.recipient`; None when that cannot be read. Never raises."""


def receive_call(channel: Reading, call: Webhook) -> bool:
    """Keeps a verified call and what it tells. Once this returns, nothing of it can be lost.

    True: it brought messages that were not taken in before.
    Raises what `parse` refuses (a client's error), and the database's own errors before anything was kept.
    """
    try:
        events = channel.parse(call)
    except AtiendeError:
        raise
    except UnreadablePayload as error:
        log.warning("receiving.unreadable", channel=channel.name, why=str(error))
        with db.transaction() as session:
            payload_id = _keep(
                session, channel.name, sha256(call.body).hexdigest(), call, state="failed", why=str(error)
            )
            _note_city(session, channel, payload_id, call)
        return False
    except Exception:  # a mistake of ours: the words are kept until it is mended
        log.exception("receiving.not_understood", channel=channel.name)
        with db.transaction() as session:
            payload_id = _keep(session, channel.name, sha256(call.body).hexdigest(), call)
            _note_city(session, channel, payload_id, call)
        return False
    told = [event.provider_message_id for event in events if isinstance(event, InboundMessage)]
    told = told or [event.provider_id for event in events if isinstance(event, OptOutSignal) and event.provider_id]
    if not told:
        _settle(events, now=call.received_at)
        return False
    # By itself: this is what the provider waits for, whatever becomes of the rest.
    key = " ".join(told)
    kept = db.change_alone(_KEEP, _row(channel.name, key, call)) or db.change_alone(_KEPT, [channel.name, key])
    return _take_in(kept[0][0], events, now=call.received_at)


def _settle(events: list[WebhookEvent], *, now: datetime) -> None:
    """Reports alone, each of which stands for itself; else everything, or nothing of it."""
    reports = [event for event in events if isinstance(event, DeliveryReceipt)]
    if len(reports) == len(events):
        for report in reports:
            apply_receipt_alone(report, now=now)
        return
    with db.transaction() as session:
        accept(session, events, now=now)


def _keep(
    session: Session, channel: str, key: str, call: Webhook, *, state: str = "waiting", why: str | None = None
) -> UUID:
    """The payload of this call, kept once."""
    values = _row(channel, key, call, state=state, why=why)
    made = db.fetch(session, _KEEP, values, prepare=True) or db.fetch(session, _KEPT, [channel, key], prepare=True)
    payload_id: UUID = made[0][0]
    return payload_id


def _row(channel: str, key: str, call: Webhook, *, state: str = "waiting", why: str | None = None) -> list[object]:
    sealed = crypto.vault().seal(_written(call), context=_CONTEXT)
    return [new_id(), channel, key, sealed, state, why, call.received_at]


def _take_in(payload_id: UUID, events: list[WebhookEvent], *, now: datetime) -> bool:
    """False when somebody took it in before."""
    with db.transaction() as session:
        # Holds the row until the end: whoever has the same call at the same time waits here, and finds it taken.
        where = next(
            ((event.channel, event.recipient) for event in events if not isinstance(event, DeliveryReceipt)), ("", "")
        )
        taken = db.fetch(session, _TAKE, [*where, payload_id, now], prepare=True)
        if not taken:
            return False
        accept(session, events, now=now, owners={where: taken[0][0]})
        return True


def take_in_waiting(channels: dict[str, Reading]) -> None:
    """Takes in what was kept and not taken in, each in its own transaction; forgets what is older than `KEPT_FOR`."""
    now = clock.now()
    with db.transaction() as session:
        old = select(InboundPayload.id).where(
            InboundPayload.state != "waiting", col(InboundPayload.received_at) < now - KEPT_FOR
        )
        session.execute(delete(InboundPayload).where(col(InboundPayload.id).in_(old.limit(_BATCH * 10))))
        waiting = session.exec(
            select(InboundPayload.id, InboundPayload.channel)
            .where(InboundPayload.state == "waiting", col(InboundPayload.changed_at) < now - _LEFT_BEHIND_AFTER)
            .order_by(col(InboundPayload.changed_at))
            .limit(_BATCH)
        ).all()
    for payload_id, name in waiting:
        if name in channels:
            try_again(channels[name], payload_id, now=now)


def call_of(payload: InboundPayload) -> Webhook:
    """The call as it came, without its credentials."""
    return _read(crypto.vault().unseal(payload.call_sealed, context=_CONTEXT), payload.received_at)


def try_again(channel: Reading, payload_id: UUID, *, now: datetime) -> None:
    """Takes in what was kept, once; a failure is counted."""
    with db.transaction() as session:
        payload = session.get_one(InboundPayload, payload_id)
        call = call_of(payload)
    try:
        _take_in(payload_id, channel.parse(call), now=now)
    except UnreadablePayload as error:
        _note_failure(channel, payload_id, call, str(error), now=now, is_final=True)
    except Exception as error:  # whatever it is, the others must not wait for it
        log.exception("receiving.still_not_taken_in", channel=channel.name, payload_id=str(payload_id))
        _note_failure(channel, payload_id, call, type(error).__name__, now=now)


def _note_failure(
    channel: Reading, payload_id: UUID, call: Webhook, why: str, *, now: datetime, is_final: bool = False
) -> None:
    with db.transaction() as session:
        payload = session.get_one(InboundPayload, payload_id, with_for_update=True)
        if payload.state != "waiting":
            return
        payload.attempts += 1
        payload.last_error = why
        payload.changed_at = now + _PAUSE * min(payload.attempts, 30)
        if is_final or payload.attempts >= _MOST_ATTEMPTS:
            payload.state, payload.changed_at = "failed", now
        _note_city(session, channel, payload_id, call)


def _note_city(session: Session, channel: Reading, payload_id: UUID, call: Webhook) -> None:
    """Writes down whose supervisors are to look at it: of the city where its messages would be, were they read."""
    recipient = channel.recipient_of(call) if isinstance(channel, Addressed) else None
    if recipient is None:
        return
    payload = session.get_one(InboundPayload, payload_id)
    try:
        payload.jurisdiction_id = jurisdiction_of(session, channel.name, recipient)
    except Unavailable:
        return  # there is no city yet


def _written(call: Webhook) -> str:
    kept = {
        "path": call.path,
        "query": call.query,
        "content_type": call.headers.get("content-type", ""),
        "body": base64.b64encode(call.body).decode(),
    }
    return orjson.dumps(kept).decode()


def _read(written: str, received_at: datetime) -> Webhook:
    kept = orjson.loads(written)
    headers = {"content-type": kept["content_type"]} if kept["content_type"] else {}
    return Webhook(kept["path"], kept["query"], headers, base64.b64decode(kept["body"]), received_at)


def accept(
    session: Session,
    events: list[WebhookEvent],
    *,
    now: datetime,
    owners: Mapping[tuple[str, str], str | None] = MappingProxyType({}),
) -> None:
    """Keeps everything a verified call told. owners: of channel and address, where the caller asked already."""
    is_new = True
    for event in events:
        match event:
            case InboundMessage():
                city = owners.get((event.channel, event.recipient)) or jurisdiction_of(
                    session, event.channel, event.recipient
                )
                _, is_new = arrivals.receive_once(session, event, jurisdiction_id=city, now=now)
            case DeliveryReceipt():
                apply_receipt(session, event, now=now)
            # The choice came with that message: told again, it must not undo what was chosen since.
            case OptOutSignal() if is_new:
                _keep_choice(session, event, now=now)


def jurisdiction_of(session: Session, channel: str, recipient: str) -> str:
    """The city whose address was written to. One that is no city's goes to the default one: better read than lost."""
    owner = cities.owner_of(session, channel, recipient)
    if owner is not None:
        return owner
    default = session.exec(select(Jurisdiction.id).where(Jurisdiction.is_default).limit(1)).one_or_none()
    if default is None:
        raise Unavailable("Todavía no hay ninguna ciudad en esta instalación.")
    log.info("webhook.number_of_no_city", channel=channel, used=default)
    return default


def _keep_choice(session: Session, signal: OptOutSignal, *, now: datetime) -> None:
    city = jurisdiction_of(session, signal.channel, signal.recipient)
    contact_point = people.find_or_create(session, city, signal.sender_kind, signal.sender, now=now)
    if people.is_opted_out(session, contact_point.id) == signal.is_granted:
        people.record_consent(
            session, contact_point.id, purpose="notices", is_granted=signal.is_granted, words=signal.words, now=now
        )
    if not signal.is_granted:
        conversations.suppress_notices(session, contact_point.id, now=now)
