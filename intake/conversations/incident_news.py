"""News of an incident for everybody attached to it: one message each, unless they want none. In small pieces."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import structlog
from sqlmodel import Session, select

from intake.conversations import actions
from intake.conversations.models import Conversation, Message
from intake.conversations.notices import channel_of
from intake.incidents import queries
from intake.incidents.models import IncidentContact, IncidentUpdate
from intake.incidents.values import in_language, news_reference, update_of
from intake.people import actions as people
from intake.people.models import ContactPoint, Person
from kernel import db
from kernel.errors import AtiendeError
from kernel.outbox import record
from kernel.rows import load_one

_log = structlog.get_logger(__name__)

# One job tells so many, in so many transactions and one: short enough to be done again, long enough to be worth a job.
PIECE = 200
AUTHOR = "campaign"
# Networks that take only approved texts take these as any other news.
_WORDED_AS = {"attached": "updated"}
# Whoever takes them back waits until they are told, and then withdraws what has not gone out.
_KEPT = "WHERE id = $1 FOR KEY SHARE"
_DELIVERIES = """
    SELECT message.status, coalesce(message.error_code, ''), count(*)
    FROM incident_contact JOIN conversation ON conversation.contact_point_id = incident_contact.contact_point_id
    JOIN message ON message.conversation_id = conversation.id AND message.client_ref = $2
    WHERE incident_contact.incident_id = $1
    GROUP BY 1, 2 ORDER BY 3 DESC
"""
_LATER = """
    SELECT other.contact_point_id, coalesce(conversation.channel, other.channel)
    FROM person JOIN person AS row ON row.group_id = person.group_id
    JOIN contact_point ON contact_point.person_id = row.id
    JOIN incident_contact AS other ON other.contact_point_id = contact_point.id AND other.incident_id = $2
    LEFT JOIN conversation ON conversation.id = other.conversation_id
    WHERE person.id = $1 AND other.seq > $3 AND other.seq <= $4 AND other.wants_notices
"""


def tell_attached(update_id: UUID, *, now: datetime, piece: int = PIECE) -> int:
    """Queues the words of an update to the next of those who are to be told of it; how many were looked at.

    Each in a transaction of its own, so that nobody who writes meanwhile waits. Until nobody is left it records
    `incident_update.told_some`, which starts the next piece. Doing a piece twice sends nothing twice.
    """
    with db.transaction() as session:
        update = session.get(IncidentUpdate, update_id)
        if update is None or update.told_to is None or update.told_at is not None:
            return 0
        after = update.told_up_to
        waiting = queries.contacts_after(session, update.incident_id, after, update.told_to, limit=piece)
    outcomes = Counter(_told(update, contact, now) for contact in waiting)
    with db.transaction() as session:
        _advance(session, update_id, after, waiting[-1].seq if waiting else None, outcomes, len(waiting) < piece, now)
    return len(waiting)


def _told(update: IncidentUpdate, contact: IncidentContact, now: datetime) -> str:
    """One of them, alone: of an address that cannot be written to, nobody behind it in the line hears less."""
    try:
        with db.transaction() as session:
            return tell(session, update, contact, now=now)
    except AtiendeError as refusal:
        _log.warning("incident.not_told", contact_id=str(contact.id), why=type(refusal).__name__)
        return "refused"


def tell(session: Session, update: IncidentUpdate, contact: IncidentContact, *, now: datetime) -> str:
    """One of them, on the channel on which they are reached: `told`, or why not.

    `no_notices`: they wanted none of this report; `opted_out`: of nothing; `unreachable`: a hidden number, a short code;
    `elsewhere`: they are told at another address, where they were heard later; `over`, `open_again`, `taken_back`: it
    is no news any more.
    """
    if load_one(session, IncidentContact, _KEPT, [contact.id]) is None:
        return "taken_back"
    if not contact.wants_notices:
        return "no_notices"
    contact_point = session.get_one(ContactPoint, contact.contact_point_id)
    began = session.get(Conversation, contact.conversation_id) if contact.conversation_id else None
    channel = channel_of(contact_point, began.channel if began else contact.channel)
    if channel is None:
        return "unreachable"
    if _is_told_elsewhere(session, update, contact, contact_point):
        return "elsewhere"
    conversation = actions.open_conversation(session, contact_point, channel, now=now)
    # Whoever is saying "no more notices" right now is waited for, and obeyed.
    people.lock(session, contact_point.id)
    if people.is_opted_out(session, contact_point.id):
        return "opted_out"
    # Pieces of several news are told beside each other: nobody hears "it goes on" after "it is over".
    if turned := queries.turned_since(session, update.id):
        return "over" if turned == "ended" else "open_again"
    language = conversation.language if began else session.get_one(Person, contact_point.person_id).language
    body = in_language(update.words, language)
    actions.queue_message(
        session,
        conversation.id,
        body,
        client_ref=news_reference(update.id),
        author_kind=AUTHOR,
        template=f"incident.{_WORDED_AS.get(update.name, update.name)}",
        template_params={"words": body},
        now=now,
    )
    return "told"


def is_news(session: Session, message: Message) -> bool:
    """False of a message with news of an incident that has ended since, or goes on again."""
    update_id = update_of(message.client_ref) if message.author_kind == AUTHOR else None
    return update_id is None or queries.turned_since(session, update_id) is None


def deliveries(session: Session, update: IncidentUpdate) -> list[tuple[str, str, int]]:
    """What became of the messages that carry this news: (status, why, how many)."""
    session.flush()
    values = [update.incident_id, news_reference(update.id)]
    return [(status, why, many) for status, why, many in db.fetch(session, _DELIVERIES, values, prepare=True)]


def _is_told_elsewhere(
    session: Session, update: IncidentUpdate, contact: IncidentContact, contact_point: ContactPoint
) -> bool:
    """Whether somebody who is attached at several addresses is told at one where they were heard after this one."""
    values = [contact_point.person_id, contact.incident_id, contact.seq, update.told_to]
    for contact_point_id, channel in db.fetch(session, _LATER, values, prepare=True):
        other = session.get_one(ContactPoint, contact_point_id)
        if channel_of(other, channel) is not None and not people.is_opted_out(session, contact_point_id):
            return True
    return False


def _advance(
    session: Session,
    update_id: UUID,
    after: int,
    up_to: int | None,
    outcomes: Mapping[str, int],
    is_last: bool,
    now: datetime,
) -> None:
    update = session.exec(
        select(IncidentUpdate)
        .where(IncidentUpdate.id == update_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if update.told_at is not None or update.told_up_to != after:
        return  # somebody else told the same piece
    update.told_up_to = up_to if up_to is not None else after
    update.outcomes = dict(Counter(update.outcomes) + Counter(outcomes))
    if is_last:
        update.told_at = now
    else:
        record(session, "incident_update.told_some", at=now, update_id=update.id)
    session.add(update)
