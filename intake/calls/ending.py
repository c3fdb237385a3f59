"""What becomes of a call that is over: whole reports are made, folios sent, and the thread ends unless somebody works on it."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from intake.calls import calling_back, queries, turns, waiting
from intake.calls.models import Call
from intake.conversations import actions as conversations
from intake.conversations import notices
from intake.conversations.advance import make_unanswered
from intake.conversations.models import Conversation
from intake.distribution.items import CALLED_AGAIN
from intake.distribution.lifecycle import ENDED
from intake.distribution.models import WorkItem
from intake.incidents import attaching as incidents
from intake.service_requests import actions as service_requests


def end(session: Session, call: Call, *, now: datetime) -> None:
    """Of a held call that is over; doing it twice does it once."""
    conversation = conversations.held(session, call.conversation_id)
    items = waiting.items_of_thread(session, conversation.id)
    waiting.settle(session, call, items, now=now)
    is_unmet = _is_unmet(session, conversation, items)
    is_for_people = is_unmet and bool(call.script.get("is_promised"))
    if conversation.state == "automatic" or (conversation.state == "with_agent" and is_unmet):
        is_for_people |= _finish(session, call, conversation, now)
    if _wants_silence(session, call, items):
        service_requests.want_no_notices(session, conversation.id)
        incidents.want_no_notices(session, conversation.id)
        # They may have said so after the end was told of.
        notices.take_back_of_call(session, conversation.id, now=now)
    else:
        notices.tell_of_call(session, conversation.id, now=now)
    if is_for_people:
        # A person looks at it, they heard, or a detail is left to ask; and they hung up before anybody answered.
        conversations.hand_to_agent(session, conversation, now=now)
        return
    for item in items:
        if item.disposition_code == calling_back.NOT_REACHED and not calling_back.wants_silence(session, item):
            notices.tell_not_called(session, conversation, item.id, now=now)
    if all(item.state in ENDED for item in items):
        conversations.close(session, conversation.id, now=now)


def _finish(session: Session, call: Call, conversation: Conversation, now: datetime) -> bool:
    """Makes the report that only waits for a last word, also of who asked for a person and met none. True: a person reads it."""
    conversations.hand_back(session, conversation.id, keeps_told=True, now=now)
    is_nearly_told = turns.state_of(conversation).is_nearly_told
    # Whoever hung up before the last "is it right?" has told all of it.
    make_unanswered(session, conversation.id, now=now)
    # One that could not be made waits for a person, but nobody is on the line.
    waiting.leave(session, call, why="hung_up", now=now)
    told = turns.state_of(conversation)
    return told.is_promised or (is_nearly_told and told.draft is not None)


def _is_unmet(session: Session, conversation: Conversation, items: Sequence[WorkItem]) -> bool:
    """Nobody of ours has talked with them or read what they said, and nobody is about to."""
    if any(item.state not in ENDED or item.why == CALLED_AGAIN for item in items):
        return False
    is_read = any(item.kind == "text" and item.assigned_at for item in items)
    return not is_read and not queries.has_met_in(session, conversation.id)


def _wants_silence(session: Session, call: Call, items: Sequence[WorkItem]) -> bool:
    """Also of a call of ours: they said so when they asked for it."""
    if call.direction == calling_back.OUTBOUND:
        return any(calling_back.wants_silence(session, item) for item in items if item.kind == calling_back.KIND)
    if call.script.get("no_messages"):
        return True
    # Who heard nothing of messages gets none; an operator who met them has asked.
    return not call.script.get("is_consent_told") and not queries.has_met(session, call.id)
