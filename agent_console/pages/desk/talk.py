"""The contact in hand: what was said, by which ways it can be answered, who the person is and what they reported."""

from datetime import datetime
from typing import Any

from sqlmodel import Session

from agent_console import replying, threads
from agent_console.accounts import Viewer
from agent_console.contacts import masked
from agent_console.pages.desk import ending
from agent_console.presentation import channel_look
from agent_console.rows import names, rows_of
from agent_console.timeline import Day, story
from intake.conversations import attachments, notes
from intake.conversations.models import Conversation
from intake.distribution.models import WorkItem
from intake.people import same


def talk_of(session: Session, viewer: Viewer, item: WorkItem, typed: str, now: datetime) -> dict[str, Any]:
    """Values of the page for this item; a callback that nobody wrote for has no thread. typed: in place of the draft."""
    thread = session.get(Conversation, item.conversation_id) if item.conversation_id else None
    if thread is None:
        return {"thread": None, "heard": 0}
    person = threads.somebody(session, thread)
    requests = threads.requests_of(session, viewer, person)
    days, folios = story_of(session, viewer, thread, now)
    routes = threads.routes_of(session, viewer, person, thread, now) if item.kind == "text" else []
    household = same.people_at(session, thread.contact_point_id)
    text = typed or replying.draft_of(session, viewer, thread)
    return {
        "thread": thread,
        "who": person.called(thread.contact_point_id),
        "address": masked(person.contacts[thread.contact_point_id]),
        "channel": channel_look("phone" if thread.channel == "voice" else thread.channel, viewer.language),
        "thread_ids": " ".join(str(id_) for id_ in person.threads),
        "members": len(household),
        "days": days,
        "folios": folios,
        "rows": rows_of(requests[:8], names(session, viewer), viewer, now=now),
        "routes": routes,
        "text": text,
        "meter": replying.meter(session, viewer, thread, text) if routes else "",
        "is_kept": False,
        "heard": ending.newest_heard(session, thread.id),
    }


def story_of(session: Session, viewer: Viewer, thread: Conversation, now: datetime) -> tuple[list[Day], dict[str, str]]:
    """The last messages over all their threads with notes and what became of their requests, and folios by id."""
    person = threads.somebody(session, thread)
    messages, older = threads.messages_of(session, person, None)
    requests = threads.requests_of(session, viewer, person)
    folios = threads.folios_of(session, requests, messages)
    since = messages[0].at if messages and older is not None else None
    days = story(
        threads.events_of(session, requests, since, None),
        messages,
        [],
        people={one.id: person.called(one.contact_point_id) for one in person.threads.values()},
        timezone=viewer.timezone,
        language=viewer.language,
        now=now,
        attachments=attachments.of_messages(session, [message.id for message in messages]),
        opens=True,
        notes=notes.of_threads(session, list(person.threads), since),
    )
    return days, {str(id_): folio for id_, folio in folios.items()}
