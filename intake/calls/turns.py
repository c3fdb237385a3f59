"""What is said in a call, and the dialogue's answer to it, in one transaction while the caller waits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from intake.calls.models import Call, CallTurn
from intake.conversations import actions as conversations
from intake.conversations import arrivals
from intake.conversations.advance import advance
from intake.conversations.dialogue.state import DialogueState
from intake.conversations.models import Conversation, Message
from intake.conversations.values import VOICE, InboundMessage
from intake.people import actions as people
from intake.people.models import ContactPoint
from kernel.rows import change, load

_ANSWERS = "WHERE conversation_id = $1 AND direction = 'outbound' AND client_ref LIKE $2 ORDER BY seq"


@dataclass(frozen=True)
class Answer:
    """The thread after it was said, what the dialogue remembers of it, and what it answered, in order."""

    conversation: Conversation
    state: DialogueState
    replies: Sequence[Message]


def say(
    session: Session,
    call: Call,
    words: str,
    *,
    number: int,
    choice: str | None = None,
    now: datetime,
) -> Answer:
    """Keeps what was said in answer to document `number` of a held call, and has the dialogue answer. Told twice, it is one.

    choice: as of a message. Raises as `conversations.advance` does.
    """
    name = f"{call.provider_call_id}:{number}"
    conversation, message, _ = hear(session, call, words, name=name, choice=choice, now=now)
    advance(session, conversation.id, now=now)
    return Answer(conversation, state_of(conversation), _answers_to(session, message))


def note(session: Session, call: Call, words: str, *, number: int, now: datetime) -> None:
    """Keeps what was said for whoever reads the thread; nothing answers it."""
    conversation, message, _ = hear(session, call, words, name=f"{call.provider_call_id}:{number}", now=now)
    since = conversation.waiting_since if conversation.state == "with_agent" else None
    change(session, conversation, waiting_since=since)
    change(session, message, status="handled", changed_at=now)


def hear(
    session: Session,
    call: Call,
    words: str,
    *,
    name: str,
    choice: str | None = None,
    now: datetime,
) -> tuple[Conversation, Message, bool]:
    """Keeps what was said, with its thread, held; True with it when it is new. The dialogue does not answer by itself.

    name: what it is known by, once.
    """
    conversation = conversations.held(session, call.conversation_id)
    caller = people.address_of(session.get_one(ContactPoint, call.contact_point_id))
    inbound = InboundMessage(
        VOICE,
        name,
        caller,
        call.to_number,
        words,
        now,
        choice=choice,
    )
    message, is_new = arrivals.receive_once(
        session, inbound, jurisdiction_id=call.jurisdiction_id, conversation=conversation, now=now
    )
    return conversation, message, is_new


def _answers_to(session: Session, message: Message) -> list[Message]:
    return load(session, Message, _ANSWERS, [message.conversation_id, f"reply-{message.id}-%"])


def state_of(conversation: Conversation) -> DialogueState:
    """What the dialogue remembers of the thread."""
    return DialogueState.from_json(conversation.dialogue, language=conversation.language)


def document(session: Session, call: Call, number: int) -> str | None:
    """The document that this call was answered with under that number."""
    found = session.get(CallTurn, (call.id, number))
    return found.document if found else None


def keep(
    session: Session,
    call: Call,
    heard: str,
    document: str,
    *,
    language: str,
    script: dict[str, object],
    now: datetime,
) -> None:
    """Keeps the next document of a held call as it is sent, and what the machine remembers from now on."""
    number = call.turn + 1
    session.add(CallTurn(call_id=call.id, number=number, heard=heard, document=document, at=now))
    session.flush()
    change(session, call, turn=number, language=language, script=script, changed_at=now)
