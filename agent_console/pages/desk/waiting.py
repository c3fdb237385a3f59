"""The waiting line as the desk shows it: how many, since when, and for supervisors who."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased
from sqlmodel import Session, and_, col, func, or_, select

from agent_console import threads
from agent_console.accounts import Viewer
from agent_console.presentation import Look, channel_look, span_in_words
from intake.conversations.models import Conversation
from intake.distribution.lifecycle import LIVE, OFFERED, QUEUED
from intake.distribution.models import ContactQueue, WorkItem
from kernel.i18n import translate

MOST = 30
# Since when they wait this time: after a transfer that is not since they came, and a callback waits from its hour on.
_SINCE: ColumnElement[Any] = func.greatest(
    func.coalesce(col(WorkItem.waiting_since), col(WorkItem.enqueued_at)), col(WorkItem.due_at)
)

_own: Any = aliased(WorkItem)


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


def _waits(viewer: Viewer, now: datetime) -> ColumnElement[bool]:
    """Not a callback whose hour has not come, nor one whose person is in the line by a call of their own."""
    return and_(
        col(WorkItem.jurisdiction_id) == viewer.jurisdiction_id,
        col(WorkItem.state).in_((QUEUED, OFFERED)),
        or_(col(WorkItem.due_at).is_(None), col(WorkItem.due_at) <= now),
        ~exists().where(_own.instead_of_id == WorkItem.id, _own.state.in_(LIVE)),
    )


def since_of(item: WorkItem) -> datetime:
    """As `_SINCE`."""
    return max(item.waiting_since or item.enqueued_at, item.due_at or item.enqueued_at)


def summary(session: Session, viewer: Viewer, now: datetime) -> Summary:
    """Of the viewer's city."""
    count, calls, oldest = session.exec(
        select(func.count(), func.count().filter(col(WorkItem.kind) != "text"), func.min(_SINCE)).where(
            _waits(viewer, now)
        )
    ).one()
    return Summary(count, calls, span_in_words(now - oldest, viewer.language) if oldest else "")


def listed(session: Session, viewer: Viewer, now: datetime) -> list[InLine]:
    """In the order in which they will be offered."""
    found = session.exec(
        select(WorkItem, ContactQueue.name)
        .join(ContactQueue, col(ContactQueue.id) == col(WorkItem.queue_id))
        .where(_waits(viewer, now))
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
        waits=span_in_words(now - since_of(item), language),
        is_offered=item.state == OFFERED,
        conversation_id=item.conversation_id,
    )
