"""What providers report of our messages. There are two or three reports of each, so each is one statement."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlmodel import Session

from intake.conversations.delivery_states import earlier_than, is_reportable
from intake.conversations.models import Message
from intake.conversations.values import DeliveryReceipt
from kernel import db, outbox
from kernel.inserts import Row

_log = structlog.get_logger(__name__)

SETTLED = "message.settled"
_FAILURES = ("failed", "undelivered")
# By the provider's id, else by ours as long as it has none: whoever holds the row while this waits may be writing it down.
_APPLY = """
    WITH found AS (
        SELECT id, conversation_id, provider_message_id, status = ANY($6) AS moves FROM message
        WHERE channel = $1 AND direction = 'outbound'
        AND (provider_message_id = $2 OR (id = $3 AND provider_message_id IS NULL))
        ORDER BY provider_message_id LIMIT 1 FOR NO KEY UPDATE
    ), written AS (
        UPDATE message SET provider_message_id = $2,
            status = CASE WHEN moves THEN $4 ELSE status END,
            error_code = CASE WHEN moves THEN $5 ELSE error_code END,
            changed_at = CASE WHEN moves THEN $7 ELSE changed_at END
        FROM found WHERE message.id = found.id AND (moves OR found.provider_message_id IS NULL)
    ), told AS (
        INSERT INTO outbox_event (name, payload, at)
        SELECT $8, jsonb_build_object('message_id', id, 'conversation_id', conversation_id), $7
        FROM found WHERE moves
    )
    SELECT id, conversation_id, moves FROM found
"""


def apply_receipt(session: Session, receipt: DeliveryReceipt, *, now: datetime) -> UUID | None:
    """Moves a message to the state the provider reports, never backwards, and gives its id.

    None, and a log line, for a message we do not know. One whose provider id was never learnt (the answer to our call was lost)
    is found by our own reference, and settled.
    """
    session.flush()
    message_id, event = _applied(receipt, now, lambda values: db.fetch(session, _APPLY, values, prepare=True))
    if event is not None:
        outbox.tell(session, event)
    known = session.identity_map.get(session.identity_key(Message, message_id)) if message_id else None
    if known is not None:
        session.expire(known)
    return message_id


def apply_receipt_alone(receipt: DeliveryReceipt, *, now: datetime) -> UUID | None:
    """As `apply_receipt`, a unit of work by itself: one round trip, for what a provider calls most."""
    message_id, event = _applied(receipt, now, lambda values: db.change_alone(_APPLY, values))
    if event is not None:
        outbox.tell_committed(event)
    return message_id


def _applied(
    receipt: DeliveryReceipt, now: datetime, run: Callable[[list[Any]], list[Any]]
) -> tuple[UUID | None, Row | None]:
    """The message that was found, and the event of its move if it moved."""
    if not is_reportable(receipt.status):
        _log.warning("receipt_unknown_status", channel=receipt.channel, status=receipt.status)
        return None, None
    values: list[Any] = [
        receipt.channel,
        receipt.provider_message_id,
        _ours(receipt.client_ref),
        receipt.status,
        receipt.error_code if receipt.status in _FAILURES else None,
        earlier_than(receipt.status),
        now,
        SETTLED,
    ]
    found = run(values)
    if not found:
        _log.warning("receipt_unknown_message", channel=receipt.channel, provider_id=receipt.provider_message_id)
        return None, None
    message_id, conversation_id, moves = found[0]
    ids = {"message_id": message_id, "conversation_id": conversation_id}
    return message_id, outbox.prepare(SETTLED, at=now, **ids) if moves else None


def _ours(reference: str | None) -> UUID | None:
    try:
        return UUID(reference or "")
    except ValueError:
        return None
