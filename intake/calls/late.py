"""What a caller said last, where the network told first that they had hung up. Whoever writes here holds the call."""

from datetime import datetime

from sqlmodel import Session

from intake.calls import turns, waiting
from intake.calls.models import Call
from intake.conversations import actions as conversations
from intake.conversations import in_line
from intake.conversations.advance import LATE
from intake.conversations.models import Message
from intake.distribution import actions as distribution
from kernel.outbox import record
from kernel.rows import load_one

_BY_ITSELF = "WHERE conversation_id = $1 AND client_ref LIKE $2 LIMIT 1"
_LAST_QUESTION = """
    WHERE conversation_id = $1 AND direction = 'outbound' AND client_ref LIKE 'reply-%' ORDER BY seq DESC LIMIT 1
"""


def is_settled(session: Session, call: Call) -> bool:
    """Whether the call's end has made of it what there was to make: a report without their last word, or work for people.

    The dialogue is not to hear more then: it would take it for the beginning of another report.
    """
    thread = conversations.held(session, call.conversation_id)
    if load_one(session, Message, _BY_ITSELF, [thread.id, f"{LATE}-%"]) is not None:
        return True
    return any(item.kind == "text" for item in waiting.items_of_thread(session, thread.id))


def last_question(session: Session, call: Call) -> Message | None:
    """The newest of what the dialogue said to them while they were there."""
    return load_one(session, Message, _LAST_QUESTION, [call.conversation_id])


def reopen(session: Session, call: Call, *, now: datetime) -> None:
    """The dialogue hears what is said in the thread, also where the call's end has closed it."""
    conversations.reopen(session, call.conversation_id, now=now)


def keep(session: Session, call: Call, words: str, *, number: int, is_for_people: bool, now: datetime) -> None:
    """In the thread, where the dialogue does not hear it; is_for_people: one of them reads it."""
    turns.note(session, call, words, number=number, now=now)
    if is_for_people:
        conversations.hand_to_agent(session, conversations.held(session, call.conversation_id), now=now)


def leave_to_callback(session: Session, call: Call, *, now: datetime) -> None:
    """Whoever calls them does what is left: nobody needs to read it besides, unless somebody does so already."""
    thread = conversations.held(session, call.conversation_id)
    item = distribution.live_of(session, thread.id)
    if item is not None and item.agent_id is None:
        in_line.leave(session, thread, disposition_code="called_back", now=now)


def end_again(session: Session, call: Call, *, now: datetime) -> None:
    """Nobody waits on the line, and what the end of a call does is done once more, with what was said last."""
    waiting.leave(session, call, why="hung_up", now=now)
    record(session, "call.ended", at=now, call_id=call.id, conversation_id=call.conversation_id)
