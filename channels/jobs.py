"""Jobs of the channels. Each may run twice; the state of the message decides what is left to do."""

import time
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError, TimeoutError
from sqlmodel import select

from channels import delivery, receiving, reconciling, registry, settling
from channels.delivery import Claim, Nothing
from channels.email import fetching
from channels.email.adapter import EmailChannel
from channels.errors import DeliveryError
from channels.models import InboundPayload
from channels.registry import Channel
from intake.conversations.models import Message
from kernel import clock, db
from kernel.errors import Unavailable
from kernel.jobs import Later

T = TypeVar("T")

log = structlog.get_logger(__name__)

# A database that restarts is back within seconds; what the provider answered is worth waiting for.
_STORE_PAUSES_S = (0.2, 0.5, 1, 2, 4, 8)


def deliver_message(message_id: str, **_: object) -> None:
    """Hands this message to its provider, after every earlier one of its thread.

    Raises Unavailable when it is still to be sent, so that it is tried again later, and Later when its turn is known.
    """
    wanted = UUID(message_id)
    while isinstance(claim := _claim(wanted), Claim):
        if not _send(registry.channel_named(claim.channel), claim):
            return
    with db.transaction() as session:
        status = session.exec(select(Message.status).where(Message.id == wanted)).one()
    if status in ("queued", "sending"):
        if isinstance(claim, delivery.Later):
            raise Later(claim.at)
        raise Unavailable("El mensaje espera su turno.")


def deliver_bulk_message(message_id: str, **_: object) -> None:
    """As `deliver_message`, for messages that wait until nothing else is due."""
    deliver_message(message_id)


def reconcile() -> None:
    """Takes in what residents wrote and a webhook of ours that was down never heard of. Runs every two minutes."""
    reconciling.reconcile(registry.connected())


def sweep() -> None:
    """Settles messages nobody knows the end of, and wakes those whose turn was forgotten. Runs every half minute."""
    settling.sweep(registry.connected())


def take_in_payloads() -> None:
    """Takes in what providers told us and a process that died, or a mistake of ours, left lying. Runs every few seconds."""
    receiving.take_in_waiting(dict(registry.connected()))


def take_in_payload(payload_id: str, **_: object) -> None:
    """Takes in one call again that somebody asked for."""
    with db.transaction() as session:
        payload = session.get(InboundPayload, UUID(payload_id))
    if payload is not None and payload.state == "waiting":
        receiving.try_again(registry.channel_named(payload.channel), payload.id, now=clock.now())


def fetch_mail() -> None:
    """Looks into the mailbox when it is time again (`email.poll_s`). Runs every second; two at once take each mail in once."""
    channel = registry.connected().get("email")
    if isinstance(channel, EmailChannel):
        fetching.fetch_when_due(channel)


def _claim(message_id: UUID) -> Claim | delivery.Later | Nothing:
    with db.transaction() as session:
        claim = delivery.claim_next(session, message_id, now=clock.now())
        if isinstance(claim, Claim):
            registry.channel_named(claim.channel)  # not connected: nothing is marked as being sent
        return claim


def _send(channel: Channel, claim: Claim) -> bool:
    """Whether there is more to be sent in this thread."""
    message_id = claim.message.message_id
    try:
        _, segments = channel.prepare(claim.message)
        provider_message_id = channel.send(claim.message)
    except DeliveryError as failure:
        reason = failure

        def refused() -> None:
            with db.transaction() as session:
                delivery.note_failure(session, message_id, reason, now=clock.now())

        _store(refused)
        if not failure.permanent and not failure.uncertain:
            raise Unavailable(
                "El proveedor no tomó el mensaje; se intenta otra vez.", retry_after_s=failure.retry_after_s
            ) from failure
        return True

    return _store(lambda: delivery.note_taken(message_id, provider_message_id, segments=segments, now=clock.now()))


def _store(write: Callable[[], T]) -> T:
    for pause_s in _STORE_PAUSES_S:
        try:
            return write()
        except (OperationalError, InterfaceError, TimeoutError) as error:
            log.warning("delivery.store_again", error=type(error).__name__)
            time.sleep(pause_s)
    return write()
