"""The life of an outbound message between our database and a provider.

    queued ──claim──> sending ──taken──────> accepted ──> sent, delivered, read, undelivered, failed (receipts)
      ^                 │ ├───refused──────> failed
      ├──not taken──────┘ └───no answer────> uncertain
      └──the provider positively has no such message──┘

`sending` is committed before the provider is called, so that a crash in between is seen: after a while such a message is
uncertain. An uncertain one is never sent again by itself; docs/delivery.md has the rules by which it is settled.
What takes a session never commits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from uuid import UUID

import structlog
from sqlmodel import Session, select

from channels import pacing
from channels.errors import DeliveryError
from channels.quiet_hours import QuietHours
from channels.values import ApprovedTemplate, LastInbound, OutboundMessage, ProviderMessageId
from intake.catalog import cities
from intake.catalog.cities import City
from intake.conversations import actions as conversations
from intake.conversations import incident_news, proofs
from intake.conversations.delivery_states import earlier_than
from intake.conversations.models import Conversation, Message
from intake.conversations.receipts import SETTLED
from intake.conversations.values import Choice
from intake.people import actions as people
from intake.people.models import ContactPoint
from kernel import db
from kernel.errors import Conflict
from kernel.outbox import prepare, record, tell_committed
from kernel.rows import HELD, change, load

log = structlog.get_logger(__name__)

# Longer than a call to a provider can take (5 s to connect and settings.sms.timeout_s, at most 15, to answer): whoever held
# it is gone. Should they be only slow, what they learnt still counts, and nothing is sent again within the minute that
# settling waits.
SENDING_LEASE = timedelta(seconds=25)
RETRY_PAUSE = timedelta(seconds=2)
GIVE_UP_AFTER = timedelta(hours=4)
# What nobody asked for at this moment: silenced by an opt-out, and quiet at night.
UNASKED = ("notice", "campaign")
# A one-time code too is nothing to whoever wants no messages; asked for, it passes the night by.
SILENCED = (*UNASKED, proofs.AUTHOR)

_UNSENT = "direction = 'outbound' AND status IN ('queued', 'sending')"
# One round trip, and twice does it once: whoever lost the answer to it asks again. A receipt may be writing the same row.
_TAKEN = f"""
    WITH found AS (
        SELECT id, conversation_id, status, status = ANY($4) AS moves FROM message WHERE id = $1 {HELD}
    ), written AS (
        UPDATE message SET provider_message_id = $2, segments = $3,
            status = CASE WHEN moves THEN 'accepted' ELSE message.status END,
            error_code = CASE WHEN moves THEN NULL ELSE message.error_code END,
            changed_at = CASE WHEN moves THEN $5 ELSE message.changed_at END
        FROM found WHERE message.id = found.id
    ), told AS (
        INSERT INTO outbox_event (name, payload, at)
        SELECT $6, jsonb_build_object('message_id', id, 'conversation_id', conversation_id), $5 FROM found WHERE moves
    )
    SELECT status, conversation_id, moves, EXISTS (
        SELECT FROM message WHERE conversation_id = found.conversation_id AND id <> found.id AND {_UNSENT}
    ) FROM found
"""  # noqa: S608  # words of our own
_LAST_INBOUND = """
    SELECT message.provider_message_id, message.at, message.subject
    FROM conversation JOIN message ON message.conversation_id = conversation.id
    WHERE conversation.contact_point_id = $1 AND conversation.channel = $2 AND message.direction = 'inbound'
    AND conversation.person_id IN (
        SELECT person_id FROM contact_point WHERE id = $1
        UNION ALL SELECT person_id FROM contact_point_person WHERE contact_point_id = $1
    )
    ORDER BY message.seq DESC LIMIT 1
"""
_FOLIO = "SELECT folio FROM service_request WHERE id = $1"


@dataclass(frozen=True)
class Claim:
    """A message that is ours to send now."""

    channel: str
    message: OutboundMessage


class Nothing(Enum):
    """Why there is nothing to send."""

    DONE = "everything of this thread was handed over"
    WAIT = "somebody else is sending, or it was tried a moment ago"


@dataclass(frozen=True)
class Later:
    """What is left has its turn later."""

    at: datetime


def claim_next(session: Session, message_id: UUID, *, now: datetime) -> Claim | Later | Nothing:
    """The oldest unsent message of the thread that `message_id` is in, marked `sending`: replies keep their order.

    News waits for the end of the city's quiet hours; an answer passes it by. On the way, a message whose sender died becomes
    uncertain, one that is too old failed; suppressed is what nobody should get any more: a notice after an opt-out, old news.
    """
    waits_until: datetime | None = None
    for message in _unsent(session, message_id):
        if message.status == "sending":
            if message.changed_at > now - SENDING_LEASE:
                return Nothing.WAIT
            move(session, message, "uncertain", reason="no_answer", now=now)
        elif message.attempts and message.changed_at > now - RETRY_PAUSE:
            return Nothing.WAIT
        elif message.attempts and max(message.at, message.slot_at or message.at) < now - GIVE_UP_AFTER:
            move(session, message, "failed", reason="expired", now=now)
        else:
            conversation = _thread_of(session, message)
            if message.author_kind in SILENCED and people.is_opted_out(session, conversation.contact_point_id):
                move(session, message, "suppressed", reason="withdrawn", now=now)
                continue
            if not incident_news.is_news(session, message):
                move(session, message, "suppressed", reason="no_news", now=now)
                continue
            if not proofs.is_wanted(session, message, now=now):
                move(session, message, "failed", reason="code_over", now=now)
                continue
            turn = _turn(session, message, conversation, now=now)
            if turn > now:
                change(session, message, slot_at=turn)
                waits_until = min(waits_until or turn, turn)
                if message.author_kind in UNASKED:
                    continue
                break
            change(session, message, attempts=message.attempts + 1, status="sending", changed_at=now)
            return Claim(message.channel, addressed(session, message, conversation))
    return Nothing.DONE if waits_until is None else Later(waits_until)


def _turn(session: Session, message: Message, conversation: Conversation, *, now: datetime) -> datetime:
    """When this message may go: now, or later."""
    if message.author_kind in UNASKED:
        owner = cities.city(session, conversation.jurisdiction_id)
        hours = QuietHours.of(owner.settings, owner.timezone)
        if hours is not None and (until := hours.end_after(now)) is not None:
            return until
    # A slot that was kept for it may have passed while it was quiet: it counts.
    is_bulk = message.author_kind == "campaign"
    return pacing.slot(session, message.channel, is_bulk=is_bulk, reserved=message.slot_at, now=now)


def _unsent(session: Session, message_id: UUID) -> Sequence[Message]:
    thread = "(SELECT conversation_id FROM message WHERE id = $1)"
    return load(session, Message, f"WHERE conversation_id = {thread} AND {_UNSENT} ORDER BY seq {HELD}", [message_id])


def _thread_of(session: Session, message: Message) -> Conversation:
    (found,) = load(session, Conversation, "WHERE id = $1", [message.conversation_id])
    return found


def addressed(session: Session, message: Message, conversation: Conversation) -> OutboundMessage:
    """The message with where it goes and from which of the city's numbers."""
    (contact_point,) = load(session, ContactPoint, "WHERE id = $1", [conversation.contact_point_id])
    owner = cities.city(session, conversation.jurisdiction_id)
    body, params = proofs.carried(session, message)
    return OutboundMessage(
        message_id=message.id,
        sender=cities.address_on(session, owner, message.channel),
        recipient=people.address_of(contact_point),
        body=body,
        plain_letters=bool(owner.settings.get("sms_transliterate", True)),
        prompt=message.prompt,
        choices=Choice.of_json(message.choices),
        asks_place=message.asks_place,
        language=conversation.language,
        last_inbound=last_inbound(session, conversation),
        template=message.template,
        template_params=params,
        approved=_approved(owner, message, conversation.language),
        service_request_folio=_folio(session, message),
        city_name=owner.name,
        author_kind=message.author_kind,
    )


def _approved(owner: City, message: Message, language: str) -> ApprovedTemplate | None:
    """What the city's folder names for this text (docs/channels/whatsapp.md)."""
    languages = owner.settings.get("templates", {}).get(message.channel, {}).get(message.template or "", {})
    found = languages.get(language)
    return ApprovedTemplate(found["id"], tuple(found["variables"])) if found else None


def last_inbound(session: Session, conversation: Conversation) -> LastInbound | None:
    """What the person of this thread wrote last from this address, in whichever of their threads."""
    session.flush()
    values = [conversation.contact_point_id, conversation.channel]
    found = db.fetch(session, _LAST_INBOUND, values, prepare=True)
    if not found:
        return None
    provider_message_id, at, subject = found[0]
    return LastInbound(provider_message_id or "", at.astimezone(UTC), subject)


def _folio(session: Session, message: Message) -> str | None:
    if message.service_request_id is None:
        return None
    found = db.fetch(session, _FOLIO, [message.service_request_id], prepare=True)
    return found[0][0] if found else None


def note_taken(message_id: UUID, provider_message_id: ProviderMessageId, *, segments: int, now: datetime) -> bool:
    """The provider has it: a unit of work by itself. Whether the thread has more that wait for their turn.

    A receipt may have come before the provider's answer; then there is nothing left to say.
    """
    values = [message_id, provider_message_id, segments, earlier_than("accepted"), now, SETTLED]
    ((was, conversation_id, moves, is_more),) = db.change_alone(_TAKEN, values)
    if moves:
        log.info("message.moved", message_id=str(message_id), was=was, now="accepted", reason=None)
        tell_committed(prepare(SETTLED, at=now, message_id=message_id, conversation_id=conversation_id))
    return bool(is_more)


def note_failure(session: Session, message_id: UUID, failure: DeliveryError, *, now: datetime) -> None:
    """The provider did not confirm it. Changes nothing when a receipt has meanwhile said otherwise."""
    if failure.reason == "opted_out":
        _note_stopped(session, message_id, now=now)
    message = held(session, message_id)
    if message.status != "sending":
        return
    status = "uncertain" if failure.uncertain else "failed" if failure.permanent else "queued"
    move(session, message, status, reason=failure.reason, now=now)


def move(session: Session, message: Message, status: str, *, reason: str | None, now: datetime) -> None:
    """Writes the state and wakes whoever watches the thread."""
    log.info("message.moved", message_id=str(message.id), was=message.status, now=status, reason=reason)
    change(session, message, status=status, error_code=reason, changed_at=now)
    if status != "queued":
        name = "message.uncertain" if status == "uncertain" else SETTLED
        record(session, name, at=now, message_id=message.id, conversation_id=message.conversation_id)


def queue_again(session: Session, message: Message, *, now: datetime) -> None:
    """It is certain that nobody has it: it waits for its turn again, and the delivery job is told."""
    move(session, message, "queued", reason=message.error_code, now=now)
    message.attempts = 0  # no pause is due
    message.slot_at = None
    name = conversations.queued_event(message.author_kind)
    record(session, name, at=now, message_id=message.id, conversation_id=message.conversation_id)


def settle_by_hand(session: Session, message_id: UUID, *, arrived: bool, now: datetime) -> Message:
    """A person says what became of an uncertain message: it arrived, or it must be sent again.

    Raises Conflict when it is not uncertain any more.
    """
    message = held(session, message_id)
    if message.status != "uncertain":
        raise Conflict("Este mensaje ya no está en duda. Actualiza la página.")
    if arrived:
        move(session, message, "sent", reason=None, now=now)
    else:
        # Its thread may be hours old: the four hours count from this decision.
        message.at = now
        queue_again(session, message, now=now)
    return message


def held(session: Session, message_id: UUID) -> Message:
    """The message, locked until this transaction ends, as it is now."""
    (found,) = load(session, Message, f"WHERE id = $1 {HELD}", [message_id])
    return found


def _note_stopped(session: Session, message_id: UUID, *, now: datetime) -> None:
    # The person wrote STOP to the provider: the evidence is kept as if they had written it to us.
    contact_point_id = session.exec(
        select(Conversation.contact_point_id).join(Message).where(Message.id == message_id)
    ).one()
    if not people.is_opted_out(session, contact_point_id):
        people.record_consent(
            session, contact_point_id, purpose="notices", is_granted=False, words="STOP (provider)", now=now
        )
    conversations.suppress_notices(session, contact_point_id, now=now)
