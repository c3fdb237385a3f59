"""What the desk shows of its operator and of what they hold, in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from agent_console import threads
from agent_console.accounts import Viewer
from agent_console.contacts import masked
from agent_console.pages.desk import called_back
from agent_console.pages.desk.called_back import CalledBack
from agent_console.pages.desk.seat import CALLS, Seat
from agent_console.presentation import Look, ago, channel_look, span_in_words
from agent_console.rows import Row, names, rows_of
from agent_console.threads import Somebody
from intake.conversations.models import Conversation, Message
from intake.distribution.lifecycle import WRAPPING
from intake.distribution.models import ContactQueue, WorkItem
from intake.people import same
from intake.service_requests import lifecycle
from kernel.i18n import translate

BREAKS: Mapping[str, str] = {
    "rest": "Descanso",
    "meal": "Comida",
    "training": "Capacitación",
    "meeting": "Reunión",
    "technical": "Falla técnica",
    "personal": "Asunto personal",
}
REASONS: Mapping[str, str] = {
    "": "Te toca por turno",
    "longest_idle": "Eres quien lleva más tiempo libre",
    "skilled": "Tienes la habilidad que pide",
    "preferred": "Ya hablaron contigo",
    "overflow_waited": "En su fila nadie ha podido contestar",
    "overflow_nobody": "En su fila no hay nadie en turno",
    "overflow_closed": "Su fila está cerrada a esta hora",
}
# What an operator is doing: the words, their icon, their colour.
STATES: Mapping[str, tuple[str, str, str]] = {
    "offline": ("Fuera de turno", "minus", "off"),
    "call": ("En llamada", "phone", "busy"),
    "beside": ("En la llamada de alguien más", "phone", "busy"),
    "break": ("En pausa: {reason}", "pause", "away"),
    "missed": ("No contestaste", "alert", "missed"),
    "leaving": ("Terminas lo que tienes", "go", "away"),
    "wrapping": ("Cerrando un contacto", "note", "busy"),
    "serving": ("Disponible, atendiendo {n}", "ok", "free"),
    "available": ("Disponible", "ok", "free"),
}
# What a supervisor reads of somebody else where the operator is spoken to.
THEIRS: Mapping[str, str] = {"missed": "No contestó", "leaving": "Termina lo que tiene"}
_LAST_CONTACTS = 5
_LAST_WORDS = 160


@dataclass(frozen=True)
class Presence:
    """The operator's state in words, and since when."""

    look: Look
    since: datetime | None
    code: str


@dataclass(frozen=True)
class Held:
    """One contact in hand, as a line of the left column."""

    id: UUID
    who: str
    channel: Look
    last: str
    since: datetime
    is_call: bool
    is_wrapping: bool
    is_resting: bool
    waits: str


@dataclass(frozen=True)
class Contact:
    """A former contact: by which channel, when, and its last words."""

    channel: Look
    when: str
    words: str


@dataclass(frozen=True)
class Caller:
    """Who is behind an item, as far as is known, before and after answering."""

    who: str
    address: str
    channel: Look
    language: str
    queue: str
    topic: str
    since: datetime
    why: str
    words: str
    waited: str
    members: int
    open_count: int
    folios: Sequence[Row]
    more_folios: int
    contacts: Sequence[Contact]
    called_back: CalledBack | None


def presence_of_other(seat: Seat, language: str) -> Presence:
    """As a supervisor reads it."""
    found = presence_of(seat, language)
    if found.code not in THEIRS:
        return found
    return replace(found, look=replace(found.look, text=translate(language, THEIRS[found.code])))


def presence_of(seat: Seat, language: str) -> Presence:
    """One word for what they are doing; what they hold says more than what they chose."""
    agent = seat.agent
    if agent is None or seat.standing in ("off", "ended"):
        return _presence("offline", None, language)
    items = seat.awake
    wrapping = [item for item in items if item.state == WRAPPING]
    talking = next((item for item in items if item.state != WRAPPING and item.kind in CALLS), None)
    if talking is not None:
        return _presence("call", talking.assigned_at, language)
    if agent.beside_leg_id is not None:
        return _presence("beside", agent.idle_since, language)
    if agent.state == "break":
        reason = translate(language, BREAKS.get(agent.reason, "Pausa"))
        return _presence("break", agent.state_since, language, reason=reason)
    if agent.state in ("missed", "leaving"):
        return _presence(agent.state, agent.state_since, language)
    if wrapping and len(items) == len(wrapping):
        return _presence("wrapping", wrapping[0].assigned_at, language)
    if items:
        return _presence("serving", agent.state_since, language, n=len(items))
    return _presence("available", agent.state_since, language)


def _presence(code: str, since: datetime | None, language: str, **params: object) -> Presence:
    words, icon, css = STATES[code]
    return Presence(Look(translate(language, words, **params), icon, css), since, code)


def held_lines(session: Session, viewer: Viewer, items: Sequence[WorkItem], now: datetime) -> list[Held]:
    """In the order of the seat."""
    return [_line(session, viewer, item, now) for item in items]


def _line(session: Session, viewer: Viewer, item: WorkItem, now: datetime) -> Held:
    thread = session.get(Conversation, item.conversation_id) if item.conversation_id else None
    channel = _channel(item, thread, viewer.language)
    is_call = item.kind in CALLS
    at = item.resting_since or item.assigned_at or item.enqueued_at
    is_wrapping, is_resting = item.state == WRAPPING, item.resting_since is not None
    if thread is None:
        who = translate(viewer.language, "Sin conversación")
        return Held(item.id, who, channel, "", at, is_call, is_wrapping, is_resting, "")
    waits = ago(thread.waiting_since, now, viewer.timezone, viewer.language) if thread.waiting_since else ""
    return Held(
        item.id,
        threads.somebody(session, thread).called(thread.contact_point_id),
        channel,
        _last_words(session, thread.id),
        at,
        is_call,
        is_wrapping,
        is_resting,
        waits,
    )


def _channel(item: WorkItem, thread: Conversation | None, language: str) -> Look:
    if item.kind == "callback":
        return Look(translate(language, "Devolver llamada"), "phone")
    return channel_look("phone" if item.kind == "voice" else thread.channel if thread else "", language)


def _last_words(session: Session, conversation_id: UUID) -> str:
    said = session.exec(
        select(Message.body)
        .where(Message.conversation_id == conversation_id, Message.direction == "inbound")
        .order_by(col(Message.seq).desc())
        .limit(1)
    ).first()
    return (said or "")[:_LAST_WORDS]


def caller_of(session: Session, viewer: Viewer, item: WorkItem, *, why: str, now: datetime) -> Caller:
    """What whoever it is offered to reads before answering; nobody else is asked to be shown this."""
    queue = session.get_one(ContactQueue, item.queue_id)
    thread = session.get(Conversation, item.conversation_id) if item.conversation_id else None
    language = viewer.language
    known = names(session, viewer)
    common = {
        "channel": _channel(item, thread, language),
        "language": {"es": "Español", "en": "English"}.get(item.language, item.language),
        "queue": queue.name,
        "topic": known.services.get(item.topic) or known.groups.get(item.topic, ""),
        "since": item.waiting_since or item.enqueued_at,
        "waited": span_in_words(now - (item.waiting_since or item.enqueued_at), language),
        "called_back": called_back.of_item(session, viewer, item, now),
        "why": translate(language, REASONS.get(why, REASONS[""])),
    }
    if thread is None:
        nobody = translate(language, "Sin conversación")
        return Caller(
            who=nobody,
            address="",
            words="",
            members=0,
            open_count=0,
            folios=(),
            more_folios=0,
            contacts=(),
            **common,  # type: ignore[arg-type]  # texts, and one moment
        )
    person = threads.somebody(session, thread)
    contact = person.contacts[thread.contact_point_id]
    requests = threads.requests_of(session, viewer, person)
    open_ones = [one for one in requests if one.life != lifecycle.CLOSED]
    return Caller(
        who=person.called(thread.contact_point_id),
        address=masked(contact),
        words=_last_words(session, thread.id),
        members=len(same.people_at(session, contact.id)),
        open_count=len(open_ones),
        folios=rows_of(open_ones[:4], known, viewer, now=now),
        more_folios=max(0, len(open_ones) - 4),
        contacts=_contacts(session, viewer, person, item, now),
        **common,  # type: ignore[arg-type]  # as above
    )


def _contacts(
    session: Session,
    viewer: Viewer,
    person: Somebody,
    item: WorkItem,
    now: datetime,
) -> list[Contact]:
    """Their last contacts over all channels, newest first, without the one that is offered."""
    found = []
    for thread in person.threads.values():
        if thread.id == item.conversation_id:
            continue
        when = ago(thread.last_message_at, now, viewer.timezone, viewer.language)
        look = channel_look("phone" if thread.channel == "voice" else thread.channel, viewer.language)
        found.append(Contact(look, when, _last_words(session, thread.id)))
    return found[:_LAST_CONTACTS]
