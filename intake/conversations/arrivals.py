"""What comes in: stored once, with whoever wrote it and the thread it belongs to.

Who tells us of a message waits for this, so it is few statements: turns are taken, one reads all that is known of it, and another
writes all that is new. A thread that somebody holds gets the message all the same; it is answered when they are done.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlmodel import Session, SQLModel

from intake.conversations import attachments, edits
from intake.conversations.actions import IDLE_AFTER, new_conversation, open_conversation
from intake.conversations.models import Conversation, Message
from intake.conversations.values import VOICE, InboundMessage
from intake.people import actions as people
from intake.people import addresses, linking
from intake.people.addresses import Address
from intake.people.models import ContactPoint
from kernel import db
from kernel.inserts import Row, adopt, insert_together
from kernel.outbox import prepare, tell
from kernel.rows import change, fresh, load_beside, load_one

MAX_LABEL = 400
MAX_BODY = 16_000  # ten times the longest SMS; what is longer is not a person's text message

_TAKE_TURNS = "SELECT pg_advisory_xact_lock(hashtextextended(turn, 0)) FROM unnest($1::text[]) AS turn"
_TOLD = "WHERE channel = $1 AND provider_message_id = $2"
# The thread is not waited for where somebody is at it: whoever answers the message before has the lower priority. Whoever answers
# this one notes then that it waited, and finds it a thread if this one was closed.
_KNOWN = """
    FROM (SELECT) AS nothing
    LEFT JOIN message AS told ON told.channel = $1 AND told.provider_message_id = $2
    LEFT JOIN contact_point AS point ON point.jurisdiction_id = $3 AND point.kind = $4 AND point.lookup = $5
    LEFT JOIN contact_point AS beside
        ON point.id IS NULL AND beside.jurisdiction_id = $3 AND beside.kind = $6 AND beside.lookup = $7
    LEFT JOIN LATERAL (
        SELECT * FROM conversation
        WHERE told.id IS NULL AND contact_point_id = point.id AND channel = $1 AND state <> 'closed'
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS free ON true
    LEFT JOIN conversation AS busy
        ON free.id IS NULL AND busy.contact_point_id = point.id AND busy.channel = $1 AND busy.state <> 'closed'
    LEFT JOIN LATERAL (
        SELECT * FROM message
        WHERE conversation_id = coalesce(free.id, busy.id) AND direction = 'inbound' AND edits = $2 LIMIT 1
    ) AS correction ON true
"""
_TABLES: dict[str, type[SQLModel]] = {
    "told": Message,
    "point": ContactPoint,
    "beside": ContactPoint,
    "free": Conversation,
    "busy": Conversation,
    "correction": Message,
}


class _Known(NamedTuple):
    """What there was when the message came. told: itself; point: who wrote; beside: the same telephone on another network.

    free: the open thread, held from now on; busy: it, where somebody else holds it; correction: of this message, which was
    faster.
    """

    told: Message | None
    point: ContactPoint | None
    beside: ContactPoint | None
    free: Conversation | None
    busy: Conversation | None
    correction: Message | None


def receive(session: Session, inbound: InboundMessage, *, jurisdiction_id: str, now: datetime) -> Message:
    """The message of `inbound`, stored once however often and however parallel the provider tells of it.

    Records `message.received` the first time only; `message.heard` of what was said in a call.
    """
    return receive_once(session, inbound, jurisdiction_id=jurisdiction_id, now=now)[0]


def receive_once(
    session: Session,
    inbound: InboundMessage,
    *,
    jurisdiction_id: str,
    conversation: Conversation | None = None,
    now: datetime,
) -> tuple[Message, bool]:
    """As `receive`; True with it when this call stored it, False when it was told before, or moves a place already answered.

    conversation: the thread it belongs to, held, where that is known already: what is said in a call.
    """
    turn = f"{inbound.channel}:{inbound.provider_message_id}"
    if conversation is not None:
        _take_turns(session, turn)
        told = load_one(session, Message, _TOLD, [inbound.channel, inbound.provider_message_id])
        if told is not None:
            return told, False
        heard = _store(session, inbound, None, conversation, [], is_held=True, now=now)
        assert heard is not None
        return heard
    sender = addresses.read(inbound.sender_kind, inbound.sender)
    keys = people.keys_of(sender)
    # A message and its correction, told at once, must see each other.
    _take_turns(session, turn, f"{jurisdiction_id}:{inbound.channel}:{keys.kind}:{keys.lookup.hex()}")
    message = None
    while message is None:
        known = _look(session, inbound, jurisdiction_id, keys)
        if known.told is not None:
            return known.told, False
        message = _receive(session, inbound, sender, keys, known, jurisdiction_id, now)
    return message


def note_waiting(session: Session, conversation: Conversation, *, since: datetime, until: datetime) -> None:
    """Writes on the held thread that its resident waits for an answer. since, until: of the messages that nobody answered yet."""
    change(
        session,
        conversation,
        last_message_at=max(conversation.last_message_at, until),
        waiting_since=conversation.waiting_since or since,
    )


def _take_turns(session: Session, *turns: str) -> None:
    db.fetch(session, _TAKE_TURNS, [list(turns)], prepare=True)


def _look(session: Session, inbound: InboundMessage, jurisdiction_id: str, keys: people.Keys) -> _Known:
    values = [inbound.channel, inbound.provider_message_id, jurisdiction_id, *keys]
    return _Known(*load_beside(session, _TABLES, _KNOWN, values)[0])


def _receive(
    session: Session,
    inbound: InboundMessage,
    sender: Address,
    keys: people.Keys,
    known: _Known,
    jurisdiction_id: str,
    now: datetime,
) -> tuple[Message, bool] | None:
    """As `receive_once`; None, and nothing written, where somebody came another way meanwhile: it is to be looked at again."""
    new: list[SQLModel | Row] = []
    point = known.point
    if point is None:
        beside = known.beside.person_id if known.beside else None
        point, person = people.new_contact_point(
            jurisdiction_id, sender, keys, beside=beside, profile_name=inbound.profile_name, now=now
        )
        new += [point, *person]
    else:
        people.remember_address(session, point, sender)
        people.remember_profile_name(session, point, inbound.profile_name)
    conversation, is_held = _open_thread(session, inbound, point, known, now)
    if conversation is None:
        conversation = new_conversation(point, inbound.channel, inbound.language, waiting_since=now, now=now)
        new.append(conversation)
    stored = _store(session, inbound, known.correction, conversation, new, is_held=is_held, now=now)
    if stored is not None and inbound.shared_phone:
        linking.prove_phone(session, point, inbound.shared_phone, now=now)
    return stored


def _open_thread(
    session: Session, inbound: InboundMessage, point: ContactPoint, known: _Known, now: datetime
) -> tuple[Conversation | None, bool]:
    """The thread that the message belongs to, and whether it is held; None where there is none yet."""
    if known.free is None and known.busy is None:
        return None, False
    if known.busy is not None and inbound.edits is None and now - known.busy.last_message_at < IDLE_AFTER:
        return known.busy, False
    # A correction waits for whoever answers what it corrects; a thread that was silent for a week is closed.
    language, found = inbound.language, known.free
    opened = open_conversation(
        session, point, inbound.channel, found=found, language=language, waiting_since=now, now=now
    )
    return opened, True


def _store(
    session: Session,
    inbound: InboundMessage,
    correction: Message | None,
    conversation: Conversation,
    new: Sequence[SQLModel | Row],
    *,
    is_held: bool,
    now: datetime,
) -> tuple[Message, bool] | None:
    """Writes the message, after what is `new` with it; None, and nothing written, when the first of that is there by now."""
    message = _message(inbound, conversation, now)
    if inbound.edits is not None:
        if not edits.settle(session, message):
            return message, False
    elif correction is not None:
        message.status = "handled"
    # What was said in a call is answered by whoever keeps it, while the caller waits; no job does it again.
    name = "message.heard" if inbound.channel == VOICE else "message.received"
    event = prepare(name, at=now, message_id=message.id, conversation_id=conversation.id)
    rows: list[SQLModel | Row] = [*new, message, event]
    head, others = rows[0], rows[1:]
    assert not isinstance(head, Row)
    if not insert_together(session, head, others):
        assert head is not message, "whoever tells of the same message waits for their turn"
        return None
    for row in others:
        if isinstance(row, Conversation | Message):
            adopt(session, row)
    tell(session, event)
    if is_held:
        note_waiting(session, conversation, since=now, until=now)
    attachments.keep(session, message, conversation.jurisdiction_id, inbound.media, now=now)
    return message, True


def _message(inbound: InboundMessage, conversation: Conversation, now: datetime) -> Message:
    return fresh(
        Message,
        conversation_id=conversation.id,
        channel=inbound.channel,
        direction="inbound",
        provider_message_id=inbound.provider_message_id,
        body=_stored(inbound.body, MAX_BODY),
        media=[part.to_json() for part in inbound.media],
        lon=inbound.place.lon if inbound.place else None,
        lat=inbound.place.lat if inbound.place else None,
        place_label=_stored(inbound.place.label, MAX_LABEL) if inbound.place else "",
        choice=inbound.choice,
        album=inbound.album,
        reply_to=inbound.reply_to,
        edits=inbound.edits,
        subject=_stored(inbound.subject, MAX_LABEL),
        status="received",
        at=inbound.received_at,
        changed_at=now,
    )


def _stored(text: str, most: int) -> str:
    # PostgreSQL's text has no NUL.
    return text.replace("\0", "")[:most]
