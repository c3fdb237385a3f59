"""Reads of the inbox: one list of threads over all channels, whoever waits longest first.

Keyset paging in two parts: those that wait, by since when; then the others, by their last message.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Annotated, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Query
from sqlalchemy import ColumnElement, and_, func, or_, true
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from agent_console.accounts import Viewer
from agent_console.contacts import masked
from agent_console.presentation import Look, ago, channel_look, span_in_words
from intake.conversations.models import Conversation, Message
from intake.people import actions as people
from intake.people.models import ContactPoint, Person
from kernel.errors import InvalidInput
from kernel.i18n import LANGUAGES, translate

PAGE_SIZE = 50
COUNT_LIMIT = 1000
STATES = ("", "waiting", "automatic", "with_agent", "closed", "any")
WHOSE = ("", "mine", "nobody")
# The automatic dialogue answers within seconds; a message it has not handled by then needs somebody to look.
_UNHANDLED_AFTER = timedelta(minutes=2)

_C = Conversation
Row = TypeVar("Row", ContactPoint, Person)


@dataclass(frozen=True)
class InboxFilters:
    """What the inbox shows, as its query string says. state "": what people must see to. `after` is a cursor, not a filter."""

    state: str = ""
    who: str = ""
    channel: str = ""
    language: str = ""
    after: str = ""

    def query(self, **changes: str) -> str:
        """The query string of this list with `changes`, from its first page unless told otherwise; at least `?`."""
        wanted = replace(self, **({"after": ""} | changes))
        return "?" + urlencode({f.name: value for f in fields(wanted) if (value := getattr(wanted, f.name))})


def _filters(
    state: Annotated[str, Query()] = "",
    who: Annotated[str, Query()] = "",
    channel: Annotated[str, Query(max_length=40)] = "",
    language: Annotated[str, Query()] = "",
    after: Annotated[str, Query(max_length=90)] = "",
) -> InboxFilters:
    return InboxFilters(
        state if state in STATES else "",
        who if who in WHOSE else "",
        channel.replace("\0", ""),
        language if language in LANGUAGES else "",
        after,
    )


InboxDep = Annotated[InboxFilters, Depends(_filters)]


@dataclass(frozen=True)
class Line:
    """One thread. waits: since when its resident waits for an answer, in words; "" when nobody does."""

    id: UUID
    who: str
    channel: Look
    state: Look
    language: str
    last: str
    waits: str
    when: str


@dataclass(frozen=True)
class InboxPage:
    """One page. next: the cursor of the page after it, or ""."""

    lines: list[Line]
    next: str


def state_look(thread: Conversation, language: str) -> Look:
    """Who answers this thread, in words."""
    if thread.state == "automatic":
        return Look(translate(language, "Contesta el diálogo"), "loop", "quiet")
    if thread.state == "closed":
        return Look(translate(language, "Cerrada"), "minus", "quiet")
    if thread.taken_by is not None:
        return Look(translate(language, "Con {name}", name=thread.taken_by_name), "user", "work")
    return Look(translate(language, "Espera a una persona"), "new", "info")


def page_of(
    session: Session, viewer: Viewer, filters: InboxFilters, now: datetime, limit: int = PAGE_SIZE
) -> InboxPage:
    """The lines after `filters.after`. Raises InvalidInput for a cursor we did not write."""
    part, at, last = _cursor_in(filters.after)
    wanted = _wanted(viewer, filters, now)
    found: list[Conversation] = []
    if part != "rest":
        waiting = select(_C).where(wanted, col(_C.waiting_since).is_not(None))
        if at is not None:
            waiting = waiting.where(
                or_(col(_C.waiting_since) > at, and_(col(_C.waiting_since) == at, col(_C.id) > last))
            )
        found = list(session.exec(waiting.order_by(col(_C.waiting_since), col(_C.id)).limit(limit + 1)))
        at = None
    if len(found) <= limit:
        # Nobody who waits is among these, and so none that is stuck: said plainly, an index finds them.
        is_seen_to = col(_C.state) == "with_agent" if filters.state in ("", "waiting") else true()
        others = select(_C).where(wanted, col(_C.waiting_since).is_(None), is_seen_to)
        if at is not None:
            others = others.where(
                or_(col(_C.last_message_at) < at, and_(col(_C.last_message_at) == at, col(_C.id) < last))
            )
        newest = others.order_by(col(_C.last_message_at).desc(), col(_C.id).desc())
        found += session.exec(newest.limit(limit + 1 - len(found)))
    following = _cursor_after(found[limit - 1]) if len(found) > limit else ""
    return InboxPage(_lines(session, viewer, found[:limit], now), following)


def count(session: Session, viewer: Viewer, filters: InboxFilters, now: datetime) -> int:
    """How many there are, without counting past COUNT_LIMIT."""
    some = select(_C.id).where(_wanted(viewer, filters, now)).limit(COUNT_LIMIT).subquery()
    return session.exec(select(func.count()).select_from(some)).one()


def _wanted(viewer: Viewer, filters: InboxFilters, now: datetime) -> ColumnElement[bool]:
    wanted = [col(_C.jurisdiction_id) == viewer.jurisdiction_id]
    is_stuck = and_(col(_C.state) == "automatic", col(_C.waiting_since) < now - _UNHANDLED_AFTER)
    if filters.state == "":
        wanted.append(or_(col(_C.state) == "with_agent", is_stuck))
    elif filters.state == "waiting":
        wanted += [or_(col(_C.state) == "with_agent", is_stuck), col(_C.waiting_since).is_not(None)]
    elif filters.state != "any":
        wanted.append(col(_C.state) == filters.state)
    if filters.who == "mine":
        wanted.append(col(_C.taken_by) == viewer.user_id)
    elif filters.who == "nobody":
        wanted.append(col(_C.taken_by).is_(None))
    if filters.channel:
        wanted.append(col(_C.channel) == filters.channel)
    if filters.language:
        wanted.append(col(_C.language) == filters.language)
    return and_(*wanted)


def _cursor_after(thread: Conversation) -> str:
    if thread.waiting_since is not None:
        return f"wait~{thread.waiting_since.isoformat()}~{thread.id}"
    return f"rest~{thread.last_message_at.isoformat()}~{thread.id}"


def _cursor_in(cursor: str) -> tuple[str, datetime | None, UUID | None]:
    if not cursor:
        return "", None, None
    part, _, place = cursor.partition("~")
    when, _, identity = place.partition("~")
    try:
        at, last = datetime.fromisoformat(when), UUID(identity)
    except ValueError:
        raise InvalidInput("Esa página de la lista no existe. Vuelve al principio.") from None
    if at.tzinfo is None or part not in ("wait", "rest"):
        raise InvalidInput("Esa página de la lista no existe. Vuelve al principio.")
    return part, at, last


def _lines(session: Session, viewer: Viewer, threads: Sequence[Conversation], now: datetime) -> list[Line]:
    contacts = _by_id(session, ContactPoint, [thread.contact_point_id for thread in threads])
    persons = _by_id(session, Person, [thread.person_id for thread in threads])
    last = _last_messages(session, threads)
    lines = []
    for thread in threads:
        message = last.get(thread.id)
        lines.append(
            Line(
                id=thread.id,
                who=people.name_of(persons[thread.person_id]) or masked(contacts[thread.contact_point_id]),
                channel=channel_look(thread.channel, viewer.language),
                state=state_look(thread, viewer.language),
                language=thread.language,
                last=_in_short(message, viewer.language),
                waits=span_in_words(now - thread.waiting_since, viewer.language) if thread.waiting_since else "",
                when=ago(message.at if message else thread.created_at, now, viewer.timezone, viewer.language),
            )
        )
    return lines


def _in_short(message: Message | None, language: str) -> str:
    if message is None:
        return ""
    if message.body.strip():
        return message.body
    if message.lon is not None:
        return message.place_label or translate(language, "Compartió un lugar")
    return translate(language, "Mandó un archivo") if message.media else ""


def _by_id(session: Session, table: type[Row], ids: Sequence[UUID]) -> dict[UUID, Row]:
    return {row.id: row for row in session.exec(select(table).where(col(table.id).in_(set(ids))))}


def _last_messages(session: Session, threads: Sequence[Conversation]) -> dict[UUID, Message]:
    inner = (
        select(Message)
        .where(Message.conversation_id == _C.id)
        .order_by(col(Message.seq).desc())
        .limit(1)
        .correlate(_C)
        .lateral()
    )
    newest = aliased(Message, inner)
    statement = select(newest).select_from(_C).join(inner, onclause=true())
    found = session.exec(statement.where(col(_C.id).in_([thread.id for thread in threads])))
    return {message.conversation_id: message for message in found}
