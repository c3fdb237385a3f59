"""What an operator can do to a request. A refusal comes back as a `Problem`, so that nothing typed is lost."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from agent_console.accounts import Viewer
from agent_console.forms import Problem, problem_of
from agent_console.pages.service_request.addressee import addressee_of
from agent_console.presentation import ago
from channels import composing, delivery
from intake.catalog import queries as catalog
from intake.catalog.definitions import AttributeDefinition, text_in
from intake.conversations import actions as conversations
from intake.conversations.models import Conversation, Message
from intake.people.models import ContactPoint
from intake.service_requests import actions, queries
from intake.service_requests.models import ServiceRequest, ServiceRequestEvent
from intake.service_requests.values import Actor
from kernel.errors import AtiendeError, Conflict, InvalidInput, NotFound
from kernel.i18n import translate


@dataclass(frozen=True)
class Typed:
    """What was in the form, to be shown again."""

    life: str = ""
    outcome_code: str = ""
    note: str = ""
    version: int = 0
    mode: str = "reply"
    text: str = ""
    ref: str = ""
    agency_code: str = ""
    reason: str = ""


def actor_of(viewer: Viewer) -> Actor:
    return Actor("agency" if viewer.role == "agency" else "agent", viewer.name)


def change_status(
    session: Session, viewer: Viewer, found: ServiceRequest, typed: Typed, *, now: datetime
) -> Problem | None:
    """Moves the request, or says why not: the note is missing, the step is not allowed, a colleague was faster."""
    if typed.life == "closed" and not typed.note:
        text = translate(viewer.language, "Escribe en una frase qué pasó: la persona la va a leer.")
        return Problem("note", text, 400, "status")
    try:
        actions.change_status(
            session,
            found.id,
            life=typed.life,
            outcome_code=typed.outcome_code or None,
            note=typed.note,
            actor=actor_of(viewer),
            now=now,
            expected_version=typed.version,
        )
    except Conflict as conflict:
        session.refresh(found)
        newest = _newest_event(session, found.id)
        if newest is None or found.version == typed.version:
            return problem_of(conflict, viewer, "life", "status")
        text = translate(
            viewer.language,
            "{who} cambió esta solicitud {when}, mientras la veías. Nada se guardó: revisa lo nuevo y vuelve a intentarlo.",
            who=newest.actor_name or "Atiende",
            when=ago(newest.at, now, viewer.timezone, viewer.language),
        )
        return Problem("life", text, conflict.status, "status")
    except InvalidInput as refusal:
        return problem_of(refusal, viewer, "life", "status")
    return None


def answer(session: Session, viewer: Viewer, found: ServiceRequest, typed: Typed, *, now: datetime) -> Problem | None:
    """Queues a reply to the resident, or keeps a note; the same form sent twice does it once."""
    if not typed.text:
        text = translate(viewer.language, "Escribe el mensaje antes de enviarlo.")
        return Problem("text", text, 400, "answer")
    try:
        if typed.mode == "reply":
            _reply(session, viewer, found, typed, now)
        else:
            audience = "agency" if typed.mode == "agency" or viewer.role == "agency" else "internal"
            actions.lock(session, found.id)  # a twin posted at the same moment waits here, and finds the note
            if not _is_noted(session, found.id, typed.ref):
                actions.add_note(
                    session,
                    found.id,
                    text=typed.text,
                    audience=audience,  # type: ignore[arg-type]  # one of the two words above
                    actor=actor_of(viewer),
                    now=now,
                    data={"ref": typed.ref},
                )
    except AtiendeError as refusal:
        return problem_of(refusal, viewer, "text", "answer")
    return None


def _reply(session: Session, viewer: Viewer, found: ServiceRequest, typed: Typed, now: datetime) -> None:
    addressee = addressee_of(session, queries.reports_of(session, found.id))
    if addressee is None:
        raise InvalidInput("Nadie dejó cómo responderle. Puedes dejar una nota.", field="text")
    conversation_id = addressee.conversation_id
    thread = session.get(Conversation, conversation_id) if conversation_id else None
    last = delivery.last_inbound(session, thread) if thread else None
    city = catalog.jurisdiction(session, viewer.jurisdiction_id)
    composing.refuse_unsendable(addressee.channel, typed.text, city, last_inbound_at=last.at if last else None)
    if conversation_id is None:
        contact = session.get_one(ContactPoint, addressee.contact_point_id)
        conversation_id = conversations.open_conversation(session, contact, addressee.channel, now=now).id
    conversations.queue_message(
        session,
        conversation_id,
        typed.text,
        client_ref=f"agent-{typed.ref}",
        author_kind="agent",
        author_name=viewer.name,
        service_request_id=found.id,
        now=now,
    )
    actions.note_word(session, found.id, actor=actor_of(viewer), now=now)


def settle_message(
    session: Session, viewer: Viewer, found: ServiceRequest, message_id: UUID, *, arrived: bool, now: datetime
) -> Message:
    """A person says what became of an uncertain message of this request. Raises NotFound, Conflict."""
    message = session.get(Message, message_id)
    # A thread may hold messages about requests of other agencies: their staff settle only what is marked as theirs.
    reports = queries.reports_of(session, found.id) if viewer.role != "agency" else []
    threads = [report.conversation_id for report in reports]
    if message is None or (message.service_request_id != found.id and message.conversation_id not in threads):
        raise NotFound("No encontramos ese mensaje.")
    return delivery.settle_by_hand(session, message_id, arrived=arrived, now=now)


def answers_in_words(session: Session, found: ServiceRequest, language: str) -> list[tuple[str, str]]:
    """The resident's answers to the service's questions, with the words they read."""
    definition = catalog.catalog(session, found.jurisdiction_id).by_code.get(found.service_code)
    asked = {attribute.code: attribute for attribute in definition.attributes} if definition else {}
    return [
        (
            text_in(asked[code].description, language) if code in asked else code,
            ", ".join(_answer(asked.get(code), value, language) for value in _several(values)),
        )
        for code, values in found.attributes.items()
    ]


def _several(values: object) -> list[str]:
    return [str(value) for value in values] if isinstance(values, list) else [str(values)]


def _answer(attribute: AttributeDefinition | None, value: str, language: str) -> str:
    options = {option.key: option.name for option in attribute.options} if attribute else {}
    return text_in(options[value], language) if value in options else value


def _is_noted(session: Session, service_request_id: UUID, ref: str) -> bool:
    noted = select(ServiceRequestEvent.id).where(
        ServiceRequestEvent.service_request_id == service_request_id,
        ServiceRequestEvent.name == "noted",
        col(ServiceRequestEvent.data)["ref"].astext == ref,
    )
    return bool(ref) and session.exec(noted).first() is not None


def _newest_event(session: Session, service_request_id: UUID) -> ServiceRequestEvent | None:
    return session.exec(
        select(ServiceRequestEvent)
        .where(ServiceRequestEvent.service_request_id == service_request_id)
        .order_by(col(ServiceRequestEvent.id).desc())
        .limit(1)
    ).first()
