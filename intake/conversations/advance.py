"""The automatic dialogue at work on a thread: reads what came in, asks the dialogue, and has done what it says (`acting.py`)."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlmodel import Session

from intake.conversations import actions, arrivals, in_line, photo_offers, photo_places, proofs, queries
from intake.conversations.acting import act
from intake.conversations.context import context_of
from intake.conversations.dialogue.answers import unanswered
from intake.conversations.dialogue.next_step import next_step, press, while_with_agent
from intake.conversations.dialogue.state import LAST_WORDS, DialogueState
from intake.conversations.dialogue.steps import (
    DialogueContext,
    Effect,
    StaySilent,
    Step,
)
from intake.conversations.models import Conversation, Message
from intake.conversations.replies import Replies
from intake.conversations.values import VOICE
from intake.people.models import ContactPoint
from kernel.rows import HELD, change, load

# A person who asked for somebody and then was silent for a day gets the automatic dialogue again.
AGENT_HOLDS_FOR = timedelta(hours=24)
# What the answers are known by that nobody waited for: `<LATE>-<message>-<number>`.
LATE = "late"
_MOST_LOOSE = 10
_THREAD = f"WHERE id = (SELECT conversation_id FROM message WHERE id = $1) {HELD}"  # noqa: S608  # words of our own

_log = structlog.get_logger(__name__)


def advance(session: Session, conversation_id: UUID, *, now: datetime) -> None:
    """Handles every waiting message of the thread in order. Doing it twice does nothing the second time."""
    _advance(session, actions.held(session, conversation_id), now)


def advance_with(session: Session, message_id: UUID, *, now: datetime) -> None:
    """As `advance`, of the thread that this message is in."""
    (conversation,) = load(session, Conversation, _THREAD, [message_id])
    _advance(session, conversation, now)


def _advance(session: Session, conversation: Conversation, now: datetime) -> None:
    waiting = queries.waiting(session, conversation.id)
    if waiting and conversation.state == "closed" and conversation.channel != VOICE:
        conversation = actions.move_on(session, conversation, waiting, now=now)
    if waiting:
        arrivals.note_waiting(session, conversation, since=waiting[0].changed_at, until=waiting[-1].changed_at)
    for left, message in zip(reversed(range(len(waiting))), waiting, strict=True):
        _handle(session, conversation, message, now, is_last=left == 0)
        change(session, message, status="handled", changed_at=now)
    if conversation.state == "automatic":
        change(session, conversation, waiting_since=None)


def _handle(session: Session, conversation: Conversation, message: Message, now: datetime, *, is_last: bool) -> None:
    (contact_point,) = load(session, ContactPoint, "WHERE id = $1", [conversation.contact_point_id])
    if contact_point.kind == "sender":
        # Short codes and names are machines: answering them starts a conversation between two programs.
        _log.info("dialogue_machine_sender", conversation_id=str(conversation.id))
        return
    _end_forgotten_hold(session, conversation, message, now)
    if conversation.state == "with_agent":
        in_line.join(session, conversation, said=message, now=now)
    state = DialogueState.from_json(conversation.dialogue, language=conversation.language)
    context = context_of(session, conversation, message, now)
    step = _decide(conversation, message, state, context)
    if context.code == "elsewhere":
        proofs.hide_typed(message)
        step = replace(step, state=replace(step.state, last_words=""))
    replies = Replies(session, conversation, message, now, is_held=True)
    state = _noted(state, act(replies, step, context.emergency_phone), message, step.effect)
    if context.is_photo_place:
        photo_places.forget(session, conversation.id, now=now)
    elif state.media_at is not None and now - state.media_at < photo_places.KEPT_FOR:
        photo_offers.offer_where_asked(replies, state, context.emergency_phone)
    # In one writing with what ends the wait: the row has many indexes.
    is_answered = is_last and conversation.state == "automatic"
    since = None if is_answered else conversation.waiting_since
    change(
        session,
        conversation,
        dialogue=state.to_json(),
        language=state.language,
        waiting_since=since,
        last_message_at=replies.last_message_at,
    )


def make_unanswered(session: Session, conversation_id: UUID, *, now: datetime) -> bool:
    """Makes the whole report of a thread that waited for one last word; False when there is none any more."""
    conversation = actions.held(session, conversation_id)
    state = DialogueState.from_json(conversation.dialogue, language=conversation.language)
    if (
        conversation.state != "automatic"
        or state.step not in LAST_WORDS
        or state.draft is None
        or not state.draft.messages
    ):
        return False
    message = session.get_one(Message, UUID(state.draft.messages[-1]))
    context = context_of(session, conversation, message, now)
    replies = Replies(session, conversation, message, now, name=LATE)
    conversation.dialogue = act(replies, unanswered(state, context), context.emergency_phone).to_json()
    return True


def _decide(conversation: Conversation, message: Message, state: DialogueState, context: DialogueContext) -> Step:
    if conversation.state == "with_agent":
        return while_with_agent(state, message.body, context)
    if message.choice is None:
        return next_step(state, "" if context.is_photo_place else message.body, context)
    pressed = press(state, message.choice, context)
    step = next_step(state, pressed, context) if isinstance(pressed, str) else pressed
    return replace(step, state=replace(step.state, pressed=message.choice))


def _noted(before: DialogueState, after: DialogueState, message: Message, effect: Effect | None) -> DialogueState:
    """The draft remembers this message if the message told something of it; a picture of nothing yet is remembered too."""
    is_kept = effect is None or effect == StaySilent("album")
    if after.draft is None and is_kept and message.media:
        return replace(after, loose=(*after.loose, str(message.id))[-_MOST_LOOSE:])
    if after.draft is None or (after.draft == before.draft and not message.media):
        return after
    return replace(after, draft=replace(after.draft, messages=(*after.draft.messages, str(message.id))))


def _end_forgotten_hold(session: Session, conversation: Conversation, message: Message, now: datetime) -> None:
    if conversation.state != "with_agent":
        return
    before = queries.last_before(session, message)
    if before is not None and now - before > AGENT_HOLDS_FOR:
        actions.hand_back(session, conversation.id, now=now)
