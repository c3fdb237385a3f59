"""Telling whoever sent a photo that the place it carries may be used: once, and only where a place is what is asked for."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from intake.catalog import cities
from intake.catalog.definitions import emergency_phone
from intake.conversations import actions, photo_places
from intake.conversations.dialogue.state import DialogueState
from intake.conversations.dialogue.steps import Text
from intake.conversations.models import Message
from intake.conversations.replies import Replies
from kernel.rows import load_one

_OF_ATTACHMENT = "WHERE id = (SELECT message_id FROM message_attachment WHERE id = $1)"


def offer(session: Session, attachment_id: UUID, *, now: datetime) -> None:
    """To the thread of this photo."""
    message = load_one(session, Message, _OF_ATTACHMENT, [attachment_id])
    if message is None:
        return
    conversation = actions.held(session, message.conversation_id)
    state = DialogueState.from_json(conversation.dialogue, language=conversation.language)
    city = cities.city(session, conversation.jurisdiction_id)
    replies = Replies(session, conversation, message, now, name="photo-place")
    offer_where_asked(replies, state, emergency_phone(city.settings))


def offer_where_asked(replies: Replies, state: DialogueState, emergency_phone: str) -> None:
    """The same for a thread that is held."""
    if replies.conversation.state != "automatic" or state.step != "where" or state.draft is None:
        return
    photo = photo_places.to_offer(replies.session, replies.conversation.id, now=replies.now)
    if photo is not None:
        replies.ask(state.language, Text("photo_place"), state.turn, emergency_phone)
        photo_places.note_offered(replies.session, photo, now=replies.now)
