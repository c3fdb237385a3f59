"""Reads of one person over all their threads, for the page of one of these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from agent_console.accounts import Viewer
from agent_console.contacts import masked, masked_beside
from agent_console.presentation import Look, channel_look, span_in_words
from channels import composing
from intake.conversations import queries
from intake.conversations.models import Conversation, Message
from intake.people import actions as people
from intake.people import same
from intake.people.models import ContactPoint, Person
from intake.service_requests.models import Report, ServiceRequest, ServiceRequestEvent
from kernel.dates import moment_in_words
from kernel.errors import NotFound
from kernel.i18n import translate

MOST_MESSAGES = 100
_MOST_THREADS = 100
_MOST_REQUESTS = 30
# Of the life of a request what its reporter would tell of it; the rest is on its own page.
_TOLD = ("submitted", "joined", "status_changed", "noted", "merged", "unmerged")
CHANNEL_OF = {"phone": "sms", "whatsapp": "whatsapp", "telegram": "telegram", "web_chat": "web_chat", "email": "email"}


@dataclass(frozen=True)
class Somebody:
    """Who writes in a thread: every row that is known to be them, their threads, newest first, and where they are reached."""

    ids: Sequence[UUID]
    name: str
    threads: Mapping[UUID, Conversation]
    contacts: Mapping[UUID, ContactPoint]

    def called(self, contact_point_id: UUID) -> str:
        """As pages call them: by the name they gave, else by this address, masked."""
        return self.name or masked(self.contacts[contact_point_id])


@dataclass(frozen=True)
class Route:
    """One way to answer. note: until when (`closes`) the network takes free words, `left` to go, or that it does not any more."""

    value: str
    contact: ContactPoint
    channel: str
    look: Look
    who: str
    note: str
    closes: str
    left: str
    is_open: bool
    is_this: bool


def find(session: Session, viewer: Viewer, conversation_id: UUID) -> Conversation:
    """The thread. Raises NotFound, also for one of another city."""
    found = session.get(Conversation, conversation_id)
    if found is None or found.jurisdiction_id != viewer.jurisdiction_id:
        raise NotFound("No encontramos esa conversación.")
    return found


def somebody(session: Session, thread: Conversation) -> Somebody:
    ids = same.same_person(session, thread.person_id)
    theirs = session.exec(
        select(Conversation)
        .where(col(Conversation.person_id).in_(ids), Conversation.jurisdiction_id == thread.jurisdiction_id)
        .order_by(col(Conversation.last_message_at).desc())
        .limit(_MOST_THREADS)
    ).all()
    threads = {one.id: one for one in (thread, *theirs)}
    contacts = {contact.id: contact for contact in same.contact_points_of(session, thread.person_id)}
    # A thread stays with who wrote in it, also when its address is somebody else's by now.
    missing = {one.contact_point_id for one in threads.values()} - set(contacts)
    for contact in session.exec(select(ContactPoint).where(col(ContactPoint.id).in_(missing))):
        contacts[contact.id] = contact
    names = [people.name_of(session.get_one(Person, id_)) for id_ in (thread.person_id, *ids)]
    return Somebody(ids, next((name for name in names if name), ""), threads, contacts)


def messages_of(session: Session, person: Somebody, before: int | None) -> tuple[list[Message], int | None]:
    """Their last messages over all threads, oldest first, and where the ones before those end (None: there are none)."""
    wanted = select(Message).where(col(Message.conversation_id).in_(list(person.threads)))
    if before is not None:
        wanted = wanted.where(col(Message.seq) < before)
    found = session.exec(wanted.order_by(col(Message.seq).desc()).limit(MOST_MESSAGES + 1)).all()
    shown = list(found[:MOST_MESSAGES])[::-1]
    return shown, shown[0].seq if len(found) > MOST_MESSAGES else None


def message_of(session: Session, person: Somebody, message_id: UUID) -> Message:
    """One of their messages. Raises NotFound for anybody else's."""
    found = session.get(Message, message_id)
    if found is None or found.conversation_id not in person.threads:
        raise NotFound("No encontramos ese mensaje.")
    return found


def requests_of(session: Session, viewer: Viewer, person: Somebody) -> list[ServiceRequest]:
    """What they reported, over all channels, newest first."""
    reported = select(Report.service_request_id).where(col(Report.person_id).in_(person.ids))
    return list(
        session.exec(
            select(ServiceRequest)
            .where(col(ServiceRequest.id).in_(reported), ServiceRequest.jurisdiction_id == viewer.jurisdiction_id)
            .order_by(col(ServiceRequest.requested_at).desc())
            .limit(_MOST_REQUESTS)
        )
    )


def folios_of(session: Session, requests: Sequence[ServiceRequest], messages: Sequence[Message]) -> dict[UUID, str]:
    """Folios by id of what they reported, and of what their messages are about."""
    known = {request.id: request.folio for request in requests}
    others = {message.service_request_id for message in messages if message.service_request_id} - set(known)
    found = session.exec(select(ServiceRequest.id, ServiceRequest.folio).where(col(ServiceRequest.id).in_(others)))
    return known | dict(found.all())


def events_of(
    session: Session, requests: Sequence[ServiceRequest], since: datetime | None, until: datetime | None
) -> list[ServiceRequestEvent]:
    wanted = select(ServiceRequestEvent).where(
        col(ServiceRequestEvent.service_request_id).in_([request.id for request in requests]),
        col(ServiceRequestEvent.name).in_(_TOLD),
    )
    if since is not None:
        wanted = wanted.where(col(ServiceRequestEvent.at) >= since)
    if until is not None:
        wanted = wanted.where(col(ServiceRequestEvent.at) < until)
    return list(session.exec(wanted.order_by(col(ServiceRequestEvent.id)).limit(300)))


def routes_of(session: Session, viewer: Viewer, person: Somebody, thread: Conversation, now: datetime) -> list[Route]:
    """Where an answer can go: this thread first."""
    wanted = [(thread.contact_point_id, thread.channel)]
    for contact in person.contacts.values():
        channel = CHANNEL_OF.get(contact.kind)
        if channel and (contact.id, channel) not in wanted:
            wanted.append((contact.id, channel))
    return [_route(session, viewer, person.contacts[id_], channel, thread, now) for id_, channel in wanted]


def _route(
    session: Session, viewer: Viewer, contact: ContactPoint, channel: str, thread: Conversation, now: datetime
) -> Route:
    closes_at = composing.closes_at(channel, queries.last_inbound_at(session, contact.id, channel))
    is_open = not composing.has_window(channel) or (closes_at is not None and closes_at > now)
    look = channel_look(channel, viewer.language)
    closes, note, left = "", "", ""
    if not is_open:
        note = translate(viewer.language, "solo plantillas")
    elif closes_at is not None:
        closes = moment_in_words(closes_at, viewer.timezone, viewer.language, now=now)
        left = span_in_words(closes_at - now, viewer.language)
        note = translate(viewer.language, "hasta {when}", when=closes)
    return Route(
        value=f"{contact.id}.{channel}",
        contact=contact,
        channel=channel,
        look=look,
        who=masked_beside(contact, look.text),
        note=note,
        closes=closes,
        left=left,
        is_open=is_open,
        is_this=(contact.id, channel) == (thread.contact_point_id, thread.channel),
    )
