"""News of an incident for everybody attached to it: one message each, unless they want none. In small pieces."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, select

from intake.conversations import actions
from intake.conversations.models import Conversation
from intake.conversations.notices import channel_of
from intake.incidents import queries
from intake.incidents.models import IncidentContact, IncidentUpdate
from intake.incidents.values import in_language
from intake.people import actions as people
from intake.people.models import ContactPoint, Person
from kernel import db
from kernel.outbox import record

# One job tells so many, in so many transactions and one: short enough to be done again, long enough to be worth a job.
PIECE = 200


def tell_attached(update_id: UUID, *, now: datetime, piece: int = PIECE) -> int:
    """Queues the words of an update to the next of those who are to be told of it; how many were looked at.

    Each in a transaction of its own, so that nobody who writes meanwhile waits. Until nobody is left it records
    `incident_update.told_some`, which starts the next piece. Doing a piece twice sends nothing twice.
    """
    with db.transaction() as session:
        update = session.get(IncidentUpdate, update_id)
        if update is None or update.told_to is None or update.told_at is not None:
            return 0
        after, words = update.told_up_to, update.words
        waiting = queries.contacts_after(session, update.incident_id, after, update.told_to, limit=piece)
    for contact in waiting:
        with db.transaction() as session:
            tell(session, update, contact, words, now=now)
    with db.transaction() as session:
        _advance(session, update_id, after, waiting[-1].seq if waiting else None, len(waiting) < piece, now)
    return len(waiting)


def tell(
    session: Session, update: IncidentUpdate, contact: IncidentContact, words: Mapping[str, str], *, now: datetime
) -> None:
    """One of them, on the channel on which they are reached."""
    if not contact.wants_notices:
        return
    contact_point = session.get_one(ContactPoint, contact.contact_point_id)
    began = session.get(Conversation, contact.conversation_id) if contact.conversation_id else None
    channel = channel_of(contact_point, began.channel if began else contact.channel)
    if channel is None:
        return
    conversation = actions.open_conversation(session, contact_point, channel, now=now)
    # Whoever is saying "no more notices" right now is waited for, and obeyed.
    people.lock(session, contact_point.id)
    if people.is_opted_out(session, contact_point.id):
        return
    language = conversation.language if began else session.get_one(Person, contact_point.person_id).language
    body = in_language(words, language)
    actions.queue_message(
        session,
        conversation.id,
        body,
        client_ref=f"incident-{update.id}",
        author_kind="campaign",
        template=f"incident.{update.name}",
        template_params={"words": body},
        now=now,
    )


def _advance(session: Session, update_id: UUID, after: int, up_to: int | None, is_last: bool, now: datetime) -> None:
    update = session.exec(
        select(IncidentUpdate)
        .where(IncidentUpdate.id == update_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    if update.told_at is not None or update.told_up_to != after:
        return  # somebody else told the same piece
    update.told_up_to = up_to if up_to is not None else after
    if is_last:
        update.told_at = now
    else:
        record(session, "incident_update.told_some", at=now, update_id=update.id)
    session.add(update)
