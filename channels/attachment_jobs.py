"""Jobs of attachments. Each may run twice; the state of the attachment decides what is left to do."""

from datetime import timedelta
from uuid import UUID

import structlog

from channels import attachments as taking
from channels import registry
from channels.errors import FetchFailed
from intake.conversations import attachments
from intake.conversations.attachment_models import WAITING, MessageAttachment
from intake.conversations.attachments import Taken
from intake.conversations.values import VOICE
from kernel import clock, db
from kernel.errors import Unavailable
from kernel.outbox import record

log = structlog.get_logger(__name__)

_FORGOTTEN_AFTER = timedelta(minutes=20)
_BATCH = 100
# Failures that mean there is nothing to have any more, once they have lasted.
_LOST = ("gone", "no_answer", "too_slow", "credentials", "not_connected")


def take_attachment(attachment_id: str, **_: object) -> None:
    """Fetches and keeps one attachment, or says why not. Raises Unavailable when it is to be tried again."""
    row = _begun(UUID(attachment_id))
    if row is None:
        return
    try:
        taken = taking.take(row, _sources())
    except FetchFailed as failure:
        log.info("attachment.not_fetched", attachment_id=attachment_id, reason=failure.reason, attempt=row.attempts)
        if not failure.permanent and row.attempts < taking.MOST_ATTEMPTS:
            raise Unavailable("El adjunto todavía no se puede traer.") from failure
        is_lost = failure.reason in _LOST
        taken = Taken.lost(failure.reason) if is_lost else Taken.not_kept(failure.reason, failure.size_bytes)
    with db.transaction() as session:
        attachments.settle(session, row.id, taken, now=clock.now())


def _sources() -> dict[str, object]:
    """By channel, who has the bytes: what was said after the tone, before that was a recording, is with the account of texts."""
    connected: dict[str, object] = dict(registry.connected())
    return connected | ({VOICE: connected["sms"]} if "sms" in connected else {})


def _begun(attachment_id: UUID) -> MessageAttachment | None:
    """The attachment with one attempt more; None when nothing is left to do."""
    with db.transaction() as session:
        row = attachments.held(session, attachment_id)
        if row is None or row.state != WAITING:
            return None
        row.attempts += 1
        row.changed_at = clock.now()
        session.add(row)
    return row


def sweep() -> None:
    """Wakes attachments whose turn was forgotten: their event was tried as often as events are."""
    now = clock.now()
    with db.transaction() as session:
        for row in attachments.waiting_since(session, now - _FORGOTTEN_AFTER, limit=_BATCH):
            row.changed_at = now
            session.add(row)
            record(session, "attachment.received", at=now, attachment_id=row.id)
