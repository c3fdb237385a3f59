"""The automatic dialogue at work on a thread: reads what came in, asks the dialogue, does and answers what it says."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import update
from sqlmodel import Session, col

from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.catalog.definitions import emergency_phone, women_phone
from intake.catalog.matching import match_services
from intake.conversations import actions, attachments, queries, wording
from intake.conversations.alike import find_alike, join
from intake.conversations.borders import find_border
from intake.conversations.dialogue.answers import unanswered
from intake.conversations.dialogue.next_step import next_step, press, while_with_agent
from intake.conversations.dialogue.report import ask_again
from intake.conversations.dialogue.state import EXPIRES_AFTER, LAST_WORDS, DialogueState, Place
from intake.conversations.dialogue.steps import (
    AddWords,
    ChooseNotices,
    DialogueContext,
    Effect,
    HandToAgent,
    Join,
    Recent,
    Resume,
    ShowStatus,
    Step,
    Submit,
    Text,
    Told,
)
from intake.conversations.models import Conversation, Message
from intake.conversations.own_texts import own_texts
from intake.conversations.placing import find_places
from intake.conversations.requests import in_words
from intake.conversations.values import Choice
from intake.people import actions as people
from intake.people.models import ContactPoint
from intake.people.same import same_person
from intake.service_requests import actions as service_requests
from intake.service_requests import queries as service_request_queries
from intake.service_requests.duplicates import deciding
from intake.service_requests.duplicates.joining import Moved
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import MAX_DESCRIPTION, Actor, Reporter, Submission
from kernel.errors import InvalidInput, NotFound
from routing import queries as routing

# A person who asked for somebody and then was silent for a day gets the automatic dialogue again.
AGENT_HOLDS_FOR = timedelta(hours=24)
_MOST_SERVICES = 6
LATELY = timedelta(hours=48)
_MOST_LOOSE = 10
# Where each message costs money, or a wait of hours, nothing is read back before a report is made.
_COSTLY = ("sms", "email")
# What a phone in the street knows of where it is.
SHARED_PRECISION_M = 20.0

_log = structlog.get_logger(__name__)


def advance(session: Session, conversation_id: UUID, *, now: datetime) -> None:
    """Handles every waiting message of the thread in order. Doing it twice does nothing the second time."""
    conversation = actions.held(session, conversation_id)
    for message in queries.waiting(session, conversation.id):
        _handle(session, conversation, message, now)
        message.status = "handled"
        message.changed_at = now
        session.flush()
    if conversation.state == "automatic":
        conversation.waiting_since = None


def _handle(session: Session, conversation: Conversation, message: Message, now: datetime) -> None:
    contact_point = session.get_one(ContactPoint, conversation.contact_point_id)
    if contact_point.kind == "sender":
        # Short codes and names are machines: answering them starts a conversation between two programs.
        _log.info("dialogue_machine_sender", conversation_id=str(conversation.id))
        return
    _end_forgotten_hold(session, conversation, message, now)
    state = DialogueState.from_json(conversation.dialogue, language=conversation.language)
    context = _context(session, conversation, message, now)
    step = _decide(conversation, message, state, context)
    replies = _Replies(session, conversation, message, now)
    state = _noted(state, _act(replies, step, context.emergency_phone), message, step.effect)
    conversation.dialogue = state.to_json()
    conversation.language = state.language


def _decide(conversation: Conversation, message: Message, state: DialogueState, context: DialogueContext) -> Step:
    if conversation.state == "with_agent":
        return while_with_agent(state, message.body, context)
    if message.choice is None:
        return next_step(state, message.body, context)
    pressed = press(state, message.choice, context)
    step = next_step(state, pressed, context) if isinstance(pressed, str) else pressed
    return replace(step, state=replace(step.state, pressed=message.choice))


def _shared(message: Message, language: str) -> Place | None:
    if message.lon is None or message.lat is None:
        return None
    label = message.place_label or wording.say(language, "labels", "shared_place")
    return Place(label, message.lon, message.lat, SHARED_PRECISION_M)


def _recent(session: Session, conversation: Conversation, message: Message, now: datetime) -> tuple[Recent, ...]:
    """What this person reported lately, for a picture that says nothing."""
    if not message.media or message.body.strip():
        return ()
    found = queries.recent_requests_of(session, conversation.person_id, conversation.jurisdiction_id, now - LATELY)
    known = catalog.catalog(session, conversation.jurisdiction_id)
    services = {**known.retired, **known.by_code}
    return tuple(
        Recent(request.folio, services[request.service_code].name, (now - at) / timedelta(hours=1))
        for request, at in found
        if request.service_code in services
    )


def _noted(before: DialogueState, after: DialogueState, message: Message, effect: Effect | None) -> DialogueState:
    """The draft remembers this message if the message told something of it; a picture of nothing yet is remembered too."""
    if after.draft is None and effect is None and message.media:
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


def _context(session: Session, conversation: Conversation, message: Message, now: datetime) -> DialogueContext:
    known = catalog.catalog(session, conversation.jurisdiction_id)
    city = catalog.jurisdiction(session, conversation.jurisdiction_id)

    told = queries.notice_before(session, message)
    gazetteer = routing.gazetteer(session, conversation.jurisdiction_id)
    return DialogueContext(
        now=now,
        services=known.by_code,
        retired=known.retired,
        match_services=lambda text: match_services(known.services, text, _MOST_SERVICES),
        find_places=lambda words: find_places(gazetteer, words),
        city=city.name,
        media_count=len(message.media),
        hears_programs=message.channel == "email",
        shared=_shared(message, conversation.language),
        recent=_recent(session, conversation, message, now),
        reads_back=conversation.channel not in _COSTLY,
        told=Told(told.folio, told.life) if told else None,
        emergency_phone=emergency_phone(city.settings),
        women_phone=women_phone(city.settings),
        find_alike=lambda report: find_alike(session, conversation, report, now=now),
        find_border=lambda report: find_border(session, conversation.jurisdiction_id, report, now=now),
    )


class _Replies:
    """The answers to one message: each has a reference of its own, so that answering twice sends once."""

    def __init__(
        self, session: Session, conversation: Conversation, message: Message, now: datetime, *, name: str = "reply"
    ) -> None:
        self.name = name
        self.session = session
        self.conversation = conversation
        self.message = message
        self.now = now
        self.count = 0

    def words(self, language: str, section: str, key: str, **params: object) -> str:
        """The text, in the city's own words where it has some for this channel."""
        conversation = self.conversation
        own = own_texts(self.session, conversation.jurisdiction_id, language, conversation.channel)
        return wording.say(language, section, key, own, **params)

    def ask(self, language: str, text: Text, turn: int, emergency_phone: str) -> None:
        """A text of the dialogue with the answers it offers, each under its turn and number."""
        params = {"emergency": emergency_phone, **text.params}
        self.send(
            self.words(language, "dialogue", text.key, **params),
            prompt=self.words(language, "prompts", text.key, **params) if text.options else None,
            choices=[Choice(f"{turn}.{number}", label) for number, label in enumerate(text.options, start=1)],
            asks_place=text.asks_place,
        )

    def send(
        self,
        body: str,
        service_request_id: UUID | None = None,
        *,
        prompt: str | None = None,
        choices: Sequence[Choice] = (),
        asks_place: bool = False,
    ) -> None:
        self.count += 1
        actions.queue_message(
            self.session,
            self.conversation.id,
            body,
            client_ref=f"{self.name}-{self.message.id}-{self.count}",
            author_kind="dialogue",
            service_request_id=service_request_id,
            prompt=prompt,
            choices=choices,
            asks_place=asks_place,
            now=self.now,
        )


def _act(replies: _Replies, step: Step, emergency_phone: str) -> DialogueState:
    """Sends what the step says, does what it wants, and gives the state to remember."""
    language = step.state.language
    if isinstance(step.effect, ChooseNotices) and not _choose_notices(replies, step.effect):
        return step.state
    if any(text.options for text in step.texts):
        step = replace(step, state=replace(step.state, turn=step.state.turn + 1))
    for text in step.texts:
        replies.ask(language, text, step.state.turn, emergency_phone)
    if isinstance(step.effect, Submit):
        return _submit(replies, step.state, step.effect)
    if isinstance(step.effect, Join):
        return _join(replies, step.state, step.effect)
    if isinstance(step.effect, ShowStatus):
        return _show_status(replies, step.state, step.effect)
    if isinstance(step.effect, AddWords):
        _add_words(replies, step.effect)
    if isinstance(step.effect, Resume):
        return _resume(replies, step.state)
    if isinstance(step.effect, HandToAgent):
        actions.hand_to_agent(replies.session, replies.conversation, now=replies.now)
    return step.state


def _choose_notices(replies: _Replies, choice: ChooseNotices) -> bool:
    """Records the choice. False when it is a second withdrawal: that was confirmed once and is not answered again."""
    session, contact_point_id = replies.session, replies.conversation.contact_point_id
    was_out = people.is_opted_out(session, contact_point_id)
    people.record_consent(
        session,
        contact_point_id,
        purpose="notices",
        is_granted=choice.is_granted,
        words=replies.message.body,
        now=replies.now,
    )
    if not choice.is_granted:
        actions.suppress_notices(session, contact_point_id, now=replies.now)
    return choice.is_granted or not was_out


def _submit(replies: _Replies, state: DialogueState, submit: Submit) -> DialogueState:
    session, conversation, message = replies.session, replies.conversation, replies.message
    place = submit.place
    submission = Submission(
        jurisdiction_id=conversation.jurisdiction_id,
        service_code=submit.service_code,
        channel=conversation.channel,
        description=submit.description[:MAX_DESCRIPTION],
        point=LonLat(place.lon, place.lat) if place else None,
        is_place_settled=True,  # the dialogue has looked the words up and asked
        precision_m=place.precision_m if place else None,
        address_string=place.label if place else submit.place_words,
        attributes=submit.attributes,
        reporter=Reporter(conversation.person_id, conversation.contact_point_id),
        conversation_id=conversation.id,
        idempotency_key=f"message-{message.id}",
        language=state.language,
        requested_at=message.at,
        settled=submit.settled,
    )
    try:
        with session.begin_nested():
            request = service_requests.submit(session, submission, now=replies.now)
    except (InvalidInput, NotFound) as problem:
        # The catalogue changed while they were writing, or an answer fits no rule: a person can still read it.
        _log.warning("dialogue_submit_failed", conversation_id=str(conversation.id), error=type(problem).__name__)
        replies.send(replies.words(state.language, "received", "failed"))
        actions.hand_to_agent(session, conversation, now=replies.now)
        return state
    if submit.ruled_out is not None:
        deciding.record(
            session,
            conversation.jurisdiction_id,
            [deciding.Shown.from_json(submit.ruled_out)],
            "other",
            "resident",
            service_request_id=request.id,
            channel=conversation.channel,
            now=replies.now,
        )
    _link(session, conversation, (*map(UUID, submit.messages), message.id), request.id, now=replies.now)
    told = wording.received(in_words(session, request, state.language, conversation.channel), replies.now)
    replies.send(told, request.id)
    return replace(state, folio=request.folio, submitted_at=replies.now)


def _join(replies: _Replies, state: DialogueState, effect: Join) -> DialogueState:
    session, conversation, message = replies.session, replies.conversation, replies.message
    try:
        with session.begin_nested():
            request = join(session, conversation, message, effect, now=replies.now)
    except (Moved, NotFound):
        replies.send(replies.words(state.language, "dialogue", "same_gone"))
        return _submit(replies, state, effect.report)
    _link(session, conversation, (*map(UUID, effect.report.messages), message.id), request.id, now=replies.now)
    replies.send(
        wording.joined(in_words(session, request, state.language, conversation.channel), replies.now), request.id
    )
    return replace(state, folio=request.folio, submitted_at=replies.now)


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
    context = _context(session, conversation, message, now)
    replies = _Replies(session, conversation, message, now, name="late")
    conversation.dialogue = _act(replies, unanswered(state, context), context.emergency_phone).to_json()
    return True


def _link(
    session: Session,
    conversation: Conversation,
    message_ids: Sequence[UUID],
    service_request_id: UUID,
    *,
    now: datetime,
) -> None:
    """These messages of the resident are about this request: its agency may read them, and their photos are its photos."""
    session.execute(
        update(Message)
        .where(
            col(Message.id).in_(message_ids),
            col(Message.conversation_id) == conversation.id,
            col(Message.direction) == "inbound",
            col(Message.service_request_id).is_(None),
        )
        .values(service_request_id=service_request_id)
    )
    attachments.messages_linked(session, message_ids, now=now)


def _add_words(replies: _Replies, answer: AddWords) -> None:
    session, conversation = replies.session, replies.conversation
    request = service_request_queries.by_folio(session, answer.folio, jurisdiction_id=conversation.jurisdiction_id)
    is_theirs = request is not None and _is_reporter(session, conversation, request)
    said = replies.message.body.strip()[:MAX_DESCRIPTION]
    if request is not None and said:
        actor = Actor("resident")
        service_requests.add_note(session, request.id, text=said, audience="agency", actor=actor, now=replies.now)
    if request is not None and is_theirs:
        _link(session, conversation, (*map(UUID, answer.messages), replies.message.id), request.id, now=replies.now)
    # Whoever has the folio of somebody else's report may know something; a person decides what becomes of it.
    if answer.needs_agent or not is_theirs:
        actions.hand_to_agent(session, conversation, now=replies.now)


def _is_reporter(session: Session, conversation: Conversation, request: ServiceRequest) -> bool:
    reporters = {report.person_id for report in service_request_queries.reports_of(session, request.id)}
    return not reporters.isdisjoint(same_person(session, conversation.person_id))


def _resume(replies: _Replies, state: DialogueState) -> DialogueState:
    """Goes on with what the same person began to tell on another channel."""
    other = queries.half_told_elsewhere(replies.session, replies.conversation, replies.now - EXPIRES_AFTER)
    if other is None:
        replies.send(replies.words(state.language, "dialogue", "resume_none"))
        return state
    told = DialogueState.from_json(other.dialogue, language=other.language)
    other.dialogue = told.idle().to_json()
    context = _context(replies.session, replies.conversation, replies.message, replies.now)
    state = replace(told, language=state.language, turn=max(told.turn, state.turn), at=replies.now)
    replies.send(replies.words(state.language, "dialogue", "resumed"))
    return _act(replies, ask_again(state, context), context.emergency_phone)


def _show_status(replies: _Replies, state: DialogueState, asked: ShowStatus) -> DialogueState:
    session, conversation = replies.session, replies.conversation
    request = _asked_for(session, conversation, asked.folio)
    if request is None and asked.folio is None:
        replies.send(replies.words(state.language, "status", "none"))
        return state
    if request is None:
        folio = wording.folio_in_words(asked.folio or "")
        replies.send(replies.words(state.language, "status", "unknown", folio=folio))
        return replace(state, bad_folios=state.bad_folios + 1)
    replies.send(
        wording.status(in_words(session, request, state.language, conversation.channel), replies.now), request.id
    )
    return replace(state, about=request.folio)


def _asked_for(session: Session, conversation: Conversation, folio: str | None) -> ServiceRequest | None:
    if folio is None:
        return queries.newest_request_of(session, conversation.person_id, conversation.jurisdiction_id)
    request = service_request_queries.by_folio(session, folio, jurisdiction_id=conversation.jurisdiction_id)
    if request is None or request.is_public:
        return request
    # What is confidential is told to nobody but those who reported it.
    return request if _is_reporter(session, conversation, request) else None
