"""Writes on threads. Whoever answers in a thread holds its row: replies and choices happen one after another.

What comes in is stored by `arrivals.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import true, update
from sqlmodel import Session, col, select

from intake.conversations import in_line
from intake.conversations.models import Conversation, Message
from intake.conversations.values import VOICE, Choice
from intake.people import linking
from intake.people.models import ContactPoint
from kernel.errors import Conflict, InvalidInput, NotFound
from kernel.i18n import LANGUAGES
from kernel.inserts import insert_together
from kernel.outbox import prepare, record, tell
from kernel.rows import HELD, change, fresh, load, load_one

IDLE_AFTER = timedelta(days=7)

# What this session read before it held the lock may be old: a loaded row is as it is now.
_OPEN = f"WHERE contact_point_id = $1 AND channel = $2 AND state <> 'closed' {HELD}"
_REFERRED = "WHERE conversation_id = $1 AND client_ref = $2"

_log = structlog.get_logger(__name__)


def open_conversation(
    session: Session,
    contact_point: ContactPoint,
    channel: str,
    *,
    found: Conversation | None = None,
    language: str | None = None,
    waiting_since: datetime | None = None,
    now: datetime,
) -> Conversation:
    """The open thread with this contact point on this channel, locked; a new one after a week of silence, and for every call.

    found: it, where the caller holds it already.
    Of a new thread, language: where nothing is known of the person, what their phone is set to; waiting_since: as on its row.
    """
    while True:
        if found is None and channel != VOICE:
            found = load_one(session, Conversation, _OPEN, [contact_point.id, channel])
        if found is not None and now - found.last_message_at < IDLE_AFTER:
            return found
        if found is not None:
            _close(session, found, now)
            session.flush()
        language = found.language if found else language
        made = new_conversation(contact_point, channel, language, waiting_since=waiting_since, now=now)
        if insert_together(session, made, []):
            return made
        found = None


def new_conversation(
    contact_point: ContactPoint, channel: str, language: str | None, *, waiting_since: datetime | None, now: datetime
) -> Conversation:
    """A thread that is not written yet."""
    return fresh(
        Conversation,
        jurisdiction_id=contact_point.jurisdiction_id,
        person_id=contact_point.person_id,
        contact_point_id=contact_point.id,
        channel=channel,
        language=language if language in LANGUAGES else "es",
        waiting_since=waiting_since,
        last_message_at=now,
        created_at=now,
    )


def move_on(session: Session, closed: Conversation, messages: Sequence[Message], *, now: datetime) -> Conversation:
    """The open thread, locked, for what came in while its own was being closed; the messages are part of it from now on."""
    contact_point = session.get_one(ContactPoint, closed.contact_point_id)
    conversation = open_conversation(session, contact_point, closed.channel, language=closed.language, now=now)
    for message in messages:
        change(session, message, conversation_id=conversation.id)
    return conversation


def _close(session: Session, conversation: Conversation, now: datetime) -> None:
    in_line.leave(session, conversation, disposition_code="closed", now=now)
    conversation.state = "closed"
    _let_go(conversation)
    conversation.waiting_since = None


def _let_go(conversation: Conversation) -> None:
    conversation.taken_by, conversation.taken_by_name = None, ""


def queue_message(
    session: Session,
    conversation_id: UUID,
    body: str,
    *,
    client_ref: str,
    author_kind: str,
    author_name: str = "",
    service_request_id: UUID | None = None,
    prompt: str | None = None,
    choices: Sequence[Choice] = (),
    asks_place: bool = False,
    template: str | None = None,
    template_params: Mapping[str, str] | None = None,
    thread: Conversation | None = None,
    now: datetime,
) -> Message:
    """A message to the resident, queued for delivery. The same client_ref again gives the first one.

    thread: the conversation where the caller holds it already, and writes on it when its last message was.

    author_kind: `dialogue` (an automatic answer), `notice` (news of a request, which an opt-out silences), `campaign` (the same
    for many), `proof` (a one-time code) or `agent` (a person; the thread waits for people, and is reopened if it was closed).
    prompt, choices, asks_place, template: as on `Message`. Raises NotFound, InvalidInput.

    In the thread of a call the dialogue's answers are spoken, not sent; what anybody else writes goes as a text message to who
    called. Raises Conflict where their number was withheld.
    """
    if not body.strip():
        raise InvalidInput("Escribe el mensaje antes de enviarlo.", field="body")
    conversation = held(session, conversation_id) if thread is None else thread
    is_spoken = conversation.channel == VOICE and author_kind == "dialogue"
    if conversation.channel == VOICE and not is_spoken:
        conversation = _written_to(session, conversation, now)
    if author_kind == "agent":
        conversation = _with_agent(session, conversation, now)
    message = fresh(
        Message,
        conversation_id=conversation.id,
        channel=conversation.channel,
        direction="outbound",
        client_ref=client_ref,
        service_request_id=service_request_id,
        author_kind=author_kind,
        author_name=author_name,
        body=body.replace("\0", ""),
        prompt=prompt,
        choices=[asdict(choice) for choice in choices],
        asks_place=asks_place,
        template=template,
        template_params=dict(template_params or {}),
        status="sent" if is_spoken else "queued",
        at=now,
        changed_at=now,
    )
    ids = {"message_id": message.id, "conversation_id": conversation.id}
    event = prepare("message.spoken" if is_spoken else queued_event(author_kind), at=now, **ids)
    if not insert_together(session, message, [event]):
        (known,) = load(session, Message, _REFERRED, [conversation.id, client_ref])
        return known
    tell(session, event)
    if conversation is not thread:
        change(session, conversation, last_message_at=max(conversation.last_message_at, now))
    if author_kind == "agent":
        in_line.answered(session, conversation, now=now)
    return message


def _written_to(session: Session, call: Conversation, now: datetime) -> Conversation:
    """The thread of text messages with whoever called."""
    contact_point = session.get_one(ContactPoint, call.contact_point_id)
    if contact_point.kind != "phone":
        raise Conflict("Llamó con número oculto: no se le puede escribir.")
    return open_conversation(session, contact_point, "sms", language=call.language, now=now)


def queued_event(author_kind: str) -> str:
    """The event that tells of a message to be sent: campaigns wait until nothing else is due."""
    return "bulk_message.queued" if author_kind == "campaign" else "message.queued"


def _with_agent(session: Session, conversation: Conversation, now: datetime) -> Conversation:
    if conversation.state == "closed":
        contact_point = session.get_one(ContactPoint, conversation.contact_point_id)
        conversation = open_conversation(session, contact_point, conversation.channel, now=now)
    give_to_agents(session, conversation, now=now)
    conversation.waiting_since = None
    return conversation


def hand_to_agent(session: Session, conversation: Conversation, *, said: Message | None = None, now: datetime) -> None:
    """From now on a person answers this thread: it is in the line in the same moment, once.

    said: what the resident just said; of a call it is the call that waits. Records `conversation.handed_to_agent` when that is
    new.
    """
    give_to_agents(session, conversation, now=now)
    in_line.join(session, conversation, said=said, now=now)


def give_to_agents(session: Session, conversation: Conversation, *, now: datetime) -> None:
    """The dialogue keeps quiet; whoever calls this puts it in the line, as something else than a thread, in this transaction."""
    if conversation.state == "with_agent":
        return
    conversation.state = "with_agent"
    conversation.waiting_since = conversation.waiting_since or now
    record(session, "conversation.handed_to_agent", at=now, conversation_id=conversation.id)


def hand_back(session: Session, conversation_id: UUID, *, keeps_told: bool = False, now: datetime) -> Conversation:
    """The automatic dialogue answers again, from a clean start. Raises NotFound; Conflict when the thread is closed.

    keeps_told: not from a clean start, but with the report that was being told when a person was asked for.
    """
    conversation = held(session, conversation_id)
    if conversation.state == "closed":
        raise Conflict("Esta conversación ya está cerrada.")
    if conversation.state == "with_agent":
        conversation.state = "automatic"
        if not keeps_told:
            conversation.dialogue = {}
        conversation.waiting_since = None
        _let_go(conversation)
        in_line.leave(session, conversation, disposition_code="handed_back", now=now)
        record(session, "conversation.handed_back", at=now, conversation_id=conversation.id)
    return conversation


def follow_ended(session: Session, work_item_id: UUID, *, now: datetime) -> None:
    """Work on a thread that ended by itself: it waits again if the resident wrote meanwhile, else the dialogue answers next."""
    conversation = in_line.left_over(session, work_item_id)
    if conversation is None:
        return
    if conversation.waiting_since is not None:
        in_line.join(session, conversation, now=now)
    else:
        hand_back(session, conversation.id, now=now)


def take(
    session: Session, conversation_id: UUID, agent_id: UUID, agent_name: str, *, seen: UUID | None, now: datetime
) -> Conversation:
    """This agent answers the thread from now on; of two who take it at once one gets it, and the other is told.

    seen: who had it when the agent decided. Raises NotFound; Conflict when somebody else has taken it since.
    """
    conversation = held(session, conversation_id)
    if conversation.taken_by not in (seen, agent_id, None):
        raise Conflict("La tomó {name}.", name=conversation.taken_by_name)
    if conversation.state == "closed":
        contact_point = session.get_one(ContactPoint, conversation.contact_point_id)
        conversation = open_conversation(session, contact_point, conversation.channel, now=now)
    hand_to_agent(session, conversation, now=now)
    if conversation.taken_by != agent_id:
        conversation.taken_by, conversation.taken_by_name = agent_id, agent_name
        record(session, "conversation.taken", at=now, conversation_id=conversation.id)
    in_line.claim(session, conversation, agent_id, now=now)
    return conversation


def say_who(session: Session, conversation_id: UUID, person_id: UUID, *, now: datetime) -> Conversation:
    """Which of the household writes in this thread, and next from the same address. Raises NotFound for a stranger."""
    conversation = held(session, conversation_id)
    linking.used_by(session, session.get_one(ContactPoint, conversation.contact_point_id), person_id)
    conversation.person_id = person_id
    record(session, "conversation.person_chosen", at=now, conversation_id=conversation.id)
    return conversation


def held(session: Session, conversation_id: UUID) -> Conversation:
    """The thread, locked until this transaction ends, as it is now. Raises NotFound."""
    found = load_one(session, Conversation, f"WHERE id = $1 {HELD}", [conversation_id])
    if found is None:
        raise NotFound("No encontramos esa conversación.")
    return found


def close(session: Session, conversation_id: UUID, *, now: datetime) -> None:
    """Ends a thread for good, as a call is ended; doing it twice does it once. Raises NotFound."""
    conversation = held(session, conversation_id)
    if conversation.state != "closed":
        _close(session, conversation, now)
        session.flush()
        record(session, "conversation.closed", at=now, conversation_id=conversation.id)


def reopen(session: Session, conversation_id: UUID, *, now: datetime) -> None:
    """The automatic dialogue goes on in a thread that was closed, with what it remembers; whoever answers it closes it again."""
    conversation = held(session, conversation_id)
    if conversation.state == "closed":
        change(session, conversation, state="automatic", last_message_at=max(conversation.last_message_at, now))


def suppress_notices(
    session: Session, contact_point_id: UUID, *, refs: Sequence[str] | None = None, now: datetime
) -> None:
    """Takes back the notices to this contact point that were queued and not yet handed to a provider; refs: only these."""
    # Locked in the order in which they are sent: whoever is sending in these threads is waited for, never crossed.
    waiting = session.exec(
        select(Message.id)
        .join(Conversation)
        .where(
            Conversation.contact_point_id == contact_point_id,
            col(Message.author_kind).in_(("notice", "campaign", "proof")),
            Message.status == "queued",
            true() if refs is None else col(Message.client_ref).in_(refs),
        )
        .order_by(col(Message.seq))
        .with_for_update(key_share=True, of=Message)
    ).all()
    values = {"status": "suppressed", "error_code": "withdrawn", "changed_at": now}
    session.execute(update(Message).where(col(Message.id).in_(waiting)).values(values))
