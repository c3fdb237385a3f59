"""The waiting line as the desk shows it: how many, since when, and for supervisors who."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, func, select

from agent_console import threads
from agent_console.accounts import Viewer
from agent_console.presentation import Look, channel_look, span_in_words
from intake.conversations.models import Conversation
from intake.distribution.lifecycle import OFFERED, QUEUED
from intake.distribution.models import ContactQueue, WorkItem
from kernel.i18n import translate

MOST = 30


@dataclass(frozen=True)
class Summary:
    """count: who waits, calls of them; longest: in words, "" of an empty line."""

    count: int
    calls: int
    longest: str


@dataclass(frozen=True)
class InLine:
    """One who waits."""

    id: UUID
    who: str
    channel: Look
    queue: str
    language: str
    waits: str
    is_offered: bool
    conversation_id: UUID | None


def summary(session: Session, viewer: Viewer, now: datetime) -> Summary:
    """Of the viewer's city."""
    count, calls, oldest = session.exec(
        select(
            func.count(), func.count().filter(col(WorkItem.kind) != "text"), func.min(col(WorkItem.enqueued_at))
        ).where(WorkItem.jurisdiction_id == viewer.jurisdiction_id, col(WorkItem.state).in_((QUEUED, OFFERED)))
    ).one()
    return Summary(count, calls, span_in_words(now - oldest, viewer.language) if oldest else "")


def listed(session: Session, viewer: Viewer, now: datetime) -> list[InLine]:
    """In the order in which they will be offered."""
    found = session.exec(
        select(WorkItem, ContactQueue.name)
        .join(ContactQueue, col(ContactQueue.id) == col(WorkItem.queue_id))
        .where(WorkItem.jurisdiction_id == viewer.jurisdiction_id, col(WorkItem.state).in_((QUEUED, OFFERED)))
        .order_by(col(WorkItem.rank_at), col(WorkItem.id))
        .limit(MOST)
    ).all()
    return [_line(session, viewer, item, queue, now) for item, queue in found]


def _line(session: Session, viewer: Viewer, item: WorkItem, queue: str, now: datetime) -> InLine:
    language = viewer.language
    thread = session.get(Conversation, item.conversation_id) if item.conversation_id else None
    who = translate(language, "Sin conversación")
    if thread is not None:
        who = threads.somebody(session, thread).called(thread.contact_point_id)
    name = "phone" if item.kind != "text" else thread.channel if thread else ""
    return InLine(
        id=item.id,
        who=who,
        channel=channel_look(name, language),
        queue=queue,
        language={"es": "Español", "en": "English"}.get(item.language, item.language),
        waits=span_in_words(now - item.enqueued_at, language),
        is_offered=item.state == OFFERED,
        conversation_id=item.conversation_id,
    )
