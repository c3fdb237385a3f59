"""Doing what a step of the dialogue says, and answering: the only place where it writes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import structlog
from sqlmodel import Session

from georef.points import LonLat
from intake.catalog import queries as catalog
from intake.conversations import actions, attachments, proofs, queries, waiting_answers, wording
from intake.conversations.alike import join
from intake.conversations.announced import attach
from intake.conversations.context import context_of
from intake.conversations.dialogue.report import ask_again, proceed
from intake.conversations.dialogue.state import EXPIRES_AFTER, DialogueState
from intake.conversations.dialogue.steps import (
    AddToTold,
    AddWords,
    AskCode,
    Attach,
    ChooseNotices,
    HandToAgent,
    Join,
    Resume,
    ShowStatus,
    Step,
    Submit,
    Text,
    TypeCode,
)
from intake.conversations.models import Conversation, Message
from intake.conversations.notices import channel_of
from intake.conversations.replies import Replies
from intake.conversations.requests import in_words
from intake.conversations.values import VOICE
from intake.incidents import attaching as incidents
from intake.people import actions as people
from intake.people import guessing, spending, thread_codes
from intake.people.models import ContactPoint, Person
from intake.people.same import same_person
from intake.service_requests import actions as service_requests
from intake.service_requests import queries as service_request_queries
from intake.service_requests.duplicates import deciding
from intake.service_requests.duplicates.joining import Moved
from intake.service_requests.models import ServiceRequest
from intake.service_requests.values import MAX_DESCRIPTION, Actor, Reporter, Submission
from kernel.errors import InvalidInput, NotFound, Unavailable
from kernel.rows import change, load

_UNLINKED = """
    WHERE id = ANY($1) AND conversation_id = $2 AND direction = 'inbound' AND service_request_id IS NULL FOR NO KEY UPDATE
"""
# What the same person sent in other threads: a picture by WhatsApp of what they told by SMS, or what was told before CONTINUAR.
_UNLINKED_ELSEWHERE = """
    WHERE id = ANY($1) AND direction = 'inbound' AND service_request_id IS NULL
    AND conversation_id IN (SELECT id FROM conversation WHERE person_id = ANY($2)) ORDER BY id FOR NO KEY UPDATE
"""

_log = structlog.get_logger(__name__)


def act(replies: Replies, step: Step, emergency_phone: str) -> DialogueState:
    """Sends what the step says, does what it wants, and gives the state to remember."""
    language = step.state.language
    if isinstance(step.effect, ChooseNotices) and not _choose_notices(replies, step.effect):
        return step.state
    if any(text.options for text in step.texts):
        step = replace(step, state=replace(step.state, turn=step.state.turn + 1))
    texts = step.texts
    if texts and isinstance(step.effect, AddWords) and not _is_theirs(replies, step.effect):
        if _asked_for(replies.session, replies.conversation, step.effect.folio) is None:
            # None that they may know of: as whoever asks about it is told.
            return _show_status(replies, replace(step.state, about=""), ShowStatus(step.effect.folio))
        texts = (Text("others_report", {"folio": wording.folio_in_words(step.effect.folio)}),)
    for text in texts:
        replies.ask(language, text, step.state.turn, emergency_phone)
    if isinstance(step.effect, Submit):
        return _submit(replies, step.state, step.effect)
    if isinstance(step.effect, Attach):
        return _attach(replies, step.state, step.effect)
    if isinstance(step.effect, Join):
        return _join(replies, step.state, step.effect)
    if isinstance(step.effect, ShowStatus):
        return _show_status(replies, step.state, step.effect)
    if isinstance(step.effect, AddWords):
        return replace(step.state, is_promised=_add_words(replies, step.effect) or step.state.is_promised)
    if isinstance(step.effect, AddToTold):
        return _add_to_told(replies, step.state, step.effect)
    if isinstance(step.effect, Resume):
        return _resume(replies, step.state)
    if isinstance(step.effect, AskCode | TypeCode):
        return _prove(replies, step.state, step.effect)
    if isinstance(step.effect, HandToAgent):
        actions.hand_to_agent(replies.session, replies.conversation, said=replies.message, now=replies.now)
    return step.state


def _choose_notices(replies: Replies, choice: ChooseNotices) -> bool:
    """Records the choice. False when it is a second withdrawal: that was confirmed once and is not answered again."""
    session, contact_point_id = replies.session, replies.conversation.contact_point_id
    if replies.conversation.channel == VOICE:
        # Whose number a caller shows is a hint: it decides about this call's own reports, and that by who runs the call.
        return True
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


def _submit(replies: Replies, state: DialogueState, submit: Submit) -> DialogueState:
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
        reporter=Reporter(
            conversation.person_id,
            conversation.contact_point_id,
            wants_notices=_is_told_unasked(session, conversation, submit.service_code),
            name=people.name_of(session.get_one(Person, conversation.person_id)),
        ),
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
        actions.hand_to_agent(session, conversation, said=replies.message, now=replies.now)
        return replace(state, is_promised=True)
    if submit.apart_from:
        incidents.keep_apart(session, UUID(submit.apart_from), request.id, now=replies.now)
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


def _is_told_unasked(session: Session, conversation: Conversation, service_code: str) -> bool:
    """False of what is confidential in a call: somebody else may read what comes to that telephone."""
    service = catalog.catalog(session, conversation.jurisdiction_id).by_code.get(service_code)
    return conversation.channel != VOICE or service is None or service.is_public


def _attach(replies: Replies, state: DialogueState, effect: Attach) -> DialogueState:
    """Has them told of the incident; of one that ended while they answered they hear that, and their report goes on."""
    session, conversation = replies.session, replies.conversation
    if attach(session, conversation, effect.announced, now=replies.now):
        replies.send(replies.words(state.language, "dialogue", _attached_text(session, conversation)))
        return state
    replies.send(replies.words(state.language, "dialogue", "incident_over"))
    context = context_of(session, conversation, replies.message, replies.now)
    return act(replies, proceed(effect.otherwise, context), context.emergency_phone)


def _attached_text(session: Session, conversation: Conversation) -> str:
    """What they are promised: nothing that cannot be kept."""
    if people.is_opted_out(session, conversation.contact_point_id):
        return "incident_attached_out"
    (contact_point,) = load(session, ContactPoint, "WHERE id = $1", [conversation.contact_point_id])
    is_reached = channel_of(contact_point, conversation.channel) is not None
    return "incident_attached" if is_reached else "incident_attached_hidden"


def _join(replies: Replies, state: DialogueState, effect: Join) -> DialogueState:
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


def _add_words(replies: Replies, answer: AddWords) -> bool:
    """Whether a person has to look at it."""
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
    needs_agent = answer.needs_agent or not is_theirs
    if needs_agent:
        actions.hand_to_agent(session, conversation, said=replies.message, now=replies.now)
    return needs_agent


def _is_theirs(replies: Replies, answer: AddWords) -> bool:
    """True for a report that they, or somebody who is the same person, made or joined."""
    session, conversation = replies.session, replies.conversation
    request = service_request_queries.by_folio(session, answer.folio, jurisdiction_id=conversation.jurisdiction_id)
    return request is not None and _is_reporter(session, conversation, request)


def _add_to_told(replies: Replies, state: DialogueState, effect: AddToTold) -> DialogueState:
    """Has the report that they are telling elsewhere carry this message. Raises Unavailable while that thread is busy."""
    session, conversation, message = replies.session, replies.conversation, replies.message
    since = replies.now - EXPIRES_AFTER
    these = (*effect.messages, *([str(message.id)] if message.media else []))
    other = queries.half_told_elsewhere(session, conversation, since)
    told = DialogueState.from_json(other.dialogue, language=other.language) if other else DialogueState()
    if other is None or told.draft is None:
        if other is None and queries.half_told_at(session, conversation, since):
            raise Unavailable("La otra conversación está ocupada.")
        # Meanwhile it was made, or dropped: as before anything was told.
        if effect.media:
            replies.send(replies.words(state.language, "dialogue", "photo", media=effect.media))
        return replace(state, loose=these)
    # Before its own: the last one says when it was told, and where the answer goes.
    draft = replace(told.draft, messages=(*these, *told.draft.messages))
    other.dialogue = replace(told, draft=draft).to_json()
    if effect.media:
        replies.send(replies.words(state.language, "dialogue", "photo_told", media=effect.media))
    return replace(state, loose=())


def _resume(replies: Replies, state: DialogueState) -> DialogueState:
    """Goes on with what the same person began to tell on another channel."""
    since = replies.now - EXPIRES_AFTER
    is_known = replies.conversation.channel != VOICE
    other = queries.half_told_elsewhere(replies.session, replies.conversation, since) if is_known else None
    if other is None:
        replies.send(replies.words(state.language, "dialogue", "resume_none"))
        return state
    told = DialogueState.from_json(other.dialogue, language=other.language)
    other.dialogue = told.idle().to_json()
    context = context_of(replies.session, replies.conversation, replies.message, replies.now)
    state = replace(told, language=state.language, turn=max(told.turn, state.turn), at=replies.now)
    replies.send(replies.words(state.language, "dialogue", "resumed"))
    return act(replies, ask_again(state, context), context.emergency_phone)


def _prove(replies: Replies, state: DialogueState, effect: AskCode | TypeCode) -> DialogueState:
    """Has a code sent, or tries one; a report that was being told goes on."""
    session, conversation = replies.session, replies.conversation
    if conversation.channel == VOICE:
        replies.send(replies.words(state.language, "dialogue", "link_which"))
        return state
    if isinstance(effect, AskCode):
        said = proofs.ask_in_dialogue(session, conversation, effect.kind, effect.address, state.language, replies.now)
    else:
        said = proofs.answer_in_dialogue(session, conversation, effect.digits, state.language, replies.now)
    replies.send(replies.words(state.language, "dialogue", said.key, **said.params))
    if state.draft is None or isinstance(effect, AskCode) or said.key == "code_wrong":
        return state
    context = context_of(session, conversation, replies.message, replies.now)
    return act(replies, ask_again(state, context), context.emergency_phone)


def _show_status(replies: Replies, state: DialogueState, asked: ShowStatus) -> DialogueState:
    if not _may_cost(replies, asked.folio):
        return state
    return _tell_status(replies, state, asked)


def answer_waiting(session: Session, breaker_id: UUID, *, now: datetime) -> bool:
    """Answers the next who asked for a folio while their number was sent nothing; False when nobody waits."""
    found = waiting_answers.take(session, breaker_id)
    if found is None:
        return False
    conversation, message, folio = found
    state = DialogueState.from_json(conversation.dialogue, language=conversation.language)
    _tell_status(Replies(session, conversation, message, now, name="waited"), state, ShowStatus(folio))
    return True


def _tell_status(replies: Replies, state: DialogueState, asked: ShowStatus) -> DialogueState:
    session, conversation = replies.session, replies.conversation
    asker = session.get_one(ContactPoint, conversation.contact_point_id)
    is_guess = state.bad_folios > 0
    if asked.folio is not None and not guessing.may_ask(session, asker, was_wrong=is_guess, now=replies.now):
        replies.send(replies.words(state.language, "dialogue", "folio_limit"))
        return state
    request = _asked_for(session, conversation, asked.folio)
    if request is None and asked.folio is None:
        replies.send(replies.words(state.language, "status", "none"))
        return state
    if request is None:
        folio = wording.folio_in_words(asked.folio or "")
        replies.send(replies.words(state.language, "status", "unknown", folio=folio))
        guessing.was_wrong(session, asker, now=replies.now)
        return replace(state, bad_folios=state.bad_folios + 1, unknown=asked.folio or "")
    replies.send(
        wording.status(in_words(session, request, state.language, conversation.channel), replies.now), request.id
    )
    return replace(state, about=request.folio, unknown="")


def _may_cost(replies: Replies, folio: str | None) -> bool:
    """False where answering whoever asks may earn somebody money: what they wrote is kept, and its answer waits for a person."""
    session, conversation = replies.session, replies.conversation
    if conversation.channel != "sms":
        return True
    (contact_point,) = load(session, ContactPoint, "WHERE id = $1", [conversation.contact_point_id])
    phone = people.address_of(contact_point) if contact_point.kind == "phone" else ""
    if not phone or spending.spend(session, conversation.jurisdiction_id, phone, "folio", now=replies.now):
        return True
    if (breaker_id := spending.stopping(session, conversation.jurisdiction_id, phone)) is not None:
        waiting_answers.keep(session, breaker_id, replies.message, folio, now=replies.now)
    return False


def _asked_for(session: Session, conversation: Conversation, folio: str | None) -> ServiceRequest | None:
    if folio is None:
        if conversation.channel == VOICE:
            return queries.newest_request_in(session, conversation.id)
        return queries.newest_request_of(session, conversation.person_id, conversation.jurisdiction_id)
    request = service_request_queries.by_folio(session, folio, jurisdiction_id=conversation.jurisdiction_id)
    if request is None or request.is_public:
        return request
    # What is confidential is told to nobody but those who reported it.
    return request if _is_reporter(session, conversation, request) else None


def _is_reporter(session: Session, conversation: Conversation, request: ServiceRequest) -> bool:
    """True for whoever reported it.

    A caller's number may be anybody's: of theirs is what they reported in this call, or from a telephone that they
    proved in it to hold.
    """
    if conversation.channel == VOICE:
        if any(made.id == request.id for _, made in service_request_queries.reports_in(session, conversation.id)):
            return True
        proved = thread_codes.proved_in(session, conversation.id)
        told = service_request_queries.reports_of(session, request.id) if proved else []
        return any(report.contact_point_id in proved for report in told)
    reporters = {report.person_id for report in service_request_queries.reports_of(session, request.id)}
    return not reporters.isdisjoint(same_person(session, conversation.person_id))


def _link(
    session: Session,
    conversation: Conversation,
    message_ids: Sequence[UUID],
    service_request_id: UUID,
    *,
    now: datetime,
) -> None:
    """These messages of the resident are about this request: its agency may read them, and their photos are its photos."""
    found = load(session, Message, _UNLINKED, [list(message_ids), conversation.id])
    if len(found) < len(set(message_ids)):
        people = same_person(session, conversation.person_id)
        mine = [message.id for message in found]
        rest = [one for one in message_ids if one not in mine]
        found = [*found, *load(session, Message, _UNLINKED_ELSEWHERE, [rest, people])]
    for message in found:
        change(session, message, service_request_id=service_request_id)
    attachments.messages_linked(session, message_ids, now=now)
