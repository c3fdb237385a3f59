"""What providers report of our messages. There are two or three reports of each, so each is one statement."""

from datetime import datetime
from uuid import UUID

import structlog
from sqlmodel import Session

from intake.conversations.delivery_states import earlier_than, is_reportable
from intake.conversations.models import Message
from intake.conversations.values import DeliveryReceipt
from kernel import db, outbox

_log = structlog.get_logger(__name__)

_SETTLED = "message.settled"
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
    if not is_reportable(receipt.status):
        _log.warning("receipt_unknown_status", channel=receipt.channel, status=receipt.status)
        return None
    session.flush()
    values = [
        receipt.channel,
        receipt.provider_message_id,
        _ours(receipt.client_ref),
        receipt.status,
        receipt.error_code if receipt.status in _FAILURES else None,
        earlier_than(receipt.status),
        now,
        _SETTLED,
    ]
    found = db.fetch(session, _APPLY, values, prepare=True)
    if not found:
        _log.warning("receipt_unknown_message", channel=receipt.channel, provider_id=receipt.provider_message_id)
        return None
    message_id: UUID
    message_id, conversation_id, moves = found[0]
    if moves:
        outbox.tell(session, outbox.prepare(_SETTLED, at=now, message_id=message_id, conversation_id=conversation_id))
    known = session.identity_map.get(session.identity_key(Message, message_id))
    if known is not None:
        session.expire(known)
    return message_id


def _ours(reference: str | None) -> UUID | None:
    try:
        return UUID(reference or "")
    except ValueError:
        return None
