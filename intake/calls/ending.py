"""What becomes of a call that is over: whole reports are made, folios sent, and the thread ends unless somebody works on it."""

from datetime import datetime

from sqlmodel import Session

from intake.calls import calling_back, waiting
from intake.calls.models import Call
from intake.conversations import actions as conversations
from intake.conversations import notices
from intake.conversations.advance import make_unanswered
from intake.distribution.lifecycle import ENDED, LIVE
from intake.service_requests import actions as service_requests


def end(session: Session, call: Call, *, now: datetime) -> None:
    """Of a held call that is over; doing it twice does it once."""
    conversation = conversations.held(session, call.conversation_id)
    if conversation.state == "automatic":
        # Whoever hung up before the last "is it right?" has told all of it.
        make_unanswered(session, conversation.id, now=now)
    if call.script.get("no_messages"):
        service_requests.want_no_notices(session, conversation.id)
    else:
        notices.tell_of_call(session, conversation.id, now=now)
    items = waiting.items_of_thread(session, conversation.id)
    if call.script.get("is_promised") and not any(item.assigned_at or item.state in LIVE for item in items):
        # They heard that a person looks at it, and hung up before one had answered: it is read, then.
        conversations.hand_to_agent(session, conversation, now=now)
        return
    for item in items:
        if item.disposition_code == calling_back.NOT_REACHED and not calling_back.wants_silence(session, item):
            notices.tell_not_called(session, conversation, item.id, now=now)
    if all(item.state in ENDED for item in items):
        conversations.close(session, conversation.id, now=now)
