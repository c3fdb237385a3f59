"""What became of messages whose provider never answered: asks it. The rules are in docs/delivery.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from channels import delivery
from channels.delivery import SENDING_LEASE
from channels.errors import DeliveryError
from channels.registry import Channel
from channels.values import OutboundMessage, ProviderRecord
from intake.conversations import actions as conversations
from intake.conversations.models import Conversation, Message
from kernel import clock, db
from kernel.outbox import record

log = structlog.get_logger(__name__)

# A provider's list may be a little behind, and a call that timed out here may still be on its way there.
ABSENT_AFTER = timedelta(seconds=60)
# Later than this a second copy would confuse more than a missing one: a person decides.
ASK_UNTIL = timedelta(hours=4)
FORGOTTEN_AFTER = timedelta(minutes=10)
_CLOCKS_DIFFER = timedelta(minutes=2)
_BATCH = 50


@dataclass(frozen=True)
class _Question:
    """Did the provider get this message? It was queued at `since`."""

    channel: str
    message: OutboundMessage
    since: datetime


def sweep(channels: Mapping[str, Channel]) -> None:
    """One round in its own transactions; no provider is called inside one."""
    with db.transaction() as session:
        _expire(session, now=clock.now())
        _wake(session, now=clock.now())
    with db.transaction() as session:
        questions = _questions(session, now=clock.now())
    for question in questions:
        if question.channel in channels:
            _ask(channels[question.channel], question)


def _expire(session: Session, *, now: datetime) -> None:
    for message in session.exec(_in_state("sending", now - SENDING_LEASE).with_for_update(skip_locked=True)).all():
        delivery.move(session, message, "uncertain", reason="no_answer", now=now)


def _wake(session: Session, *, now: datetime) -> None:
    """Queued long ago: its event was tried as often as events are. It is told of again."""
    waiting = _in_state("queued", now - FORGOTTEN_AFTER).where(
        or_(col(Message.slot_at).is_(None), col(Message.slot_at) < now - FORGOTTEN_AFTER)
    )
    for message in session.exec(waiting.with_for_update(skip_locked=True)).all():
        message.changed_at = now
        record(
            session,
            conversations.queued_event(message.author_kind),
            at=now,
            message_id=message.id,
            conversation_id=message.conversation_id,
        )


def _questions(session: Session, *, now: datetime) -> list[_Question]:
    found = session.exec(_in_state("uncertain", now).where(Message.at > now - ASK_UNTIL)).all()
    return [
        _Question(
            message.channel,
            delivery.addressed(session, message, session.get_one(Conversation, message.conversation_id)),
            message.at - _CLOCKS_DIFFER,
        )
        for message in found
    ]


def _in_state(status: str, before: datetime) -> SelectOfScalar[Message]:
    return (
        select(Message)
        .where(Message.direction == "outbound", Message.status == status, Message.changed_at < before)
        .order_by(col(Message.seq))
        .limit(_BATCH)
    )


def _ask(channel: Channel, question: _Question) -> None:
    try:
        records = channel.look_up(question.message, question.since)
    except DeliveryError as failure:
        log.warning("settling.no_answer", channel=question.channel, reason=failure.reason)
        return
    with db.transaction() as session:
        settle(session, question.message, records, channel=question.channel, now=clock.now())


def settle(
    session: Session, asked: OutboundMessage, records: list[ProviderRecord], *, channel: str, now: datetime
) -> None:
    """Draws the conclusion from what the provider has: `records` are the messages of the same text to the same person.

    The first of them that is not another message of ours is this one. None of them, a minute after: it was never taken.
    """
    message = delivery.held(session, asked.message_id)
    if message.status != "uncertain":
        return
    ids = [record.provider_message_id for record in records]
    others = set(
        session.exec(
            select(Message.provider_message_id).where(
                Message.channel == channel, col(Message.provider_message_id).in_(ids)
            )
        ).all()
    )
    free = [record for record in records if record.provider_message_id not in others]
    if free:
        message.provider_message_id = free[0].provider_message_id
        delivery.move(session, message, free[0].status, reason=None, now=now)
    elif now - message.changed_at >= ABSENT_AFTER:
        delivery.queue_again(session, message, now=now)
